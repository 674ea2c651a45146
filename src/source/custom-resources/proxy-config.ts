// ProxyConfig: the parameters of an IngressClass. It belongs to the cluster, as the class does: whoever may write to a
// namespace must not be able to change what holds in all others.
import { z } from "zod";
import type { ProxyConfigSpec } from "../object-types.ts";
import type { CustomResource } from "./custom-resource.ts";
import type { SchemaOf } from "./fields.ts";
import { SSL_REDIRECT, TRAFFIC_FIELDS } from "./fields.ts";

const spec: SchemaOf<ProxyConfigSpec> = z
  .strictObject({ sslRedirect: SSL_REDIRECT, ...TRAFFIC_FIELDS })
  .meta({ description: "What holds where neither an annotation nor a policy says otherwise." });

export const PROXY_CONFIG: CustomResource<"ProxyConfig"> = {
  kind: "ProxyConfig",
  plural: "proxyconfigs",
  shortName: "pcfg",
  isNamespaced: false,
  isSpecRequired: false,
  description:
    "ProxyConfig holds the defaults for every Ingress of an IngressClass whose spec.parameters name it. Annotations and policies win over it.",
  spec,
  columns: [
    { name: "Response", type: "string", jsonPath: ".spec.timeouts.response" },
    { name: "Max-Body", type: "string", jsonPath: ".spec.maxBodySize" },
    { name: "SSL-Redirect", type: "boolean", jsonPath: ".spec.sslRedirect" },
  ],
};
