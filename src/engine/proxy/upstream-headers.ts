// Brings a client's headers into the form in which they go upstream.
import { REQUEST_HOP_BY_HOP } from "../http/hop-by-hop.ts";
import { headerBit, KnownHeader } from "../http/known-headers.ts";
import type { Peer } from "../upstream/peer.ts";
import { type ForwardedRequest, setForwardingHeaders } from "./forwarding.ts";

/** Changes the request's headers in place; once a request, with the peer of its first attempt. */
export function prepareUpstreamHeaders(forwarded: ForwardedRequest, peer: Peer): void {
  const { request } = forwarded;
  const { headers } = request;
  const wantsTrailers = headers.get("te")?.includes("trailers") === true;
  headers.removeMask(REQUEST_HOP_BY_HOP);
  // HTTP/1.0 knows no expectations (RFC 9110 §10.1.1).
  if (request.version === 10) headers.removeMask(headerBit(KnownHeader.expect));
  if (wantsTrailers) headers.appendTrusted("TE", "trailers", KnownHeader.te);
  // HTTP/1.1 cannot do without a Host, which HTTP/1.0 clients may leave out.
  const host = request.authority === "" ? peer.label : request.authority;
  if (headers.get("host") !== host) headers.set("Host", host);
  setForwardingHeaders(forwarded);
}
