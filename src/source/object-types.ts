// The Kubernetes objects that Penstock reads, reduced to the fields that it uses. Types only: field names are the API's.
// Every field may be missing or wrong in what a file holds; a source hands on only objects that passed their schema.

export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  /** RFC 3339. */
  readonly creationTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

interface KubernetesObject<Kind extends string> {
  readonly apiVersion: string;
  readonly kind: Kind;
  readonly metadata: ObjectMeta;
}

/** Where clients reach an Ingress or a Service, as its status says. */
export interface LoadBalancerStatus {
  readonly ingress?: readonly LoadBalancerIngress[];
}
/** One address; the API wants either `ip` or `hostname`. */
export interface LoadBalancerIngress {
  readonly ip?: string;
  readonly hostname?: string;
  readonly ports?: readonly { readonly port: number; readonly protocol?: string; readonly error?: string }[];
}

export interface Ingress extends KubernetesObject<"Ingress"> {
  readonly spec?: IngressSpec;
  readonly status?: { readonly loadBalancer?: LoadBalancerStatus };
}
export interface IngressSpec {
  readonly ingressClassName?: string;
  readonly defaultBackend?: IngressBackend;
  readonly tls?: readonly IngressTls[];
  readonly rules?: readonly IngressRule[];
}
export interface IngressTls {
  readonly hosts?: readonly string[];
  readonly secretName?: string;
}
export interface IngressRule {
  readonly host?: string;
  readonly http?: { readonly paths: readonly IngressPath[] };
}
export interface IngressPath {
  readonly path?: string;
  readonly pathType: string;
  readonly backend: IngressBackend;
}
export interface IngressBackend {
  readonly service?: { readonly name: string; readonly port?: { readonly name?: string; readonly number?: number } };
  readonly resource?: { readonly apiGroup?: string; readonly kind: string; readonly name: string };
}

export interface IngressClass extends KubernetesObject<"IngressClass"> {
  readonly spec?: { readonly controller?: string; readonly parameters?: unknown };
}

export interface Service extends KubernetesObject<"Service"> {
  readonly spec?: ServiceSpec;
  readonly status?: { readonly loadBalancer?: LoadBalancerStatus };
}
export interface ServiceSpec {
  readonly type?: string;
  readonly clusterIP?: string;
  readonly externalName?: string;
  readonly externalIPs?: readonly string[];
  readonly ports?: readonly ServicePort[];
}
export interface ServicePort {
  readonly name?: string;
  readonly port: number;
  readonly protocol?: string;
  readonly targetPort?: number | string;
  readonly appProtocol?: string;
}

export interface EndpointSlice extends KubernetesObject<"EndpointSlice"> {
  readonly addressType: string;
  readonly endpoints?: readonly SliceEndpoint[] | null;
  readonly ports?: readonly SlicePort[] | null;
}
export interface SliceEndpoint {
  readonly addresses: readonly string[];
  readonly conditions?: {
    readonly ready?: boolean | null;
    readonly serving?: boolean | null;
    readonly terminating?: boolean | null;
  };
  readonly nodeName?: string;
  readonly zone?: string;
  readonly hints?: { readonly forZones?: readonly { readonly name: string }[] };
}
export interface SlicePort {
  readonly name?: string | null;
  readonly port?: number | null;
  readonly protocol?: string | null;
  readonly appProtocol?: string | null;
}

export interface Secret extends KubernetesObject<"Secret"> {
  readonly type?: string;
  /** Base64. `stringData` of a file is folded in by the source. */
  readonly data?: Readonly<Record<string, string>>;
}

export interface ConfigMap extends KubernetesObject<"ConfigMap"> {
  readonly data?: Readonly<Record<string, string>>;
}

export type Namespace = KubernetesObject<"Namespace">;

// Kinds of our own, of the group penstock.dev. The schemas in custom-resources/ are held to these types by the compiler.

/** What holds for the upstreams of Services. */
export interface UpstreamPolicy extends KubernetesObject<"UpstreamPolicy"> {
  readonly spec: UpstreamPolicySpec;
}
export interface UpstreamPolicySpec extends TrafficSpec {
  readonly targetRefs: readonly ServiceTargetRef[];
  readonly protocol?: "http" | "https";
  readonly tls?: { readonly serverName?: string; readonly caSecretName?: string };
}
export interface ServiceTargetRef {
  readonly group: "";
  readonly kind: "Service";
  readonly name: string;
  /** The name of one of the Service's ports. */
  readonly sectionName?: string;
}

/** What holds for the routes of Ingress objects. */
export interface RoutePolicy extends KubernetesObject<"RoutePolicy"> {
  readonly spec: RoutePolicySpec;
}
export interface RoutePolicySpec extends TrafficSpec {
  readonly targetRefs: readonly IngressTargetRef[];
  readonly sslRedirect?: boolean;
}
export interface IngressTargetRef {
  readonly group: "networking.k8s.io";
  readonly kind: "Ingress";
  readonly name: string;
}

/** Parameters of an IngressClass: what holds for its Ingress objects where nothing else is said. */
export interface ProxyConfig extends KubernetesObject<"ProxyConfig"> {
  readonly spec?: ProxyConfigSpec;
}
export interface ProxyConfigSpec extends TrafficSpec {
  readonly sslRedirect?: boolean;
}

/** What may be said in all three. */
export interface TrafficSpec {
  /** GEP-2257 durations. */
  readonly timeouts?: { readonly connect?: string; readonly response?: string; readonly idle?: string };
  /** Bytes, or a size such as `10Mi`; 0 for no limit. */
  readonly maxBodySize?: number | string;
  readonly retry?: { readonly attempts?: number };
}

export type WatchedObject =
  | Ingress
  | IngressClass
  | Service
  | EndpointSlice
  | Secret
  | ConfigMap
  | Namespace
  | UpstreamPolicy
  | RoutePolicy
  | ProxyConfig;
export type WatchedKind = WatchedObject["kind"];

/** Every object of the world, by kind, in no particular order; objects are deeply frozen and keep their identity while unchanged. */
export interface WorldObjects {
  readonly ingresses: readonly Ingress[];
  readonly ingressClasses: readonly IngressClass[];
  readonly services: readonly Service[];
  readonly endpointSlices: readonly EndpointSlice[];
  readonly secrets: readonly Secret[];
  readonly configMaps: readonly ConfigMap[];
  readonly namespaces: readonly Namespace[];
  readonly upstreamPolicies: readonly UpstreamPolicy[];
  readonly routePolicies: readonly RoutePolicy[];
  readonly proxyConfigs: readonly ProxyConfig[];
}
