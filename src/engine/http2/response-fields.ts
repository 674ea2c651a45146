// Turns response heads and trailers into the flat lines that node:http2 sends (RFC 9113 §8.2): lower-case names,
// nothing that belongs to an HTTP/1 connection.
import type { OutgoingHttpHeaders } from "node:http2";
import { type HeaderList, SPAN_REMOVED, SPAN_WIDTH } from "../http/header-list.ts";
import { headerBit, KNOWN_HEADER_NAMES, KnownHeader, knownHeaderId } from "../http/known-headers.ts";
import type { ResponseHead } from "../http/messages.ts";

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

const statusTexts: string[] = Array.from({ length: 600 }, (_, status) => String(status));

/**
 * The lines of a final response.
 * @param isBodyless the response has no body by its status or the request's method: what it declares is passed on.
 * @param isTunnel the answer to an extended CONNECT that was accepted.
 */
export function responseLines(response: ResponseHead, isBodyless: boolean, isTunnel: boolean): string[] {
  const { status } = response;
  const lines = [":status", isTunnel ? "200" : (statusTexts[status] ?? String(status))];
  appendLines(lines, response.headers, isTunnel ? NEVER_SENT | UPGRADE_ANSWER : NEVER_SENT);
  const length = isBodyless ? response.declaredLength : response.contentLength;
  if (length >= 0 && status !== 204 && status !== 205 && !isTunnel) lines.push("content-length", String(length));
  return lines;
}

function appendLines(lines: string[], headers: HeaderList, skipMask: number): void {
  const { text, spans, added } = headers;
  for (let i = 0; i < spans.length; i += SPAN_WIDTH) {
    const span = spans[i] as number;
    if (span === SPAN_REMOVED) continue;
    const id = span & 0xff;
    if (((1 << id) & skipMask) !== 0) continue;
    // Names that are not ours come in any case: node:http2 folds them.
    const name = id === 0 ? text.slice(spans[i + 1], spans[i + 2]) : (KNOWN_HEADER_NAMES[id] as string);
    lines.push(name, text.slice(spans[i + 3], spans[i + 4]));
  }
  if (added === null) return;
  const mustFilter = (headers.addedSeen & skipMask) !== 0;
  for (let i = 0; i < added.length; i += 2) {
    const name = added[i] as string;
    if (mustFilter && ((1 << knownHeaderId(name.toLowerCase())) & skipMask) !== 0) continue;
    lines.push(name, added[i + 1] as string);
  }
}

/** As an object without prototype, which is what node:http2 takes for 1xx responses and trailers. */
export function fieldsObject(headers: HeaderList): OutgoingHttpHeaders {
  const lines: string[] = [];
  appendLines(lines, headers, NEVER_SENT);
  const fields = Object.create(null) as Record<string, string[]>;
  for (let i = 0; i < lines.length; i += 2) {
    (fields[(lines[i] as string).toLowerCase()] ??= []).push(lines[i + 1] as string);
  }
  return fields;
}
