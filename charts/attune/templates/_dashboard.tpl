{{/* A Grafana dashboard from its description in dashboards/: a title and panels, two in a row. */}}

{{- define "attune.dashboard" -}}
{{- $source := dict "type" "prometheus" "uid" "${datasource}" }}
{{- $panels := list }}
{{- range $index, $panel := .board.panels }}
{{- $targets := list }}
{{- range $at, $query := $panel.queries }}
{{- $targets = append $targets (dict "refId" (printf "q%d" $at) "datasource" $source "expr" $query.expr "legendFormat" (default "" $query.legend) "exemplar" (default false $panel.exemplars)) }}
{{- end }}
{{- $panels = append $panels (dict
  "id" (add1 $index)
  "type" (default "timeseries" $panel.type)
  "title" $panel.title
  "description" (default "" $panel.description)
  "datasource" $source
  "gridPos" (dict "h" 8 "w" 12 "x" (mul 12 (mod $index 2)) "y" (mul 8 (div $index 2)))
  "fieldConfig" (dict "defaults" (dict "unit" (default "short" $panel.unit) "min" 0) "overrides" list)
  "targets" $targets) }}
{{- end }}
{{- dict
  "uid" (printf "attune-%s" .id)
  "title" .board.title
  "tags" (list "attune")
  "schemaVersion" 39
  "editable" true
  "refresh" "30s"
  "time" (dict "from" "now-3h" "to" "now")
  "templating" (dict "list" (list (dict "name" "datasource" "type" "datasource" "query" "prometheus" "label" "Prometheus")))
  "panels" $panels | toPrettyJson }}
{{- end }}
