// The loop that keeps the webhook's certificate fresh and the API server informed of whom to trust. It serves nothing:
// whoever serves is handed each new certificate.
import type { NamespacedName } from "../../../ir/names.ts";
import { backOffDelay } from "../../../lib/back-off.ts";
import type { Clock, ClockTimer } from "../../../lib/clock.ts";
import type { ApiClient } from "../client/api-client.ts";
import { ApiUnreachable } from "../client/api-client.ts";
import { RegistrationProblem } from "./api-problem.ts";
import { syncCaBundle } from "./ca-bundle.ts";
import { syncCertificateSecret } from "./certificate-secret.ts";
import type { CertificateSecretState } from "./certificate-secret.ts";
import { formatBundle } from "./serving-material.ts";

/** What happens to the registration; each is worth a line in a log. */
export type RegistrationEvent =
  | { readonly type: "certificate-written"; readonly change: string; readonly replacedFault: string | null }
  | { readonly type: "bundle-written"; readonly entries: number }
  /** Told once, not at each try; `problem` is one line for the user. */
  | { readonly type: "registration-failed"; readonly problem: string }
  | { readonly type: "registration-recovered" };

/** What a server needs. */
export interface ServingCertificate {
  readonly certificatePem: string;
  readonly keyPem: string;
}

export interface RegistrationOptions {
  readonly client: ApiClient;
  readonly service: NamespacedName;
  readonly secret: NamespacedName;
  /** Name of the ValidatingWebhookConfiguration; null where somebody else writes its `caBundle`. */
  readonly configuration: string | null;
  readonly clock: Clock;
  /** Milliseconds since 1970. */
  readonly wallTimeMs: () => number;
  /** From 0 to 1. */
  readonly random: () => number;
  readonly onEvent: (event: RegistrationEvent) => void;
  /** Called with the first certificate and with each that differs from the one before. */
  readonly onCertificate: (certificate: ServingCertificate) => void;
}

/** Half of it fixed and half random, as replicas start at the same moment: 45 s to 90 s. */
const CHECK_INTERVAL_MS = 90_000;
const RETRY = { firstDelayMs: 1_000, maxDelayMs: 60_000 } as const;

export class WebhookRegistration {
  readonly #options: RegistrationOptions;
  readonly #stopped = new AbortController();
  #timer: ClockTimer | null = null;
  #round: Promise<void> = Promise.resolve();
  #failures = 0;
  #lastProblem: string | null = null;
  #servedPem = "";
  #isComplete = false;

  constructor(options: RegistrationOptions) {
    this.#options = options;
  }

  /** True once the certificate and, where it is ours to write, the bundle have been seen to in the last round. */
  get isRegistered(): boolean {
    return this.#isComplete;
  }

  /** Returns at once; what goes wrong is told to `onEvent` and tried again. */
  start(): void {
    this.#begin();
  }

  /** Resolves when the round under way has ended; nothing is written after that. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#timer?.cancel();
    await this.#round;
  }

  #begin(): void {
    this.#timer = null;
    this.#round = this.#check();
  }

  async #check(): Promise<void> {
    let delayMs: number;
    try {
      await this.#sync();
      this.#succeeded();
      delayMs = CHECK_INTERVAL_MS * (0.5 + this.#options.random() / 2);
    } catch (error) {
      if (this.#stopped.signal.aborted) return;
      delayMs = this.#failed(error);
    }
    if (this.#stopped.signal.aborted) return;
    this.#timer = this.#options.clock.setTimer(() => this.#begin(), delayMs);
  }

  async #sync(): Promise<void> {
    const { client, service, configuration } = this.#options;
    const { signal } = this.#stopped;
    const state = await syncCertificateSecret({ ...this.#options, signal });
    this.#take(state);
    if (configuration === null) return;
    const bundle = formatBundle(state.material.trusted);
    const entries = await syncCaBundle(bundle, { client, service, configuration, signal });
    if (entries > 0) this.#options.onEvent({ type: "bundle-written", entries });
  }

  #take({ material, change, replacedFault }: CertificateSecretState): void {
    if (change !== null) this.#options.onEvent({ type: "certificate-written", change, replacedFault });
    const { certificatePem, keyPem } = material.leaf;
    if (certificatePem === this.#servedPem) return;
    this.#servedPem = certificatePem;
    this.#options.onCertificate({ certificatePem, keyPem });
  }

  #succeeded(): void {
    this.#isComplete = true;
    this.#failures = 0;
    if (this.#lastProblem === null) return;
    this.#lastProblem = null;
    this.#options.onEvent({ type: "registration-recovered" });
  }

  /** @returns how long to wait; milliseconds. */
  #failed(error: unknown): number {
    this.#isComplete = false;
    this.#failures += 1;
    const problem = describeError(error);
    if (problem !== this.#lastProblem) this.#options.onEvent({ type: "registration-failed", problem });
    this.#lastProblem = problem;
    const askedMs = error instanceof RegistrationProblem ? (error.retryAfterMs ?? 0) : 0;
    return Math.max(Math.min(askedMs, RETRY.maxDelayMs), backOffDelay(this.#failures, RETRY, this.#options.random()));
  }
}

function describeError(error: unknown): string {
  if (error instanceof RegistrationProblem) return error.message;
  if (error instanceof ApiUnreachable) return `the API server cannot be reached: ${error.message}`;
  return `a fault of Penstock itself: ${error instanceof Error ? error.message : String(error)}`;
}
