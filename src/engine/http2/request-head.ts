// Builds a request's head from the header lines of an HTTP/2 stream (RFC 9113 §8.2, §8.3), and bounds it. Which characters
// names and values may have at all was looked at when they were decoded.
import { randomBytes } from "node:crypto";
import { hostOf } from "../http/authority.ts";
import { parseContentLength } from "../http/content-length.ts";
import { HeaderList } from "../http/header-list.ts";
import { headerBit, isUnderscoreAlias, KnownHeader, knownHeaderId } from "../http/known-headers.ts";
import { RequestHead, UNKNOWN_LENGTH } from "../http/messages.ts";
import type { ProxyErrorType } from "../proxy/proxy-error.ts";

const WEBSOCKET_KEY = headerBit(KnownHeader.secWebSocketKey);
const COLON = 0x3a;
const SLASH = 0x2f;
/** Upper case only, as over HTTP/1: lower case is a typing error or a probe. */
const METHOD = /^[-_0-9A-Z]{1,32}$/;
/** Visible ASCII without `#`: a target has no fragment (RFC 9110 §7.1). */
const TARGET = /^[\x21\x22\x24-\x7e]+$/;
/** RFC 9110 §5.6.2. */
const TOKEN = /^[-!#$%&'*+.^_`|~0-9A-Za-z]+$/;
const BLANK_OR_CONTROL = /[\x00-\x20\x7f]/;
/** RFC 3986 §3.2.2 and a port, without what a user would stand before. */
const AUTHORITY = /^[-._~%!$&'()*+,;=:[\]0-9A-Za-z]*$/;
/** What HTTP/1 spends on a line beside name and value: limits mean the same for both versions. */
const LINE_OVERHEAD_BYTES = 4;
/** RFC 9113 §8.2.2. */
const CONNECTION_SPECIFIC =
  headerBit(KnownHeader.connection) |
  headerBit(KnownHeader.keepAlive) |
  headerBit(KnownHeader.proxyConnection) |
  headerBit(KnownHeader.transferEncoding) |
  headerBit(KnownHeader.upgrade);
/** Two of these, equal or not, are an attack or a broken sender. */
const SINGLE = headerBit(KnownHeader.host) | headerBit(KnownHeader.contentLength) | headerBit(KnownHeader.expect);
/** Lines that are no fields of a trailer section: framing, routing and what ends at this hop (RFC 9110 §6.5.1). */
const NO_TRAILERS =
  CONNECTION_SPECIFIC |
  headerBit(KnownHeader.host) |
  headerBit(KnownHeader.contentLength) |
  headerBit(KnownHeader.te) |
  headerBit(KnownHeader.trailer) |
  headerBit(KnownHeader.expect);

/** The same bounds as HTTP/1 has. */
export interface Http2HeadLimits {
  /** Header lines; crumbs of a cookie are one. */
  readonly maxHeaderCount: number;
  /** Bytes of names and values, with what HTTP/1 adds to them. */
  readonly maxHeaderBytes: number;
  /** Of the path with its query. */
  readonly maxRequestLineBytes: number;
}

/** Parses heads one at a time; its result fields are overwritten by the next call. One serves a whole worker. */
export class Http2RequestParser {
  readonly #limits: Http2HeadLimits;
  /** Set where `parse` returned null. */
  failure: ProxyErrorType = "malformed-request";
  /** Why, for the log. */
  reason = "";
  /** The request breaks HTTP/2 itself: its stream is reset. Others that are refused get an answer (RFC 9113 §8.1.1). */
  breaksProtocol = false;
  /** The client sent `te: trailers`. */
  acceptsTrailers = false;
  /** Bytes of all lines, as HTTP/1 would write them. */
  headBytes = 0;

  #method = "";
  #scheme = "";
  #path = "";
  #authority = "";
  #protocol = "";
  #host = "";
  #contentLength = "";
  #expect = "";
  #pairs: string[] = [];
  #seen = 0;

  constructor(limits: Http2HeadLimits) {
    this.#limits = limits;
  }

  /** Of the last request, also of one that was refused; `""` where it has none. */
  get method(): string {
    return this.#method;
  }

  /**
   * A head, or null: refused, see `failure`.
   * @param raw flat: name, value, name, value… as decoded.
   * @param endOfStream no body follows.
   */
  parse(raw: readonly string[], endOfStream: boolean): RequestHead | null {
    this.#method = "";
    this.#scheme = "";
    this.#path = "";
    this.#authority = "";
    this.#protocol = "";
    this.#host = "";
    this.#contentLength = "";
    this.#expect = "";
    this.#pairs = ["host", ""];
    this.#seen = 0;
    this.acceptsTrailers = false;
    this.headBytes = 0;
    if (!this.#readLines(raw)) return null;
    return this.#assemble(endOfStream);
  }

  #readLines(raw: readonly string[]): boolean {
    const { length } = raw;
    const pairs = this.#pairs;
    let position = 0;
    for (; position < length; position += 2) {
      const name = raw[position] as string;
      if (name.charCodeAt(0) !== COLON) break;
      if (!this.#readPseudoHeader(name, raw[position + 1] as string)) return false;
    }
    let bytes = 0;
    let seen = 0;
    let cookieIndex = -1;
    for (; position < length; position += 2) {
      const name = raw[position] as string;
      const value = raw[position + 1] as string;
      bytes += name.length + value.length + LINE_OVERHEAD_BYTES;
      if (name.charCodeAt(0) === COLON) return this.#refuse("a pseudo-header follows a header");
      const id = knownHeaderId(name);
      const bit = 1 << id;
      if (id === 0) {
        if (name === "cookie" && cookieIndex >= 0) {
          // RFC 9113 §8.2.3: crumbs are one header again before HTTP/1 sees them.
          pairs[cookieIndex] = `${pairs[cookieIndex] as string}; ${value}`;
          continue;
        }
        if (name === "cookie") cookieIndex = pairs.length + 1;
        else if (isUnderscoreAlias(name)) continue;
      } else {
        if ((bit & SINGLE & seen) !== 0) return this.#refuse("a header that may stand only once is repeated");
        if ((bit & CONNECTION_SPECIFIC) !== 0) return this.#refuse("a connection-specific header");
        seen |= bit;
        if (!this.#noteKnown(id, value)) return false;
        // The authority stands in the first pair, whichever line it came in.
        if (id === KnownHeader.host) continue;
      }
      pairs.push(name, value);
    }
    this.headBytes += bytes;
    this.#seen = seen | headerBit(KnownHeader.host);
    const { maxHeaderCount, maxHeaderBytes } = this.#limits;
    if (pairs.length > maxHeaderCount * 2) return this.#fail("headers-too-large", "the request has too many headers");
    if (this.headBytes > maxHeaderBytes) {
      return this.#fail("headers-too-large", "the request's headers are too large");
    }
    return true;
  }

  #readPseudoHeader(name: string, value: string): boolean {
    this.headBytes += value.length;
    if (value === "") return this.#refuse(`${name} is empty`);
    switch (name) {
      case ":method":
        if (this.#method !== "") break;
        this.#method = value;
        return true;
      case ":scheme":
        if (this.#scheme !== "") break;
        this.#scheme = value;
        return true;
      case ":path":
        if (this.#path !== "") break;
        this.#path = value;
        return true;
      case ":authority":
        if (this.#authority !== "") break;
        this.#authority = value;
        return true;
      case ":protocol":
        if (this.#protocol !== "") break;
        this.#protocol = value;
        return true;
      default:
        return this.#refuse("an unknown pseudo-header");
    }
    return this.#refuse(`${name} is repeated`);
  }

  /** Takes note of a header that the engine acts on. */
  #noteKnown(id: number, value: string): boolean {
    switch (id) {
      case KnownHeader.host:
        this.#host = value;
        return value !== "" || this.#refuse("the Host header is empty");
      case KnownHeader.contentLength:
        this.#contentLength = value;
        return parseContentLength(value) >= 0 || this.#refuse("Content-Length is not a number");
      case KnownHeader.te:
        this.acceptsTrailers = value.toLowerCase() === "trailers";
        return this.acceptsTrailers || this.#refuse("TE is not exactly trailers");
      case KnownHeader.expect:
        this.#expect = value;
        return true;
      default:
        return true;
    }
  }

  #assemble(endOfStream: boolean): RequestHead | null {
    const method = this.#method;
    if (method === "CONNECT" && this.#protocol === "") {
      if (this.#path !== "" || this.#scheme !== "") return this.#refuseHead("CONNECT with a path or a scheme");
      return this.#failHead("not-implemented", "CONNECT is not served");
    }
    if (method === "" || this.#scheme === "" || this.#path === "") {
      return this.#refuseHead("a pseudo-header is missing");
    }
    if (!METHOD.test(method)) {
      return TOKEN.test(method)
        ? this.#decline("the method is not valid")
        : this.#refuseHead("the method is not a token");
    }
    if (!isWebScheme(this.#scheme)) return this.#decline("the scheme is neither http nor https");
    if (!this.#checkTarget(method)) return null;
    const authority = this.#chooseAuthority();
    if (authority === null) return null;
    const host = hostOf(authority);
    if (host === null || host === "") {
      const reason = "the authority is not a valid host";
      return AUTHORITY.test(authority) ? this.#decline(reason) : this.#refuseHead(reason);
    }
    if (this.#expect !== "" && this.#expect.toLowerCase() !== "100-continue") {
      return this.#failHead("expectation-failed", "only Expect: 100-continue is served");
    }
    const pairs = this.#pairs;
    pairs[1] = authority;
    const headers = HeaderList.empty();
    headers.added = pairs;
    headers.seen = this.#seen;
    headers.addedSeen = this.#seen;
    if (this.#protocol !== "") return this.#assembleConnect(authority, host, headers, endOfStream);
    const contentLength = this.#bodyLength(endOfStream);
    if (endOfStream && this.#contentLength !== "" && parseContentLength(this.#contentLength) !== 0) {
      return this.#refuseHead("Content-Length announces a body that does not come");
    }
    const expectsContinue = this.#expect !== "" && contentLength !== 0;
    return new RequestHead(method, this.#path, authority, host, 20, headers, contentLength, "", expectsContinue);
  }

  /** RFC 8441: what HTTP/1 asks for with GET and Upgrade. */
  #assembleConnect(authority: string, host: string, headers: HeaderList, endOfStream: boolean): RequestHead | null {
    if (this.#method !== "CONNECT") return this.#refuseHead(":protocol without CONNECT");
    if (this.#protocol !== "websocket") return this.#failHead("not-implemented", "only websocket is served by CONNECT");
    if (this.#contentLength !== "" || endOfStream) return this.#decline("CONNECT has a body or an end");
    // RFC 8441 §5.1 does without the challenge; whoever takes the request on over HTTP/1.1 needs one (RFC 6455 §4.1).
    if ((this.#seen & WEBSOCKET_KEY) === 0) {
      headers.appendTrusted("Sec-WebSocket-Key", randomBytes(16).toString("base64"), KnownHeader.secWebSocketKey);
    }
    return new RequestHead("GET", this.#path, authority, host, 20, headers, 0, "websocket", false);
  }

  #checkTarget(method: string): boolean {
    const path = this.#path;
    if (path.length > this.#limits.maxRequestLineBytes) {
      return this.#fail("uri-too-long", "the request target is too long");
    }
    if (path.charCodeAt(0) !== SLASH && !(path === "*" && method === "OPTIONS")) {
      return this.#refuse("the request target is not in a form that is served");
    }
    if (TARGET.test(path)) return true;
    const reason = "the request target has a character that is not allowed";
    if (BLANK_OR_CONTROL.test(path)) return this.#refuse(reason);
    this.#decline(reason);
    return false;
  }

  /** RFC 9113 §8.3.1: two names for the target are one name, or the request is malformed. Null after `#fail`. */
  #chooseAuthority(): string | null {
    const authority = this.#authority;
    const host = this.#host;
    if (authority === "") {
      if (host === "") this.#refuse("neither :authority nor Host is given");
      return host === "" ? null : host;
    }
    if (host !== "" && host !== authority && host.toLowerCase() !== authority.toLowerCase()) {
      return this.#decline(":authority differs from the Host header");
    }
    return authority;
  }

  #bodyLength(endOfStream: boolean): number {
    if (endOfStream) return 0;
    return this.#contentLength === "" ? UNKNOWN_LENGTH : parseContentLength(this.#contentLength);
  }

  #refuse(reason: string): false {
    this.#fail("malformed-request", reason);
    this.breaksProtocol = true;
    return false;
  }

  #refuseHead(reason: string): null {
    this.#refuse(reason);
    return null;
  }

  /** What HTTP/2 allows and Penstock does not serve. */
  #decline(reason: string): null {
    return this.#failHead("malformed-request", reason);
  }

  #failHead(failure: ProxyErrorType, reason: string): null {
    this.#fail(failure, reason);
    return null;
  }

  #fail(failure: ProxyErrorType, reason: string): false {
    this.failure = failure;
    this.reason = reason;
    this.breaksProtocol = false;
    return false;
  }
}

/** A request's trailers without lines that may not stand there; null when none is left. */
export function readTrailers(raw: readonly string[]): HeaderList | null {
  const pairs: string[] = [];
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string;
    if (name.charCodeAt(0) === COLON || ((1 << knownHeaderId(name)) & NO_TRAILERS) !== 0) continue;
    pairs.push(name, raw[i + 1] as string);
  }
  return pairs.length === 0 ? null : HeaderList.fromPairs(pairs);
}

function isWebScheme(scheme: string): boolean {
  if (scheme === "https" || scheme === "http") return true;
  const lower = scheme.toLowerCase();
  return lower === "https" || lower === "http";
}
