// Why no connection to a peer could be made, as one of the engine's errors. Nothing was sent: a retry is always safe.
import { ProxyError } from "../proxy/proxy-error.ts";
import type { Peer } from "./peer.ts";

/** @param cause of Node; null: the deadline passed. */
export function connectError(peer: Peer, cause: Error | null): ProxyError {
  if (cause === null) {
    return new ProxyError("connect-timeout", "upstream", `connecting to ${peer.label} took too long`, "connect");
  }
  const code = (cause as NodeJS.ErrnoException).code ?? "";
  if (code === "ECONNREFUSED") {
    return new ProxyError("connect-refused", "upstream", `${peer.label} refused the connection`, "connect", cause);
  }
  if (code === "ETIMEDOUT") {
    return new ProxyError("connect-timeout", "upstream", `connecting to ${peer.label} took too long`, "connect", cause);
  }
  if (peer.tls !== null && (code.startsWith("ERR_TLS") || code.startsWith("ERR_SSL") || TLS_CODES.test(code))) {
    const message = `the TLS handshake with ${peer.label} failed: ${cause.message}`;
    return new ProxyError("tls-failed", "upstream", message, "connect", cause);
  }
  const message = `connecting to ${peer.label} failed: ${code === "" ? cause.message : code}`;
  return new ProxyError("connect-failed", "upstream", message, "connect", cause);
}

/** OpenSSL's verification results, as Node puts them into `code`. */
const TLS_CODES = /CERT|SELF_SIGNED|UNABLE_TO|HOSTNAME|CRL|EPROTO/;

/** The way to the peer is missing, not something of ours such as descriptors or ports. */
const NO_WAY_CODES: ReadonlySet<string> = new Set(["EHOSTUNREACH", "ENETUNREACH", "EHOSTDOWN"]);

/** Whether a failure to connect speaks of the peer: it will very likely refuse or ignore the next connection too. */
export function isPeerUnreachable(error: ProxyError): boolean {
  if (error.type === "connect-refused" || error.type === "connect-timeout") return true;
  const { code } = (error.cause ?? {}) as NodeJS.ErrnoException;
  return error.type === "connect-failed" && code !== undefined && NO_WAY_CODES.has(code);
}
