// Parses the head of an HTTP/1 request (RFC 9112 §3, §5, §6) strictly: what two readers could understand in two ways
// is refused. One instance serves a whole worker; its result fields are overwritten by the next call.
import { hostOf } from "../http/authority.ts";
import { parseContentLength } from "../http/content-length.ts";
import { HeaderList } from "../http/header-list.ts";
import { headerBit, KnownHeader } from "../http/known-headers.ts";
import { RequestHead, UNKNOWN_LENGTH } from "../http/messages.ts";
import type { ProxyErrorType } from "../proxy/proxy-error.ts";
import { CR, LF, METHOD, SPACE, TARGET } from "./char-class.ts";
import { type ConnectionOptions, NO_CONNECTION_OPTIONS, parseConnectionOptions } from "./connection-options.ts";
import { FieldLines, INCOMPLETE, TOO_LARGE } from "./field-lines.ts";

export interface HeadLimits {
  /** Field lines. */
  readonly maxHeaderCount: number;
  /** Bytes of the whole head. */
  readonly maxHeaderBytes: number;
  readonly maxRequestLineBytes: number;
}

const MAX_METHOD_BYTES = 32;
const SLASH = 0x2f;
const HOST = headerBit(KnownHeader.host);
const CONTENT_LENGTH = headerBit(KnownHeader.contentLength);
const TRANSFER_ENCODING = headerBit(KnownHeader.transferEncoding);
const CONNECTION = headerBit(KnownHeader.connection);
const EXPECT = headerBit(KnownHeader.expect);
const UPGRADE = headerBit(KnownHeader.upgrade);
/** Two of these in one message is an attack or a broken sender, equal or not. */
const SINGLE = HOST | CONTENT_LENGTH | TRANSFER_ENCODING | EXPECT | UPGRADE;

export class RequestParser {
  readonly #limits: HeadLimits;
  readonly #lines = new FieldLines();
  /** Position after the head. */
  headEnd = 0;
  /** Set where `parse` returned null for a head that is wrong; null when it is only incomplete. */
  failure: ProxyErrorType | null = null;
  /** Why, for the log. */
  reason = "";
  /** The connection options of the parsed head. */
  options: ConnectionOptions = NO_CONNECTION_OPTIONS;

  constructor(limits: HeadLimits) {
    this.#limits = limits;
  }

  /** A head, or null: incomplete, or wrong (see `failure`). */
  parse(bytes: Buffer, start: number, end: number): RequestHead | null {
    this.failure = null;
    let pos = start;
    // One empty line before a request is passed over (RFC 9112 §2.2).
    if (end - pos >= 2 && bytes[pos] === CR && bytes[pos + 1] === LF) pos += 2;
    const headStart = pos;

    while (pos < end && METHOD[bytes[pos] as number] === 1) pos++;
    const methodEnd = pos;
    if (pos >= end) return this.#incomplete(end - headStart, methodEnd - headStart > MAX_METHOD_BYTES);
    if (bytes[pos] !== SPACE || methodEnd === headStart || methodEnd - headStart > MAX_METHOD_BYTES) {
      if (bytes[pos] === CR && pos === start && pos + 1 >= end) return null;
      return this.#fail("malformed-request", "the request line has no valid method");
    }
    pos++;
    const targetStart = pos;
    while (pos < end && TARGET[bytes[pos] as number] === 1) pos++;
    const targetEnd = pos;
    if (targetEnd - headStart > this.#limits.maxRequestLineBytes) {
      return this.#fail("uri-too-long", "the request line is too long");
    }
    if (pos >= end) return null;
    if (bytes[pos] !== SPACE || targetEnd === targetStart) {
      return this.#fail("malformed-request", "the request target has a character that is not allowed");
    }
    pos++;
    const version = matchVersion(bytes, pos, end);
    if (version === INCOMPLETE) return null;
    if (version < 0) return this.#fail("malformed-request", "the request line does not end in HTTP/1.1 or HTTP/1.0");
    pos += 10;

    const lines = this.#lines;
    const headEnd = lines.parse(bytes, pos, end, headStart, this.#limits.maxHeaderCount);
    if (headEnd < 0) return this.#headersFailed(headEnd, end - headStart);
    if (headEnd - headStart > this.#limits.maxHeaderBytes) {
      return this.#fail("headers-too-large", "the request's headers are too large");
    }
    this.headEnd = headEnd;
    const text = bytes.toString("latin1", headStart, headEnd);
    const method = methodOf(bytes, headStart, methodEnd, text);
    return this.#assemble(method, text.slice(targetStart - headStart, targetEnd - headStart), version as 10 | 11, text);
  }

  #assemble(method: string, rawTarget: string, version: 10 | 11, text: string): RequestHead | null {
    const lines = this.#lines;
    if ((lines.repeated & SINGLE) !== 0) {
      return this.#fail("malformed-request", "a header that may stand only once is repeated");
    }
    if (method === "CONNECT") return this.#fail("not-implemented", "CONNECT is not served");
    const contentLength = this.#bodyLength(text, version);
    if (contentLength === null) return null;

    let authority = "";
    const hostIndex = lines.indexOf(KnownHeader.host);
    if (hostIndex >= 0) authority = valueAt(lines.spans, hostIndex, text);
    else if (version === 11) return this.#fail("malformed-request", "the Host header is missing");
    let target = rawTarget;
    if (target.charCodeAt(0) !== SLASH) {
      const origin = originForm(method, target);
      if (origin === null) return this.#fail("malformed-request", "the request target is not in a form that is served");
      target = origin.target;
      if (origin.authority !== null) {
        // RFC 9112 §3.2.2 lets a proxy prefer the target's authority; two that differ are refused instead.
        if (hostIndex >= 0 && authority.toLowerCase() !== origin.authority.toLowerCase()) {
          return this.#fail("malformed-request", "the request target's host differs from the Host header");
        }
        authority = origin.authority;
      }
    }
    const host = hostOf(authority);
    if (host === null) return this.#fail("malformed-request", "the Host header is not a valid host");
    if (host === "" && version === 11) return this.#fail("malformed-request", "the Host header is empty");

    const { spans, seen } = lines;
    const upgrade = this.#readOptions(text, version, contentLength);
    if (upgrade === null) return this.#fail("malformed-request", "the Connection header has too many options");
    let expectsContinue = false;
    if ((seen & EXPECT) !== 0 && version === 11) {
      const expect = valueAt(spans, lines.indexOf(KnownHeader.expect), text);
      if (expect.toLowerCase() !== "100-continue") {
        return this.#fail("expectation-failed", "only Expect: 100-continue is served");
      }
      expectsContinue = contentLength !== 0;
    }
    const headers = new HeaderList(text, spans, seen);
    return new RequestHead(method, target, authority, host, version, headers, contentLength, upgrade, expectsContinue);
  }

  /** Sets `options`; returns the protocol to upgrade to, `""` for none, null where the options are too many. */
  #readOptions(text: string, version: 10 | 11, contentLength: number): string | null {
    const lines = this.#lines;
    this.options = NO_CONNECTION_OPTIONS;
    if ((lines.seen & CONNECTION) === 0) return "";
    const options = parseConnectionOptions(joinValues(lines, KnownHeader.connection, text));
    if (options === null) return null;
    this.options = options;
    if (!this.options.hasUpgrade || version !== 11 || contentLength !== 0 || (lines.seen & UPGRADE) === 0) return "";
    const protocol = valueAt(lines.spans, lines.indexOf(KnownHeader.upgrade), text).toLowerCase();
    // h2c by upgrade smuggles requests past a proxy that tunnels it; a list of protocols is a choice we do not pass on.
    return protocol === "h2c" || !/^[a-z0-9.+-]{1,32}(?:\/[0-9.]{1,8})?$/.test(protocol) ? "" : protocol;
  }

  /** RFC 9112 §6; null after `#fail`. */
  #bodyLength(text: string, version: 10 | 11): number | null {
    const { seen, spans } = this.#lines;
    if ((seen & (CONTENT_LENGTH | TRANSFER_ENCODING)) === 0) return 0;
    // A tab around the value is optional white space to some and part of the value to others.
    if (this.#lines.hasTab(KnownHeader.transferEncoding, text) || this.#lines.hasTab(KnownHeader.contentLength, text)) {
      return this.#fail("malformed-request", "there is a tab in Content-Length or Transfer-Encoding");
    }
    if ((seen & TRANSFER_ENCODING) !== 0) {
      if ((seen & CONTENT_LENGTH) !== 0) {
        return this.#fail("malformed-request", "Content-Length and Transfer-Encoding exclude each other");
      }
      if (version === 10) return this.#fail("malformed-request", "HTTP/1.0 has no Transfer-Encoding");
      const coding = valueAt(spans, this.#lines.indexOf(KnownHeader.transferEncoding), text);
      if (coding !== "chunked" && coding.toLowerCase() !== "chunked") {
        return this.#fail("malformed-request", "Transfer-Encoding is not exactly chunked");
      }
      return UNKNOWN_LENGTH;
    }
    const length = parseContentLength(valueAt(spans, this.#lines.indexOf(KnownHeader.contentLength), text));
    if (length < 0) return this.#fail("malformed-request", "Content-Length is not a number");
    return length;
  }

  #headersFailed(code: number, size: number): null {
    if (code === INCOMPLETE) return this.#incomplete(size, false);
    if (code === TOO_LARGE) return this.#fail("headers-too-large", "the request has too many headers");
    return this.#fail("malformed-request", "a header line is malformed");
  }

  #incomplete(size: number, isMethodTooLong: boolean): null {
    if (isMethodTooLong) return this.#fail("malformed-request", "the request line has no valid method");
    if (size > this.#limits.maxHeaderBytes) {
      return this.#fail("headers-too-large", "the request's headers are too large");
    }
    return null;
  }

  #fail(failure: ProxyErrorType, reason: string): null {
    this.failure = failure;
    this.reason = reason;
    return null;
  }
}

function valueAt(spans: number[], index: number, text: string): string {
  return text.slice(spans[index + 3], spans[index + 4]);
}

function joinValues(lines: FieldLines, id: number, text: string): string {
  if ((lines.repeated & headerBit(id)) === 0) return valueAt(lines.spans, lines.indexOf(id), text);
  const values: string[] = [];
  for (let i = 0; i < lines.spans.length; i += 5) {
    if (((lines.spans[i] as number) & 0xff) === id) values.push(valueAt(lines.spans, i, text));
  }
  return values.join(",");
}

/** 11, 10, INCOMPLETE, or another negative number for anything else; with the line's CRLF. */
function matchVersion(bytes: Buffer, position: number, end: number): number {
  const expected = VERSION_11;
  for (let i = 0; i < expected.length; i++) {
    if (position + i >= end) return INCOMPLETE;
    if (i !== 7 && bytes[position + i] !== expected[i]) return -2;
  }
  const minor = bytes[position + 7];
  if (minor === 0x31) return 11;
  return minor === 0x30 ? 10 : -2;
}
const VERSION_11 = Buffer.from("HTTP/1.1\r\n", "latin1");

/** Common methods come as constants, so that comparisons with them are pointer comparisons. */
function methodOf(bytes: Buffer, start: number, end: number, text: string): string {
  const first = bytes[start];
  if (end - start === 3 && first === 0x47 && bytes[start + 1] === 0x45 && bytes[start + 2] === 0x54) return "GET";
  if (end - start === 4 && first === 0x50 && bytes[start + 1] === 0x4f) {
    return bytes[start + 2] === 0x53 && bytes[start + 3] === 0x54 ? "POST" : text.slice(0, end - start);
  }
  return text.slice(0, end - start);
}

/** Absolute form and asterisk form brought to origin form; null for every other form. */
function originForm(method: string, target: string): { target: string; authority: string | null } | null {
  if (target === "*") return method === "OPTIONS" ? { target, authority: null } : null;
  const match = /^https?:\/\/([^/?]+)(.*)$/i.exec(target);
  if (match === null) return null;
  const rest = match[2] as string;
  if (rest === "") return { target: method === "OPTIONS" ? "*" : "/", authority: match[1] as string };
  return { target: rest.startsWith("/") ? rest : `/${rest}`, authority: match[1] as string };
}
