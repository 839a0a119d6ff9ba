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

{{/* What the threads of a pod can keep busy: main, those that poll queues, and a tenth for each worker that sleeps. */}}
{{- define "ringmaster.wantedMilliCpus" -}}
{{- $rings := .Values.rings | default 1 | int -}}
{{- $perRing := dict "auto" 1100 "kernel" 1100 "worker" 1000 "caller" 100 "threadpool" 100 -}}
{{- add 1000 (mul $rings (get $perRing .Values.poller)) -}}
{{- end -}}

{{/* Resources with the CPU request filled in: what is wanted, and not more than the limit, which the API server would refuse. */}}
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
{{- $_ := set $resources "requests" $requests -}}
{{- toYaml $resources -}}
{{- end -}}
