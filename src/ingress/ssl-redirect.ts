// Where a plain HTTP request is sent on to when its route wants https.
import type { Session } from "../engine/proxy/session.ts";

const HTTPS_PORT = 443;

/** Whether the client's own connection was plain, as far as a trusted proxy in front of us does not say otherwise. */
export function cameOverPlainHttp(session: Session): boolean {
  const { connection, request } = session;
  if (connection.tls !== null) return false;
  return !connection.isTrusted || request.headers.get("x-forwarded-proto")?.trim().toLowerCase() !== "https";
}

/**
 * The same URL with https. A port is named only where the client named our plain port, so that a client who came through
 * a load balancer on standard ports stays on them.
 * @param httpsPort of our TLS listener; null where there is none.
 * @returns null where the request names no host (HTTP/1.0).
 */
export function httpsLocation(session: Session, httpsPort: number | null): string | null {
  const { authority, host, target } = session.request;
  if (host === "") return null;
  const namedPlainPort = authority.endsWith(`:${session.connection.localPort}`);
  const port = namedPlainPort && httpsPort !== null && httpsPort !== HTTPS_PORT ? `:${httpsPort}` : "";
  return `https://${host}${port}${target}`;
}
