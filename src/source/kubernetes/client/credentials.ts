// What proves to the API server who we are, and to us who the server is; read again as tokens and certificates rotate.
import type { RequestOptions } from "node:https";
import { readFile } from "node:fs/promises";
import type { Clock } from "../../../lib/clock.ts";
import type { ClusterConfiguration, ServiceAccountFiles } from "./cluster-configuration.ts";
import { ConnectionImpossible, detailOf } from "./connection-failure.ts";

/** Everything that a TLS connection is made with; compared as text, because any of it may rotate. */
export interface TlsMaterial {
  readonly ca: string | null;
  readonly cert: string | null;
  readonly key: string | null;
  readonly servername: string | null;
  readonly rejectUnauthorized: boolean;
}

interface CredentialMaterial {
  /** `authorization` and impersonation. */
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: TlsMaterial;
}

export interface Credentials extends CredentialMaterial {
  readonly configuration: ClusterConfiguration;
}

/** Milliseconds. */
export interface CredentialTiming {
  /** Files are read again after so long; kubelet rotates a token when a fifth of its life is left. */
  readonly maxAgeMs: number;
  /** A server that refuses everybody must not make us run a credential plugin for each request. */
  readonly minReloadMs: number;
  /** For a credential plugin. */
  readonly pluginTimeoutMs: number;
}

export const DEFAULT_CREDENTIAL_TIMING: CredentialTiming = {
  maxAgeMs: 30_000,
  minReloadMs: 1_000,
  pluginTimeoutMs: 30_000,
};

export interface CredentialSourceOptions {
  readonly configuration: ClusterConfiguration;
  /** Reads the configuration anew, as after a refusal. */
  readonly reload: () => Promise<ClusterConfiguration>;
  readonly clock: Clock;
  readonly timing: CredentialTiming;
}

/** Hands out the current credentials; many who ask at once share one reading. */
export class CredentialSource {
  readonly #options: CredentialSourceOptions;
  #configuration: ClusterConfiguration;
  #current: Promise<Credentials> | null = null;
  #readAtMs = 0;

  constructor(options: CredentialSourceOptions) {
    this.#options = options;
    this.#configuration = options.configuration;
  }

  /** @throws ConnectionImpossible where a file or a plugin gives nothing. */
  current(): Promise<Credentials> {
    const { clock, timing } = this.#options;
    if (this.#current === null || clock.now() - this.#readAtMs >= timing.maxAgeMs) {
      this.#read(Promise.resolve(this.#configuration));
    }
    return this.#current as Promise<Credentials>;
  }

  /**
   * After the server refused these: reads everything anew, the configuration itself included.
   * @returns others than those, or null where there are none.
   */
  async replace(refused: Credentials): Promise<Credentials | null> {
    const { clock, timing, reload } = this.#options;
    if ((await this.current()) === refused) {
      if (clock.now() - this.#readAtMs < timing.minReloadMs) return null;
      this.#read(reload());
    }
    const fresh = await this.current();
    return isSame(fresh, refused) ? null : fresh;
  }

  #read(configuration: Promise<ClusterConfiguration>): void {
    const reading = this.#readFrom(configuration);
    this.#readAtMs = this.#options.clock.now();
    this.#current = reading;
    reading.catch(() => {
      if (this.#current === reading) this.#current = null;
    });
  }

  async #readFrom(configuration: Promise<ClusterConfiguration>): Promise<Credentials> {
    try {
      this.#configuration = await configuration;
      return await readCredentials(this.#configuration, this.#options);
    } catch (error) {
      if (error instanceof ConnectionImpossible) throw error;
      throw new ConnectionImpossible(
        `the credentials of ${this.#configuration.origin} cannot be read: ${detailOf(error)}`,
        { cause: error },
      );
    }
  }
}

async function readCredentials(
  configuration: ClusterConfiguration,
  { clock, timing }: CredentialSourceOptions,
): Promise<Credentials> {
  const { identity } = configuration;
  if ("tokenFile" in identity) return { ...(await readServiceAccount(identity)), configuration };
  const options: RequestOptions = { headers: {} };
  await withDeadline(identity.applyToHTTPSOptions(options), timing.pluginTimeoutMs, clock);
  return { ...readOptions(options), configuration };
}

async function readServiceAccount({ caFile, tokenFile }: ServiceAccountFiles): Promise<CredentialMaterial> {
  const [ca, token] = await Promise.all([readFile(caFile, "utf8"), readFile(tokenFile, "utf8")]);
  return {
    headers: { authorization: `Bearer ${token.trim()}` },
    tls: { ca, cert: null, key: null, servername: null, rejectUnauthorized: true },
  };
}

/** What the client put into the options of a request. */
function readOptions(options: RequestOptions): CredentialMaterial {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(options.headers ?? {})) {
    if (typeof value === "string") headers[name.toLowerCase()] = value.trim();
  }
  if (typeof options.auth === "string") {
    headers["authorization"] = `Basic ${Buffer.from(options.auth).toString("base64")}`;
  }
  const tls: TlsMaterial = {
    ca: textOf(options.ca),
    cert: textOf(options.cert),
    key: textOf(options.key),
    servername: options.servername ?? null,
    rejectUnauthorized: options.rejectUnauthorized ?? true,
  };
  return { headers, tls };
}

function withDeadline(pending: Promise<void>, timeoutMs: number, clock: Clock): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = clock.setTimer(() => reject(new Error("the credential plugin does not answer")), timeoutMs);
    pending.then(resolve, reject).finally(() => timer.cancel());
  });
}

/** PEM, as one text. */
function textOf(material: unknown): string | null {
  if (typeof material === "string") return material;
  return Buffer.isBuffer(material) ? material.toString("latin1") : null;
}

function isSame(one: Credentials, other: Credentials): boolean {
  return fingerprintOf(one) === fingerprintOf(other) && JSON.stringify(one.headers) === JSON.stringify(other.headers);
}

/** Equal for credentials that may share connections. */
export function fingerprintOf({ tls, configuration }: Credentials): string {
  return JSON.stringify([configuration.server, configuration.proxyUrl?.href ?? null, tls]);
}
