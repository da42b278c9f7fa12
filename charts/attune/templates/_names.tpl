{{/* Names and labels. */}}

{{- define "attune.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" }}
{{- end }}

{{/* The prefix of every object: short enough that "-identity-resolution-headless" fits behind it in 63 characters. */}}
{{- define "attune.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 34 | trimSuffix "-" }}
{{- else if contains .Chart.Name .Release.Name }}
{{- .Release.Name | trunc 34 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "attune.name" .) | trunc 34 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "attune.selectorLabels" -}}
app.kubernetes.io/name: {{ include "attune.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "attune.labels" -}}
{{ include "attune.selectorLabels" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: attune
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "attune.image" -}}
{{- if .Values.image.digest }}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}
{{- end }}

{{- define "attune.serviceAccountName" -}}
{{- if .root.Values.serviceAccount.create }}{{ include "attune.fullname" .root }}-{{ .component }}{{ else }}default{{ end }}
{{- end }}

{{/* The services, callees before callers. */}}
{{- define "attune.services" -}}
identity-resolution profile contact-optimization journey-pathing decision channel-gateway
{{- end }}

{{/* Whom each service calls: the call table of the architecture, from which clients and NetworkPolicies are made. */}}
{{- define "attune.callees" -}}
{{- $table := dict
  "channel-gateway" (list "identity-resolution" "profile" "journey-pathing" "decision" "contact-optimization")
  "decision" (list "identity-resolution" "profile" "contact-optimization")
  "journey-pathing" (list "profile")
  "contact-optimization" (list)
  "profile" (list)
  "identity-resolution" (list) }}
{{- index $table . | join " " }}
{{- end }}

{{/* The gRPC name of a service, which is also the name its health goes by. */}}
{{- define "attune.grpcName" -}}
{{- index (dict
  "identity-resolution" "attune.identity.v1.IdentityService"
  "profile" "attune.profile.v1.ProfileService"
  "journey-pathing" "attune.journey.v1.JourneyService"
  "decision" "attune.decision.v1.DecisionService"
  "contact-optimization" "attune.contact.v1.ContactService"
  "channel-gateway" "attune.channel.v1.ChannelService") . }}
{{- end }}

{{/* The settings of one service: defaults with what services.<name> says on top, as YAML. */}}
{{- define "attune.settings" -}}
{{- mergeOverwrite (deepCopy .root.Values.defaults) (deepCopy (default dict (index .root.Values.services .service))) | toYaml }}
{{- end }}

{{/* The secret with PostgreSQL's url and vault_key. */}}
{{- define "attune.postgresSecret" -}}
{{- if .Values.dev.postgres.enabled }}{{ include "attune.fullname" . }}-dev{{ else }}{{ .Values.postgres.existingSecret }}{{ end }}
{{- end }}

{{- define "attune.redisSecret" -}}
{{- if .Values.dev.redis.enabled }}{{ include "attune.fullname" . }}-dev-redis{{ else }}{{ .Values.redis.existingSecret }}{{ end }}
{{- end }}

{{- define "attune.authSecret" -}}
{{- if .Values.dev.apiKey }}{{ include "attune.fullname" . }}-dev-auth{{ else }}{{ .Values.auth.existingSecret }}{{ end }}
{{- end }}

{{- define "attune.scheme" -}}
{{- if .Values.tls.existingSecret }}https{{ else }}http{{ end }}
{{- end }}

{{- define "attune.otlpEndpoint" -}}
{{- if .Values.collector.enabled }}http://{{ include "attune.fullname" . }}-collector:4317{{ else }}{{ .Values.telemetry.otlpEndpoint }}{{ end }}
{{- end }}

{{/* What cannot work is refused before anything is installed. */}}
{{- define "attune.validate" -}}
{{- $sum := add .Values.shutdown.preStopSeconds .Values.shutdown.drainSeconds .Values.shutdown.taskSeconds .Values.shutdown.flushSeconds }}
{{- if le (int .Values.shutdown.terminationGracePeriodSeconds) (int $sum) }}
{{- fail (printf "shutdown.terminationGracePeriodSeconds (%d) must exceed preStopSeconds + drainSeconds + taskSeconds + flushSeconds (%d), or pods are killed while they finish" (int .Values.shutdown.terminationGracePeriodSeconds) (int $sum)) }}
{{- end }}
{{- if and (not .Values.allInOne.enabled) (not (include "attune.postgresSecret" .)) }}
{{- fail "postgres.existingSecret must name a secret with the keys url and vault_key (or enable allInOne, or dev.postgres for a trial)" }}
{{- end }}
{{- if and (not (include "attune.authSecret" .)) (not .Values.tls.mutual) }}
{{- fail "auth.existingSecret must name a secret with the keys api_keys and client_api_key (or turn on tls.mutual, or set dev.apiKey for a trial)" }}
{{- end }}
{{- if and .Values.tls.mutual (not .Values.tls.existingSecret) }}
{{- fail "tls.mutual needs tls.existingSecret" }}
{{- end }}
{{- if and .Values.dev.postgres.enabled (not .Values.dev.apiKey) }}
{{- fail "dev.postgres.enabled needs dev.apiKey, from which the trial's passwords are derived" }}
{{- end }}
{{- if and .Values.dev.postgres.enabled (eq .Values.migrations.mode "job") }}
{{- fail "migrations.mode must be start with dev.postgres.enabled: the hook runs before the database of the release exists" }}
{{- end }}
{{- if and .Values.monitoring.serviceMonitor.enabled (not .Values.collector.enabled) }}
{{- fail "monitoring.serviceMonitor.enabled needs collector.enabled: the services push their metrics, the collector is what can be scraped" }}
{{- end }}
{{- if and .Values.gatewayApi.enabled (not .Values.gatewayApi.parentRefs) }}
{{- fail "gatewayApi.parentRefs must name a gateway" }}
{{- end }}
{{- range $slo := .Values.slos }}
{{- if and (eq $slo.kind "latency") (not $slo.threshold) }}
{{- fail (printf "slos: %s is a latency objective and needs a threshold" $slo.name) }}
{{- end }}
{{- end }}
{{- end }}
