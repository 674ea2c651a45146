// Talks to the API server of a cluster over connections of its own. Everything that is read is bounded; a status is an
// answer, whatever it says, and anything else that goes wrong is ApiUnreachable.
import type { Dispatcher } from "undici";
import { systemClock } from "../../../lib/clock.ts";
import type { Clock } from "../../../lib/clock.ts";
import type { ApiAnswer, ApiClient, ApiRequest, ApiStream } from "./api-client.ts";
import { ApiUnreachable } from "./api-client.ts";
import { readAnswer } from "./answer.ts";
import type { ClusterConfiguration, ConfigurationPlaces } from "./cluster-configuration.ts";
import { DEFAULT_PLACES, loadClusterConfiguration } from "./cluster-configuration.ts";
import { describeFailure } from "./connection-failure.ts";
import type { Credentials, CredentialTiming } from "./credentials.ts";
import { CredentialSource, DEFAULT_CREDENTIAL_TIMING, fingerprintOf } from "./credentials.ts";
import { Deadline } from "./deadline.ts";
import { openLineStream } from "./line-stream.ts";
import type { TransportTiming } from "./transport.ts";
import { DEFAULT_TRANSPORT_TIMING, openTransport } from "./transport.ts";

/** Bytes. */
export interface AnswerLimits {
  /** Of an answer's body. A page of 500 ordinary objects has about 1 MiB. */
  readonly maxAnswerBytes: number;
  /** Of one event of a watch; the API server stores no object over 3 MiB. */
  readonly maxLineBytes: number;
}

export interface ConnectionOptions {
  /** A file; null: the pod's ServiceAccount, KUBECONFIG or the default file, whichever there is first. */
  readonly kubeconfig: string | null;
  /** What names us in the API server's logs and as the owner of fields, for example `penstock/1.0.0`. */
  readonly userAgent: string;
  readonly limits?: Partial<AnswerLimits>;
  readonly timing?: Partial<CredentialTiming & TransportTiming & { readonly requestTimeoutMs: number }>;
  readonly places?: ConfigurationPlaces;
  readonly clock?: Clock;
}

/** The connection, and what to call the server in messages. */
export interface Cluster extends ApiClient {
  /** The API server's URL. */
  readonly server: string;
  /** Where that comes from, for example `context "kind" of /home/me/.kube/config`. */
  readonly origin: string;
  /** Cuts everything that is open. */
  close(): Promise<void>;
}

const DEFAULT_LIMITS: AnswerLimits = { maxAnswerBytes: 32 * 1024 * 1024, maxLineBytes: 16 * 1024 * 1024 };
const DEFAULT_REQUEST_TIMEOUT_MS = 30_000;

/**
 * Reads the configuration and gets ready; nothing is sent before somebody asks for something.
 * @throws SourceError where there is no configuration, or none that can be used.
 */
export async function connectToCluster(options: ConnectionOptions): Promise<Cluster> {
  const load = (): Promise<ClusterConfiguration> =>
    loadClusterConfiguration(options.kubeconfig, options.places ?? DEFAULT_PLACES);
  return new ClusterConnection(await load(), load, options);
}

interface OpenTransport {
  readonly dispatcher: Promise<Dispatcher>;
  readonly fingerprint: string;
}

class ClusterConnection implements Cluster {
  readonly server: string;
  readonly origin: string;
  readonly #userAgent: string;
  readonly #limits: AnswerLimits;
  readonly #requestTimeoutMs: number;
  readonly #transportTiming: TransportTiming;
  readonly #clock: Clock;
  readonly #credentials: CredentialSource;
  #transport: OpenTransport | null = null;
  readonly #retired = new Set<Promise<Dispatcher>>();
  #isClosed = false;

  constructor(
    configuration: ClusterConfiguration,
    reload: () => Promise<ClusterConfiguration>,
    options: ConnectionOptions,
  ) {
    this.server = configuration.server;
    this.origin = configuration.origin;
    this.#userAgent = options.userAgent;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#requestTimeoutMs = options.timing?.requestTimeoutMs ?? DEFAULT_REQUEST_TIMEOUT_MS;
    this.#transportTiming = { ...DEFAULT_TRANSPORT_TIMING, ...options.timing };
    this.#clock = options.clock ?? systemClock;
    const timing = { ...DEFAULT_CREDENTIAL_TIMING, ...options.timing };
    this.#credentials = new CredentialSource({ configuration, reload, clock: this.#clock, timing });
  }

  async send(request: ApiRequest): Promise<ApiAnswer> {
    const deadline = this.#startDeadline(request);
    try {
      const response = await this.#exchange(request, deadline.signal);
      return await readAnswer(response, this.#limits.maxAnswerBytes);
    } catch (error) {
      throw this.#failure(error, deadline);
    } finally {
      deadline.end();
    }
  }

  async watch(request: ApiRequest): Promise<ApiStream | ApiAnswer> {
    const deadline = this.#startDeadline(request);
    try {
      const response = await this.#exchange(request, deadline.signal);
      if (response.statusCode !== 200) {
        const answer = await readAnswer(response, this.#limits.maxAnswerBytes);
        deadline.end();
        return answer;
      }
      deadline.disarm();
      return openLineStream(response, {
        maxLineBytes: this.#limits.maxLineBytes,
        describe: (error) => this.#failure(error, deadline),
        ended: () => deadline.end(),
      });
    } catch (error) {
      deadline.end();
      throw this.#failure(error, deadline);
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const opened = [...this.#retired];
    if (this.#transport !== null) opened.push(this.#transport.dispatcher);
    await Promise.allSettled(opened.map(async (opening) => (await opening).destroy()));
  }

  #startDeadline(request: ApiRequest): Deadline {
    return new Deadline(this.#clock, request.timeoutMs ?? this.#requestTimeoutMs, request.signal ?? null);
  }

  /** Once more where the credentials were refused and there are new ones: a token has rotated. Nothing was done the first time. */
  async #exchange(request: ApiRequest, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const credentials = await this.#credentials.current();
    const response = await this.#dispatch(request, credentials, signal);
    if (response.statusCode !== 401) return response;
    const fresh = await this.#credentials.replace(credentials);
    if (fresh === null) return response;
    await response.body.dump();
    return this.#dispatch(request, fresh, signal);
  }

  async #dispatch(
    request: ApiRequest,
    credentials: Credentials,
    signal: AbortSignal,
  ): Promise<Dispatcher.ResponseData> {
    const dispatcher = await this.#transportFor(credentials);
    const { serverUrl } = credentials.configuration;
    const prefix = serverUrl.pathname === "/" ? "" : serverUrl.pathname;
    const query = new URLSearchParams(request.query ?? {}).toString();
    const body = request.body === undefined ? null : JSON.stringify(request.body);
    const headers: Record<string, string> = {
      accept: "application/json",
      "user-agent": this.#userAgent,
      ...credentials.headers,
    };
    if (body !== null) headers["content-type"] = contentTypeOf(request.method);
    return dispatcher.request({
      origin: serverUrl.origin,
      path: `${prefix}${request.path}${query === "" ? "" : `?${query}`}`,
      method: request.method,
      headers,
      body,
      signal,
      // The deadline covers both; a watch has none once it is open.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }

  async #transportFor(credentials: Credentials): Promise<Dispatcher> {
    if (this.#isClosed) throw new ApiUnreachable("the connection to the API server is closed");
    const fingerprint = fingerprintOf(credentials);
    // Decided without a pause, so that many who ask at once open it once.
    if (this.#transport?.fingerprint !== fingerprint) {
      if (this.#transport !== null) this.#retire(this.#transport.dispatcher);
      this.#transport = { dispatcher: openTransport(credentials, this.#transportTiming), fingerprint };
    }
    return this.#transport.dispatcher;
  }

  /** Watches on old connections go on until they end by themselves. */
  #retire(opening: Promise<Dispatcher>): void {
    this.#retired.add(opening);
    const forget = (): boolean => this.#retired.delete(opening);
    void opening.then((dispatcher) => dispatcher.close()).then(forget, forget);
  }

  #failure(error: unknown, deadline: Deadline): ApiUnreachable {
    if (deadline.isExpired) {
      return new ApiUnreachable(
        `cannot reach the API server ${this.server} (${this.origin}): no answer in ${deadline.timeoutMs} ms`,
        { cause: error },
      );
    }
    return describeFailure(error, this);
  }
}

function contentTypeOf(method: ApiRequest["method"]): string {
  return method === "PATCH" ? "application/merge-patch+json" : "application/json";
}
