// The kinds that Penstock reads: in which API version, with which shape and which checks. Finds the kind of an object by
// what it says of itself.
import { checkCustomResource, shapeOfCustomResource } from "../custom-resources/check-custom-resource.ts";
import { CUSTOM_RESOURCE_GROUP, CUSTOM_RESOURCE_VERSION } from "../custom-resources/custom-resource.ts";
import { CUSTOM_RESOURCES } from "../custom-resources/custom-resources.ts";
import { findClosestWord } from "../../lib/closest-word.ts";
import { quoteText } from "../../lib/untrusted-text.ts";
import type { WatchedKind } from "../object-types.ts";
import { checkConfigMap, CONFIG_MAP } from "./config-map.ts";
import { checkEndpointSlice, ENDPOINT_SLICE } from "./endpoint-slice.ts";
import { checkIngressClass, INGRESS_CLASS } from "./ingress-class.ts";
import { checkIngress, INGRESS } from "./ingress.ts";
import { dnsLabelErrors, dnsSubdomainErrors } from "./name-rules.ts";
import { NAMESPACE } from "./namespace.ts";
import type { MetaRules } from "./object-meta.ts";
import type { ProblemList } from "./problem-list.ts";
import { checkSecret, SECRET } from "./secret.ts";
import { checkService, SERVICE } from "./service.ts";
import type { Shape } from "./shape.ts";

export interface KindDefinition {
  readonly kind: WatchedKind;
  readonly apiVersion: string;
  readonly shape: Shape;
  readonly meta: MetaRules;
  /** Checks what is particular to the kind; gets what `shape` decoded, without a single wrong type in it. */
  readonly check: (decoded: object, problems: ProblemList) => void;
}

/** Older versions of a kind that people still have in files, and what became of them. */
interface RemovedVersion {
  readonly kind: WatchedKind;
  readonly removedIn: string;
  readonly hint: string;
}

/** What an object's `apiVersion` and `kind` say. */
export type KindLookup =
  | { readonly found: "definition"; readonly definition: KindDefinition }
  /** One of our kinds in a version that is gone or never was. */
  | { readonly found: "wrong-version"; readonly message: string; readonly hint: string }
  /** A kind of the cluster's that is nobody's mistake; Penstock has no use for it. */
  | { readonly found: "foreign" };

const LABEL_NAMED: MetaRules = { isNamespaced: true, nameErrors: dnsLabelErrors };
const SUBDOMAIN_NAMED: MetaRules = { isNamespaced: true, nameErrors: dnsSubdomainErrors };

const DEFINITIONS: readonly KindDefinition[] = [
  { kind: "Ingress", apiVersion: "networking.k8s.io/v1", shape: INGRESS, meta: SUBDOMAIN_NAMED, check: checkIngress },
  {
    kind: "IngressClass",
    apiVersion: "networking.k8s.io/v1",
    shape: INGRESS_CLASS,
    meta: { isNamespaced: false, nameErrors: dnsSubdomainErrors },
    check: checkIngressClass,
  },
  { kind: "Service", apiVersion: "v1", shape: SERVICE, meta: LABEL_NAMED, check: checkService },
  {
    kind: "EndpointSlice",
    apiVersion: "discovery.k8s.io/v1",
    shape: ENDPOINT_SLICE,
    meta: SUBDOMAIN_NAMED,
    check: checkEndpointSlice,
  },
  { kind: "Secret", apiVersion: "v1", shape: SECRET, meta: SUBDOMAIN_NAMED, check: checkSecret },
  { kind: "ConfigMap", apiVersion: "v1", shape: CONFIG_MAP, meta: SUBDOMAIN_NAMED, check: checkConfigMap },
  {
    kind: "Namespace",
    apiVersion: "v1",
    shape: NAMESPACE,
    meta: { isNamespaced: false, nameErrors: dnsLabelErrors },
    check: () => {},
  },
  ...CUSTOM_RESOURCES.map((resource) => ({
    kind: resource.kind,
    apiVersion: `${CUSTOM_RESOURCE_GROUP}/${CUSTOM_RESOURCE_VERSION}`,
    shape: shapeOfCustomResource(resource),
    meta: { isNamespaced: resource.isNamespaced, nameErrors: dnsSubdomainErrors },
    check: (decoded: object, problems: ProblemList) => checkCustomResource(resource, decoded, problems),
  })),
];

const BY_KIND: ReadonlyMap<string, KindDefinition> = new Map(DEFINITIONS.map((entry) => [entry.kind, entry]));

const NEW_INGRESS =
  "Write apiVersion: networking.k8s.io/v1, give every path a pathType, and turn serviceName and servicePort into service: {name, port: {number}}.";

const REMOVED_VERSIONS: ReadonlyMap<string, RemovedVersion> = new Map([
  ["extensions/v1beta1/Ingress", { kind: "Ingress", removedIn: "1.22", hint: NEW_INGRESS }],
  ["networking.k8s.io/v1beta1/Ingress", { kind: "Ingress", removedIn: "1.22", hint: NEW_INGRESS }],
  [
    "networking.k8s.io/v1beta1/IngressClass",
    { kind: "IngressClass", removedIn: "1.22", hint: "Write apiVersion: networking.k8s.io/v1." },
  ],
  [
    "discovery.k8s.io/v1beta1/EndpointSlice",
    {
      kind: "EndpointSlice",
      removedIn: "1.25",
      hint: "Write apiVersion: discovery.k8s.io/v1, with nodeName and zone instead of topology.",
    },
  ],
]);

export function lookUpKind(apiVersion: string, kind: string): KindLookup {
  const definition = BY_KIND.get(kind);
  if (definition === undefined) return lookUpMisspelt(apiVersion, kind);
  if (definition.apiVersion === apiVersion) return { found: "definition", definition };
  const removed = REMOVED_VERSIONS.get(`${apiVersion}/${kind}`);
  const noMatch = `no matches for kind "${kind}" in version ${quoteText(apiVersion)}`;
  if (removed !== undefined) {
    return {
      found: "wrong-version",
      message: `${noMatch}: it was removed in Kubernetes ${removed.removedIn}`,
      hint: removed.hint,
    };
  }
  // Other groups may have a kind of the same name (a Service of serving.knative.dev); groups of Kubernetes and our own may not.
  if (isForeignGroup(apiVersion)) return { found: "foreign" };
  return { found: "wrong-version", message: noMatch, hint: `Write apiVersion: ${definition.apiVersion}.` };
}

/** A kind that is nearly one of ours in the same version is a typing error, which the API server would refuse. */
function lookUpMisspelt(apiVersion: string, kind: string): KindLookup {
  const ours = [...BY_KIND.values()].filter((definition) => definition.apiVersion === apiVersion);
  const meant = findClosestWord(
    kind,
    ours.map((definition) => definition.kind),
  );
  if (meant === null) return { found: "foreign" };
  const message = `no matches for kind ${quoteText(kind)} in version ${quoteText(apiVersion)}`;
  return { found: "wrong-version", message, hint: `Did you mean kind: ${meant}?` };
}

/** The kind of the items of a `…List` of one of our kinds; null for `List` itself, whose items say it themselves. */
export function itemKindOf(listKind: string): string | null {
  return listKind === "List" ? null : listKind.slice(0, -"List".length);
}

function isForeignGroup(apiVersion: string): boolean {
  const group = apiVersion.slice(0, Math.max(0, apiVersion.indexOf("/")));
  return group.includes(".") && !group.endsWith(".k8s.io") && group !== CUSTOM_RESOURCE_GROUP;
}
