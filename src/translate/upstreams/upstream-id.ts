// Ids of upstreams. They stay the same across rebuilds, so that pools and health outlive a change of routes.
import { hash } from "node:crypto";
import type { ObjectReference } from "../../ir/names.ts";

/** What makes two uses of one Service port two pools. */
export interface UpstreamVariant {
  readonly serverName: string;
  /** Name of the Secret with the CA, in the Service's namespace; null for the system's roots. */
  readonly caSecret: string | null;
}

/** `namespace/service/port`. */
export function plainUpstreamId(service: ObjectReference, port: number): string {
  return `${service.namespace}/${service.name}/${port}`;
}

/** `namespace/service/port/https`, and a digest of the TLS settings where they are not the defaults. */
export function tlsUpstreamId(plainId: string, variant: UpstreamVariant, defaultServerName: string): string {
  if (variant.serverName === defaultServerName && variant.caSecret === null) return `${plainId}/https`;
  // By the Secret's name, not its content: the pool keeps its id while the CA rotates. NUL is in neither of the names.
  const digest = hash("sha256", `${variant.serverName}\0${variant.caSecret ?? ""}`);
  return `${plainId}/https/${digest.slice(0, 12)}`;
}

/** The Service and its port number that an id is for. */
export function parseUpstreamId(id: string): { readonly serviceKey: string; readonly port: number } {
  const serviceEnd = id.indexOf("/", id.indexOf("/") + 1);
  const [port = ""] = id.slice(serviceEnd + 1).split("/", 1);
  return { serviceKey: id.slice(0, serviceEnd), port: Number(port) };
}
