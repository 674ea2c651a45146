// RoutePolicy: what holds for the routes of Ingress objects.
import { z } from "zod";
import type { IngressTargetRef, RoutePolicySpec } from "../object-types.ts";
import type { CustomResource } from "./custom-resource.ts";
import type { SchemaOf } from "./fields.ts";
import { nameField, SSL_REDIRECT, targetRefsField, TRAFFIC_FIELDS } from "./fields.ts";

const ingressTarget: SchemaOf<IngressTargetRef> = z
  .strictObject({
    group: z.literal("networking.k8s.io").meta({ description: "The API group of Ingress objects." }),
    kind: z.literal("Ingress").meta({ description: "Ingress." }),
    name: nameField("The name of an Ingress of the policy's namespace."),
  })
  .meta({ description: "An Ingress." });

const spec: SchemaOf<RoutePolicySpec> = z
  .strictObject({
    targetRefs: targetRefsField(ingressTarget, "The Ingress objects that the policy holds for."),
    sslRedirect: SSL_REDIRECT,
    ...TRAFFIC_FIELDS,
  })
  .meta({ description: "What holds for the routes." });

export const ROUTE_POLICY: CustomResource<"RoutePolicy"> = {
  kind: "RoutePolicy",
  plural: "routepolicies",
  shortName: "rpol",
  isNamespaced: true,
  isSpecRequired: true,
  description:
    "RoutePolicy says what holds for all routes of Ingress objects: timeouts, body size, attempts and the redirect to https. An annotation of the Ingress wins over it.",
  spec,
  columns: [
    { name: "Target", type: "string", jsonPath: ".spec.targetRefs[0].name" },
    { name: "Response", type: "string", jsonPath: ".spec.timeouts.response" },
    { name: "Max-Body", type: "string", jsonPath: ".spec.maxBodySize" },
  ],
};
