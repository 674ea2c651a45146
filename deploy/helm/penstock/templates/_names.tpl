{{/* Names, labels and the image: what every other template refers to. */}}

{{- define "penstock.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* Room is left for the longest suffix, "-webhook-tls". */}}
{{- define "penstock.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" }}
{{- else }}
{{- $name := include "penstock.name" . }}
{{- if contains $name .Release.Name }}
{{- .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" }}
{{- end }}
{{- end }}
{{- end }}

{{- define "penstock.namespace" -}}
{{- default .Release.Namespace .Values.namespaceOverride }}
{{- end }}

{{/* For objects without a namespace: releases of the same name in different namespaces must not meet. */}}
{{- define "penstock.clusterName" -}}
{{- $namespace := include "penstock.namespace" . }}
{{- $fullname := include "penstock.fullname" . }}
{{- if eq $namespace $fullname }}{{ $fullname }}{{ else }}{{ $namespace }}-{{ $fullname }}{{ end }}
{{- end }}

{{- define "penstock.selectorLabels" -}}
app.kubernetes.io/name: {{ include "penstock.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/component: controller
{{- end }}

{{/* commonLabels can add, but not change what selectors rely on. */}}
{{- define "penstock.labels" -}}
{{- $own := dict
  "app.kubernetes.io/name" (include "penstock.name" .)
  "app.kubernetes.io/instance" .Release.Name
  "app.kubernetes.io/component" "controller"
  "app.kubernetes.io/part-of" "penstock"
  "app.kubernetes.io/version" (.Chart.AppVersion | replace "+" "_")
  "app.kubernetes.io/managed-by" .Release.Service
  "helm.sh/chart" (printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-") }}
{{- toYaml (merge $own .Values.commonLabels) }}
{{- end }}

{{- define "penstock.image" -}}
{{- $registry := default .Values.image.registry .Values.global.imageRegistry }}
{{- $name := .Values.image.repository }}
{{- if $registry }}{{ $name = printf "%s/%s" (trimSuffix "/" $registry) $name }}{{ end }}
{{- if .Values.image.digest }}
{{- printf "%s@%s" $name .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" $name (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}
{{- end }}

{{- define "penstock.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "penstock.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "penstock.leaseName" -}}
{{- include "penstock.fullname" . }}-leader
{{- end }}

{{- define "penstock.webhookName" -}}
{{- include "penstock.fullname" . }}-webhook
{{- end }}

{{- define "penstock.webhookSecretName" -}}
{{- include "penstock.fullname" . }}-webhook-tls
{{- end }}

{{/* NAMESPACE/NAME of the Service whose addresses are published, or nothing. */}}
{{- define "penstock.publishService" -}}
{{- if and .Values.publishService.enabled (not .Values.statusAddresses) }}
{{- if .Values.publishService.name }}
{{- .Values.publishService.name }}
{{- else if .Values.service.enabled }}
{{- include "penstock.namespace" . }}/{{ include "penstock.fullname" . }}
{{- end }}
{{- end }}
{{- end }}
