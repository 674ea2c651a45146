// UpstreamPolicy: what holds for the upstreams of Services.
import { z } from "zod";
import { SERVER_NAME_VALUE } from "../../lib/traffic-values.ts";
import type { ServiceTargetRef, UpstreamPolicySpec } from "../object-types.ts";
import type { CustomResource } from "./custom-resource.ts";
import type { CelRule, SchemaOf } from "./fields.ts";
import { nameField, targetRefsField, TRAFFIC_FIELDS } from "./fields.ts";

/** A DNS name, in capitals too. */
const SERVER_NAME_PATTERN =
  /^[A-Za-z0-9]([-A-Za-z0-9]{0,61}[A-Za-z0-9])?([.][A-Za-z0-9]([-A-Za-z0-9]{0,61}[A-Za-z0-9])?)*$/;

/** An address is no server name (RFC 6066 §3). */
export const SERVER_NAME_RULE: CelRule = {
  rule: "!self.matches('(^|[.])[0-9]+$')",
  message: "must not end in a label of digits only, as addresses do",
};

const serviceTarget: SchemaOf<ServiceTargetRef> = z
  .strictObject({
    group: z.literal("").meta({ description: "The API group of Services, which is empty." }),
    kind: z.literal("Service").meta({ description: "Service." }),
    name: nameField("The name of a Service of the policy's namespace."),
    sectionName: nameField(
      "The name of one of the Service's ports; without it the policy holds for all of them. What is said of a port wins over what is said of the whole Service.",
    ).exactOptional(),
  })
  .meta({ description: "A Service, or one port of it." });

const tls = z
  .strictObject({
    serverName: z
      .string()
      .max(253)
      .regex(SERVER_NAME_PATTERN)
      .refine((text) => !SERVER_NAME_PATTERN.test(text) || SERVER_NAME_VALUE.read(text) !== null, {
        error: SERVER_NAME_RULE.message,
      })
      .meta({
        description:
          "Sent as SNI and compared with the certificate. Default: the name of an ExternalName Service, or service.namespace.svc.",
        hint: `Write ${SERVER_NAME_VALUE.allowed}.`,
        "x-kubernetes-validations": [SERVER_NAME_RULE],
      })
      .exactOptional(),
    caSecretName: nameField(
      "A Secret of the policy's namespace whose key ca.crt holds the CAs that may vouch for the endpoints, instead of the system's.",
    ).exactOptional(),
  })
  .meta({ description: "How endpoints are verified where protocol is https." });

const spec: SchemaOf<UpstreamPolicySpec> = z
  .strictObject({
    targetRefs: targetRefsField(serviceTarget, "The Services that the policy holds for."),
    protocol: z
      .enum(["http", "https"])
      .meta({
        description:
          "How endpoints are spoken to; with https the certificate is always verified. Default: what the port's appProtocol says, else http.",
      })
      .exactOptional(),
    tls: tls.exactOptional(),
    ...TRAFFIC_FIELDS,
  })
  .meta({ description: "What holds for the upstreams." });

export const UPSTREAM_POLICY: CustomResource<"UpstreamPolicy"> = {
  kind: "UpstreamPolicy",
  plural: "upstreampolicies",
  shortName: "upol",
  isNamespaced: true,
  isSpecRequired: true,
  description:
    "UpstreamPolicy says how the endpoints of Services are spoken to: protocol and TLS, timeouts, body size and attempts. An annotation of the Service wins over it.",
  spec,
  columns: [
    { name: "Target", type: "string", jsonPath: ".spec.targetRefs[0].name" },
    { name: "Protocol", type: "string", jsonPath: ".spec.protocol" },
    { name: "Response", type: "string", jsonPath: ".spec.timeouts.response" },
  ],
};
