{{/* Rules of NetworkPolicies. */}}

{{- define "attune.dnsEgress" }}
- ports:
    - { protocol: UDP, port: 53 }
    - { protocol: TCP, port: 53 }
{{- end }}
{{- define "attune.cidrEgress" }}
- ports:
    - { protocol: TCP, port: {{ .port }} }
  {{- with .cidrs }}
  to:
    {{- range . }}
    - ipBlock: { cidr: {{ . | quote }} }
    {{- end }}
  {{- end }}
{{- end }}
{{- define "attune.storeEgress" }}
{{- if .Values.dev.postgres.enabled }}
- to:
    - podSelector:
        matchLabels:
          {{- include "attune.selectorLabels" (dict "root" . "component" "dev-postgres") | nindent 10 }}
  ports:
    - { protocol: TCP, port: 5432 }
{{- else }}
{{- include "attune.cidrEgress" (dict "port" .Values.postgres.port "cidrs" .Values.postgres.allowedCidrs) }}
{{- end }}
{{- if .Values.dev.redis.enabled }}
- to:
    - podSelector:
        matchLabels:
          {{- include "attune.selectorLabels" (dict "root" . "component" "dev-redis") | nindent 10 }}
  ports:
    - { protocol: TCP, port: 6379 }
{{- else if .Values.redis.existingSecret }}
{{- include "attune.cidrEgress" (dict "port" .Values.redis.port "cidrs" .Values.redis.allowedCidrs) }}
{{- end }}
{{- end }}
{{- define "attune.telemetryEgress" }}
{{- if .Values.collector.enabled }}
- to:
    - podSelector:
        matchLabels:
          {{- include "attune.selectorLabels" (dict "root" . "component" "collector") | nindent 10 }}
  ports:
    - { protocol: TCP, port: 4317 }
{{- else if .Values.telemetry.otlpEndpoint }}
- ports:
    - { protocol: TCP, port: {{ regexFind "[0-9]+$" (.Values.telemetry.otlpEndpoint | trimSuffix "/") | default "4317" }} }
  {{- with .Values.networkPolicy.telemetry }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
{{- end }}
{{- define "attune.providerEgress" }}
{{- if .Values.networkPolicy.providers }}
- to:
    {{- toYaml .Values.networkPolicy.providers | nindent 4 }}
{{- else }}
- to:
    # Everywhere but where a cloud hands out credentials.
    - ipBlock: { cidr: 0.0.0.0/0, except: [169.254.169.254/32] }
    - ipBlock: { cidr: "::/0", except: ["fd00:ec2::254/128"] }
{{- end }}
{{- end }}
{{- define "attune.clientIngress" }}
{{- $ports := .ports }}
- ports:
    {{- range $ports }}
    - { protocol: TCP, port: {{ . }} }
    {{- end }}
  {{- with .root.Values.networkPolicy.clients }}
  from:
    {{- toYaml . | nindent 4 }}
    - podSelector:
        matchLabels:
          {{- include "attune.selectorLabels" (dict "root" $.root "component" "test") | nindent 10 }}
  {{- end }}
{{- end }}
