// Parses the head of an HTTP/1 response (RFC 9112 §4, §6) as strictly as requests: an upstream whose framing can be
// read in two ways is refused, never repaired.
import { parseContentLength } from "../http/content-length.ts";
import { HeaderList } from "../http/header-list.ts";
import { headerBit, KnownHeader } from "../http/known-headers.ts";
import { ResponseHead, UNKNOWN_LENGTH } from "../http/messages.ts";
import { CR, FIELD_VALUE, LF, SPACE } from "./char-class.ts";
import { type ConnectionOptions, NO_CONNECTION_OPTIONS, parseConnectionOptions } from "./connection-options.ts";
import { FieldLines, INCOMPLETE, TOO_LARGE } from "./field-lines.ts";

const CONTENT_LENGTH = headerBit(KnownHeader.contentLength);
const TRANSFER_ENCODING = headerBit(KnownHeader.transferEncoding);
const CONNECTION = headerBit(KnownHeader.connection);
const SINGLE = CONTENT_LENGTH | TRANSFER_ENCODING;
const MAX_HEADER_COUNT = 256;
/** Of a response's head. */
export const MAX_HEAD_BYTES: number = 64 * 1024;

/** How the body of the parsed response is framed. */
export type ResponseFraming = "none" | "length" | "chunked" | "until-close";

export class ResponseParser {
  readonly #lines = new FieldLines();
  /** Position after the head. */
  headEnd = 0;
  /** Why the head was refused; `""` where it is only incomplete. */
  failure = "";
  framing: ResponseFraming = "none";
  options: ConnectionOptions = NO_CONNECTION_OPTIONS;

  /** A head, or null: incomplete, or wrong (see `failure`). @param method of the request that it answers. */
  parse(bytes: Buffer, start: number, end: number, method: string): ResponseHead | null {
    this.failure = "";
    const version = statusLineVersion(bytes, start, end);
    if (version === INCOMPLETE) return null;
    if (version < 0) return this.#fail("the status line does not begin with HTTP/1.1 or HTTP/1.0");
    let pos = start + 9;
    if (pos + 3 >= end) return null;
    const status = readStatus(bytes, pos);
    if (status < 100) return this.#fail("the status code is not a number of three digits");
    pos += 3;
    const reasonStart = bytes[pos] === SPACE ? pos + 1 : pos;
    pos = reasonStart;
    while (pos < end && FIELD_VALUE[bytes[pos] as number] === 1) pos++;
    if (pos + 1 >= end) return this.#incomplete(end - start);
    if (bytes[pos] !== CR || bytes[pos + 1] !== LF || (reasonStart === start + 12 && pos !== reasonStart)) {
      return this.#fail("the status line is malformed");
    }
    const reasonEnd = pos;
    const headEnd = this.#lines.parse(bytes, pos + 2, end, start, MAX_HEADER_COUNT);
    if (headEnd === INCOMPLETE) return this.#incomplete(end - start);
    if (headEnd === TOO_LARGE || headEnd - start > MAX_HEAD_BYTES) return this.#fail("the headers are too large");
    if (headEnd < 0) return this.#fail("a header line is malformed");
    this.headEnd = headEnd;
    const text = bytes.toString("latin1", start, headEnd);
    const reason = text.slice(reasonStart - start, reasonEnd - start);
    return this.#assemble(status, reason, version as 10 | 11, text, method);
  }

  // oxlint-disable-next-line max-params -- hot path
  #assemble(status: number, reason: string, version: 10 | 11, text: string, method: string): ResponseHead | null {
    const { seen, spans, repeated } = this.#lines;
    if ((repeated & SINGLE) !== 0) return this.#fail("Content-Length or Transfer-Encoding is repeated");
    this.options = NO_CONNECTION_OPTIONS;
    if ((seen & CONNECTION) !== 0) {
      const options = parseConnectionOptions(this.#connectionValue(text));
      if (options === null) return this.#fail("the Connection header has too many options");
      this.options = options;
    }
    if (status < 200 && (version === 10 || this.options.hasClose)) {
      // To some readers the response ends here, to others a final one follows.
      return this.#fail("an informational response comes in HTTP/1.0, or with close");
    }
    // As in requests: to some readers a tab belongs to the value.
    if (this.#lines.hasTab(KnownHeader.transferEncoding, text) || this.#lines.hasTab(KnownHeader.contentLength, text)) {
      return this.#fail("there is a tab in Content-Length or Transfer-Encoding");
    }
    let declared = UNKNOWN_LENGTH;
    let isChunked = false;
    if ((seen & TRANSFER_ENCODING) !== 0) {
      if ((seen & CONTENT_LENGTH) !== 0) return this.#fail("Content-Length and Transfer-Encoding exclude each other");
      const index = this.#lines.indexOf(KnownHeader.transferEncoding);
      const coding = text.slice(spans[index + 3], spans[index + 4]);
      if (coding.toLowerCase() !== "chunked") return this.#fail("Transfer-Encoding is not exactly chunked");
      if (version === 10) return this.#fail("HTTP/1.0 has no Transfer-Encoding");
      isChunked = true;
    } else if ((seen & CONTENT_LENGTH) !== 0) {
      const index = this.#lines.indexOf(KnownHeader.contentLength);
      declared = parseContentLength(text.slice(spans[index + 3], spans[index + 4]));
      if (declared < 0) return this.#fail("Content-Length is not a number");
    }
    let contentLength = declared;
    if (method === "HEAD" || status < 200 || status === 204 || status === 304) {
      this.framing = "none";
      contentLength = 0;
    } else if (isChunked) this.framing = "chunked";
    else if (declared >= 0) this.framing = declared === 0 ? "none" : "length";
    else this.framing = "until-close";
    return new ResponseHead(status, reason, version, new HeaderList(text, spans, seen), contentLength, declared);
  }

  #connectionValue(text: string): string {
    const { spans } = this.#lines;
    const values: string[] = [];
    for (let i = 0; i < spans.length; i += 5) {
      if (((spans[i] as number) & 0xff) === KnownHeader.connection) {
        values.push(text.slice(spans[i + 3], spans[i + 4]));
      }
    }
    return values.length === 1 ? (values[0] as string) : values.join(",");
  }

  #incomplete(size: number): null {
    return size > MAX_HEAD_BYTES ? this.#fail("the headers are too large") : null;
  }

  #fail(reason: string): null {
    this.failure = reason;
    return null;
  }
}

const PREFIX = Buffer.from("HTTP/1.", "latin1");

function statusLineVersion(bytes: Buffer, start: number, end: number): number {
  for (let i = 0; i < PREFIX.length; i++) {
    if (start + i >= end) return INCOMPLETE;
    if (bytes[start + i] !== PREFIX[i]) return -2;
  }
  if (start + 8 >= end) return INCOMPLETE;
  if (bytes[start + 8] !== SPACE) return -2;
  const minor = bytes[start + 7];
  if (minor === 0x31) return 11;
  return minor === 0x30 ? 10 : -2;
}

/** Three digits, 100 to 599; 0 for everything else. */
function readStatus(bytes: Buffer, position: number): number {
  let status = 0;
  for (let i = 0; i < 3; i++) {
    const code = bytes[position + i] as number;
    if (code < 0x30 || code > 0x39) return 0;
    status = status * 10 + code - 0x30;
  }
  return status <= 599 ? status : 0;
}
