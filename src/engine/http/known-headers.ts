// Small integers for the header names that the engine acts on, so that the hot path compares numbers, not strings.

/** Ids fit a 31-bit mask; 0 stands for every other name. */
export const KnownHeader = {
  other: 0,
  host: 1,
  connection: 2,
  contentLength: 3,
  transferEncoding: 4,
  upgrade: 5,
  expect: 6,
  te: 7,
  trailer: 8,
  keepAlive: 9,
  proxyConnection: 10,
  proxyAuthorization: 11,
  proxyAuthenticate: 12,
  http2Settings: 13,
  forwardedFor: 14,
  forwardedProto: 15,
  forwardedHost: 16,
  forwardedPort: 17,
  realIp: 18,
  requestId: 19,
  forwarded: 20,
  secWebSocketAccept: 21,
  secWebSocketKey: 22,
  userAgent: 23,
  referer: 24,
  date: 25,
  server: 26,
} as const;

/** Lower-case name of each id, by index. */
export const KNOWN_HEADER_NAMES: readonly string[] = [
  "",
  "host",
  "connection",
  "content-length",
  "transfer-encoding",
  "upgrade",
  "expect",
  "te",
  "trailer",
  "keep-alive",
  "proxy-connection",
  "proxy-authorization",
  "proxy-authenticate",
  "http2-settings",
  "x-forwarded-for",
  "x-forwarded-proto",
  "x-forwarded-host",
  "x-forwarded-port",
  "x-real-ip",
  "x-request-id",
  "forwarded",
  "sec-websocket-accept",
  "sec-websocket-key",
  "user-agent",
  "referer",
  "date",
  "server",
];

const idsByName = new Map(KNOWN_HEADER_NAMES.map((name, id) => [name, id]));

/** The id of a lower-case name, 0 if it is none of ours. */
export function knownHeaderId(lowerCaseName: string): number {
  return idsByName.get(lowerCaseName) ?? 0;
}

/** Bit of an id in a mask. */
export function headerBit(id: number): number {
  return 1 << id;
}

/**
 * Whether a lower-case name with underscores would become one of our known names with dashes. Many servers turn both
 * into the same variable (CGI), so that a client could speak in the name of a header that we set or strip.
 */
export function isUnderscoreAlias(lowerCaseName: string): boolean {
  return lowerCaseName.includes("_") && knownHeaderId(lowerCaseName.replaceAll("_", "-")) !== 0;
}
