// Brings a client's headers into the form in which they go upstream.
import { REQUEST_HOP_BY_HOP } from "../http/hop-by-hop.ts";
import { headerBit, KnownHeader } from "../http/known-headers.ts";
import type { RequestHead } from "../http/messages.ts";
import type { DownstreamConnection } from "./downstream.ts";
import { setForwardingHeaders } from "./forwarding.ts";

/** Changes the request's headers in place; once a request, whatever the number of attempts. */
export function prepareUpstreamHeaders(
  request: RequestHead,
  connection: DownstreamConnection,
  requestId: string,
): void {
  const { headers } = request;
  const wantsTrailers = headers.get("te")?.includes("trailers") === true;
  headers.removeMask(REQUEST_HOP_BY_HOP);
  // HTTP/1.0 knows no expectations (RFC 9110 §10.1.1).
  if (request.version === 10) headers.removeMask(headerBit(KnownHeader.expect));
  if (wantsTrailers) headers.appendTrusted("TE", "trailers", KnownHeader.te);
  if (request.authority !== "" && headers.get("host") !== request.authority) headers.set("Host", request.authority);
  setForwardingHeaders(headers, request, connection, requestId);
}
