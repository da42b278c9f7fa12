{{/* Parts of pods. */}}

{{- define "attune.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "attune.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* The secret files of a process: the name of each is the path of a key. */}}
{{- define "attune.secretSources" -}}
{{- $root := .root }}
{{- with .postgres }}
- secret:
    name: {{ . }}
    items:
      - { key: url, path: storage__postgres__url }
      - { key: vault_key, path: storage__postgres__vault_key }
      {{- if $root.Values.postgres.rotating }}
      - { key: former_vault_key, path: storage__postgres__former_vault_key }
      {{- end }}
{{- end }}
{{- with .redis }}
- secret:
    name: {{ . }}
    items:
      - { key: url, path: storage__redis__url }
{{- end }}
{{- with .auth }}
- secret:
    name: {{ . }}
    items:
      - { key: api_keys, path: auth__api_keys }
      - { key: client_api_key, path: clients__api_key }
{{- end }}
{{- range .more }}
- secret:
    name: {{ .secret }}
    items:
      - { key: {{ .key }}, path: {{ .config | replace "." "__" }} }
{{- end }}
{{- end }}

{{- define "attune.environment" -}}
{{- with include "attune.otlpEndpoint" .root }}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ . | quote }}
- name: OTEL_SERVICE_NAME
  value: attune-{{ $.component }}
- name: OTEL_TRACES_SAMPLER
  value: parentbased_traceidratio
- name: OTEL_TRACES_SAMPLER_ARG
  value: {{ $.root.Values.telemetry.traceSampleRatio | quote }}
- name: POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
- name: NODE_NAME
  valueFrom:
    fieldRef:
      fieldPath: spec.nodeName
- name: OTEL_RESOURCE_ATTRIBUTES
  value: k8s.namespace.name={{ $.root.Release.Namespace }},k8s.pod.name=$(POD_NAME),k8s.node.name=$(NODE_NAME),service.instance.id=$(POD_NAME)
{{- end }}
{{- end }}

{{- define "attune.probes" -}}
# Health has a plaintext port of its own, because the kubelet's gRPC probes cannot speak TLS.
startupProbe:
  grpc: { port: 50052, service: {{ .health }} }
  periodSeconds: 2
  failureThreshold: 90
readinessProbe:
  grpc: { port: 50052, service: {{ .health }} }
  periodSeconds: 5
  failureThreshold: 2
livenessProbe:
  # Serves for as long as the process answers at all: a database that is away is no reason to restart.
  grpc: { port: 50052, service: liveness }
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
{{- end }}

{{- define "attune.preStop" -}}
lifecycle:
  preStop:
    {{- if semverCompare ">=1.30.0-0" .Capabilities.KubeVersion.Version }}
    sleep:
      seconds: {{ .Values.shutdown.preStopSeconds }}
    {{- else }}
    # The kubelet's own sleep came with 1.30.
    exec:
      command: [attune, pause, {{ .Values.shutdown.preStopSeconds | quote }}]
    {{- end }}
{{- end }}
