{{/* Prometheus rules: what is promised (slos), and what needs somebody's attention. */}}

{{/* The share of bad calls of an objective over a window. Without traffic it is no number, and nothing fires. */}}
{{- define "attune.badRatio" -}}
{{- $all := printf "rpc_server_call_duration_seconds_count{rpc_method=%q}[%s]" .slo.method .window }}
{{- if eq .slo.kind "errors" -}}
(sum(rate(rpc_server_call_duration_seconds_count{rpc_method={{ .slo.method | quote }},rpc_response_status_code=~"UNKNOWN|DEADLINE_EXCEEDED|UNIMPLEMENTED|INTERNAL|UNAVAILABLE|DATA_LOSS"}[{{ .window }}])) or vector(0)) / sum(rate({{ $all }}))
{{- else -}}
1 - sum(rate(rpc_server_call_duration_seconds_bucket{rpc_method={{ .slo.method | quote }},le="{{ .slo.threshold }}"}[{{ .window }}])) / sum(rate({{ $all }}))
{{- end }}
{{- end }}

{{- define "attune.rules" -}}
{{- $base := .Values.monitoring.rules.runbookBaseUrl | trimSuffix "/" -}}
groups:
  - name: attune-slo-ratios
    rules:
      {{- range $slo := .Values.slos }}
      {{- range $window := list "5m" "30m" "1h" "2h" "6h" "1d" "3d" }}
      - record: attune:slo_bad:ratio_rate{{ $window }}
        labels: { slo: {{ $slo.name }} }
        expr: |-
          {{ include "attune.badRatio" (dict "slo" $slo "window" $window) }}
      {{- end }}
      {{- end }}
  # Multi-window, multi-burn-rate: fast enough to wake somebody for what would spend the month's budget, slow enough to sleep
  # through what would not (The Site Reliability Workbook, chapter 5).
  - name: attune-slo-burn
    rules:
      {{- range $slo := .Values.slos }}
      {{- $budget := subf 1.0 $slo.objective }}
      {{- range $burn := list
          (dict "factor" 14.4 "long" "1h" "short" "5m" "for" "2m" "severity" "critical")
          (dict "factor" 6.0 "long" "6h" "short" "30m" "for" "5m" "severity" "critical")
          (dict "factor" 3.0 "long" "1d" "short" "2h" "for" "15m" "severity" "warning")
          (dict "factor" 1.0 "long" "3d" "short" "6h" "for" "1h" "severity" "warning") }}
      - alert: AttuneErrorBudgetBurn
        expr: |-
          attune:slo_bad:ratio_rate{{ $burn.long }}{slo="{{ $slo.name }}"} > {{ printf "%.8g" (mulf $burn.factor $budget) }}
          and
          attune:slo_bad:ratio_rate{{ $burn.short }}{slo="{{ $slo.name }}"} > {{ printf "%.8g" (mulf $burn.factor $budget) }}
        for: {{ $burn.for }}
        labels:
          severity: {{ $burn.severity }}
          slo: {{ $slo.name }}
          window: {{ $burn.long }}
        annotations:
          summary: {{ printf "%s spends its error budget %.4g times too fast" $slo.name $burn.factor | quote }}
          description: {{ printf "Of %s, {{ $value | humanizePercentage }} were bad over the last %s; %.6g %% may be." $slo.method $burn.long (mulf 100.0 $budget) | quote }}
          runbook_url: {{ $base }}/error-budget-burn.md
      {{- end }}
      {{- end }}
  - name: attune-operations
    rules:
      - alert: AttuneInboxOld
        expr: max(attune_channel_inbox_age_seconds) > 60
        for: 5m
        labels: { severity: critical }
        annotations:
          summary: accepted events wait for more than a minute
          runbook_url: {{ $base }}/inbox-old.md
      - alert: AttuneRelayFailing
        expr: sum by (relay) (rate(attune_channel_relay_failures_total[10m])) > 0.1
        for: 10m
        labels: { severity: warning }
        annotations:
          summary: 'the relay {{ "{{ $labels.relay }}" }} keeps failing'
          runbook_url: {{ $base }}/relay-failing.md
      - alert: AttuneEventsQuarantined
        expr: sum(increase(attune_channel_quarantined_total[1h])) > 0
        labels: { severity: warning }
        annotations:
          summary: events were set aside because they fail each time
          runbook_url: {{ $base }}/events-quarantined.md
      - alert: AttuneDeliveriesUnknown
        expr: sum(attune_channel_deliveries{state="UNKNOWN"}) > 0
        for: 15m
        labels: { severity: warning }
        annotations:
          summary: of some messages nobody knows whether they were delivered
          runbook_url: {{ $base }}/deliveries-unknown.md
      - alert: AttuneDeliveriesDead
        expr: sum(delta(attune_channel_deliveries{state="DEAD"}[1h])) > 0
        labels: { severity: warning }
        annotations:
          summary: messages were given up after all attempts
          runbook_url: {{ $base }}/deliveries-dead.md
      - alert: AttuneDecidingBlindly
        expr: |-
          sum by (dependency) (rate(attune_decision_degradations_total[10m]))
          / ignoring (dependency) group_left sum(rate(attune_decision_decisions_total[10m])) > 0.05
        for: 10m
        labels: { severity: critical }
        annotations:
          summary: 'more than 5 % of decisions do without {{ "{{ $labels.dependency }}" }}'
          runbook_url: {{ $base }}/deciding-blindly.md
      - alert: AttuneTimersLate
        expr: histogram_quantile(0.99, sum by (le) (rate(attune_journey_timer_delay_seconds_bucket[10m]))) > 2.5
        for: 10m
        labels: { severity: warning }
        annotations:
          summary: triggers by timer fire more than 2.5 s late
          runbook_url: {{ $base }}/timers-late.md
      - alert: AttuneReviewsPileUp
        expr: max(attune_identity_review_queue) > 10000
        for: 6h
        labels: { severity: warning }
        annotations:
          summary: more than 10,000 pairs of records wait for somebody to decide
          runbook_url: {{ $base }}/reviews-pile-up.md
      - alert: AttuneSilent
        expr: absent(rpc_server_call_duration_seconds_count)
        for: 15m
        labels: { severity: critical }
        annotations:
          summary: no service of the suite has told anything for 15 minutes
          runbook_url: {{ $base }}/silent.md
{{- end }}
