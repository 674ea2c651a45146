// The settings of `penstock controller`: which cluster and how much of it, and what is written back to it.
import type { NamespacedName } from "../ir/names.ts";
import { parsed, refused } from "./parsed.ts";
import type { Parsed } from "./parsed.ts";
import { listSetting, optionalSetting, singleSetting, switchSetting } from "./setting.ts";
import type { Setting } from "./setting.ts";
import { parseListenAddress } from "./values/listen-address.ts";
import type { ListenAddress } from "./values/listen-address.ts";
import { parsePath } from "./values/path.ts";
import { parseStatusAddress } from "./values/status-address.ts";
import { parseControllerName, parseNamespacedName, parseObjectName } from "./values/words.ts";

export interface ClusterValues {
  readonly kubeconfig: string | null;
  readonly namespace: readonly string[];
  readonly "namespace-selector": string | null;
  readonly "controller-name": string;
  readonly "watch-without-class": boolean;
  readonly "leader-elect": boolean;
  readonly "leader-election-lease": NamespacedName | null;
  readonly "publish-service": NamespacedName | null;
  readonly "publish-status-address": readonly string[];
  readonly "publish-node-addresses": boolean;
  readonly "clear-status-on-stop": boolean;
  readonly events: boolean;
  readonly webhook: ListenAddress | null;
  readonly "webhook-service": NamespacedName | null;
  readonly "webhook-secret": NamespacedName | null;
  readonly "webhook-configuration": string | null;
}

function parseSelector(text: string): Parsed<string> {
  return text === "" ? refused("the selector is empty: write for example team=web,env!=test") : parsed(text);
}

const SCOPE = {
  kubeconfig: optionalSetting(
    {
      description: "Reach the cluster by this file; otherwise by the pod's service account, then by KUBECONFIG.",
      valueName: "FILE",
      example: "/etc/penstock/kubeconfig",
      defaults: [],
      hasFlag: true,
    },
    parsePath,
  ),
  namespace: listSetting(
    {
      description: "Read objects of this namespace only; repeat it for more.",
      valueName: "NS",
      example: "shop",
      defaults: [],
      hasFlag: true,
    },
    parseObjectName,
  ),
  "namespace-selector": optionalSetting(
    {
      description: "Read objects of namespaces with these labels only.",
      valueName: "SELECTOR",
      example: "team=web,env!=test",
      defaults: [],
      hasFlag: true,
    },
    parseSelector,
  ),
  "controller-name": singleSetting(
    {
      description: "The spec.controller of the IngressClasses that are ours.",
      valueName: "NAME",
      example: "example.com/internal",
      defaults: ["penstock.dev/ingress-controller"],
      hasFlag: true,
    },
    parseControllerName,
  ),
  "watch-without-class": switchSetting({
    description: "Serve Ingress objects without a class even where no class of ours is the default.",
    defaults: ["false"],
    hasFlag: true,
  }),
} as const;

const WRITING = {
  "leader-elect": switchSetting({
    description: "Let one replica at a time write status and events.",
    defaults: ["true"],
    hasFlag: true,
  }),
  "leader-election-lease": optionalSetting(
    {
      description: "The Lease that replicas contend for; otherwise penstock-leader in the pod's namespace.",
      valueName: "NS/NAME",
      example: "ingress/penstock-leader",
      defaults: [],
      hasFlag: true,
    },
    parseNamespacedName,
  ),
  "publish-service": optionalSetting(
    {
      description: "Write the addresses of this Service to the status of every Ingress.",
      valueName: "NS/NAME",
      example: "ingress/penstock",
      defaults: [],
      hasFlag: true,
    },
    parseNamespacedName,
  ),
  "publish-status-address": listSetting(
    {
      description: "Write this IP address or name to the status of every Ingress.",
      valueName: "ADDR",
      example: "203.0.113.7",
      defaults: [],
      hasFlag: true,
    },
    parseStatusAddress,
  ),
  "publish-node-addresses": switchSetting({
    description: "Write the addresses of the nodes that run the pods of --publish-service instead of its own.",
    defaults: ["false"],
    hasFlag: true,
  }),
  "clear-status-on-stop": switchSetting({
    description: "Take our addresses out of the status of every Ingress when the leading replica stops.",
    defaults: ["false"],
    hasFlag: true,
  }),
  events: switchSetting({
    description: "Tell of diagnostics by Events on the objects.",
    defaults: ["true"],
    hasFlag: true,
  }),
} as const;

const WEBHOOK = {
  webhook: optionalSetting(
    {
      description: "Answer admission reviews here (HTTPS); off for none.",
      valueName: "ADDR",
      example: ":9443",
      defaults: [],
      hasFlag: true,
    },
    parseListenAddress,
  ),
  "webhook-service": optionalSetting(
    {
      description: "The Service by which the API server reaches the webhook; its name is in the certificate.",
      valueName: "NS/NAME",
      example: "ingress/penstock-webhook",
      defaults: [],
      hasFlag: true,
    },
    parseNamespacedName,
  ),
  "webhook-secret": optionalSetting(
    {
      description: "The Secret in which the webhook's certificate is kept; it is made and renewed by itself.",
      valueName: "NS/NAME",
      example: "ingress/penstock-webhook",
      defaults: [],
      hasFlag: true,
    },
    parseNamespacedName,
  ),
  "webhook-configuration": optionalSetting(
    {
      description: "The ValidatingWebhookConfiguration whose CA bundle is kept up to date.",
      valueName: "NAME",
      example: "penstock",
      defaults: [],
      hasFlag: true,
    },
    parseObjectName,
  ),
} as const;

export const CLUSTER_SETTINGS: { readonly [Key in keyof ClusterValues]: Setting<ClusterValues[Key]> } = {
  ...SCOPE,
  ...WRITING,
  ...WEBHOOK,
};

/** Headings of help and reference, with the settings below each. */
export const CLUSTER_SETTING_GROUPS: readonly (readonly [heading: string, keys: readonly (keyof ClusterValues)[]])[] = [
  ["Cluster", Object.keys(SCOPE) as (keyof ClusterValues)[]],
  ["Status and events", Object.keys(WRITING) as (keyof ClusterValues)[]],
  ["Admission webhook", Object.keys(WEBHOOK) as (keyof ClusterValues)[]],
];

/** What `penstock controller` is told of its cluster. */
export interface ClusterOptions {
  /** Null: the pod's service account, else KUBECONFIG or the usual file. */
  readonly kubeconfig: string | null;
  /** Empty: all. */
  readonly namespaces: readonly string[];
  /** A label selector, as text. */
  readonly namespaceSelector: string | null;
  readonly controllerName: string;
  readonly serveUnclassified: boolean;
  readonly isElectingLeader: boolean;
  /** Null: `penstock-leader` in the pod's namespace. */
  readonly lease: NamespacedName | null;
  readonly publishService: NamespacedName | null;
  readonly statusAddresses: readonly string[];
  readonly isPublishingNodeAddresses: boolean;
  readonly isClearingStatus: boolean;
  readonly isWritingEvents: boolean;
  readonly webhook: WebhookOptions | null;
}

export interface WebhookOptions {
  readonly listen: ListenAddress;
  readonly service: NamespacedName;
  readonly secret: NamespacedName;
  /** Null: somebody else keeps the CA bundle. */
  readonly configuration: string | null;
}

/** What the settings ask for together that cannot be; one sentence each. */
export function findClusterConflicts(values: ClusterValues): readonly string[] {
  const problems: string[] = [];
  if (values["publish-node-addresses"] && values["publish-service"] === null) {
    problems.push("publish-node-addresses needs publish-service: its endpoints say which nodes count");
  }
  if (values["publish-service"] !== null && values["publish-status-address"].length > 0) {
    problems.push("publish-service and publish-status-address exclude each other: leave one out");
  }
  if (values.namespace.length > 0 && values["namespace-selector"] !== null) {
    problems.push("namespace and namespace-selector exclude each other: leave one out");
  }
  if (values.webhook !== null && (values["webhook-service"] === null || values["webhook-secret"] === null)) {
    problems.push(
      "webhook needs webhook-service and webhook-secret: the certificate names one and is kept in the other",
    );
  }
  return problems;
}

export function clusterOptionsOf(values: ClusterValues): ClusterOptions {
  const { webhook, "webhook-service": service, "webhook-secret": secret } = values;
  return {
    kubeconfig: values.kubeconfig,
    namespaces: values.namespace,
    namespaceSelector: values["namespace-selector"],
    controllerName: values["controller-name"],
    serveUnclassified: values["watch-without-class"],
    isElectingLeader: values["leader-elect"],
    lease: values["leader-election-lease"],
    publishService: values["publish-service"],
    statusAddresses: values["publish-status-address"],
    isPublishingNodeAddresses: values["publish-node-addresses"],
    isClearingStatus: values["clear-status-on-stop"],
    isWritingEvents: values.events,
    webhook:
      webhook === null || service === null || secret === null
        ? null
        : { listen: webhook, service, secret, configuration: values["webhook-configuration"] },
  };
}
