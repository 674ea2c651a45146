// SIGTERM and SIGINT: the first asks for an orderly stop, the second for an immediate one.

const SIGNALS = ["SIGTERM", "SIGINT"] as const;

export type StopSignal = (typeof SIGNALS)[number];

export class StopSignals {
  /** Resolves with the first signal. */
  readonly requested: Promise<StopSignal>;
  /** Resolves with the second. */
  readonly insisted: Promise<StopSignal>;
  readonly #request = Promise.withResolvers<StopSignal>();
  readonly #insist = Promise.withResolvers<StopSignal>();
  readonly #listener: (signal: StopSignal) => void;
  #count = 0;

  /** Signals no longer end the process by themselves from here on. */
  constructor() {
    this.requested = this.#request.promise;
    this.insisted = this.#insist.promise;
    this.#listener = (signal) => this.#onSignal(signal);
    for (const signal of SIGNALS) process.on(signal, this.#listener);
  }

  /** Gives signals their usual effect back. */
  dispose(): void {
    for (const signal of SIGNALS) process.off(signal, this.#listener);
  }

  #onSignal(signal: StopSignal): void {
    this.#count += 1;
    if (this.#count === 1) this.#request.resolve(signal);
    else this.#insist.resolve(signal);
  }
}
