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

{{/* "512Mi", "500m", "2" or 1.5: how much that is, in bytes, CPUs or pieces. */}}
{{- define "ringmaster.quantity" -}}
{{- $text := toString . -}}
{{- $suffix := regexFind "(m|k|[MGT]|[KMGT]i)$" $text -}}
{{- $factors := dict "" 1.0 "m" 0.001 "k" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "Ki" 1024.0 "Mi" 1048576.0 "Gi" 1073741824.0 "Ti" 1099511627776.0 -}}
{{- mulf (trimSuffix $suffix $text | float64) (get $factors $suffix) -}}
{{- end -}}

{{/* Resources with the CPU request filled in: what is wanted, and not more than the limit, which the API server would refuse. And with memory, if
nothing is said of it: too much where the number of rings is not known, since too little ends the pod. What is null is left out. */}}
{{- define "ringmaster.resources" -}}
{{- $requests := dict -}}
{{- range $name, $amount := .Values.resources.requests -}}
{{- $_ := set $requests $name $amount -}}
{{- end -}}
{{- $limits := dict -}}
{{- range $name, $amount := .Values.resources.limits -}}
{{- $_ := set $limits $name $amount -}}
{{- end -}}
{{- if not (hasKey $requests "cpu") -}}
{{- $milli := include "ringmaster.wantedMilliCpus" . | int -}}
{{- with $limits.cpu -}}
{{- $milli = min $milli (include "ringmaster.milliCpus" . | int) -}}
{{- end -}}
{{- $_ := set $requests "cpu" (printf "%dm" (int $milli)) -}}
{{- end -}}
{{- if not (or $requests.memory $limits.memory) -}}
{{- $mebibytes := include "ringmaster.ringCount" (dict "root" . "unknown" 8) | int | mul 16 | add 240 -}}
{{- if not (hasKey $requests "memory") -}}
{{- $_ := set $requests "memory" (printf "%dMi" $mebibytes) -}}
{{- end -}}
{{- if not (hasKey $limits "memory") -}}
{{- $_ := set $limits "memory" (printf "%dMi" (mul 2 $mebibytes)) -}}
{{- end -}}
{{- end -}}
{{- range $amounts := list $requests $limits -}}
{{- range $name, $amount := $amounts -}}
{{- if kindIs "invalid" $amount -}}
{{- $_ := unset $amounts $name -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toYaml (dict "requests" $requests "limits" $limits) -}}
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

{{/* Variables of the container: extraEnv, and POD_IP where listenHost asks for it and nobody else sets it. */}}
{{- define "ringmaster.env" -}}
{{- $env := .Values.extraEnv -}}
{{- $given := false -}}
{{- range $env -}}
{{- $given = or $given (eq .name "POD_IP") -}}
{{- end -}}
{{- if and (contains "$(POD_IP)" .Values.listenHost) (not $given) -}}
{{- $env = append $env (dict "name" "POD_IP" "valueFrom" (dict "fieldRef" (dict "fieldPath" "status.podIP"))) -}}
{{- end -}}
{{- with $env -}}
{{- toYaml . -}}
{{- end -}}
{{- end -}}
