// The admission webhook as one thing: the server, its certificate, and the API server's knowledge of it.
import type { NamespacedName } from "../ir/names.ts";
import type { Clock } from "../lib/clock.ts";
import type { ApiClient } from "../source/kubernetes/client/api-client.ts";
import { WebhookRegistration } from "../source/kubernetes/webhook-registration/webhook-registration.ts";
import type { ObjectStore } from "../source/object-store.ts";
import type { TranslateOptions } from "../translate/result.ts";
import type { AdmissionEvent } from "./admission-events.ts";
import { AdmissionServer } from "./admission-server.ts";

export interface AdmissionWebhookOptions {
  readonly client: ApiClient;
  /** Where a review comes before it is synced, the object is allowed with a warning. */
  readonly store: Pick<ObjectStore, "isSynced" | "world">;
  readonly translateOptions: TranslateOptions;
  /** Where only some namespaces are watched: which. Objects of others are allowed untouched. */
  readonly servesNamespace: (namespace: string) => boolean;
  /** Port 0: any free one. */
  readonly listen: { readonly host: string; readonly port: number };
  /** The Service by which the API server reaches this server. */
  readonly service: NamespacedName;
  /** Where all replicas keep the certificate and its authority. */
  readonly secret: NamespacedName;
  /** The ValidatingWebhookConfiguration whose `caBundle` is kept right; null to leave that to somebody else. */
  readonly configuration: string | null;
  readonly clock: Clock;
  /** From 0 to 1. */
  readonly random: () => number;
  /** Milliseconds since 1970, for the validity of certificates. */
  readonly wallTimeMs: () => number;
  readonly onEvent: (event: AdmissionEvent) => void;
}

export class AdmissionWebhook {
  readonly #server: AdmissionServer;
  readonly #registration: WebhookRegistration;

  constructor(options: AdmissionWebhookOptions) {
    const { listen, clock, store, translateOptions, onEvent, servesNamespace } = options;
    this.#server = new AdmissionServer({
      ...listen,
      clock,
      onEvent,
      context: () => (store.isSynced ? { world: store.world(), options: translateOptions, servesNamespace } : null),
    });
    this.#registration = new WebhookRegistration({
      ...options,
      onCertificate: (certificate) => this.#server.useCertificate(certificate),
    });
  }

  /** True while the API server can ask and be answered. The proxy's readiness must not hang on it: routes are served without. */
  get isReady(): boolean {
    return this.#registration.isRegistered;
  }

  /**
   * Resolves when the port is bound; the certificate follows on its own, however long the API server lets it wait.
   * @returns the real port.
   * @throws ListenError
   */
  async start(): Promise<number> {
    const port = await this.#server.start();
    this.#registration.start();
    return port;
  }

  /** Ends reviews under way within a second; writes nothing after it has resolved. */
  async stop(): Promise<void> {
    await Promise.all([this.#server.close(), this.#registration.stop()]);
  }
}
