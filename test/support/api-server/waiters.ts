// Waits of tests for something to come true, looked at when something happened; they fail rather than wait for ever.

interface Waiter {
  readonly condition: () => boolean;
  readonly resolve: () => void;
  readonly timeout: NodeJS.Timeout;
}

export class Waiters {
  readonly #waiters = new Set<Waiter>();
  readonly #patienceMs: number;
  readonly #describe: () => string;

  /** @param describe what to say when patience ends. */
  constructor(patienceMs: number, describe: () => string) {
    this.#patienceMs = patienceMs;
    this.#describe = describe;
  }

  until(condition: () => boolean): Promise<void> {
    if (condition()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const timeout = setTimeout(() => {
        this.#waiters.delete(waiter);
        reject(new Error(`waited ${this.#patienceMs} ms in vain; the last requests were\n${this.#describe()}`));
      }, this.#patienceMs);
      const waiter: Waiter = { condition, resolve, timeout };
      this.#waiters.add(waiter);
    });
  }

  /** Something happened. */
  look(): void {
    for (const waiter of this.#waiters) {
      if (!waiter.condition()) continue;
      this.#waiters.delete(waiter);
      clearTimeout(waiter.timeout);
      waiter.resolve();
    }
  }
}
