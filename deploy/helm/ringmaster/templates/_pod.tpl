{{/* The pod, the same for both kinds. Called by statefulset.yaml and daemonset.yaml. */}}
{{- define "ringmaster.podTemplate" -}}
{{- include "ringmaster.refuse" . }}
metadata:
  labels:
    {{- include "ringmaster.selectorLabels" . | nindent 4 }}
    {{- with .Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with .Values.podAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  serviceAccountName: {{ include "ringmaster.serviceAccountName" . }}
  # It never asks the API server.
  automountServiceAccountToken: false
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ include "ringmaster.graceSeconds" . }}
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    {{- toYaml .Values.podSecurityContext | nindent 4 }}
    seccompProfile:
      type: {{ .Values.seccomp.type }}
      {{- if eq .Values.seccomp.type "Localhost" }}
      localhostProfile: {{ .Values.seccomp.localhostProfile }}
      {{- end }}
  containers:
    - name: ringmaster
      image: {{ include "ringmaster.image" . | quote }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      args:
        - serve
        - {{ .Values.data.mountPath | quote }}
        - --listen={{ .Values.listenHost }}:{{ .Values.ports.http }}
        - --admin={{ .Values.listenHost }}:{{ .Values.ports.admin }}
        - --public
        - --anonymous={{ .Values.tokens.anonymous | default (empty .Values.tokens.secretName | ternary "read-only" "none") }}
        {{- if .Values.tokens.secretName }}
        - --tokens=/tokens/tokens
        {{- end }}
        {{- if .Values.write.enabled }}
        - --write
        - --durability={{ .Values.write.durability }}
        {{- with .Values.write.sizeMax }}
        - --size-max={{ . }}
        - --when-full={{ $.Values.write.whenFull }}
        {{- end }}
        {{- range .Values.write.quotas }}
        - {{ printf "--quota=%s" . | quote }}
        {{- end }}
        {{- end }}
        - --dialects={{ join "," .Values.dialects }}
        {{- if .Values.precompressed }}
        - --precompressed
        {{- end }}
        - --poller={{ .Values.poller }}
        {{- with .Values.rings }}
        - --rings={{ . }}
        {{- end }}
        {{- if .Values.adapt }}
        - --adapt
        {{- end }}
        - --log-level={{ .Values.logLevel }}
        - --drain-seconds={{ .Values.drain.requestsSeconds }}
        {{- with .Values.drain.delaySeconds }}
        - --drain-delay-seconds={{ . }}
        {{- end }}
        {{- range .Values.extraArgs }}
        - {{ . | quote }}
        {{- end }}
      {{- with include "ringmaster.env" . }}
      env:
        {{- . | nindent 8 }}
      {{- end }}
      ports:
        - name: http
          containerPort: {{ .Values.ports.http }}
        - name: admin
          containerPort: {{ .Values.ports.admin }}
      {{- with .Values.drain.preStopSeconds }}
      lifecycle:
        preStop:
          exec:
            # Node.js is in every image of it; a shell need not be.
            command: [node, -e, 'setTimeout(() => {}, {{ mulf . 1000 | int }})']
      {{- end }}
      startupProbe:
        httpGet: { path: /readyz, port: admin }
        {{- toYaml .Values.probes.startup | nindent 8 }}
      livenessProbe:
        httpGet: { path: /livez, port: admin }
        {{- toYaml .Values.probes.liveness | nindent 8 }}
      readinessProbe:
        httpGet: { path: /readyz, port: admin }
        {{- toYaml .Values.probes.readiness | nindent 8 }}
      resources:
        {{- include "ringmaster.resources" . | nindent 8 }}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities:
          drop: [ALL]
          {{- if .Values.securityContext.ipcLock }}
          add: [IPC_LOCK]
          {{- end }}
      volumeMounts:
        - name: data
          mountPath: {{ .Values.data.mountPath | quote }}
          {{- if .Values.data.readOnly }}
          readOnly: true
          {{- end }}
        - name: tmp
          mountPath: /tmp
        {{- if .Values.tokens.secretName }}
        - name: tokens
          mountPath: /tokens
          readOnly: true
        {{- end }}
        {{- with .Values.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
  volumes:
    - name: tmp
      emptyDir: {}
    {{- with .Values.tokens.secretName }}
    - name: tokens
      secret:
        secretName: {{ . | quote }}
        items: [{ key: tokens, path: tokens }]
        # 0440: the group is podSecurityContext.fsGroup.
        defaultMode: 288
    {{- end }}
    {{- if eq .Values.kind "DaemonSet" }}
    - name: data
      hostPath:
        path: {{ .Values.data.hostPath | quote }}
        type: DirectoryOrCreate
    {{- else if not .Values.data.persistence.enabled }}
    - name: data
      emptyDir: {}
    {{- end }}
    {{- with .Values.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.topologySpreadConstraints }}
  topologySpreadConstraints:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}
