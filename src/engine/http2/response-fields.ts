// Turns response heads and trailers into header blocks (RFC 9113 §8.2): lower-case names, nothing that belongs to an
// HTTP/1 connection.
import { type HeaderList, SPAN_REMOVED, SPAN_WIDTH } from "../http/header-list.ts";
import { headerBit, KNOWN_HEADER_NAMES, KnownHeader, knownHeaderId } from "../http/known-headers.ts";
import type { ResponseHead } from "../http/messages.ts";
import { encodeName, encodeStatus, encodeString } from "./hpack-encoder.ts";

/** RFC 9113 §8.2.2, and what this side writes anew. */
const NEVER_SENT =
  headerBit(KnownHeader.connection) |
  headerBit(KnownHeader.keepAlive) |
  headerBit(KnownHeader.proxyConnection) |
  headerBit(KnownHeader.transferEncoding) |
  headerBit(KnownHeader.upgrade) |
  headerBit(KnownHeader.http2Settings) |
  headerBit(KnownHeader.te) |
  headerBit(KnownHeader.contentLength);
/** An answer to a challenge that HTTP/2 does not make (RFC 8441 §5.1). */
const UPGRADE_ANSWER = headerBit(KnownHeader.secWebSocketAccept);

/** Bytes of a header block; above what upstreams may send. */
const MAX_BLOCK_LENGTH = 256 * 1024;

/** Each known name as the beginning of a line, by id. */
const knownNames: readonly string[] = KNOWN_HEADER_NAMES.map((name) => encodeName(name));
const CONTENT_LENGTH = encodeName("content-length");

/**
 * The header block of a final response, or null: it has a line that HTTP/2 cannot carry, or too many.
 * @param isBodyless the response has no body by its status or the request's method: what it declares is passed on.
 * @param isTunnel the answer to an extended CONNECT that was accepted.
 */
export function responseBlock(response: ResponseHead, isBodyless: boolean, isTunnel: boolean): string | null {
  const { status } = response;
  const skipMask = isTunnel ? NEVER_SENT | UPGRADE_ANSWER : NEVER_SENT;
  let block = appendLines(encodeStatus(isTunnel ? 200 : status), response.headers, skipMask);
  if (block === null) return null;
  const length = isBodyless ? response.declaredLength : response.contentLength;
  if (length >= 0 && status !== 204 && status !== 205 && !isTunnel) {
    block += CONTENT_LENGTH + encodeString(String(length));
  }
  return block.length > MAX_BLOCK_LENGTH ? null : block;
}

/** The header block of an informational response; null as with `responseBlock`. */
export function informationalBlock(status: number, headers: HeaderList): string | null {
  return appendLines(encodeStatus(status), headers, NEVER_SENT);
}

/** The header block of trailers; null as with `responseBlock`. */
export function trailerBlock(headers: HeaderList): string | null {
  return appendLines("", headers, NEVER_SENT);
}

function appendLines(start: string, headers: HeaderList, skipMask: number): string | null {
  const { text, spans, added } = headers;
  let block = start;
  for (let i = 0; i < spans.length; i += SPAN_WIDTH) {
    const span = spans[i] as number;
    if (span === SPAN_REMOVED) continue;
    const id = span & 0xff;
    if (((1 << id) & skipMask) !== 0) continue;
    const name = id === 0 ? encodeName(text.slice(spans[i + 1], spans[i + 2])) : (knownNames[id] as string);
    if (name === "") return null;
    block += name + encodeString(text.slice(spans[i + 3], spans[i + 4]));
  }
  if (added === null) return block;
  const mustFilter = (headers.addedSeen & skipMask) !== 0;
  for (let i = 0; i < added.length; i += 2) {
    const line = added[i] as string;
    if (mustFilter && ((1 << knownHeaderId(line.toLowerCase())) & skipMask) !== 0) continue;
    const name = encodeName(line);
    if (name === "") return null;
    block += name + encodeString(added[i + 1] as string);
  }
  return block;
}
