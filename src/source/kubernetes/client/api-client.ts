// What everything that talks to the API server works with: one request, or one stream of watch events. Types only; the
// connection itself is cluster-connection.ts.

export interface ApiRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Absolute and escaped, for example `/apis/networking.k8s.io/v1/namespaces/shop/ingresses/web/status`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  /** Sent as JSON: of PATCH as a merge patch (RFC 7396). */
  readonly body?: unknown;
  /** For the whole answer, or until the head of a stream has arrived; milliseconds. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** Whatever the server answered, refusals included. */
export interface ApiAnswer {
  readonly status: number;
  /** The parsed JSON: an object of the kind that was asked for, or a `Status` of the API for a refusal. */
  readonly body: unknown;
  /** What the server asked us to wait (`Retry-After`), in milliseconds; null where it did not. */
  readonly retryAfterMs: number | null;
}

/** An open watch. Iterating yields each line as it came, without its end; it throws ApiUnreachable where the connection breaks. */
export interface ApiStream {
  readonly status: number;
  readonly lines: AsyncIterable<string>;
  /** Ends it; safe to repeat. */
  close(): void;
}

export interface ApiClient {
  /** @throws ApiUnreachable where no complete and readable answer came; never for a status. */
  send(request: ApiRequest): Promise<ApiAnswer>;
  /**
   * Opens a watch, which stays open until somebody closes it.
   * @returns the stream, or the answer where its status is not 200.
   * @throws ApiUnreachable
   */
  watch(request: ApiRequest): Promise<ApiStream | ApiAnswer>;
}

/** The API server could not be reached, broke off, or sent bytes that cannot be read. */
export class ApiUnreachable extends Error {
  override readonly name = "ApiUnreachable";
}
