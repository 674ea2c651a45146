// What a stream and the connection that carries it know of each other.
import type { RequestHead } from "../http/messages.ts";
import type { DownstreamConnection } from "../proxy/downstream.ts";
import type { ReceiveWindow, SendWindow } from "./flow-control.ts";
import type { FrameWriter } from "./frame-writer.ts";

/** What a stream needs of the connection that carries it. */
export interface StreamOwner {
  readonly connection: DownstreamConnection;
  readonly writer: FrameWriter;
  /** The connection's, for all streams. */
  readonly sendWindow: SendWindow;
  /** No header block was sent yet. */
  isFirstBlock: boolean;
  /** Bytes of a request's body were taken, or thrown away. */
  releaseBody(bytes: number): void;
  /** Memory of the last read waits to be written to an upstream. */
  noteHeldChunk(): void;
  /** `pump` follows when the connection or its window has room again. */
  waitForRoom(stream: CarriedStream): void;
  /** So many more bytes (less, if negative) of a response wait in a stream. */
  noteQueued(bytes: number): void;
  noteDataSent(bytes: number): void;
  /** The client may go on with a body that nobody reads until it learns of the reset. */
  noteUnwantedBody(): void;
  /** Called once, last. */
  onStreamClosed(stream: CarriedStream, end: StreamEnding): void;
}

/** A stream, as its connection calls it. */
export interface CarriedStream {
  readonly id: number;
  readonly request: RequestHead;
  /** There may be room: sends of what waits, one turn's worth. */
  pump(): void;
}

/** `complete`: the response was sent whole; `gaveUp`: this side broke it off; `reset`: everything else. */
export type StreamOutcome = "complete" | "gaveUp" | "reset";

export interface StreamEnding {
  readonly outcome: StreamOutcome;
  /** RST_STREAM was sent: what the client sends before it knows is no error. */
  readonly isResetByUs: boolean;
}

/** What a stream begins with. */
export interface StreamStart {
  readonly id: number;
  readonly request: RequestHead;
  readonly wantsTrailers: boolean;
  /** The request has no body. */
  readonly endOfStream: boolean;
  readonly sendWindow: SendWindow;
  readonly receiveWindow: ReceiveWindow;
}

/** How streams end. */
export const StreamEndings: {
  readonly [ending in "complete" | "completeEarly" | "gaveUp" | "resetByUs" | "resetByClient"]: StreamEnding;
} = {
  complete: { outcome: "complete", isResetByUs: false },
  /** The request still came in. */
  completeEarly: { outcome: "complete", isResetByUs: true },
  gaveUp: { outcome: "gaveUp", isResetByUs: true },
  resetByUs: { outcome: "reset", isResetByUs: true },
  resetByClient: { outcome: "reset", isResetByUs: false },
};
