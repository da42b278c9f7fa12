{{/* The collector's configuration. */}}

{{- define "attune.collectorConfig" -}}
receivers:
  otlp:
    protocols:
      grpc:
        endpoint: 0.0.0.0:4317
processors:
  memory_limiter:
    check_interval: 1s
    limit_percentage: 80
    spike_limit_percentage: 20
  batch: {}
  # Head sampling cannot know what a trace turns out to be. What went wrong or took long is kept, and a share of the rest.
  tail_sampling:
    decision_wait: 10s
    num_traces: 50000
    policies:
      - name: errors
        type: status_code
        status_code: { status_codes: [ERROR] }
      - name: slow
        type: latency
        latency: { threshold_ms: {{ .Values.collector.slowMilliseconds }} }
      - name: rest
        type: probabilistic
        probabilistic: { sampling_percentage: {{ .Values.collector.keepPercent }} }
connectors:
  # Made before sampling, so that rates are those of all calls; exemplars lead from a bucket to a trace.
  spanmetrics:
    histogram:
      unit: s
      explicit:
        buckets: [500us, 1ms, 2500us, 5ms, 10ms, 25ms, 50ms, 100ms, 250ms, 500ms, 1s, 2500ms, 5s]
    exemplars:
      enabled: true
    dimensions:
      - name: rpc.method
      - name: rpc.response.status_code
exporters:
  prometheus:
    endpoint: 0.0.0.0:8889
    enable_open_metrics: true
    resource_to_telemetry_conversion:
      enabled: true
  {{- if .Values.collector.tracesEndpoint }}
  otlp/traces:
    endpoint: {{ .Values.collector.tracesEndpoint | quote }}
    tls:
      insecure: {{ not (hasPrefix "https://" .Values.collector.tracesEndpoint) }}
  {{- end }}
  # Logs are read from the containers' output; what arrives here is counted and dropped.
  nop: {}
extensions:
  health_check:
    endpoint: 0.0.0.0:13133
service:
  extensions: [health_check]
  pipelines:
    traces/metrics:
      receivers: [otlp]
      processors: [memory_limiter]
      exporters: [spanmetrics]
    traces:
      receivers: [otlp]
      processors: [memory_limiter, tail_sampling, batch]
      exporters: [{{ ternary "otlp/traces" "nop" (ne .Values.collector.tracesEndpoint "") }}]
    metrics:
      receivers: [otlp, spanmetrics]
      processors: [memory_limiter, batch]
      exporters: [prometheus]
    logs:
      receivers: [otlp]
      processors: [memory_limiter]
      exporters: [nop]
{{- end }}
