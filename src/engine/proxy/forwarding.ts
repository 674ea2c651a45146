// The headers that tell an upstream who the client is: set anew for clients that we do not trust, appended to for
// proxies that we do. Nothing of an untrusted client's own claims survives.
import { isFieldValue, type HeaderList } from "../http/header-list.ts";
import { headerBit, KnownHeader } from "../http/known-headers.ts";
import type { RequestHead } from "../http/messages.ts";
import type { DownstreamConnection } from "./downstream.ts";

const CLAIMS =
  headerBit(KnownHeader.forwardedFor) |
  headerBit(KnownHeader.forwardedProto) |
  headerBit(KnownHeader.forwardedHost) |
  headerBit(KnownHeader.forwardedPort) |
  headerBit(KnownHeader.realIp) |
  headerBit(KnownHeader.requestId) |
  headerBit(KnownHeader.forwarded);

/** Whether an address belongs to a proxy whose forwarding headers are believed. */
export type TrustPredicate = (address: string) => boolean;

/** Whose request is forwarded. */
export interface ForwardedRequest {
  readonly request: RequestHead;
  readonly connection: DownstreamConnection;
  readonly requestId: string;
  /** As `clientAddressOf` finds it. */
  readonly clientAddress: string;
}

/** Sets the forwarding headers of an upstream request in place. */
export function setForwardingHeaders(forwarded: ForwardedRequest): void {
  const { request, connection, requestId } = forwarded;
  const { headers } = request;
  const { remoteAddress } = connection;
  const scheme = connection.tls === null ? "http" : "https";
  if (connection.isTrusted && (headers.seen & CLAIMS) !== 0) {
    appendToClaims(forwarded);
    return;
  }
  headers.removeMask(CLAIMS);
  const pairs = [
    "X-Forwarded-For",
    remoteAddress,
    "X-Forwarded-Proto",
    scheme,
    "X-Forwarded-Host",
    request.authority,
    "X-Forwarded-Port",
    portOf(request.authority, scheme),
    "X-Real-IP",
    remoteAddress,
    "X-Request-ID",
    requestId,
  ];
  if (headers.added === null) headers.added = pairs;
  else headers.added.push(...pairs);
  headers.seen |= CLAIMS;
  headers.addedSeen |= CLAIMS;
}

function appendToClaims({ request, connection, requestId, clientAddress }: ForwardedRequest): void {
  const { headers } = request;
  const scheme = connection.tls === null ? "http" : "https";
  const chain = headers.getAll("x-forwarded-for");
  headers.remove("x-forwarded-for");
  chain.push(connection.remoteAddress);
  headers.appendTrusted("X-Forwarded-For", chain.join(", "), KnownHeader.forwardedFor);
  keepOrSet(headers, "X-Forwarded-Proto", scheme, KnownHeader.forwardedProto);
  keepOrSet(headers, "X-Forwarded-Host", request.authority, KnownHeader.forwardedHost);
  keepOrSet(headers, "X-Forwarded-Port", portOf(request.authority, scheme), KnownHeader.forwardedPort);
  // Not kept: a client's own claim may have come through the proxy in front.
  headers.remove("x-real-ip");
  headers.appendTrusted("X-Real-IP", clientAddress, KnownHeader.realIp);
  headers.remove("x-request-id");
  headers.appendTrusted("X-Request-ID", requestId, KnownHeader.requestId);
}

function keepOrSet(headers: HeaderList, name: string, value: string, id: number): void {
  if (headers.get(name.toLowerCase()) === null) headers.appendTrusted(name, value, id);
}

/** The port that the client asked for: that of the authority, else the scheme's. */
function portOf(authority: string, scheme: string): string {
  const colon = authority.lastIndexOf(":");
  if (colon > 0 && authority.charCodeAt(authority.length - 1) !== 0x5d) return authority.slice(colon + 1);
  return scheme === "https" ? "443" : "80";
}

/** The client's address: the last one in X-Forwarded-For that no trusted proxy wrote, else the connection's. */
export function clientAddressOf(headers: HeaderList, connection: DownstreamConnection, trusts: TrustPredicate): string {
  if (!connection.isTrusted) return connection.remoteAddress;
  const chain = headers
    .getAll("x-forwarded-for")
    .join(",")
    .split(",")
    .map((address) => address.trim())
    .filter((address) => address !== "");
  for (let i = chain.length - 1; i >= 0; i--) {
    if (!trusts(chain[i] as string)) return chain[i] as string;
  }
  return chain[0] ?? connection.remoteAddress;
}

const MAX_REQUEST_ID_LENGTH = 128;

/** The request id that a trusted proxy sent, if it is one that may stand in logs; else null. */
export function trustedRequestId(headers: HeaderList, connection: DownstreamConnection): string | null {
  if (!connection.isTrusted) return null;
  const id = headers.get("x-request-id");
  if (id === null || id === "" || id.length > MAX_REQUEST_ID_LENGTH || !isFieldValue(id)) return null;
  return id;
}
