// A test double of the Kubernetes API server: real HTTP on a loopback port, real resourceVersions, pages, watches and
// refusals, and the faults that a real one will not produce when asked.
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { ApiClient } from "../../../src/source/kubernetes/client/api-client.ts";
import type { ApiObject, StoredMeta } from "./api-objects.ts";
import { ApiFailure, failure } from "./api-objects.ts";
import type { ApiResource } from "./api-resources.ts";
import { resourceOfKind } from "./api-resources.ts";
import { answerFromStore } from "./api-store.ts";
import { Faults } from "./faults.ts";
import type { ForbidRule, PreparedAnswer } from "./faults.ts";
import type { ObjectPlace } from "./object-log.ts";
import { ObjectLog } from "./object-log.ts";
import { OpenWatch } from "./open-watch.ts";
import { plainClient } from "./plain-client.ts";
import type { RecordedRequest } from "./recorded-request.ts";
import { readTarget } from "./recorded-request.ts";
import { Waiters } from "./waiters.ts";

export interface ApiServerOptions {
  /** Answers 401 to every request whose `Authorization` it refuses; missing: everybody is welcome. */
  readonly accepts?: (authorization: string | null) => boolean;
  /** Never sends bookmarks, whatever clients ask for. */
  readonly withoutBookmarks?: boolean;
  /** How long a wait for a request or an object may take before it fails, in milliseconds; 30 s. */
  readonly patienceMs?: number;
}

/** Points at an object; `apiVersion` only where two groups have the kind (`Event` is that of events.k8s.io). */
export interface ObjectPointer {
  readonly apiVersion?: string;
  readonly kind: string;
  /** Missing: cluster-scoped, or `default`. */
  readonly namespace?: string;
  readonly name: string;
}

/** What a test hands over, written out or of an interface; what the server adds may be missing. */
export type ObjectInput =
  | ApiObject
  | { readonly apiVersion: string; readonly kind: string; readonly metadata: StoredMeta };

export async function startApiServer(options: ApiServerOptions = {}): Promise<ApiServerDouble> {
  const server = new ApiServerDouble(options);
  await server.start();
  return server;
}

export class ApiServerDouble {
  /** Everything that was asked, in order of arrival. */
  readonly requests: RecordedRequest[] = [];
  readonly #options: ApiServerOptions;
  readonly #log: ObjectLog = new ObjectLog(() => this.#tellWatches());
  readonly #faults = new Faults();
  readonly #waiters: Waiters;
  readonly #watches = new Set<OpenWatch>();
  readonly #sockets = new Set<Socket>();
  readonly #installed = new Set<string>();
  #http: Server | null = null;
  #port = 0;
  #frozen: PromiseWithResolvers<void> | null = null;
  #listGate: Promise<void> | null = null;

  constructor(options: ApiServerOptions) {
    this.#options = options;
    this.#waiters = new Waiters(options.patienceMs ?? 30_000, () => this.#describeRequests());
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** The version of the last change, as lists would answer it. */
  get resourceVersion(): string {
    return String(this.#log.revision);
  }

  /** A client without authentication. */
  client(userAgent = "penstock/test"): ApiClient {
    return plainClient(this.url, userAgent);
  }

  /** Listens, on the port that it had before where there was one; the objects are still there. */
  async start(): Promise<void> {
    const http = createServer((message, response) => void this.#serve(message, response));
    http.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
    await new Promise<void>((resolve, reject) => {
      http.once("error", reject);
      http.listen(this.#port, "127.0.0.1", resolve);
    });
    this.#port = (http.address() as AddressInfo).port;
    this.#http = http;
  }

  /** Refuses connections from now on and cuts those that are open. */
  async stop(): Promise<void> {
    const http = this.#http;
    if (http === null) return;
    this.#http = null;
    this.thaw();
    const closed = new Promise((resolve) => http.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  /** Creates or replaces an object, status included, as somebody else would; returns it as it is stored. */
  apply(object: ObjectInput): ApiObject {
    const resource = resourceOfKind(object.kind, object.apiVersion);
    const namespace = resource.isNamespaced ? (object.metadata.namespace ?? "default") : "";
    const plain = JSON.parse(JSON.stringify(object)) as ApiObject;
    return this.#log.put({ resource, namespace, name: object.metadata.name }, plain);
  }

  /** Deletes an object; one that is not there is passed over. */
  remove(ref: ObjectPointer): void {
    this.#log.delete(placeOf(ref));
  }

  /** The object, or null. */
  get(ref: ObjectPointer): ApiObject | null {
    return this.#log.get(placeOf(ref));
  }

  /** Every object of the kind, by namespace and name. */
  objects(kind: string, apiVersion?: string): readonly ApiObject[] {
    return this.#log.listAt(resourceOfKind(kind, apiVersion), this.#log.revision);
  }

  /** Forgets the past: older resourceVersions and pages begun get 410. Open watches that are up to date go on. */
  compact(): void {
    this.#log.compact();
    if (this.#frozen !== null) return;
    for (const watch of this.#watches) watch.skipToPresent();
  }

  forbid(rule: ForbidRule): void {
    this.#faults.forbid(rule);
  }

  /** Takes back what was forbidden with an equal rule; without one, everything. */
  allow(rule: ForbidRule | null = null): void {
    this.#faults.allow(rule);
  }

  /** Makes a custom kind known; until then its paths are 404. */
  install(kind: string): void {
    this.#installed.add(kind);
  }

  /** Takes a custom kind away again, its watches with it. */
  uninstall(kind: string): void {
    this.#installed.delete(kind);
    this.cutWatches(kind);
  }

  /** Breaks the connections of open watches, of one kind or all. */
  cutWatches(kind?: string): void {
    for (const watch of this.#watchesOf(kind)) watch.cut();
  }

  /** Ends open watches the way a server does whose time for them is up. */
  endWatches(kind?: string): void {
    for (const watch of this.#watchesOf(kind)) watch.end();
  }

  /** Ends open watches with the ERROR event for versions that are too old. */
  expireWatches(kind?: string): void {
    for (const watch of this.#watchesOf(kind)) watch.expire();
  }

  /** Sends a bookmark to open watches that allow them, unless the double was started without. */
  sendBookmarks(kind?: string): void {
    if (this.#options.withoutBookmarks === true) return;
    for (const watch of this.#watchesOf(kind)) if (watch.allowsBookmarks) watch.sendBookmark();
  }

  /** Writes bytes into open watches, whatever they mean. */
  sendRaw(kind: string, bytes: string | Uint8Array): void {
    for (const watch of this.#watchesOf(kind)) watch.sendRaw(bytes);
  }

  openWatches(kind?: string): number {
    return this.#watchesOf(kind).length;
  }

  /** Takes connections and requests, and answers nothing; watches fall silent. */
  freeze(): void {
    this.#frozen ??= Promise.withResolvers();
  }

  /** Answers everything that waited, and sends watches what they missed. */
  thaw(): void {
    this.#frozen?.resolve();
    this.#frozen = null;
    this.#tellWatches();
  }

  /** Lists wait for the gate before they are answered; null: not any more. */
  slowLists(gate: Promise<void> | null): void {
    this.#listGate = gate;
  }

  /** Answers the next matching request so, in place of the truth; such a write changes nothing. */
  answerNext(answer: PreparedAnswer): void {
    this.#faults.prepare(answer);
  }

  /** Resolves once `count` matching requests have come in, those before this call included. */
  async requestSeen(predicate: (request: RecordedRequest) => boolean, count = 1): Promise<RecordedRequest> {
    const matching = (): RecordedRequest | undefined => this.requests.filter(predicate)[count - 1];
    await this.until(() => matching() !== undefined);
    return matching() as RecordedRequest;
  }

  /** Resolves once the condition holds; it is looked at after every request that came in or was answered, and every change. */
  until(condition: () => boolean): Promise<void> {
    return this.#waiters.until(condition);
  }

  #watchesOf(kind?: string): OpenWatch[] {
    return [...this.#watches].filter((watch) => kind === undefined || watch.resource.kind === kind);
  }

  #tellWatches(): void {
    if (this.#frozen === null) for (const watch of this.#watches) watch.sendChanges();
    this.#waiters.look();
  }

  async #serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
    message.on("error", () => {});
    response.on("error", () => {});
    try {
      const { request, resource } = readTarget(message, await readBody(message));
      this.requests.push(request);
      this.#waiters.look();
      await this.#frozen?.promise;
      if (request.verb === "list") await this.#listGate;
      this.#answer(request, resource, response);
    } catch {
      response.destroy();
    }
    this.#waiters.look();
  }

  #answer(request: RecordedRequest, resource: ApiResource | null, response: ServerResponse): void {
    const prepared = this.#faults.takeAnswer(request);
    if (prepared !== null) {
      const { status, headers = {}, body = failure(status, "as the test wants it") } = prepared;
      return sendAnswer(response, status, { body, headers });
    }
    if (this.#options.accepts?.(request.authorization) === false) {
      return sendAnswer(response, 401, { body: failure(401, "Unauthorized") });
    }
    if (this.#faults.isForbidden(request)) return sendAnswer(response, 403, { body: forbidden(request) });
    if (resource === null || (resource.isCustom && !this.#installed.has(resource.kind))) {
      return sendAnswer(response, 404, { body: "404 page not found\n" });
    }
    try {
      if (request.verb === "watch") this.#openWatch(resource, request, response);
      else {
        const { code, body } = answerFromStore(this.#log, resource, request);
        sendAnswer(response, code, { body });
      }
    } catch (error) {
      if (!(error instanceof ApiFailure)) throw error;
      sendAnswer(response, error.status.code, { body: error.status });
    }
  }

  #openWatch(resource: ApiResource, request: RecordedRequest, response: ServerResponse): void {
    const watch = new OpenWatch(this.#log, resource, { request, response });
    this.#watches.add(watch);
    response.once("close", () => {
      this.#watches.delete(watch);
      this.#waiters.look();
    });
    watch.sendChanges();
  }

  #describeRequests(): string {
    return this.requests
      .slice(-15)
      .map(
        ({ verb, resource, subresource, namespace, name }) => `${verb} ${resource}/${subresource} ${namespace}/${name}`,
      )
      .join("\n");
  }
}

function placeOf({ kind, apiVersion, namespace = "default", name }: ObjectPointer): ObjectPlace {
  const resource = resourceOfKind(kind, apiVersion);
  return { resource, namespace: resource.isNamespaced ? namespace : "", name };
}

function forbidden({ verb, group, resource, namespace, name }: RecordedRequest): unknown {
  const where = namespace === "" ? "at the cluster scope" : `in the namespace "${namespace}"`;
  const who = 'User "system:serviceaccount:penstock:penstock"';
  const what = `${resource}${group === "" ? "" : `.${group}`} ${name === "" ? "" : `"${name}" `}is forbidden`;
  return failure(403, `${what}: ${who} cannot ${verb} resource "${resource}" in API group "${group}" ${where}`);
}

function sendAnswer(
  response: ServerResponse,
  code: number,
  { body, headers = {} }: { body: unknown; headers?: Readonly<Record<string, string>> },
): void {
  const isText = typeof body === "string";
  response.writeHead(code, { "content-type": isText ? "text/plain" : "application/json", ...headers });
  response.end(isText ? body : JSON.stringify(body));
}

async function readBody(message: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return chunks.length === 0 ? undefined : (JSON.parse(Buffer.concat(chunks).toString()) as unknown);
}
