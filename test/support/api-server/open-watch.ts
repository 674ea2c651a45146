// One open watch: sends what changed since where it stands, then waits for more. A frozen one is simply not asked to send.
import type { ServerResponse } from "node:http";
import type { ApiObject } from "./api-objects.ts";
import { ApiFailure, failure } from "./api-objects.ts";
import type { ApiResource } from "./api-resources.ts";
import { apiVersionOf } from "./api-resources.ts";
import type { LogEntry, ObjectLog } from "./object-log.ts";
import type { RecordedRequest } from "./recorded-request.ts";
import { collectionFilter } from "./api-store.ts";
import type { Selector } from "./selectors.ts";

export class OpenWatch {
  readonly resource: ApiResource;
  readonly allowsBookmarks: boolean;
  readonly #log: ObjectLog;
  readonly #response: ServerResponse;
  readonly #selects: Selector;
  #revision: number;

  constructor(
    log: ObjectLog,
    resource: ApiResource,
    { request, response }: { request: RecordedRequest; response: ServerResponse },
  ) {
    this.#log = log;
    this.resource = resource;
    this.#response = response;
    this.#selects = collectionFilter(request);
    this.allowsBookmarks = request.query.get("allowWatchBookmarks") === "true";
    const from = Number(request.query.get("resourceVersion") ?? "0");
    this.#revision = from === 0 ? log.revision : from;
    response.writeHead(200, { "content-type": "application/json" });
    response.flushHeaders();
    if (from !== 0) return;
    for (const object of log.listAt(resource, log.revision)) {
      if (this.#selects(object)) this.#send("ADDED", object);
    }
  }

  /** Sends what is new; a version that has been compacted away ends the watch with an ERROR event, as with the real server. */
  sendChanges(): void {
    try {
      for (const entry of this.#log.changesAfter(this.#revision)) this.#sendEntry(entry);
      this.#revision = this.#log.revision;
    } catch (error) {
      if (!(error instanceof ApiFailure)) throw error;
      this.#send("ERROR", error.status);
      this.end();
    }
  }

  sendBookmark(): void {
    const { kind } = this.resource;
    const metadata = { resourceVersion: String(this.#revision), creationTimestamp: null };
    this.#send("BOOKMARK", { kind, apiVersion: apiVersionOf(this.resource), metadata });
  }

  /** Says that the version is too old, and ends. */
  expire(): void {
    this.#send("ERROR", failure(410, `too old resource version: ${this.#revision} (${this.#log.revision})`));
    this.end();
  }

  /** What it has sent is what there is: a compaction then takes nothing away from it. */
  skipToPresent(): void {
    this.#revision = this.#log.revision;
  }

  sendRaw(bytes: string | Uint8Array): void {
    this.#response.write(bytes);
  }

  end(): void {
    this.#response.end();
  }

  cut(): void {
    this.#response.destroy();
  }

  #sendEntry({ resource, revision, before, after }: LogEntry): void {
    if (resource !== this.resource) return;
    const wasSeen = before !== null && this.#selects(before);
    const isSeen = after !== null && this.#selects(after);
    if (isSeen) this.#send(wasSeen ? "MODIFIED" : "ADDED", after);
    // A deleted object carries the version of its deletion.
    else if (wasSeen) {
      this.#send("DELETED", { ...before, metadata: { ...before.metadata, resourceVersion: String(revision) } });
    }
  }

  #send(type: string, object: ApiObject | object): void {
    this.#response.write(`${JSON.stringify({ type, object })}\n`);
  }
}
