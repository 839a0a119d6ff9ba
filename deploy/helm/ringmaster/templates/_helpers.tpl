{{/* Names, labels and numbers that several templates share. */}}

{{- define "ringmaster.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "ringmaster.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- /* Room for -headless, and for what a StatefulSet adds to the names of its pods. */ -}}
{{- (contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name)) | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "ringmaster.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "ringmaster.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "ringmaster.selectorLabels" -}}
app.kubernetes.io/name: {{ include "ringmaster.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "ringmaster.labels" -}}
{{ include "ringmaster.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end -}}

{{- define "ringmaster.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{/* preStop and the daemon's own limits, one after the other: whoever is killed before that loses requests. */}}
{{- define "ringmaster.graceSeconds" -}}
{{- with .Values.drain -}}
{{- /* ceil: --drain-seconds takes fractions, Kubernetes does not. */ -}}
{{- addf .preStopSeconds .delaySeconds .requestsSeconds .closeSeconds | ceil | int -}}
{{- end -}}
{{- end -}}

{{/* "1500m", "1.5" or 1.5, in thousandths of a CPU. */}}
{{- define "ringmaster.milliCpus" -}}
{{- $text := toString . -}}
{{- if hasSuffix "m" $text -}}
{{- trimSuffix "m" $text | int -}}
{{- else -}}
{{- mulf ($text | float64) 1000 | int -}}
{{- end -}}
{{- end -}}

{{/* Rings of a pod. 0 goes by CPUs, as the daemon does (services/placement.ts): of the limit, and without one nobody knows: `unknown`. */}}
{{- define "ringmaster.ringCount" -}}
{{- $rings := int .root.Values.rings -}}
{{- if and (eq $rings 0) (ne .root.Values.poller "caller") -}}
{{- with (.root.Values.resources.limits | default dict).cpu -}}
{{- min 8 (max 1 (div (include "ringmaster.milliCpus" . | int) 4000)) -}}
{{- else -}}
{{- .unknown -}}
{{- end -}}
{{- else -}}
{{- max 1 $rings -}}
{{- end -}}
{{- end -}}

{{/* What the threads of a pod can keep busy: main, those that poll queues, and a tenth for each worker that sleeps. */}}
{{- define "ringmaster.wantedMilliCpus" -}}
{{- $rings := include "ringmaster.ringCount" (dict "root" . "unknown" 1) | int -}}
{{- $perRing := dict "auto" 1100 "kernel" 1100 "worker" 1000 "caller" 100 "threadpool" 100 -}}
{{- add 1000 (mul $rings (get $perRing .Values.poller)) -}}
{{- end -}}

{{/* Resources with the CPU request filled in: what is wanted, and not more than the limit, which the API server would refuse. And with memory, if
nothing is said of it: too much where the number of rings is not known, since too little ends the pod. */}}
{{- define "ringmaster.resources" -}}
{{- $resources := deepCopy .Values.resources -}}
{{- $requests := $resources.requests | default dict -}}
{{- if not (hasKey $requests "cpu") -}}
{{- $milli := include "ringmaster.wantedMilliCpus" . | int -}}
{{- with ($resources.limits | default dict).cpu -}}
{{- $milli = min $milli (include "ringmaster.milliCpus" . | int) -}}
{{- end -}}
{{- $_ := set $requests "cpu" (printf "%dm" (int $milli)) -}}
{{- end -}}
{{- $limits := $resources.limits | default dict -}}
{{- if not (or (hasKey $requests "memory") (hasKey $limits "memory")) -}}
{{- $mebibytes := include "ringmaster.ringCount" (dict "root" . "unknown" 8) | int | mul 16 | add 240 -}}
{{- $_ := set $requests "memory" (printf "%dMi" $mebibytes) -}}
{{- $_ := set $limits "memory" (printf "%dMi" (mul 2 $mebibytes)) -}}
{{- end -}}
{{- $_ := set $resources "requests" $requests -}}
{{- $_ := set $resources "limits" $limits -}}
{{- toYaml $resources -}}
{{- end -}}

{{/* "1m30s", "30s", "500ms": in seconds. */}}
{{- define "ringmaster.seconds" -}}
{{- $total := 0.0 -}}
{{- $unitSeconds := dict "ms" 0.001 "s" 1.0 "m" 60.0 "h" 3600.0 "d" 86400.0 -}}
{{- range regexFindAll "[0-9]+(ms|s|m|h|d)" . -1 -}}
{{- $total = addf $total (mulf (regexFind "[0-9]+" . | float64) (get $unitSeconds (regexFind "[a-z]+" .))) -}}
{{- end -}}
{{- $total -}}
{{- end -}}

{{/* What cannot work, and what the schema cannot see: it compares no two values. Called by _pod.tpl, which all installations have. */}}
{{- define "ringmaster.refuse" -}}
{{- if eq (int .Values.ports.http) (int .Values.ports.admin) -}}
{{- fail (printf "ports.http and ports.admin are both %d: choose two" (int .Values.ports.http)) -}}
{{- end -}}
{{- $path := clean .Values.data.mountPath -}}
{{- if regexMatch "^/((app|bin|dev|etc|lib(32|64|x32)?|proc|sbin|sys|tmp|usr)(/.*)?|opt|run|var|var/run)?$" $path -}}
{{- fail (printf "data.mountPath %s hides what the container needs: choose a folder of its own, such as /data" .Values.data.mountPath) -}}
{{- end -}}
{{- $paths := dict $path "data.mountPath" "/tmp" "the pod's own /tmp" -}}
{{- range .Values.extraVolumeMounts -}}
{{- $extra := clean (.mountPath | default "") -}}
{{- with get $paths $extra -}}
{{- fail (printf "extraVolumeMounts: %s is %s: choose another path" $extra .) -}}
{{- end -}}
{{- $_ := set $paths $extra "there twice" -}}
{{- end -}}
{{- $names := dict "data" "the chart's" "tmp" "the chart's" -}}
{{- range .Values.extraVolumes -}}
{{- $name := .name | default "" -}}
{{- with get $names $name -}}
{{- fail (printf "extraVolumes: the name %s is %s: choose another one" $name .) -}}
{{- end -}}
{{- $_ := set $names $name "there twice" -}}
{{- end -}}
{{- if .Values.podMonitor.enabled -}}
{{- if gt (include "ringmaster.seconds" .Values.podMonitor.scrapeTimeout | float64) (include "ringmaster.seconds" .Values.podMonitor.interval | float64) -}}
{{- fail (printf "podMonitor.scrapeTimeout %s is longer than podMonitor.interval %s: the operator refuses that" .Values.podMonitor.scrapeTimeout .Values.podMonitor.interval) -}}
{{- end -}}
{{- end -}}
{{- with .Values.updateStrategy -}}
{{- $types := list "RollingUpdate" "OnDelete" -}}
{{- if and .type (not (has .type $types)) -}}
{{- fail (printf "updateStrategy.type %s: a %s has RollingUpdate and OnDelete" .type $.Values.kind) -}}
{{- end -}}
{{- $known := eq $.Values.kind "DaemonSet" | ternary (list "maxSurge" "maxUnavailable") (list "partition" "maxUnavailable") -}}
{{- range $field, $_ := .rollingUpdate -}}
{{- if not (has $field $known) -}}
{{- fail (printf "updateStrategy.rollingUpdate.%s is no field of a %s, which has %s" $field $.Values.kind (join ", " $known)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- with .Values.podSecurityContext -}}
{{- if and .runAsNonRoot (hasKey . "runAsUser") (eq (int .runAsUser) 0) -}}
{{- fail "podSecurityContext: runAsUser is 0 and runAsNonRoot is true: the pod would not start. Set one of them otherwise" -}}
{{- end -}}
{{- end -}}
{{- $limit := (.Values.resources.limits | default dict).cpu -}}
{{- $request := (.Values.resources.requests | default dict).cpu -}}
{{- if not (kindIs "invalid" $limit) -}}
{{- if le (include "ringmaster.milliCpus" $limit | int) 0 -}}
{{- fail (printf "resources.limits.cpu %v is no CPU at all: leave it out for no limit" $limit) -}}
{{- end -}}
{{- end -}}
{{- if and $limit $request -}}
{{- if lt (include "ringmaster.milliCpus" $limit | int) (include "ringmaster.milliCpus" $request | int) -}}
{{- fail (printf "resources.limits.cpu %v is below resources.requests.cpu %v" $limit $request) -}}
{{- end -}}
{{- end -}}
{{- end -}}
