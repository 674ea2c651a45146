// The kinds of our own group, in the order in which documents list them: what is watched, checked and defined in clusters
// follows from here. Another one also takes its type and its list of the world in object-types.ts, which the compiler then
// asks for everywhere else, and a translation.
import type { ProxyConfig, RoutePolicy, UpstreamPolicy } from "../object-types.ts";
import type { CustomResource } from "./custom-resource.ts";
import { PROXY_CONFIG } from "./proxy-config.ts";
import { ROUTE_POLICY } from "./route-policy.ts";
import { UPSTREAM_POLICY } from "./upstream-policy.ts";

type CustomKind = (UpstreamPolicy | RoutePolicy | ProxyConfig)["kind"];

export const CUSTOM_RESOURCES: readonly CustomResource<CustomKind>[] = [UPSTREAM_POLICY, ROUTE_POLICY, PROXY_CONFIG];
