{{- define "resources" -}}
{limits: {memory: {{ .memory.limit | quote }}}, requests: {cpu: {{ .cpu.request | quote }}, memory: {{ .memory.request | quote }}}}
{{- end }}
{{- define "confined" -}}
{allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, runAsNonRoot: true, capabilities: {drop: [ALL]}}
{{- end }}
