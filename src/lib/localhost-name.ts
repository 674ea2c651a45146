// The names that always mean the machine which asks.

/** True for `localhost` and all below it (RFC 6761 §6.3). `host` is lower-case and has no dot at its end. */
export function isLocalhostName(host: string): boolean {
  return host === "localhost" || host.endsWith(".localhost");
}
