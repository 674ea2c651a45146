// One request of an HTTP/2 connection and its response (RFC 9113 §5.1, §8.1), as the workflow sees it: what waits on its
// way in or out, and the stream's windows. Frames on the wire are the connection's.
import { COPY_BYTES } from "../transport/copy-bytes.ts";
import type { HeaderList } from "../http/header-list.ts";
import type { RequestHead, ResponseHead } from "../http/messages.ts";
import type { DownstreamConnection, DownstreamHandler, DownstreamStream } from "../proxy/downstream.ts";
import { ProxyError } from "../proxy/proxy-error.ts";
import { ByteQueue } from "./byte-queue.ts";
import type { ReceiveWindow, SendWindow } from "./flow-control.ts";
import type { DataPart } from "./frame-parser.ts";
import { EMPTY_TABLE_UPDATE } from "./hpack-encoder.ts";
import { ErrorCode } from "./protocol.ts";
import { informationalBlock, responseBlock, trailerBlock } from "./response-fields.ts";
import { type StreamEnding, StreamEndings, type StreamOwner, type StreamStart } from "./stream-owner.ts";

/** Checks without progress, about seconds, after which an unread response is given up. */
const MAX_LINGER_CHECKS = 60;
/** Of a response that waits, written before other streams have their turn. */
const TURN_BYTES = 64 * 1024;
/** Length of a body that is not declared. */
const UNDECLARED = -1;

export class Http2ServerStream implements DownstreamStream {
  readonly id: number;
  readonly connection: DownstreamConnection;
  readonly request: RequestHead;
  /** What the client lets us send on this stream. */
  readonly sendWindow: SendWindow;
  readonly receiveWindow: ReceiveWindow;
  /** What waits is copied: chunks are their giver's after each call. */
  readonly holdsChunks = false;

  readonly #owner: StreamOwner;
  readonly #wantsTrailers: boolean;
  #handler: DownstreamHandler | null = null;
  /** Of the request's body; null until something had to wait. */
  #received: ByteQueue | null = null;
  /** Of the response's body. */
  #unsent: ByteQueue | null = null;
  #requestTrailers: HeaderList | null = null;
  /** Bytes of the request's body still to come, or UNDECLARED. */
  #requestLeft: number;
  #isRequestEnded: boolean;
  #isEndDelivered: boolean;
  #isReading = false;
  #isDelivering = false;
  #isHeadSent = false;
  #isBodyless = false;
  #isTunnel: boolean;
  /** Bytes of the response's body still to be given, or UNDECLARED. */
  #responseLeft: number = UNDECLARED;
  /** The workflow has given the whole response. */
  #isResponseEnded = false;
  #isEndSent = false;
  #trailerBlock = "";
  #awaitsDrain = false;
  #isClosed = false;
  #lingerChecks = 0;
  #lingerPending = 0;

  constructor(owner: StreamOwner, start: StreamStart) {
    const { request, endOfStream } = start;
    this.id = start.id;
    this.connection = owner.connection;
    this.request = request;
    this.sendWindow = start.sendWindow;
    this.receiveWindow = start.receiveWindow;
    this.#owner = owner;
    this.#wantsTrailers = start.wantsTrailers;
    this.#isTunnel = request.upgrade !== "";
    this.#requestLeft = this.#isTunnel ? UNDECLARED : request.contentLength;
    this.#isRequestEnded = endOfStream;
    this.#isEndDelivered = endOfStream;
  }

  /** To be called once, with what the workflow made of the request. */
  start(handler: DownstreamHandler): void {
    if (this.#isClosed || this.#isResponseEnded) return;
    this.#handler = handler;
    handler.onDownstreamReadComplete();
  }

  /** Part of the request's body. @returns an error code of the connection, or 0. */
  receiveData(data: DataPart): number {
    const { start, end, flowBytes } = data;
    const length = end - start;
    if (this.#isRequestEnded) {
      this.#owner.releaseBody(flowBytes);
      this.resetWith(ErrorCode.streamClosed);
      return ErrorCode.noError;
    }
    if (!this.receiveWindow.receive(flowBytes)) return ErrorCode.flowControlError;
    if (flowBytes > length) this.#consume(flowBytes - length);
    if (!this.#countBody(length, data.endOfStream)) {
      this.#owner.releaseBody(length);
      this.resetWith(ErrorCode.protocolError);
      return ErrorCode.noError;
    }
    if (length > 0) this.#takeBody(data.bytes, start, end);
    if (data.endOfStream && !this.#isClosed) this.#endRequest(null);
    return ErrorCode.noError;
  }

  /** The client has half-closed the stream. */
  get isRequestEnded(): boolean {
    return this.#isRequestEnded;
  }

  /** The request's trailers: its end. */
  receiveTrailers(trailers: HeaderList | null): void {
    if (!this.#countBody(0, true)) this.resetWith(ErrorCode.protocolError);
    else this.#endRequest(trailers);
  }

  /** Everything that one read brought has been given. */
  completeRead(): void {
    this.#handler?.onDownstreamReadComplete();
  }

  /** RFC 9113 §8.1.1. False: the body is longer or shorter than declared. */
  #countBody(length: number, isLast: boolean): boolean {
    if (this.#requestLeft === UNDECLARED) return true;
    this.#requestLeft -= length;
    return this.#requestLeft >= 0 && (!isLast || this.#requestLeft === 0);
  }

  #takeBody(bytes: Buffer, start: number, end: number): void {
    const handler = this.#handler;
    const length = end - start;
    if (this.#isResponseEnded) this.#owner.releaseBody(length);
    else if (handler === null || !this.#isReading || this.#isDelivering || this.#bufferedBytes > 0) {
      this.#received ??= new ByteQueue();
      this.#received.push(bytes, start, end);
    } else {
      this.#consume(length);
      handler.onRequestBody(bytes.subarray(start, end));
      if (length > COPY_BYTES && handler.holdsRequestChunks) this.#owner.noteHeldChunk();
    }
  }

  get #bufferedBytes(): number {
    return this.#received === null ? 0 : this.#received.length;
  }

  /** Tells the client of room, where there is enough of it. */
  #consume(length: number): void {
    const increment = this.receiveWindow.release(length);
    if (increment > 0 && !this.#isRequestEnded) this.#owner.writer.windowUpdate(this.id, increment);
    this.#owner.releaseBody(length);
  }

  #endRequest(trailers: HeaderList | null): void {
    this.#isRequestEnded = true;
    this.#requestTrailers = trailers;
    this.#deliver();
  }

  pauseRequest(): void {
    this.#isReading = false;
  }

  resumeRequest(): void {
    if (this.#isReading || this.#isEndDelivered || this.#isClosed) return;
    this.#isReading = true;
    if (this.#bufferedBytes === 0 && !this.#isRequestEnded) return;
    this.#deliver();
    this.completeRead();
  }

  startTunnel(): void {
    this.resumeRequest();
  }

  /** Gives what waits, as long as it is wanted. */
  #deliver(): void {
    if (this.#isDelivering) return;
    this.#isDelivering = true;
    while (this.#isReading && this.#handler !== null && this.#received !== null && this.#received.length > 0) {
      const chunk = this.#received.shift(TURN_BYTES);
      this.#consume(chunk.length);
      this.#handler.onRequestBody(chunk);
    }
    this.#isDelivering = false;
    if (!this.#isRequestEnded || this.#isEndDelivered || !this.#isReading || this.#bufferedBytes > 0) return;
    this.#isEndDelivered = true;
    this.#handler?.onRequestEnd(this.#requestTrailers);
  }

  sendInformational(status: number, headers: HeaderList): void {
    if (this.#isClosed || this.#isHeadSent || status < 100 || status > 199 || status === 101) return;
    this.#sendBlock(informationalBlock(status, headers), false);
  }

  sendHead(response: ResponseHead, endOfStream: boolean): void {
    if (this.#isClosed || this.#isHeadSent) return;
    const { status } = response;
    this.#isHeadSent = true;
    this.#isBodyless = this.request.method === "HEAD" || status === 204 || status === 205 || status === 304;
    const isTunnel = this.#isTunnel && status === 101;
    if (!isTunnel) this.#isTunnel = false;
    const isLast = this.#isBodyless || (endOfStream && !isTunnel);
    // With its length known, the last part of a body is sent as the last: trailers could still follow without one.
    if (!isTunnel && !this.#wantsTrailers) this.#responseLeft = response.contentLength;
    if (!this.#sendBlock(responseBlock(response, this.#isBodyless, isTunnel), isLast) || !isLast) return;
    this.#isEndSent = true;
    this.#endResponse();
  }

  /** False: HTTP/2 cannot carry it, and the stream was given up. */
  #sendBlock(block: string | null, isLast: boolean): boolean {
    const owner = this.#owner;
    if (block === null) {
      this.#breakOff("the upstream's headers cannot be sent over HTTP/2");
      return false;
    }
    owner.writer.headers(this.id, owner.isFirstBlock ? EMPTY_TABLE_UPDATE + block : block, isLast);
    owner.isFirstBlock = false;
    return true;
  }

  sendBody(chunk: Buffer): boolean {
    const { length } = chunk;
    if (length === 0 || !this.#isHeadSent || this.#isClosed || this.#isResponseEnded || this.#isEndSent) return true;
    this.#owner.noteDataSent(length);
    if (this.#responseLeft !== UNDECLARED) this.#responseLeft = Math.max(0, this.#responseLeft - length);
    const sent = this.#unsentBytes > 0 ? 0 : this.#sendNow(chunk, 0, length);
    if (sent === length) return true;
    this.#unsent ??= new ByteQueue();
    this.#unsent.push(chunk, sent, length);
    this.#owner.noteQueued(length - sent);
    this.#awaitsDrain = true;
    return false;
  }

  get #unsentBytes(): number {
    return this.#unsent === null ? 0 : this.#unsent.length;
  }

  /** Sends as much as the windows and the socket take; bytes sent. */
  #sendNow(bytes: Buffer, start: number, end: number): number {
    const count = Math.min(end - start, this.#room());
    if (count <= 0) return 0;
    this.#isEndSent = this.#responseLeft === 0 && count === end - start;
    this.sendWindow.take(count);
    this.#owner.sendWindow.take(count);
    this.#owner.writer.data(this.id, bytes, start, start + count, this.#isEndSent);
    if (count < end - start) this.#room();
    return count;
  }

  /** Bytes that may be sent now. Where the connection is what stands in the way, it will call back. */
  #room(): number {
    const owner = this.#owner;
    if (this.sendWindow.available <= 0) return 0;
    if (owner.writer.isFull || owner.sendWindow.available <= 0) {
      owner.waitForRoom(this);
      return 0;
    }
    return Math.min(this.sendWindow.available, owner.sendWindow.available);
  }

  /** There may be room: sends of what waits, one turn's worth. */
  pump(): void {
    const unsent = this.#unsent;
    if (this.#isClosed || unsent === null || unsent.length === 0) return;
    let turnLeft = TURN_BYTES;
    while (unsent.length > 0 && turnLeft > 0) {
      const count = Math.min(this.#room(), turnLeft);
      if (count <= 0) return;
      this.#sendQueued(unsent, count);
      turnLeft -= count;
    }
    if (unsent.length > 0) this.#owner.waitForRoom(this);
    else if (this.#isResponseEnded) this.#finishResponse();
    else if (this.#awaitsDrain) {
      this.#awaitsDrain = false;
      this.#handler?.onDownstreamDrain();
    }
  }

  #sendQueued(unsent: ByteQueue, max: number): void {
    const chunk = unsent.shift(max);
    const { length } = chunk;
    this.#owner.noteQueued(-length);
    this.sendWindow.take(length);
    this.#owner.sendWindow.take(length);
    this.#isEndSent = unsent.length === 0 && this.#responseLeft === 0;
    this.#owner.writer.data(this.id, chunk, 0, length, this.#isEndSent);
  }

  sendEnd(trailers: HeaderList | null): void {
    if (this.#isClosed || this.#isResponseEnded) return;
    if (trailers !== null && this.#wantsTrailers && !this.#isEndSent) {
      const block = trailerBlock(trailers);
      if (block === null) {
        this.#breakOff("the upstream's trailers cannot be sent over HTTP/2");
        return;
      }
      this.#trailerBlock = block;
    }
    this.#endResponse();
  }

  flush(): void {
    // The connection gathers what one turn of the event loop brings.
  }

  /** The response is given whole: what is left is to send it, and to get rid of a request that still comes in. */
  #endResponse(): void {
    this.#isResponseEnded = true;
    this.#handler = null;
    this.#dropReceived();
    if (this.#unsentBytes === 0) this.#finishResponse();
  }

  #finishResponse(): void {
    const { writer } = this.#owner;
    if (!this.#isEndSent) {
      this.#isEndSent = true;
      if (this.#trailerBlock === "") writer.end(this.id);
      else this.#sendBlock(this.#trailerBlock, true);
    }
    if (this.#isRequestEnded) {
      this.#close(StreamEndings.complete);
      return;
    }
    // RFC 9113 §8.1: a client that still sends is asked to stop, without an error.
    this.#owner.noteUnwantedBody();
    writer.reset(this.id, ErrorCode.noError);
    this.#close(StreamEndings.completeEarly);
  }

  abort(error: ProxyError): void {
    this.#handler = null;
    this.#breakOff(error.message);
  }

  /** The client must see that the response is broken: RST_STREAM. */
  #breakOff(reason: string): void {
    if (this.#isClosed) return;
    const handler = this.#handler;
    if (!this.#isRequestEnded) this.#owner.noteUnwantedBody();
    this.#owner.writer.reset(this.id, ErrorCode.internalError);
    this.#close(StreamEndings.gaveUp);
    handler?.onDownstreamClose(new ProxyError("internal", "internal", reason));
  }

  /** The client broke the rules of this stream. @param code of RST_STREAM. */
  resetWith(code: number): void {
    if (this.#isClosed) return;
    const handler = this.#handler;
    if (!this.#isRequestEnded) this.#owner.noteUnwantedBody();
    this.#owner.writer.reset(this.id, code);
    this.#close(StreamEndings.resetByUs);
    handler?.onDownstreamClose(clientClosed());
  }

  /** The client reset the stream, or its connection is gone. */
  onReset(): void {
    if (this.#isClosed) return;
    const handler = this.#handler;
    this.#close(this.#isEndSent ? StreamEndings.complete : StreamEndings.resetByClient);
    handler?.onDownstreamClose(clientClosed());
  }

  #close(ending: StreamEnding): void {
    this.#isClosed = true;
    this.#handler = null;
    this.#dropReceived();
    if (this.#unsent !== null) {
      this.#owner.noteQueued(-this.#unsent.length);
      this.#unsent.clear();
    }
    this.#owner.onStreamClosed(this, ending);
  }

  #dropReceived(): void {
    const bytes = this.#bufferedBytes;
    if (bytes === 0) return;
    this.#received?.clear();
    this.#owner.releaseBody(bytes);
  }

  /** Called about once a second: a client that takes nothing of a finished response does not keep it for ever. */
  checkLinger(): void {
    if (!this.#isResponseEnded || this.#isClosed) return;
    const pending = this.#unsentBytes;
    this.#lingerChecks = pending === this.#lingerPending ? this.#lingerChecks + 1 : 0;
    this.#lingerPending = pending;
    if (this.#lingerChecks >= MAX_LINGER_CHECKS) this.resetWith(ErrorCode.internalError);
  }
}

function clientClosed(): ProxyError {
  return new ProxyError("client-closed", "downstream", "the client reset the stream or closed the connection");
}
