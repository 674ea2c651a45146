// An open watch: the body of an answer as lines of text, until either side ends it.
import type { Dispatcher } from "undici";
import type { ApiStream } from "./api-client.ts";
import { ApiUnreachable } from "./api-client.ts";
import { LineSplitter } from "./line-splitter.ts";

export interface LineStreamOptions {
  readonly maxLineBytes: number;
  /** Puts an error of the connection into words. */
  readonly describe: (error: unknown) => ApiUnreachable;
  /** Called once when the stream is over, whoever ended it. */
  readonly ended: () => void;
}

export function openLineStream(response: Dispatcher.ResponseData, options: LineStreamOptions): ApiStream {
  let isClosed = false;
  let isOver = false;
  const over = (): void => {
    if (isOver) return;
    isOver = true;
    options.ended();
  };
  // Between closing and reading nobody listens, and an error without a listener ends the process.
  response.body.on("error", () => {});

  async function* readLines(): AsyncGenerator<string, void, void> {
    const splitter = new LineSplitter(options.maxLineBytes);
    try {
      for await (const chunk of response.body) {
        yield* splitter.push(chunk as Buffer);
        if (isClosed) return;
      }
      if (splitter.isWithinLine) throw new ApiUnreachable("the watch ended within a line");
    } catch (error) {
      if (!isClosed) throw options.describe(error);
    } finally {
      over();
    }
  }

  return {
    status: response.statusCode,
    lines: readLines(),
    close() {
      isClosed = true;
      response.body.destroy();
      over();
    },
  };
}
