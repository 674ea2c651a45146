// Whether a request may use the TLS connection that it came on. A browser reuses a connection for every host that its
// certificate covers; a host with a certificate of its own is never served under another one (RFC 9110 §15.5.20).
import type { DownstreamTls } from "../engine/proxy/downstream.ts";
import type { IdentityTable } from "./identity-table.ts";

/** @param host of the request, lower case, without port; `""` where an HTTP/1.0 client sent none. */
export function isMisdirected(tls: DownstreamTls, host: string, identities: IdentityTable): boolean {
  if (tls.serverName === "" || tls.serverName === host) return false;
  const served = tls.identity ?? identities.resolve(tls.serverName);
  if (served.covers(host)) return false;
  const fallback = identities.defaultIdentity;
  return served.id !== fallback.id || identities.resolve(host).id !== fallback.id;
}
