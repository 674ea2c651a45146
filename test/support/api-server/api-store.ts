// What the API server does to objects: reads, lists in pages, creates, updates with optimistic concurrency, patches and
// deletes. Answers values or throws ApiFailure; knows no HTTP.
import type { ApiObject } from "./api-objects.ts";
import { failure, refuse } from "./api-objects.ts";
import type { ApiResource } from "./api-resources.ts";
import { apiVersionOf } from "./api-resources.ts";
import { checkWritten } from "./check-object.ts";
import type { ObjectLog } from "./object-log.ts";
import { applyMergePatch } from "./patches.ts";
import type { RecordedRequest } from "./recorded-request.ts";
import type { Selector } from "./selectors.ts";
import { parseSelectors } from "./selectors.ts";

/** What a HTTP answer is made of. */
export interface StoreAnswer {
  readonly code: number;
  readonly body: unknown;
}

/** Where a list goes on: its resourceVersion, and the name after which the next page begins. */
interface ContinueToken {
  readonly revision: number;
  readonly after: string;
}

/** Every request but a watch. @throws ApiFailure for every refusal. */
export function answerFromStore(log: ObjectLog, resource: ApiResource, request: RecordedRequest): StoreAnswer {
  switch (request.verb) {
    case "list":
      return { code: 200, body: list(log, resource, request) };
    case "get":
      return { code: 200, body: existing(log, resource, request) };
    case "create":
      return { code: 201, body: create(log, resource, request) };
    case "update":
    case "patch":
      return { code: 200, body: write(log, resource, request) };
    case "delete":
      return { code: 200, body: remove(log, resource, request) };
    case "watch":
      throw new Error("a watch is a stream");
  }
}

/** Whether a request for this collection sees the object. */
export function collectionFilter({ namespace, query }: RecordedRequest): Selector {
  const selects = parseSelectors(query.get("labelSelector"), query.get("fieldSelector"));
  return (object) => (namespace === "" || object.metadata.namespace === namespace) && selects(object);
}

function list(log: ObjectLog, resource: ApiResource, request: RecordedRequest): unknown {
  const { query } = request;
  const token = readToken(query.get("continue"));
  const revision = token?.revision ?? log.revision;
  const matches = log.listAt(resource, revision).filter(collectionFilter(request));
  const first = token === null ? 0 : matches.findIndex((object) => keyOf(object) > token.after);
  const remaining = first === -1 ? [] : matches.slice(first);
  const limit = Number(query.get("limit") ?? "0");
  const items = limit > 0 ? remaining.slice(0, limit) : remaining;
  const last = items.at(-1);
  const isLastPage = last === undefined || items.length === remaining.length;
  return {
    apiVersion: apiVersionOf(resource),
    kind: `${resource.kind}List`,
    metadata: {
      resourceVersion: String(revision),
      ...(!isLastPage && {
        continue: Buffer.from(JSON.stringify({ revision, after: keyOf(last) })).toString("base64url"),
        remainingItemCount: remaining.length - items.length,
      }),
    },
    // As the real server does, which leaves out what the list's own kind says.
    items: items.map(({ apiVersion: _apiVersion, kind: _kind, ...object }) => object),
  };
}

function keyOf({ metadata }: ApiObject): string {
  return `${metadata.namespace ?? ""}/${metadata.name}`;
}

function readToken(token: string | null): ContinueToken | null {
  if (token === null || token === "") return null;
  try {
    return JSON.parse(Buffer.from(token, "base64url").toString()) as ContinueToken;
  } catch {
    return refuse(400, "continue key is not valid");
  }
}

function existing(log: ObjectLog, resource: ApiResource, { namespace, name }: RecordedRequest): ApiObject {
  return log.get({ resource, namespace, name }) ?? refuse(404, `${resource.plural} "${name}" not found`);
}

function create(log: ObjectLog, resource: ApiResource, { namespace, body }: RecordedRequest): ApiObject {
  const object = checkWritten(body, { resource, namespace, name: "" }, null);
  const place = { resource, namespace, name: object.metadata.name };
  if (log.get(place) !== null) refuse(409, `${resource.plural} "${place.name}" already exists`, "AlreadyExists");
  const { status: _status, ...withoutStatus } = object;
  return log.put(
    place,
    resource.hasStatus
      ? { ...withoutStatus, apiVersion: object.apiVersion, kind: object.kind, metadata: object.metadata }
      : object,
  );
}

function write(log: ObjectLog, resource: ApiResource, request: RecordedRequest): ApiObject {
  const { namespace, name, subresource } = request;
  const before = existing(log, resource, request);
  const wanted = request.verb === "patch" ? patched(before, request) : request.body;
  const object = checkWritten(wanted, { resource, namespace, name }, before);
  const version = object.metadata.resourceVersion;
  if (version !== undefined && version !== "" && version !== before.metadata.resourceVersion) {
    const detail = "the object has been modified; please apply your changes to the latest version and try again";
    refuse(409, `Operation cannot be fulfilled on ${resource.plural} "${name}": ${detail}`);
  }
  const uid = object.metadata.uid;
  if (uid !== undefined && uid !== before.metadata.uid) {
    refuse(409, `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${before.metadata.uid}`);
  }
  if (resource.group === "coordination.k8s.io" && request.verb === "update" && (version ?? "") === "") {
    refuse(
      422,
      `leases "${name}" is invalid: metadata.resourceVersion: Invalid value: must be specified for an update`,
    );
  }
  return log.put({ resource, namespace, name }, mixStatus(object, before, { resource, subresource }));
}

/** `/status` changes nothing but the status, everything else anything but that. */
function mixStatus(
  object: ApiObject,
  before: ApiObject,
  { resource, subresource }: { resource: ApiResource; subresource: string },
): ApiObject {
  if (subresource === "status") return { ...before, status: object["status"] };
  if (!resource.hasStatus) return object;
  const { status: _status, ...withoutStatus } = object;
  const { apiVersion, kind, metadata } = object;
  return { ...withoutStatus, apiVersion, kind, metadata, ...("status" in before && { status: before["status"] }) };
}

function patched(before: ApiObject, { contentType, body }: RecordedRequest): unknown {
  const type = contentType.split(";")[0]?.trim();
  if (type !== "application/merge-patch+json") return refuse(415, `unsupported patch type: ${type ?? ""}`);
  return applyMergePatch(before, body);
}

function remove(log: ObjectLog, resource: ApiResource, request: RecordedRequest): unknown {
  const before = existing(log, resource, request);
  const options = request.body as { preconditions?: { resourceVersion?: string; uid?: string } } | undefined;
  const { resourceVersion = before.metadata.resourceVersion, uid = before.metadata.uid } = options?.preconditions ?? {};
  if (resourceVersion !== before.metadata.resourceVersion || uid !== before.metadata.uid) {
    refuse(409, `Precondition failed on ${resource.plural} "${request.name}"`);
  }
  log.delete({ resource, namespace: request.namespace, name: request.name });
  return { ...failure(200, ""), status: "Success", reason: "" };
}
