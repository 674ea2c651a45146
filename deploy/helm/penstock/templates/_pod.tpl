{{/* The pod of Deployment and DaemonSet: flags, environment, container. */}}

{{/* One flag for each setting that the chart owns; flags win over the image's environment and over the file of `config`. */}}
{{- define "penstock.args" -}}
- controller
- --http={{ printf ":%v" .Values.containerPorts.http }}
- --https={{ printf ":%v" .Values.containerPorts.https }}
- --admin={{ printf ":%v" .Values.containerPorts.admin }}
{{- if .Values.workers }}
- --workers={{ .Values.workers }}
{{- else if not (dig "limits" "cpu" "" .Values.resources) }}
- --workers=2
{{- end }}
- --ingress-class={{ .Values.ingressClass.name }}
- --controller-name={{ .Values.ingressClass.controllerName }}
{{- if .Values.watchWithoutClass }}
- --watch-without-class
{{- end }}
{{- range .Values.scope.namespaces }}
- --namespace={{ . }}
{{- end }}
{{- with .Values.scope.namespaceSelector }}
- {{ printf "--namespace-selector=%s" . | quote }}
{{- end }}
{{- with .Values.defaultCertificate }}
- --default-certificate={{ . }}
{{- end }}
{{- range .Values.trustedProxies }}
- {{ printf "--trusted-proxies=%s" . | quote }}
{{- end }}
- --drain-delay={{ .Values.drainDelay }}
- --shutdown-grace={{ .Values.shutdownGrace }}
{{- if .Values.leaderElection.enabled }}
- --leader-election-lease={{ include "penstock.namespace" . }}/{{ include "penstock.leaseName" . }}
{{- else }}
- --no-leader-elect
{{- end }}
{{- with include "penstock.publishService" . }}
- --publish-service={{ . }}
{{- end }}
{{- range .Values.statusAddresses }}
- {{ printf "--publish-status-address=%s" . | quote }}
{{- end }}
{{- if .Values.publishNodeAddresses }}
- --publish-node-addresses
{{- end }}
{{- if .Values.clearStatusOnStop }}
- --clear-status-on-stop
{{- end }}
{{- if not .Values.events.enabled }}
- --no-events
{{- end }}
{{- if .Values.webhook.enabled }}
- --webhook={{ printf ":%v" .Values.containerPorts.webhook }}
- --webhook-service={{ include "penstock.namespace" . }}/{{ include "penstock.webhookName" . }}
- --webhook-secret={{ include "penstock.namespace" . }}/{{ include "penstock.webhookSecretName" . }}
- --webhook-configuration={{ include "penstock.clusterName" . }}
{{- end }}
{{- if .Values.config }}
- --config=/etc/penstock/penstock.yaml
{{- end }}
{{- with .Values.extraArgs }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "penstock.containerPorts" -}}
{{- $hostPort := .Values.hostPort }}
{{- range $name := list "http" "https" }}
- name: {{ $name | quote }}
  containerPort: {{ int (get $.Values.containerPorts $name) }}
  protocol: TCP
  {{- with and $hostPort.enabled (get $hostPort.ports $name) }}
  hostPort: {{ int . }}
  {{- with $hostPort.hostIP }}
  hostIP: {{ . | quote }}
  {{- end }}
  {{- end }}
{{- end }}
- name: admin
  containerPort: {{ int .Values.containerPorts.admin }}
  protocol: TCP
{{- if .Values.webhook.enabled }}
- name: webhook
  containerPort: {{ int .Values.containerPorts.webhook }}
  protocol: TCP
{{- end }}
{{- end }}

{{/* The sysctl is one of those that the restricted Pod Security standard allows; a node's own network is not the pod's to set. */}}
{{- define "penstock.podSecurityContext" -}}
{{- $context := deepCopy .Values.podSecurityContext }}
{{- $isPrivileged := or (lt (int .Values.containerPorts.http) 1024) (lt (int .Values.containerPorts.https) 1024) }}
{{- if and $isPrivileged (not .Values.hostNetwork) }}
{{- $sysctl := dict "name" "net.ipv4.ip_unprivileged_port_start" "value" "0" }}
{{- $_ := set $context "sysctls" (append (default list $context.sysctls) $sysctl) }}
{{- end }}
{{- toYaml $context }}
{{- end }}

{{- define "penstock.topologySpreadConstraints" -}}
{{- $selector := dict "matchLabels" (include "penstock.selectorLabels" . | fromYaml) }}
{{- $constraints := list }}
{{- if kindIs "invalid" .Values.topologySpreadConstraints }}
{{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
{{- $constraints = append $constraints (dict "maxSkew" 1 "topologyKey" . "whenUnsatisfiable" "ScheduleAnyway" "labelSelector" $selector "matchLabelKeys" (list "pod-template-hash")) }}
{{- end }}
{{- else }}
{{- range .Values.topologySpreadConstraints }}
{{- $constraints = append $constraints (merge (dict) . (dict "labelSelector" $selector)) }}
{{- end }}
{{- end }}
{{- with $constraints }}{{ toYaml . }}{{ end }}
{{- end }}

{{- define "penstock.probes" -}}
startupProbe:
  httpGet: {path: /healthz, port: admin}
  {{- toYaml .Values.startupProbe | nindent 2 }}
livenessProbe:
  httpGet: {path: /healthz, port: admin}
  {{- toYaml .Values.livenessProbe | nindent 2 }}
readinessProbe:
  httpGet: {path: /readyz, port: admin}
  {{- toYaml .Values.readinessProbe | nindent 2 }}
{{- end }}

{{- define "penstock.container" -}}
name: penstock
image: {{ include "penstock.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
args: {{- include "penstock.args" . | nindent 2 }}
env:
  - name: POD_NAME
    valueFrom: {fieldRef: {fieldPath: metadata.name}}
  - name: POD_NAMESPACE
    valueFrom: {fieldRef: {fieldPath: metadata.namespace}}
  - name: NODE_NAME
    valueFrom: {fieldRef: {fieldPath: spec.nodeName}}
  {{- if and (not .Values.workers) (dig "limits" "cpu" "" .Values.resources) }}
  # Rounded up to whole cores; follows a limit that is changed in place at the next start.
  - name: PENSTOCK_WORKERS
    valueFrom: {resourceFieldRef: {containerName: penstock, resource: limits.cpu, divisor: "1"}}
  {{- end }}
  {{- with .Values.extraEnv }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with .Values.envFrom }}
envFrom: {{- toYaml . | nindent 2 }}
{{- end }}
ports: {{- include "penstock.containerPorts" . | nindent 2 }}
{{ include "penstock.probes" . }}
{{- with .Values.lifecycle }}
lifecycle: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.resources }}
resources: {{- toYaml . | nindent 2 }}
{{- end }}
securityContext: {{- toYaml .Values.securityContext | nindent 2 }}
{{- if or .Values.config .Values.extraVolumeMounts }}
volumeMounts:
  {{- if .Values.config }}
  - name: config
    mountPath: /etc/penstock
    readOnly: true
  {{- end }}
  {{- with .Values.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
{{- end }}

{{- define "penstock.podSpec" -}}
serviceAccountName: {{ include "penstock.serviceAccountName" . | quote }}
automountServiceAccountToken: {{ .Values.serviceAccount.automount }}
# Services are found through the API server; a variable for each of thousands would only slow the start.
enableServiceLinks: false
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
securityContext: {{- include "penstock.podSecurityContext" . | nindent 2 }}
terminationGracePeriodSeconds: {{ include "penstock.terminationGracePeriodSeconds" . }}
{{- if .Values.hostNetwork }}
hostNetwork: true
{{- end }}
{{- with default (ternary "ClusterFirstWithHostNet" "" .Values.hostNetwork) .Values.dnsPolicy }}
dnsPolicy: {{ . }}
{{- end }}
{{- range $key := list "dnsConfig" "hostAliases" "nodeSelector" "tolerations" "affinity" }}
{{- with get $.Values $key }}
{{ $key }}: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- range $key := list "priorityClassName" "runtimeClassName" "schedulerName" }}
{{- with get $.Values $key }}
{{ $key }}: {{ . | quote }}
{{- end }}
{{- end }}
{{- if eq .Values.kind "Deployment" }}
{{- with include "penstock.topologySpreadConstraints" . }}
topologySpreadConstraints: {{- . | nindent 2 }}
{{- end }}
{{- end }}
{{- with .Values.extraInitContainers }}
initContainers: {{- toYaml . | nindent 2 }}
{{- end }}
containers:
  - {{- include "penstock.container" . | nindent 4 }}
  {{- with .Values.extraContainers }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- if or .Values.config .Values.extraVolumes }}
volumes:
  {{- if .Values.config }}
  - name: config
    configMap: {name: {{ include "penstock.fullname" . | quote }}}
  {{- end }}
  {{- with .Values.extraVolumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
{{- end }}
