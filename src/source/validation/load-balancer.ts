// The shape of `status.loadBalancer` of Ingresses and Services. No rules: what a cluster reports is taken as it is.
import type { Shape } from "./shape.ts";
import { INT32, listOf, objectOf, STRING } from "./shape.ts";

export const LOAD_BALANCER: Shape = objectOf({
  ingress: listOf(
    objectOf(
      { ip: STRING, hostname: STRING, ports: listOf(objectOf({ port: INT32, protocol: STRING, error: STRING })) },
      ["ipMode"],
    ),
  ),
});
