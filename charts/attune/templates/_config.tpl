{{/* Configuration files. */}}

{{/* A value as TOML. JSON's forms of texts and numbers are TOML's as well. */}}
{{- define "attune.tomlValue" -}}
{{- if kindIs "map" .value }}{ {{ range $index, $key := keys .value | sortAlpha }}{{ if $index }}, {{ end }}{{ $key | toJson }} = {{ include "attune.tomlValue" (dict "value" (index $.value $key)) }}{{ end }} }
{{- else if kindIs "slice" .value }}[{{ range $index, $item := .value }}{{ if $index }}, {{ end }}{{ include "attune.tomlValue" (dict "value" $item) }}{{ end }}]
{{- else }}{{ .value | toJson }}
{{- end }}
{{- end }}

{{/* A table as lines of dotted keys, which need no headers and come in one order. */}}
{{- define "attune.toml" -}}
{{- $table := .table }}{{ $prefix := .prefix }}
{{- range $key := keys $table | sortAlpha }}
{{- $value := index $table $key }}
{{- $path := printf "%s%s" $prefix $key }}
{{- if and (kindIs "map" $value) $value }}{{ include "attune.toml" (dict "table" $value "prefix" (printf "%s." $path)) }}
{{- else }}{{ $path }} = {{ include "attune.tomlValue" (dict "value" $value) }}
{{ end }}
{{- end }}
{{- end }}

{{/* What the chart itself decides, as a table. */}}
{{- define "attune.ownConfig" -}}
server:
  listen: "0.0.0.0:50051"
  health_listen: "0.0.0.0:50052"
  drain_timeout: {{ .root.Values.shutdown.drainSeconds }}s
  task_timeout: {{ .root.Values.shutdown.taskSeconds }}s
  {{- if .root.Values.tls.existingSecret }}
  tls:
    cert_file: /etc/attune-tls/tls.crt
    key_file: /etc/attune-tls/tls.key
    {{- if .root.Values.tls.mutual }}
    client_ca_file: /etc/attune-tls/ca.crt
    {{- end }}
  {{- end }}
telemetry:
  log_filter: {{ .root.Values.telemetry.logFilter | quote }}
  log_format: json
  flush_timeout: {{ .root.Values.shutdown.flushSeconds }}s
storage:
  data_dir: /var/lib/attune
  {{- if eq .service "all" }}
  kind: embedded
  {{- else }}
  kind: postgres
  postgres:
    max_connections: {{ .root.Values.postgres.maxConnections }}
    migrate_on_start: {{ eq .root.Values.migrations.mode "start" }}
  {{- end }}
{{- $callees := ternary "" (include "attune.callees" .service) (eq .service "all") }}
{{- if or $callees .root.Values.tls.existingSecret }}
clients:
  {{- range $callee := splitList " " $callees }}
  {{- if $callee }}
  {{ $callee | replace "-" "_" }}: "{{ include "attune.scheme" $.root }}://{{ include "attune.fullname" $.root }}-{{ $callee }}-headless:50051"
  {{- end }}
  {{- end }}
  {{- if .root.Values.tls.existingSecret }}
  ca_file: /etc/attune-tls/ca.crt
  {{- if .root.Values.tls.mutual }}
  cert_file: /etc/attune-tls/tls.crt
  key_file: /etc/attune-tls/tls.key
  {{- end }}
  {{- end }}
{{- end }}
{{- if has .service (list "channel-gateway" "all") }}
channel_gateway:
  http:
    listen: "0.0.0.0:8080"
{{- end }}
{{- end }}

{{/* The whole file: what the chart decides wins over `config`, because the manifests depend on it. */}}
{{- define "attune.configFile" -}}
{{- $own := include "attune.ownConfig" . | fromYaml }}
{{- $given := .config }}
{{- include "attune.toml" (dict "table" (mergeOverwrite (deepCopy $given) $own) "prefix" "") }}
{{- end }}
