{{/* What a schema cannot say: values that contradict each other. Every message says what to write instead. */}}

{{/* Milliseconds of a duration such as 1m30s (GEP-2257). */}}
{{- define "penstock.milliseconds" -}}
{{- $sum := 0 }}
{{- range regexFindAll "[0-9]+(h|ms|m|s)" . -1 }}
{{- $count := regexFind "[0-9]+" . | int }}
{{- $unit := regexFind "[a-z]+" . }}
{{- $sum = add $sum (mul $count (get (dict "h" 3600000 "m" 60000 "s" 1000 "ms" 1) $unit)) }}
{{- end }}
{{- $sum }}
{{- end }}

{{/* Whole seconds that stopping takes at most. */}}
{{- define "penstock.stopSeconds" -}}
{{- $milliseconds := add (include "penstock.milliseconds" .Values.drainDelay) (include "penstock.milliseconds" .Values.shutdownGrace) }}
{{- div (add $milliseconds 999) 1000 }}
{{- end }}

{{- define "penstock.terminationGracePeriodSeconds" -}}
{{- if kindIs "invalid" .Values.terminationGracePeriodSeconds }}
{{- add (include "penstock.stopSeconds" .) 10 }}
{{- else }}
{{- int .Values.terminationGracePeriodSeconds }}
{{- end }}
{{- end }}

{{/* "true" where two pods cannot be on one node. */}}
{{- define "penstock.usesHostPorts" -}}
{{- if or .Values.hostNetwork .Values.hostPort.enabled }}true{{ end }}
{{- end }}

{{- define "penstock.checks" -}}
{{- $stop := include "penstock.stopSeconds" . | int }}
{{- if lt (include "penstock.terminationGracePeriodSeconds" . | int) $stop }}
{{- fail (printf "terminationGracePeriodSeconds is %d, but drainDelay (%s) and shutdownGrace (%s) take up to %d seconds: pods would be killed while they drain. Write %d or more, or null to have it computed." (int .Values.terminationGracePeriodSeconds) .Values.drainDelay .Values.shutdownGrace $stop $stop) }}
{{- end }}
{{- if and .Values.scope.namespaces .Values.scope.namespaceSelector }}
{{- fail "scope.namespaces and scope.namespaceSelector exclude each other: leave one out." }}
{{- end }}
{{- if and .Values.statusAddresses .Values.publishService.name }}
{{- fail "statusAddresses and publishService.name exclude each other: leave one out." }}
{{- end }}
{{- if and .Values.publishNodeAddresses (not (include "penstock.publishService" .)) }}
{{- fail "publishNodeAddresses needs a Service whose endpoints say which nodes count: set service.enabled=true (type ClusterIP will do) or publishService.name, and leave statusAddresses empty." }}
{{- end }}
{{- if and .Values.publishNodeAddresses .Values.scope.namespaces (not .Values.rbac.clusterResources) }}
{{- fail "publishNodeAddresses reads Nodes: set rbac.clusterResources=true." }}
{{- end }}
{{- if and .Values.autoscaling.enabled (eq .Values.kind "DaemonSet") }}
{{- fail "autoscaling needs kind Deployment: a DaemonSet has one pod on each node." }}
{{- end }}
{{- if .Values.autoscaling.enabled }}
{{- if gt (int .Values.autoscaling.minReplicas) (int .Values.autoscaling.maxReplicas) }}
{{- fail "autoscaling.minReplicas is greater than autoscaling.maxReplicas." }}
{{- end }}
{{- $byCpu := .Values.autoscaling.targetCPUUtilizationPercentage }}
{{- $byMemory := .Values.autoscaling.targetMemoryUtilizationPercentage }}
{{- if not (or $byCpu $byMemory .Values.autoscaling.connections.targetAverage .Values.autoscaling.metrics) }}
{{- fail "autoscaling has nothing to go by: set targetCPUUtilizationPercentage, targetMemoryUtilizationPercentage, connections.targetAverage or metrics." }}
{{- end }}
{{- if and $byCpu (not (dig "requests" "cpu" "" .Values.resources)) (not (dig "limits" "cpu" "" .Values.resources)) }}
{{- fail "autoscaling.targetCPUUtilizationPercentage is a share of resources.requests.cpu: set that." }}
{{- end }}
{{- if and $byMemory (not (dig "requests" "memory" "" .Values.resources)) (not (dig "limits" "memory" "" .Values.resources)) }}
{{- fail "autoscaling.targetMemoryUtilizationPercentage is a share of resources.requests.memory: set that." }}
{{- end }}
{{- end }}
{{- if and (not .Values.leaderElection.enabled) (or (eq .Values.kind "DaemonSet") .Values.autoscaling.enabled (gt (int .Values.replicaCount) 1)) }}
{{- fail "leaderElection.enabled=false lets every pod write status and events: keep it on with more than one pod, or set replicaCount=1." }}
{{- end }}
{{- if and .Values.podDisruptionBudget.enabled (kindIs "invalid" .Values.podDisruptionBudget.maxUnavailable) (kindIs "invalid" .Values.podDisruptionBudget.minAvailable) }}
{{- fail "podDisruptionBudget needs maxUnavailable or minAvailable." }}
{{- end }}
{{- if and .Values.metrics.serviceMonitor.enabled .Values.metrics.podMonitor.enabled }}
{{- fail "metrics.serviceMonitor and metrics.podMonitor would scrape every pod twice: enable one." }}
{{- end }}
{{- if and .Values.metrics.serviceMonitor.enabled (not .Values.metrics.service.enabled) }}
{{- fail "metrics.serviceMonitor needs metrics.service.enabled=true." }}
{{- end }}
{{- range $name := list "service" "internal" }}
{{- $service := ternary $.Values.service $.Values.service.internal (eq $name "service") }}
{{- if and $service.enabled (not (or $service.ports.http $service.ports.https)) }}
{{- fail (printf "%s.ports has no port: set http or https, or enabled=false." (ternary "service" "service.internal" (eq $name "service"))) }}
{{- end }}
{{- end }}
{{- end }}
