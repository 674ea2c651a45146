// What the chart's values may be: the source of deploy/helm/penstock/values.schema.json. Defaults and texts are in values.yaml;
// what values must be together is checked by the chart's own templates/_checks.tpl.
import { z } from "zod";
import { CLUSTER_SETTINGS } from "../../src/config/cluster-settings.ts";
import { SETTING_KEYS, SETTINGS } from "../../src/config/settings.ts";
import type { SettingKey } from "../../src/config/settings.ts";

/** Settings that values of their own stand for, or that mean nothing in a pod: refused in `config`. */
const CHART_OWNED: ReadonlySet<SettingKey> = new Set<SettingKey>([
  ...(["from", "to", "watch", "http", "https", "admin", "workers"] as const),
  ...(["ingress-class", "default-certificate", "trusted-proxies", "drain-delay", "shutdown-grace"] as const),
  ...(Object.keys(CLUSTER_SETTINGS) as (keyof typeof CLUSTER_SETTINGS)[]),
]);

const DNS_LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const DNS_NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const NAMESPACED_NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?\/[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/;
const DURATION = /^([0-9]{1,5}(h|ms|m|s)){1,4}$/;
const PROMETHEUS_DURATION = /^([0-9]+(ms|y|w|d|h|m|s))+$/;

const text = z.string();
const flag = z.boolean();
const count = z.int().min(0);
const port = z.int().min(1).max(65_535);
const name = z.union([z.literal(""), z.string().regex(DNS_NAME)]);
const namespacedName = z.union([z.literal(""), z.string().regex(NAMESPACED_NAME)]);
const countOrPercent = z.union([count, z.string().regex(/^[0-9]+%$/)]);
/** Label and annotation values are texts: a bare `true` or `1` would be refused by the API server. */
const textMap = z.record(z.string(), z.string());
/** A part of a Kubernetes object, which the API server checks. */
const fragment = z.record(z.string(), z.unknown());
const fragments = z.array(fragment);

function oneOf(...words: readonly string[]): z.ZodType {
  return z.enum(words);
}

/** A choice with "" for the cluster's default. */
function optionalOneOf(...words: readonly string[]): z.ZodType {
  return z.enum(["", ...words]);
}

function section(properties: Readonly<Record<string, z.ZodType>>): z.ZodType {
  const entries = Object.entries(properties).map(([key, schema]): [string, z.ZodType] => [key, schema.optional()]);
  return z.strictObject(Object.fromEntries(entries));
}

/** Settings of the configuration file that are left to `config`, in their sections. */
function configSchema(): z.ZodType {
  const scalar = z.union([z.string(), z.number(), z.boolean()]);
  const top: Record<string, z.ZodType> = {};
  const sections = new Map<string, Record<string, z.ZodType>>();
  for (const key of SETTING_KEYS) {
    if (CHART_OWNED.has(key)) continue;
    const { valueName, isList } = SETTINGS[key];
    const single = valueName === null ? z.boolean() : z.union([z.string(), z.number()]);
    const schema = isList ? z.union([scalar, z.array(scalar)]) : single;
    const [head = key, ...rest] = key.split(".");
    if (rest.length === 0) {
      top[key] = schema;
      continue;
    }
    const properties = sections.get(head) ?? {};
    properties[rest.join(".")] = schema;
    sections.set(head, properties);
  }
  for (const [key, properties] of sections) top[key] = section(properties);
  return section(top);
}

const PORT_PAIR = section({ http: port.nullable(), https: port.nullable() });

const BALANCER = {
  enabled: flag,
  type: oneOf("LoadBalancer", "NodePort", "ClusterIP"),
  annotations: textMap,
  labels: textMap,
  externalTrafficPolicy: optionalOneOf("Cluster", "Local"),
  loadBalancerIP: text,
  loadBalancerClass: text,
  loadBalancerSourceRanges: z.array(text),
  ports: PORT_PAIR,
  nodePorts: PORT_PAIR,
};

const SERVICE = section({
  ...BALANCER,
  internalTrafficPolicy: optionalOneOf("Cluster", "Local"),
  trafficDistribution: optionalOneOf("PreferSameZone", "PreferSameNode", "PreferClose"),
  clusterIP: text,
  allocateLoadBalancerNodePorts: flag.nullable(),
  healthCheckNodePort: port.nullable(),
  externalIPs: z.array(text),
  ipFamilyPolicy: optionalOneOf("SingleStack", "PreferDualStack", "RequireDualStack"),
  ipFamilies: z.array(oneOf("IPv4", "IPv6")),
  sessionAffinity: optionalOneOf("None", "ClientIP"),
  appProtocol: flag,
  internal: section(BALANCER),
});

const WORKLOAD = {
  kind: oneOf("Deployment", "DaemonSet"),
  replicaCount: count,
  image: section({
    registry: z.string().regex(/^([^/\s]+(\/[^/\s]+)*)?$/),
    repository: z.string().min(1),
    tag: text,
    digest: z.union([z.literal(""), z.string().regex(/^sha256:[0-9a-f]{64}$/)]),
    pullPolicy: oneOf("Always", "IfNotPresent", "Never"),
  }),
  imagePullSecrets: z.array(section({ name: text })),
  workers: z.union([z.int().min(1).max(256), z.enum(["", "auto"])]),
  resources: section({ requests: fragment, limits: fragment, claims: fragments }),
  hostNetwork: flag,
  hostPort: section({ enabled: flag, ports: PORT_PAIR, hostIP: text }),
  containerPorts: section({ http: port, https: port, admin: port, webhook: port }),
  updateStrategy: section({
    type: oneOf("RollingUpdate", "Recreate", "OnDelete"),
    rollingUpdate: section({ maxSurge: countOrPercent, maxUnavailable: countOrPercent }).nullable(),
  }),
  minReadySeconds: count,
  revisionHistoryLimit: count,
  progressDeadlineSeconds: count,
};

const CONTROLLER = {
  ingressClass: section({
    enabled: flag,
    name: z.string().regex(DNS_NAME),
    default: flag,
    controllerName: z.string().regex(/^[a-z0-9.-]+\/[A-Za-z0-9._~/-]+$/),
    aliases: z.array(z.string().regex(DNS_NAME)),
    annotations: textMap,
    parameters: section({
      apiGroup: text,
      kind: text,
      name: text,
      scope: oneOf("Cluster", "Namespace"),
      namespace: text,
    }),
  }),
  watchWithoutClass: flag,
  scope: section({ namespaces: z.array(z.string().regex(DNS_LABEL)), namespaceSelector: text }),
  publishService: section({ enabled: flag, name: namespacedName }),
  statusAddresses: z.array(text),
  publishNodeAddresses: flag,
  clearStatusOnStop: flag,
  leaderElection: section({ enabled: flag }),
  events: section({ enabled: flag }),
  defaultCertificate: namespacedName,
  trustedProxies: z.array(text),
  config: configSchema(),
  drainDelay: z.string().regex(DURATION),
  shutdownGrace: z.string().regex(DURATION),
  terminationGracePeriodSeconds: count.nullable(),
  lifecycle: section({ postStart: fragment, preStop: fragment, stopSignal: text }),
};

const MONITOR = {
  enabled: flag,
  namespace: name,
  labels: textMap,
  annotations: textMap,
  interval: z.string().regex(PROMETHEUS_DURATION),
  scrapeTimeout: z.union([z.literal(""), z.string().regex(PROMETHEUS_DURATION)]),
  honorLabels: flag,
  relabelings: fragments,
  metricRelabelings: fragments,
};

const AROUND = {
  service: SERVICE,
  webhook: section({
    enabled: flag,
    failurePolicy: oneOf("Ignore", "Fail"),
    timeoutSeconds: z.int().min(1).max(30),
    port,
    namespaceSelector: fragment,
    objectSelector: fragment,
    annotations: textMap,
  }),
  crds: section({ install: flag, keep: flag, annotations: textMap }),
  metrics: section({
    service: section({ enabled: flag, annotations: textMap, labels: textMap, port }),
    serviceMonitor: section(MONITOR),
    podMonitor: section(MONITOR),
    prometheusRule: section({
      enabled: flag,
      namespace: name,
      labels: textMap,
      annotations: textMap,
      defaultRules: flag,
      rules: fragments,
    }),
  }),
  podDisruptionBudget: section({
    enabled: flag,
    maxUnavailable: countOrPercent.nullable(),
    minAvailable: countOrPercent.nullable(),
    unhealthyPodEvictionPolicy: optionalOneOf("AlwaysAllow", "IfHealthyBudget"),
  }),
  autoscaling: section({
    enabled: flag,
    minReplicas: z.int().min(1),
    maxReplicas: z.int().min(1),
    targetCPUUtilizationPercentage: z.int().min(1).nullable(),
    targetMemoryUtilizationPercentage: z.int().min(1).nullable(),
    connections: section({ targetAverage: z.union([z.int().min(1), z.string().regex(/^[1-9][0-9]*k?$/)]).nullable() }),
    metrics: fragments,
    behavior: fragment,
  }),
};

const SECURITY = {
  rbac: section({ create: flag, clusterResources: flag }),
  serviceAccount: section({ create: flag, name, annotations: textMap, automount: flag }),
  podSecurityContext: fragment,
  securityContext: fragment,
  networkPolicy: section({
    enabled: flag,
    from: fragments,
    metricsFrom: fragments,
    extraIngress: fragments,
    egress: fragments,
  }),
};

const PROBE = section({
  initialDelaySeconds: count,
  periodSeconds: z.int().min(1),
  timeoutSeconds: z.int().min(1),
  failureThreshold: z.int().min(1),
  successThreshold: z.int().min(1),
  terminationGracePeriodSeconds: z.int().min(1),
});

const POD = {
  nodeSelector: textMap,
  tolerations: fragments,
  affinity: section({ nodeAffinity: fragment, podAffinity: fragment, podAntiAffinity: fragment }),
  topologySpreadConstraints: fragments.nullable(),
  priorityClassName: text,
  runtimeClassName: text,
  schedulerName: text,
  dnsPolicy: optionalOneOf("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"),
  dnsConfig: section({ nameservers: z.array(text), searches: z.array(text), options: fragments }),
  hostAliases: z.array(section({ ip: text, hostnames: z.array(text) })),
  startupProbe: PROBE,
  livenessProbe: PROBE,
  readinessProbe: PROBE,
  annotations: textMap,
  podAnnotations: textMap,
  podLabels: textMap,
  extraArgs: z.array(text),
  extraEnv: fragments,
  envFrom: fragments,
  extraVolumes: fragments,
  extraVolumeMounts: fragments,
  extraContainers: fragments,
  extraInitContainers: fragments,
  extraObjects: z.array(z.union([fragment, text])),
};

const VALUES = section({
  nameOverride: name,
  fullnameOverride: name,
  namespaceOverride: name,
  commonLabels: textMap,
  // A parent chart shares all of its own `global` with its dependencies.
  global: z.looseObject({ imageRegistry: text.optional() }),
  // What a parent chart's `condition: penstock.enabled` leaves here.
  enabled: flag,
  ...WORKLOAD,
  ...CONTROLLER,
  ...AROUND,
  ...SECURITY,
  ...POD,
});

/** values.schema.json, as text. */
export function renderValuesSchema(): string {
  const schema = z.toJSONSchema(VALUES, { target: "draft-7" });
  return `${JSON.stringify({ ...schema, title: "Values of the Penstock chart" }, null, 2)}\n`;
}
