// What the proxying workflow needs of a client's request stream. Implemented by http1/ and http2/; the workflow knows neither.
import type { HeaderList } from "../http/header-list.ts";
import type { RequestHead, ResponseHead } from "../http/messages.ts";
import type { TlsIdentity } from "../server/tls-identity.ts";
import type { ProxyError } from "./proxy-error.ts";

/** Facts of a client's connection, made once and shared by its requests. */
export interface DownstreamConnection {
  /** Unique within the worker. */
  readonly id: number;
  /** Name of the listener. */
  readonly listener: string;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localPort: number;
  /** The peer's address lies in a trusted range: its forwarding headers are kept. */
  readonly isTrusted: boolean;
  readonly tls: DownstreamTls | null;
}

export interface DownstreamTls {
  /** Lower-case SNI; `""` when the client sent none. */
  readonly serverName: string;
  /** The certificate that was served; null when unknown. */
  readonly identity: TlsIdentity | null;
  /** `TLSv1.3`. */
  readonly protocol: string;
  readonly cipher: string;
}

/** One request and its response. Methods never throw on a dead peer: its end arrives as `onDownstreamClose`. */
export interface DownstreamStream {
  readonly connection: DownstreamConnection;
  readonly request: RequestHead;

  /** A 1xx response; dropped where the client cannot take it. */
  sendInformational(status: number, headers: HeaderList): void;
  /**
   * The final response's head. `response.contentLength` says how the body is framed; hop-by-hop headers, Content-Length
   * and Transfer-Encoding of `response.headers` are ignored and written anew. With `endOfStream` no body follows.
   */
  sendHead(response: ResponseHead, endOfStream: boolean): void;
  /**
   * Part of the body. Chunks of up to COPY_BYTES are copied within the call, larger ones must stay unchanged while
   * `holdsChunks`. False: send no more until `onDownstreamDrain`.
   */
  sendBody(chunk: Buffer): boolean;
  /** Whether memory of a chunk given to `sendBody` is still waiting to be written. */
  readonly holdsChunks: boolean;
  /** The body's end; `trailers` are dropped unless the client asked for them. */
  sendEnd(trailers: HeaderList | null): void;
  /** Writes what was held back to go out in one piece. Called when everything that is at hand has been given. */
  flush(): void;
  /** Gives a response up after its head: the client sees a broken message. */
  abort(error: ProxyError): void;

  /** No more `onRequestBody` until resumed. A request starts paused until the workflow resumes it. */
  pauseRequest(): void;
  resumeRequest(): void;

  /** After sendHead(101) (HTTP/1) or 200 (RFC 8441): bytes both ways. Whatever came after the head is delivered first. */
  startTunnel(): void;
}

/** Implemented by the workflow. It may end a request within any call; calls that come after are ignored. */
export interface DownstreamHandler {
  /** The chunk is valid during the call; a large one also while `holdsRequestChunks`. */
  onRequestBody(chunk: Buffer): void;
  /** Whether memory of the chunks given last still waits to be written. */
  readonly holdsRequestChunks: boolean;
  /** Optional for requests without a body. */
  onRequestEnd(trailers: HeaderList | null): void;
  /** Everything that one read brought has been delivered. */
  onDownstreamReadComplete(): void;
  onDownstreamDrain(): void;
  /** The body turned out malformed: an answer may still be given, the connection does not outlive it. */
  onRequestFailed(error: ProxyError): void;
  /** The client went away; no callback follows. Not called after a complete exchange. */
  onDownstreamClose(error: ProxyError): void;
}

/** Starts the workflow on a request; called once a stream. */
export type RequestListener = (stream: DownstreamStream) => DownstreamHandler;
