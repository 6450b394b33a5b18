{{- define "livekit.name" -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- end -}}

{{- define "livekit.selector" -}}
app.kubernetes.io/name: livekit-server
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "livekit.labels" -}}
{{ include "livekit.selector" . }}
app.kubernetes.io/version: {{ .Values.image.tag | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | quote }}
{{- end -}}

{{- define "livekit.config" -}}
{{- toYaml .Values.config -}}
{{- end -}}

{{- /* Whether the server answers, with Redis or without. A probe has no password: where metrics want one it connects. */ -}}
{{- define "livekit.answers" -}}
{{- if .Values.config.prometheus.username -}}
tcpSocket: {port: http}
{{- else -}}
httpGet: {path: /metrics, port: metrics}
{{- end -}}
{{- end -}}
