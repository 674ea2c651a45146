// The kinds of our own group, in the order in which documents list them. The one place to add another.
import type { ProxyConfig, RoutePolicy, UpstreamPolicy } from "../object-types.ts";
import type { CustomResource } from "./custom-resource.ts";
import { PROXY_CONFIG } from "./proxy-config.ts";
import { ROUTE_POLICY } from "./route-policy.ts";
import { UPSTREAM_POLICY } from "./upstream-policy.ts";

type CustomKind = (UpstreamPolicy | RoutePolicy | ProxyConfig)["kind"];

export const CUSTOM_RESOURCES: readonly CustomResource<CustomKind>[] = [UPSTREAM_POLICY, ROUTE_POLICY, PROXY_CONFIG];
