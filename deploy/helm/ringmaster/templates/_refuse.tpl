{{/* What cannot work, and what the schema cannot see: it compares no two values. Called by _pod.tpl, which all installations have. */}}
{{- define "ringmaster.refuse" -}}
{{- include "ringmaster.refuseNames" . -}}
{{- include "ringmaster.refuseMounts" . -}}
{{- include "ringmaster.refuseResources" . -}}
{{- include "ringmaster.refuseArguments" . -}}
{{- if and .Values.write.enabled .Values.data.readOnly -}}
{{- fail "write.enabled is true and data.readOnly, too: set data.readOnly to false" -}}
{{- end -}}
{{- if and .Values.write.enabled (not .Values.tokens.secretName) -}}
{{- fail "write.enabled is true, and nobody could write: name a Secret of tokens in tokens.secretName" -}}
{{- end -}}
{{- if and (or .Values.write.sizeMax .Values.write.quotas) (not .Values.write.enabled) -}}
{{- fail "write.sizeMax and write.quotas are limits of what is stored: set write.enabled to true" -}}
{{- end -}}
{{- if and (eq .Values.write.whenFull "evict") (not .Values.write.sizeMax) -}}
{{- fail "write.whenFull is evict: say how much may be stored in write.sizeMax" -}}
{{- end -}}
{{- if and (eq .Values.tokens.anonymous "none") (not .Values.tokens.secretName) -}}
{{- fail "tokens.anonymous is none, and nobody could read: name a Secret of tokens in tokens.secretName" -}}
{{- end -}}
{{- if eq (int .Values.ports.http) (int .Values.ports.admin) -}}
{{- fail (printf "ports.http and ports.admin are both %d: choose two" (int .Values.ports.http)) -}}
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
{{- end -}}

{{/* Services are labels of DNS (RFC 1035); a release may begin with a digit and have dots. */}}
{{- define "ringmaster.refuseNames" -}}
{{- $name := include "ringmaster.fullname" . -}}
{{- if not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" $name) -}}
{{- fail (printf "a Service cannot have the name %s: it begins with a letter, and has letters, digits and dashes only: set fullnameOverride" $name) -}}
{{- end -}}
{{- end -}}

{{/* Data hides what it is mounted over, for good. Other volumes may be mounted below such folders, where they hide nothing that is needed. */}}
{{- define "ringmaster.refuseMounts" -}}
{{- $path := clean .Values.data.mountPath -}}
{{- if regexMatch "^/((app|bin|dev|etc|lib(32|64|x32)?|proc|sbin|sys|tmp|usr)(/.*)?|opt|var(/(lib|lock))?|(var/)?run(/lock|/secrets(/.*)?)?)?$" $path -}}
{{- fail (printf "data.mountPath %s hides what the container needs: choose a folder of its own, such as /data" .Values.data.mountPath) -}}
{{- end -}}
{{- $names := dict "data" "the chart's" "tmp" "the chart's" "tokens" "the chart's" -}}
{{- range .Values.extraVolumes -}}
{{- $name := .name -}}
{{- with get $names $name -}}
{{- fail (printf "extraVolumes: the name %s is %s: choose another one" $name .) -}}
{{- end -}}
{{- $_ := set $names .name "there twice" -}}
{{- end -}}
{{- $hiding := "^/((app(/(dist|native|node_modules)(/.*)?)?|bin|dev|etc|lib(32|64|x32)?|opt|proc(/.*)?|sbin|sys|usr(/(bin|lib(32|64|x32)?|sbin|local(/bin)?))?|var(/(lib|lock))?|(var/)?run))?$" -}}
{{- if eq $path "/tokens" -}}
{{- fail "data.mountPath /tokens is where tokens are: choose another path" -}}
{{- end -}}
{{- $paths := dict $path "data.mountPath" "/tmp" "the pod's own /tmp" "/tokens" "where tokens are" -}}
{{- range .Values.extraVolumeMounts -}}
{{- $extra := printf "/%s" .mountPath | clean -}}
{{- with get $paths $extra -}}
{{- fail (printf "extraVolumeMounts: %s is %s: choose another path" $extra .) -}}
{{- end -}}
{{- if regexMatch $hiding $extra -}}
{{- fail (printf "extraVolumeMounts: %s hides what the container needs: choose another path" $extra) -}}
{{- end -}}
{{- if not (hasKey $names .name) -}}
{{- fail (printf "extraVolumeMounts: %s is of the volume %s, which extraVolumes does not have" $extra .name) -}}
{{- end -}}
{{- $_ := set $paths $extra "there twice" -}}
{{- end -}}
{{- end -}}

{{/* The API server refuses a request above its limit. A limit of 0, and one of less than a byte, is no pod at all. */}}
{{- define "ringmaster.refuseResources" -}}
{{- $requests := .Values.resources.requests | default dict -}}
{{- $limits := .Values.resources.limits | default dict -}}
{{- range $name, $what := dict "cpu" "CPU" "memory" "memory" -}}
{{- $limit := get $limits $name -}}
{{- if and (hasKey $limits $name) (not (kindIs "invalid" $limit)) -}}
{{- if le (include "ringmaster.quantity" $limit | float64) 0.0 -}}
{{- fail (printf "resources.limits.%s %v is no %s at all: leave it out for no limit" $name $limit $what) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range $group, $amounts := dict "requests" $requests "limits" $limits -}}
{{- $amount := get $amounts "memory" | toString -}}
{{- if and (hasSuffix "m" $amount) (lt (include "ringmaster.quantity" $amount | float64) 1048576.0) -}}
{{- fail (printf "resources.%s.memory %s counts thousandths of a byte: %si are mebibytes" $group $amount (upper $amount)) -}}
{{- end -}}
{{- end -}}
{{- range $name, $request := $requests -}}
{{- $limit := get $limits $name -}}
{{- if and (hasKey $limits $name) (not (kindIs "invalid" $limit)) (not (kindIs "invalid" $request)) -}}
{{- if lt (include "ringmaster.quantity" $limit | float64) (include "ringmaster.quantity" $request | float64) -}}
{{- fail (printf "resources.limits.%s %v is below resources.requests.%s %v" $name $limit $name $request) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Options of `ringmaster serve` that the chart does not give itself, and the values that it takes. test/deploy/helm/chart.test.ts compares
with the daemon. */}}
{{- define "ringmaster.extraOptions" -}}
--log-level: ^(trace|debug|info|warn|error|fatal)$
--profile: ^[^-].*$
--silence-seconds: ^(0*([1-9][0-9]{0,2}|[12][0-9]{3}|3[0-5][0-9]{2})(\.[0-9]+)?|0*3600(\.0+)?)$
--traffic: ^(on|off)$
{{- end -}}

{{/* Variables and arguments: --option=value, or both one after the other, as the daemon takes them. $(NAME) is Kubernetes' to fill in. */}}
{{- define "ringmaster.refuseArguments" -}}
{{- $variables := dict "POD_IP" "" -}}
{{- $seen := dict -}}
{{- range .Values.extraEnv -}}
{{- if hasKey $seen .name -}}
{{- fail (printf "extraEnv: %s is there twice" .name) -}}
{{- end -}}
{{- if and .value .valueFrom -}}
{{- fail (printf "extraEnv: %s has a value and a valueFrom: choose one" .name) -}}
{{- end -}}
{{- $_ := set $seen .name "" -}}
{{- $_ := set $variables .name "" -}}
{{- end -}}
{{- with regexFind "\\$\\([^)]*\\)" .Values.listenHost | trimPrefix "$(" | trimSuffix ")" -}}
{{- if not (hasKey $variables .) -}}
{{- fail (printf "listenHost: extraEnv has no %s" .) -}}
{{- end -}}
{{- end -}}
{{- $options := include "ringmaster.extraOptions" . | fromYaml -}}
{{- $pending := "" -}}
{{- range .Values.extraArgs -}}
{{- $option := $pending -}}
{{- $value := . -}}
{{- $pending = "" -}}
{{- if not $option -}}
{{- $option = regexFind "^[^=]*" . -}}
{{- $value = trimPrefix $option . | trimPrefix "=" -}}
{{- if not (hasKey $options $option) -}}
{{- fail (printf "extraArgs: %s is not to be given there, which takes %s" . (keys $options | sortAlpha | join ", ")) -}}
{{- end -}}
{{- if eq $option . -}}
{{- $pending = $option -}}
{{- end -}}
{{- end -}}
{{- if not $pending -}}
{{- $variable := regexFind "^\\$\\([^)]*\\)$" $value | trimPrefix "$(" | trimSuffix ")" -}}
{{- if not (or (hasKey $seen $variable) (regexMatch (get $options $option) $value)) -}}
{{- fail (printf "extraArgs: %s does not take %q" $option $value) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if $pending -}}
{{- fail (printf "extraArgs: %s needs a value" $pending) -}}
{{- end -}}
{{- end -}}
