// Headers that end at this hop (RFC 9110 §7.6.1).
import { headerBit, KnownHeader } from "./known-headers.ts";

const HOP_BY_HOP =
  headerBit(KnownHeader.connection) |
  headerBit(KnownHeader.keepAlive) |
  headerBit(KnownHeader.proxyConnection) |
  headerBit(KnownHeader.transferEncoding) |
  headerBit(KnownHeader.te) |
  headerBit(KnownHeader.trailer) |
  headerBit(KnownHeader.upgrade) |
  headerBit(KnownHeader.http2Settings);

/** Of requests: also credentials and offers meant for this proxy. */
export const REQUEST_HOP_BY_HOP: number = HOP_BY_HOP | headerBit(KnownHeader.proxyAuthorization);
/** Of responses. */
export const RESPONSE_HOP_BY_HOP: number = HOP_BY_HOP | headerBit(KnownHeader.proxyAuthenticate);
