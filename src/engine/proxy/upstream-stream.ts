// What the proxying workflow needs of a connection to an upstream while it serves one request.
import type { HeaderList } from "../http/header-list.ts";
import type { RequestHead, ResponseHead } from "../http/messages.ts";
import type { ProxyError } from "./proxy-error.ts";

/** One request on a connection that the pool lent. After the response's end the implementation returns it or closes it. */
export interface UpstreamStream {
  readonly isReused: boolean;
  /** @param headers what goes upstream, without framing and hop-by-hop lines. */
  sendHead(request: RequestHead, headers: HeaderList, endOfStream: boolean): void;
  /** As DownstreamStream.sendBody. */
  sendBody(chunk: Buffer): boolean;
  readonly holdsChunks: boolean;
  sendEnd(): void;
  pauseResponse(): void;
  resumeResponse(): void;
  /** Ends the use at once; the connection is not reused. No callback follows. */
  abort(): void;
}

/** Implemented by the workflow. No callback follows `onResponseEnd` or `onUpstreamError`. */
export interface UpstreamHandler {
  onInformational(status: number, headers: HeaderList): void;
  /** A final head. After a 101 everything that follows arrives as body until the connection's end. */
  onResponseHead(response: ResponseHead): void;
  onResponseBody(chunk: Buffer): void;
  onResponseEnd(trailers: HeaderList | null): void;
  onUpstreamDrain(): void;
  onUpstreamError(error: ProxyError): void;
}
