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
{{- $config := deepCopy .Values.config -}}
{{- if .Values.serviceMonitor.enabled -}}
{{- $_ := set $config "prometheus" (dict "port" .Values.serviceMonitor.port) -}}
{{- end -}}
{{- toYaml $config -}}
{{- end -}}
