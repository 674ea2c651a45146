// Why no connection to a peer could be made, as one of the engine's errors. Nothing was sent: a retry is always safe.
import { ProxyError } from "../proxy/proxy-error.ts";
import type { Peer } from "./peer.ts";

/** @param cause of Node; null: the deadline passed. */
export function connectError(peer: Peer, cause: Error | null): ProxyError {
  if (cause === null) {
    return new ProxyError("connect-timeout", "upstream", `connecting to ${peer.label} took too long`, "connect");
  }
  const code = (cause as NodeJS.ErrnoException).code ?? "";
  // A listener that ends resets the connections that nobody has accepted yet, also one that is just being made.
  if (code === "ECONNREFUSED" || (code === "ECONNRESET" && peer.tls === null)) {
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

/** The attempt was ended by this side: the peer is no endpoint any more, or others found it silent. */
export function withdrawnError(peer: Peer): ProxyError {
  return new ProxyError("connect-withdrawn", "upstream", `${peer.label} went away while connecting to it`, "connect");
}

/** The attempt goes on no more, since one that began later has its connection. */
export function outpacedError(peer: Peer): ProxyError {
  return new ProxyError(
    "connect-timeout",
    "upstream",
    `connecting to ${peer.label} took longer than elsewhere`,
    "connect",
  );
}

/** OpenSSL's verification results, as Node puts them into `code`. */
const TLS_CODES = /CERT|SELF_SIGNED|UNABLE_TO|HOSTNAME|CRL|EPROTO/;

/** The way to the peer is missing, not something of ours such as descriptors or ports. */
const NO_WAY_CODES: ReadonlySet<string> = new Set(["EHOSTUNREACH", "ENETUNREACH", "EHOSTDOWN"]);

/** Whether the peer, or the network in its place, said no: trying another one costs next to nothing. */
export function isRefusal(error: ProxyError): boolean {
  return error.type === "connect-refused" || hasNoWay(error);
}

/** Whether a failure to connect speaks of the peer: it will very likely refuse or ignore the next connection too. */
export function isPeerUnreachable(error: ProxyError): boolean {
  return error.type === "connect-refused" || error.type === "connect-timeout" || hasNoWay(error);
}

function hasNoWay(error: ProxyError): boolean {
  const { code } = (error.cause ?? {}) as NodeJS.ErrnoException;
  return error.type === "connect-failed" && code !== undefined && NO_WAY_CODES.has(code);
}
