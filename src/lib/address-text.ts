// How addresses with ports are written: one rule for IPv6 (RFC 3986 §3.2.2).

/** `host:port`, with brackets around IPv6. */
export function formatAddress(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** As `formatAddress`, and `:8080` for every address of the machine. */
export function formatListenAddress(host: string, port: number): string {
  return host === "" || host === "::" ? `:${port}` : formatAddress(host, port);
}
