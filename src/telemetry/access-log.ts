// The access log as a worker writes it: one JSON line a request, gathered into batches. Called once a request, so lines
// are put together by hand; see bench/micro/access-log.ts. Where the bytes go is the caller's.
import { quoteJson } from "./json-quote.ts";
import { redactQuery, redactUrl } from "./query-redaction.ts";
import { SliceCache, WordCache } from "./text-cache.ts";

/** What a line says. A caller may fill in one record again and again: nothing of it is kept. */
export interface AccessLogRecord {
  requestId: string;
  client: string;
  method: string;
  host: string;
  /** Target up to the question mark. */
  path: string;
  /** What follows the question mark; `""` for none. Values of parameters known as secret are redacted. */
  query: string;
  /** `HTTP/1.1`. */
  protocol: string;
  scheme: "http" | "https";
  /** 499 where the client went away; 0 where nothing was answered. */
  status: number;
  /** Body bytes from the client, and to it. */
  requestBytes: number;
  responseBytes: number;
  durationMs: number;
  /** Ids; `""` where none was chosen, written as null. */
  route: string;
  upstream: string;
  /** `address:port` of the last attempt; `""` where there was none, written as null. */
  endpoint: string;
  attempts: number;
  isUpstreamReused: boolean;
  /** Negative where no response head came, written as null. */
  upstreamHeaderMs: number;
  /** Null where the client sent none. */
  userAgent: string | null;
  referer: string | null;
  /** Type of the ProxyError that ended the request; null for one that went well. */
  error: string | null;
  /** `TLSv1.3`; null for plain HTTP. */
  tlsVersion: string | null;
  listener: string;
}

export interface AccessLogOptions {
  readonly workerId: number;
  /** Takes whole lines; the bytes have a buffer of their own, which may be transferred. */
  readonly emit: (lines: Uint8Array) => void;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

/** A batch goes out when it has so many characters, or when its first line is so old. */
const BATCH_LENGTH = 32 * 1_024;
const BATCH_DELAY_MS = 200;

const encoder = new TextEncoder();

/** `.000` to `.999`. */
const THOUSANDTHS: readonly string[] = Array.from({ length: 1_000 }, (_, i) => `.${String(i).padStart(3, "0")}`);

/** `,"status":0` to `,"status":599`, and so on: a member in one piece is one concatenation less. */
const STATUSES: readonly string[] = Array.from({ length: 600 }, (_, status) => `,"status":${status}`);
const REUSED: readonly string[] = Array.from({ length: 10 }, (_, attempts) => `,"attempts":${attempts},"reused":true`);
const FRESH: readonly string[] = Array.from({ length: 10 }, (_, attempts) => `,"attempts":${attempts},"reused":false`);

export class AccessLogWriter {
  readonly #emit: (lines: Uint8Array) => void;
  readonly #now: () => number;
  readonly #workerId: number;
  readonly #clients = new WordCache((client) => `,"client":${quoteJson(client)}`);
  readonly #methods = new WordCache((method) => `,"method":${quoteJson(method)}`);
  readonly #hosts = new WordCache((host) => `,"host":${quoteJson(host)},"path":`);
  readonly #protocols = new WordCache((protocol) => `,"protocol":${quoteJson(protocol)}`);
  readonly #routes = new WordCache((route) => `,"route":${quoteId(route)}`);
  readonly #upstreams = new WordCache((upstream) => `,"upstream":${quoteId(upstream)}`);
  readonly #endpoints = new WordCache((endpoint) => `,"endpoint":${quoteId(endpoint)}`);
  readonly #userAgents = new SliceCache((userAgent) => `,"user_agent":${quoteJson(userAgent)}`);
  readonly #referers = new SliceCache((referer) => `,"referer":${quoteJson(redactUrl(referer))}`);
  readonly #errors = new WordCache((error) => `,"error":${quoteJson(error)}`);
  readonly #tlsVersions = new WordCache((version) => `,"tls_version":${quoteJson(version)}`);
  readonly #tails: WordCache;
  #batch = "";
  #isTimerArmed = false;
  #millisecond = -1;
  #second = -1;
  #secondText = "";
  #head = "";

  constructor(options: AccessLogOptions) {
    this.#emit = options.emit;
    this.#now = options.now ?? Date.now;
    this.#workerId = options.workerId;
    this.#tails = new WordCache((listener) => `,"listener":${quoteJson(listener)},"worker":${this.#workerId}}\n`);
  }

  write(record: AccessLogRecord): void {
    const { status, attempts, requestBytes, upstreamHeaderMs, userAgent, referer, error, tlsVersion } = record;
    const attemptTexts = record.isUpstreamReused ? REUSED : FRESH;
    this.#batch +=
      this.#formatHead() +
      quoteJson(record.requestId) +
      this.#clients.get(record.client) +
      this.#methods.get(record.method) +
      this.#hosts.get(record.host) +
      quoteJson(record.path) +
      (record.query === "" ? `,"query":""` : `,"query":${quoteJson(redactQuery(record.query))}`) +
      this.#protocols.get(record.protocol) +
      (record.scheme === "https" ? `,"scheme":"https"` : `,"scheme":"http"`) +
      (STATUSES[status] ?? `,"status":${status}`) +
      (requestBytes === 0
        ? `,"request_bytes":0,"response_bytes":`
        : `,"request_bytes":${requestBytes},"response_bytes":`) +
      record.responseBytes +
      `,"duration_ms":` +
      formatMs(record.durationMs) +
      this.#routes.get(record.route) +
      this.#upstreams.get(record.upstream) +
      this.#endpoints.get(record.endpoint) +
      (attemptTexts[attempts] ?? `,"attempts":${attempts},"reused":${record.isUpstreamReused}`) +
      (upstreamHeaderMs < 0 ? `,"upstream_header_ms":null` : `,"upstream_header_ms":${formatMs(upstreamHeaderMs)}`) +
      (userAgent === null ? `,"user_agent":null` : this.#userAgents.get(userAgent)) +
      (referer === null ? `,"referer":null` : this.#referers.get(referer)) +
      (error === null ? `,"error":null` : this.#errors.get(error)) +
      (tlsVersion === null ? `,"tls_version":null` : this.#tlsVersions.get(tlsVersion)) +
      this.#tails.get(record.listener);
    if (this.#batch.length >= BATCH_LENGTH) this.flush();
    else if (!this.#isTimerArmed) this.#armTimer();
  }

  /** Hands out what is gathered; call it before the worker ends. */
  flush(): void {
    const batch = this.#batch;
    if (batch === "") return;
    this.#batch = "";
    this.#emit(encoder.encode(batch));
  }

  /** One timer at a time, five a second at most, however many lines are written. */
  #armTimer(): void {
    this.#isTimerArmed = true;
    setTimeout(() => {
      this.#isTimerArmed = false;
      this.flush();
    }, BATCH_DELAY_MS);
  }

  /** RFC 3339 in UTC. Made once a millisecond, its part up to the second once a second. */
  #formatHead(): string {
    const now = this.#now();
    if (now === this.#millisecond) return this.#head;
    this.#millisecond = now;
    const second = Math.floor(now / 1_000);
    if (second !== this.#second) {
      this.#second = second;
      this.#secondText = `{"time":"${new Date(second * 1_000).toISOString().slice(0, 19)}`;
    }
    this.#head = `${this.#secondText}${THOUSANDTHS[now - second * 1_000] ?? ".000"}Z","request_id":`;
    return this.#head;
  }
}

function quoteId(id: string): string {
  return id === "" ? "null" : quoteJson(id);
}

/** Milliseconds with three decimals, without the cost of printing a float. */
function formatMs(ms: number): string {
  const microseconds = Math.round(ms * 1_000);
  const whole = Math.floor(microseconds / 1_000);
  return whole + (THOUSANDTHS[microseconds - whole * 1_000] ?? "");
}
