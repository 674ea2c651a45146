// What the proxying workflow needs of a connection to an upstream while it serves one request.
import type { HeaderList } from "../http/header-list.ts";
import type { RequestHead, ResponseHead } from "../http/messages.ts";
import type { Peer } from "../upstream/peer.ts";
import type { ProxyError } from "./proxy-error.ts";

/** One request on a connection of the pool. After the response's end the implementation returns it or closes it. */
export interface UpstreamStream {
  readonly peer: Peer;
  /** The connection is there; otherwise `onConnected` or `onUpstreamError` follows. */
  readonly isConnected: boolean;
  /** It had served another request before. */
  readonly isReused: boolean;
  /**
   * @param headers what goes upstream, without hop-by-hop lines; framing is written anew.
   * @param contentLength of the body that follows: 0 for none, UNKNOWN_LENGTH for chunked.
   */
  sendHead(request: RequestHead, headers: HeaderList, contentLength: number): void;
  /** As DownstreamStream.sendBody. */
  sendBody(chunk: Buffer): boolean;
  readonly holdsChunks: boolean;
  sendEnd(): void;
  /** Writes what was held back to go out in one piece. */
  flush(): void;
  pauseResponse(): void;
  resumeResponse(): void;
  /** `onUpstreamTimer` follows once after about `delayMs`; replaces what was armed before. */
  armTimer(delayMs: number): void;
  /** Ends the use at once; the connection is not reused. No callback follows. */
  abort(): void;
}

/** Implemented by the workflow. No callback of a stream follows its `onResponseEnd` or `onUpstreamError`. */
export interface UpstreamHandler {
  onConnected(stream: UpstreamStream): void;
  /** Connecting takes long, but may go on: at most once a connection, and only where its deadline is later. */
  onSlowConnect(stream: UpstreamStream): void;
  onInformational(status: number, headers: HeaderList): void;
  /** A final head. After a 101 everything that follows arrives as body until the connection's end. */
  onResponseHead(response: ResponseHead): void;
  /** The chunk is valid during the call; a large one also while `holdsResponseChunks`. */
  onResponseBody(chunk: Buffer): void;
  /** Whether memory of the chunks given last still waits to be written. */
  readonly holdsResponseChunks: boolean;
  onResponseEnd(trailers: HeaderList | null): void;
  /** Everything that one read brought has been delivered. */
  onUpstreamReadComplete(): void;
  onUpstreamDrain(): void;
  onUpstreamTimer(): void;
  onUpstreamError(error: ProxyError, stream: UpstreamStream): void;
}
