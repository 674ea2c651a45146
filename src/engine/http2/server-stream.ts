// One request of an HTTP/2 connection and its response (RFC 9113 §8.1), as the workflow sees it. Listeners are shared
// functions that find their object through a property of node's stream: nothing is bound or closed over per request.
import { constants, type ServerHttp2Stream, type ServerStreamResponseOptions } from "node:http2";
import type { HeaderList } from "../http/header-list.ts";
import type { RequestHead, ResponseHead } from "../http/messages.ts";
import {
  COPY_BYTES,
  type DownstreamConnection,
  type DownstreamHandler,
  type DownstreamStream,
} from "../proxy/downstream.ts";
import { ProxyError } from "../proxy/proxy-error.ts";
import { readTrailers } from "./request-head.ts";
import { fieldsObject, responseLines } from "./response-fields.ts";

/** What a stream tells the connection that carries it. */
export interface StreamOwner {
  readonly connection: DownstreamConnection;
  noteDataReceived(bytes: number): void;
  noteDataSent(bytes: number): void;
  /** The client may go on with a body that nobody reads until it learns of the reset. */
  noteUnwantedBody(): void;
  /** Called once, last. */
  onStreamClosed(stream: Http2ServerStream, outcome: StreamOutcome): void;
}

/** `complete`: the response was sent whole; `gaveUp`: this side broke it off; `reset`: everything else. */
export type StreamOutcome = "complete" | "gaveUp" | "reset";

const owner = Symbol("owner");

interface OwnedStream extends ServerHttp2Stream {
  /** Null once closed: node's stream lives until a major collection, what hangs on it should not. */
  [owner]: Http2ServerStream | null;
}

const WITH_BODY: ServerStreamResponseOptions = {};
const WITHOUT_BODY: ServerStreamResponseOptions = { endStream: true };
const WITH_TRAILERS: ServerStreamResponseOptions = { waitForTrailers: true };
/** Checks without progress, about seconds, after which an unread response is given up. */
const MAX_LINGER_CHECKS = 60;
const { NGHTTP2_NO_ERROR } = constants;

export class Http2ServerStream implements DownstreamStream {
  readonly connection: DownstreamConnection;
  readonly request: RequestHead;
  /** Neighbours among the connection's open streams. */
  previous: Http2ServerStream | null = null;
  next: Http2ServerStream | null = null;

  readonly #owner: StreamOwner;
  readonly #stream: OwnedStream;
  readonly #wantsTrailers: boolean;
  #handler: DownstreamHandler | null = null;
  #requestTrailers: HeaderList | null = null;
  #responseTrailers: HeaderList | null = null;
  #isRequestEnded: boolean;
  #isReading = false;
  #isHeadSent = false;
  #isBodyless = false;
  #isTunnel = false;
  /** The workflow has given the whole response. */
  #isResponseEnded = false;
  #hasDrainListener = false;
  /** Nothing is sent any more and the handler hears nothing more. */
  #isOver = false;
  #hasGivenUp = false;
  #holdsChunksForever = false;
  #lingerChecks = 0;
  #lingerPending = 0;

  constructor(streamOwner: StreamOwner, stream: ServerHttp2Stream, request: RequestHead, wantsTrailers: boolean) {
    this.connection = streamOwner.connection;
    this.request = request;
    this.#owner = streamOwner;
    this.#stream = stream as OwnedStream;
    this.#wantsTrailers = wantsTrailers;
    this.#stream[owner] = this;
    this.#isTunnel = request.upgrade !== "";
    this.#isRequestEnded = request.contentLength === 0 && !this.#isTunnel;
    stream.on("error", ignoreError);
    stream.on("close", onClose);
    if (!this.#isRequestEnded) {
      // A stream that was reset while its body waits is not closed before somebody reads that.
      stream.on("aborted", onAborted);
      stream.on("trailers", onTrailers);
    }
  }

  /** Bytes of the request's body that wait for the workflow. */
  get bufferedBytes(): number {
    return this.#stream.readableLength;
  }

  /** To be called once, with what the workflow made of the request. */
  start(handler: DownstreamHandler): void {
    if (this.#isOver || this.#isResponseEnded) return;
    this.#handler = handler;
    handler.onDownstreamReadComplete();
  }

  sendInformational(status: number, headers: HeaderList): void {
    if (!this.#canSend() || this.#isHeadSent || status < 100 || status > 199 || status === 101) return;
    try {
      const fields = fieldsObject(headers);
      fields[":status"] = status;
      this.#stream.additionalHeaders(fields);
    } catch (cause) {
      this.#breakOff(cause);
    }
  }

  sendHead(response: ResponseHead, endOfStream: boolean): void {
    if (!this.#canSend() || this.#isHeadSent) return;
    const { status } = response;
    this.#isHeadSent = true;
    this.#isBodyless = this.#endsWithHead(status);
    const isTunnel = this.#isTunnel && status === 101;
    if (!isTunnel) this.#isTunnel = false;
    const isLast = this.#isBodyless || (endOfStream && !isTunnel);
    const options = isLast ? WITHOUT_BODY : this.#wantsTrailers && !isTunnel ? WITH_TRAILERS : WITH_BODY;
    try {
      this.#stream.respond(responseLines(response, this.#isBodyless, isTunnel), options);
    } catch (cause) {
      this.#breakOff(cause);
      return;
    }
    if (isLast) this.#endResponse();
  }

  /** Node ends the stream by itself for these. */
  #endsWithHead(status: number): boolean {
    return this.request.method === "HEAD" || status === 204 || status === 205 || status === 304;
  }

  sendBody(chunk: Buffer): boolean {
    if (chunk.length === 0 || this.#isResponseEnded || !this.#canSend()) return true;
    this.#owner.noteDataSent(chunk.length);
    if (this.#stream.write(chunk.length <= COPY_BYTES ? Buffer.from(chunk) : chunk)) return true;
    if (!this.#hasDrainListener) {
      this.#hasDrainListener = true;
      this.#stream.on("drain", onDrain);
    }
    return false;
  }

  get holdsChunks(): boolean {
    return this.#holdsChunksForever || this.#stream.writableLength > 0;
  }

  sendEnd(trailers: HeaderList | null): void {
    if (this.#isResponseEnded || !this.#canSend()) return;
    if (trailers !== null && this.#wantsTrailers) {
      this.#responseTrailers = trailers;
      this.#stream.on("wantTrailers", onWantTrailers);
    }
    this.#stream.end();
    this.#endResponse();
  }

  flush(): void {
    // node:http2 gathers what one turn of the event loop brings.
  }

  abort(error: ProxyError): void {
    this.#handler = null;
    if (!this.#isOver) this.#breakOff(error);
  }

  pauseRequest(): void {
    if (!this.#isReading) return;
    this.#isReading = false;
    this.#stream.pause();
  }

  resumeRequest(): void {
    if (this.#isReading || this.#isRequestEnded || this.#isOver) return;
    this.#isReading = true;
    // Listening is what starts the flow the first time: until then nothing is read and nothing allocated for it.
    if (this.#stream.readableFlowing === null) {
      this.#stream.on("data", onData);
      this.#stream.on("end", onEnd);
    } else this.#stream.resume();
  }

  startTunnel(): void {
    this.resumeRequest();
  }

  #canSend(): boolean {
    return !this.#isOver && !this.#stream.closed && !this.#stream.destroyed;
  }

  /** The response is given whole: what is left is to send it, and to get rid of a request that still comes in. */
  #endResponse(): void {
    this.#isResponseEnded = true;
    this.#handler = null;
    if (this.#isRequestEnded) return;
    this.#owner.noteUnwantedBody();
    if (this.#stream.writableFinished) setImmediate(refuseRest, this);
    else this.#stream.on("finish", onFinish);
  }

  /**
   * RFC 9113 §8.1: a client that still sends is asked to stop, without an error. Two turns later, as node hands the
   * last frames (a head without body, trailers) to nghttp2 in the next one, and a reset would overtake them.
   */
  onResponseFinished(): void {
    setImmediate(refuseRest, this);
  }

  refuseRest(): void {
    if (this.#isRequestEnded || this.#stream.destroyed || this.#stream.closed) return;
    this.#stream.close(NGHTTP2_NO_ERROR);
    // Node keeps a closed stream until what it buffered was read.
    this.#stream.resume();
  }

  /**
   * The client must see that the response is broken: RST_STREAM. Not by `close(code)`, which ends the writable side
   * first, so that a cut body looks whole to clients that asked with END_STREAM.
   */
  #breakOff(cause: unknown): void {
    this.#isOver = true;
    this.#hasGivenUp = true;
    const handler = this.#handler;
    this.#handler = null;
    this.#keepHeldChunks();
    if (!this.#isRequestEnded) this.#owner.noteUnwantedBody();
    const error = cause instanceof Error ? cause : new Error(String(cause));
    this.#stream.destroy(error);
    handler?.onDownstreamClose(new ProxyError("internal", "internal", error.message, "never", error));
  }

  /** After a reset nobody tells when the socket has let go of the memory that it was given. */
  #keepHeldChunks(): void {
    if (this.#stream.writableLength > 0) this.#holdsChunksForever = true;
  }

  onData(chunk: Buffer): void {
    this.#owner.noteDataReceived(chunk.length);
    const handler = this.#handler;
    if (handler === null) return;
    handler.onRequestBody(chunk);
    handler.onDownstreamReadComplete();
  }

  onTrailers(raw: readonly string[]): void {
    this.#requestTrailers = readTrailers(raw);
  }

  onEnd(): void {
    // A stream that closed while its response is due was reset: its body was cut, not ended.
    if (this.#isOver || (this.#stream.closed && !this.#isResponseEnded)) return;
    this.#isRequestEnded = true;
    const handler = this.#handler;
    if (handler === null) return;
    handler.onRequestEnd(this.#requestTrailers);
    handler.onDownstreamReadComplete();
  }

  onDrain(): void {
    this.#handler?.onDownstreamDrain();
  }

  onWantTrailers(): void {
    const trailers = this.#responseTrailers;
    if (trailers === null || !this.#canSend()) return;
    try {
      this.#stream.sendTrailers(fieldsObject(trailers));
    } catch (cause) {
      this.#breakOff(cause);
    }
  }

  /** The stream was reset, or its connection ended, before the response was complete. */
  onAborted(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#keepHeldChunks();
    const handler = this.#handler;
    this.#handler = null;
    // Node keeps a closed stream until what it buffered was read.
    if (this.#stream.readableFlowing === false) this.#stream.resume();
    handler?.onDownstreamClose(clientClosed());
  }

  onClose(): void {
    // Not `writableFinished`: nghttp2 closes a stream with its last frame, before node hears that it was written.
    const isComplete = !this.#isOver && this.#isResponseEnded && this.#stream.rstCode === NGHTTP2_NO_ERROR;
    const handler = this.#handler;
    this.#isOver = true;
    this.#handler = null;
    handler?.onDownstreamClose(clientClosed());
    this.#stream[owner] = null;
    this.#owner.onStreamClosed(this, isComplete ? "complete" : this.#hasGivenUp ? "gaveUp" : "reset");
  }

  /** Called about once a second: a client that takes nothing of a finished response does not keep it for ever. */
  checkLinger(): void {
    if (!this.#isResponseEnded || this.#isOver) return;
    const pending = this.#stream.writableLength;
    this.#lingerChecks = pending === this.#lingerPending ? this.#lingerChecks + 1 : 0;
    this.#lingerPending = pending;
    if (this.#lingerChecks < MAX_LINGER_CHECKS) return;
    this.#isOver = true;
    this.#keepHeldChunks();
    this.#stream.destroy(new Error("the client takes nothing of its response"));
  }
}

function clientClosed(): ProxyError {
  return new ProxyError("client-closed", "downstream", "the client reset the stream or closed the connection");
}

function ignoreError(): void {
  // `close` follows and is where ends are handled.
}

function onData(this: OwnedStream, chunk: Buffer): void {
  this[owner]?.onData(chunk);
}

function onEnd(this: OwnedStream): void {
  this[owner]?.onEnd();
}

function onTrailers(this: OwnedStream, _fields: unknown, _flags: number, raw: readonly string[]): void {
  this[owner]?.onTrailers(raw);
}

function onDrain(this: OwnedStream): void {
  this[owner]?.onDrain();
}

function onWantTrailers(this: OwnedStream): void {
  this[owner]?.onWantTrailers();
}

function onFinish(this: OwnedStream): void {
  this[owner]?.onResponseFinished();
}

function onAborted(this: OwnedStream): void {
  this[owner]?.onAborted();
}

function onClose(this: OwnedStream): void {
  this[owner]?.onClose();
}

function refuseRest(stream: Http2ServerStream): void {
  stream.refuseRest();
}
