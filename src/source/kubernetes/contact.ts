// Whether the API server is there, judged by everything that talks to it together.

export interface ContactListener {
  connected(): void;
  disconnected(cause: string): void;
}

/** One cut connection is none yet, once there was contact: a server may close any watch. */
const FAILURES_TO_BELIEVE = 2;

export class Contact {
  readonly #listener: ContactListener;
  #failures = 0;
  #state: "unknown" | "connected" | "disconnected" = "unknown";

  constructor(listener: ContactListener) {
    this.#listener = listener;
  }

  /** False until something was heard, and while nothing is. */
  get isConnected(): boolean {
    return this.#state === "connected";
  }

  heard(): void {
    this.#failures = 0;
    if (this.#state === "connected") return;
    this.#state = "connected";
    this.#listener.connected();
  }

  failed(cause: string): void {
    this.#failures += 1;
    if (this.#state === "disconnected") return;
    if (this.#state === "connected" && this.#failures < FAILURES_TO_BELIEVE) return;
    this.#state = "disconnected";
    this.#listener.disconnected(cause);
  }
}
