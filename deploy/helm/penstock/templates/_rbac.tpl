{{/*
What the controller may do, in one place. Each block says what it is for; templates/rbac.yaml only decides in which roles they go.
*/}}

{{/* What is served. In the whole cluster, or in each namespace of scope.namespaces. */}}
{{- define "penstock.rules.served" -}}
- apiGroups: [networking.k8s.io]
  resources: [ingresses]
  verbs: [list, watch]
- apiGroups: [""]
  resources: [services]
  verbs: [list, watch]
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [list, watch]
- apiGroups: [penstock.dev]
  resources: [upstreampolicies, routepolicies]
  verbs: [list, watch]
# Only those that something refers to are kept; one that is newly referred to is read by itself.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, list, watch]
# The leader writes addresses to the status.
- apiGroups: [networking.k8s.io]
  resources: [ingresses/status]
  verbs: [patch]
{{- if .Values.events.enabled }}
# The leader tells what is wrong with an object.
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, get, patch]
{{- end }}
{{- end }}

{{/* What has no namespace. */}}
{{- define "penstock.rules.cluster" -}}
- apiGroups: [networking.k8s.io]
  resources: [ingressclasses]
  verbs: [list, watch]
- apiGroups: [penstock.dev]
  resources: [proxyconfigs]
  verbs: [list, watch]
{{- if .Values.scope.namespaceSelector }}
- apiGroups: [""]
  resources: [namespaces]
  verbs: [list, watch]
{{- end }}
{{- if .Values.publishNodeAddresses }}
- apiGroups: [""]
  resources: [nodes]
  verbs: [get]
{{- end }}
{{- end }}

{{/* The controller keeps the CA bundle of its own webhook up to date. */}}
{{- define "penstock.rules.webhookConfiguration" -}}
- apiGroups: [admissionregistration.k8s.io]
  resources: [validatingwebhookconfigurations]
  resourceNames: [{{ include "penstock.clusterName" . | quote }}]
  verbs: [get, update]
{{- end }}

{{/* In the release's own namespace. A right to create cannot be bound to a name. */}}
{{- define "penstock.rules.own" -}}
{{- if .Values.leaderElection.enabled }}
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: [create]
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  resourceNames: [{{ include "penstock.leaseName" . | quote }}]
  verbs: [get, update]
{{- end }}
{{- if .Values.webhook.enabled }}
- apiGroups: [""]
  resources: [secrets]
  verbs: [create]
- apiGroups: [""]
  resources: [secrets]
  resourceNames: [{{ include "penstock.webhookSecretName" . | quote }}]
  verbs: [get, patch]
{{- end }}
{{- end }}

{{/*
Where the published Service is. It need not be in a namespace that is served, and is then read by its name; or, for the
addresses of nodes, its slices are.
*/}}
{{- define "penstock.rules.publishedService" -}}
{{- if .Values.publishNodeAddresses }}
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [list]
{{- else }}
- apiGroups: [""]
  resources: [services]
  resourceNames: [{{ splitList "/" (include "penstock.publishService" .) | last | quote }}]
  verbs: [get]
{{- end }}
{{- end }}

{{/* The default certificate need not be in a namespace that is served either: that one Secret, and no other there. */}}
{{- define "penstock.rules.defaultCertificate" -}}
- apiGroups: [""]
  resources: [secrets]
  resourceNames: [{{ splitList "/" .Values.defaultCertificate | last | quote }}]
  verbs: [get, list, watch]
{{- end }}
