// The API server as the tests see it: get, list, apply, patch, delete and watch of any kind, over the socket of a `kubectl
// proxy`, which knows how to authenticate. Waits by watching, never by asking again and again.
import http from "node:http";
import { createInterface } from "node:readline";
import { SETTINGS } from "./settings.ts";

/** Any object, as JSON has it. */
export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMetadata;
  readonly [field: string]: unknown;
}

export interface ObjectMetadata {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly [field: string]: unknown;
}

/** A kind, and where the object is. */
export interface ObjectReference {
  /** For example `v1`, `apps/v1`. */
  readonly apiVersion: string;
  readonly kind: string;
  /** Missing for kinds of the cluster. */
  readonly namespace?: string;
  readonly name: string;
}

export type CollectionReference = Omit<ObjectReference, "name"> & { readonly labelSelector?: string };

/** The API server refused: `code` is its HTTP status, `message` what it says. */
export class ApiError extends Error {
  readonly code: number;

  constructor(method: string, path: string, code: number, message: string) {
    super(`${method} ${path}: ${code} ${message}`);
    this.name = "ApiError";
    this.code = code;
  }
}

const REQUEST_TIMEOUT_MS = 30_000;
const DEFAULT_WAIT_MS = 60_000;
const FIELD_MANAGER = "penstock-e2e";

interface ApiRequest {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly contentType?: string;
}

/** One request as it is; for what the functions below lack. Rejects with ApiError, or when nobody answers. */
export async function callApi(request: ApiRequest): Promise<unknown> {
  const response = await openApi(request, AbortSignal.timeout(REQUEST_TIMEOUT_MS));
  let text = "";
  for await (const chunk of response.setEncoding("utf8")) text += chunk as string;
  const status = response.statusCode ?? 0;
  if (status >= 200 && status < 300) return text.startsWith("{") ? JSON.parse(text) : text;
  throw new ApiError(request.method, request.path, status, readMessage(text));
}

function openApi(request: ApiRequest, signal: AbortSignal): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    http
      .request({
        socketPath: SETTINGS.apiSocket,
        method: request.method,
        path: request.path,
        headers: { accept: "application/json", "content-type": request.contentType ?? "application/json" },
        agent: false,
        signal,
      })
      .once("response", resolve)
      .once("error", reject)
      .end(request.body === undefined ? undefined : JSON.stringify(request.body));
  });
}

function readMessage(text: string): string {
  try {
    return (JSON.parse(text) as { message?: string }).message ?? text;
  } catch {
    return text.slice(0, 500);
  }
}

interface ResourceType {
  readonly name: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

const resourceTypes = new Map<string, readonly ResourceType[]>();

async function collectionPath(reference: CollectionReference): Promise<string> {
  const { apiVersion, kind, namespace } = reference;
  const root = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  let types = resourceTypes.get(apiVersion);
  if (types?.some((type) => type.kind === kind) !== true) {
    types = ((await callApi({ method: "GET", path: root })) as { resources: readonly ResourceType[] }).resources;
    resourceTypes.set(apiVersion, types);
  }
  const type = types.find((candidate) => candidate.kind === kind && !candidate.name.includes("/"));
  if (type === undefined) throw new Error(`the cluster has no kind ${kind} in ${apiVersion}`);
  return type.namespaced && namespace !== undefined
    ? `${root}/namespaces/${namespace}/${type.name}`
    : `${root}/${type.name}`;
}

async function objectPath(reference: ObjectReference): Promise<string> {
  return `${await collectionPath(reference)}/${encodeURIComponent(reference.name)}`;
}

export function referenceTo(object: KubeObject): ObjectReference {
  const { name, namespace } = object.metadata;
  return { apiVersion: object.apiVersion, kind: object.kind, name, ...(namespace === undefined ? {} : { namespace }) };
}

/** Makes or changes the object (server-side apply), and answers it as it is now. */
export async function applyObject(object: KubeObject): Promise<KubeObject> {
  return (await callApi({
    method: "PATCH",
    path: `${await objectPath(referenceTo(object))}?fieldManager=${FIELD_MANAGER}&force=true`,
    contentType: "application/apply-patch+yaml",
    body: object,
  })) as KubeObject;
}

/** A JSON merge patch; `subresource` for example `scale`, `status`. */
export async function patchObject(reference: ObjectReference, patch: unknown, subresource = ""): Promise<KubeObject> {
  const suffix = subresource === "" ? "" : `/${subresource}`;
  return (await callApi({
    method: "PATCH",
    path: `${await objectPath(reference)}${suffix}?fieldManager=${FIELD_MANAGER}`,
    contentType: "application/merge-patch+json",
    body: patch,
  })) as KubeObject;
}

/** Null where there is no such object. */
export async function getObject(reference: ObjectReference): Promise<KubeObject | null> {
  try {
    return (await callApi({ method: "GET", path: await objectPath(reference) })) as KubeObject;
  } catch (error) {
    if (error instanceof ApiError && error.code === 404) return null;
    throw error;
  }
}

export async function listObjects(reference: CollectionReference): Promise<readonly KubeObject[]> {
  const selector = reference.labelSelector === undefined ? "" : encodeURIComponent(reference.labelSelector);
  const path = `${await collectionPath(reference)}?labelSelector=${selector}`;
  return ((await callApi({ method: "GET", path })) as { items: readonly KubeObject[] }).items;
}

/** Does not wait until it is gone. An object that is not there is fine. */
export async function deleteObject(reference: ObjectReference): Promise<void> {
  try {
    await callApi({
      method: "DELETE",
      path: await objectPath(reference),
      body: { apiVersion: "v1", kind: "DeleteOptions", propagationPolicy: "Background" },
    });
  } catch (error) {
    if (!(error instanceof ApiError && error.code === 404)) throw error;
  }
}

export interface WaitOptions {
  /** Default 60 s. */
  readonly timeoutMs?: number;
  /** What is waited for, for the error. */
  readonly what?: string;
}

interface WatchEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  readonly object: KubeObject;
}

/**
 * Waits until the predicate holds for the whole collection as it is, and answers that. Lists, then watches; starts again
 * when the watch ends. Rejects with the last state seen.
 */
export async function waitForObjects(
  reference: CollectionReference,
  predicate: (objects: readonly KubeObject[]) => boolean,
  options: WaitOptions = {},
): Promise<readonly KubeObject[]> {
  const timeoutMs = options.timeoutMs ?? DEFAULT_WAIT_MS;
  const signal = AbortSignal.timeout(timeoutMs);
  let objects: readonly KubeObject[] = [];
  let lastError: unknown;
  while (!signal.aborted) {
    try {
      for await (const state of followCollection(reference, signal)) {
        objects = state;
        if (predicate(objects)) return objects;
      }
    } catch (error) {
      lastError = error;
      if (!signal.aborted) await pause(signal);
    }
  }
  const wanted = options.what ?? `what is wanted of ${reference.kind} in ${reference.namespace ?? "the cluster"}`;
  const seen = JSON.stringify(objects.map(({ metadata, spec, status }) => ({ name: metadata.name, spec, status })));
  throw new Error(`waited ${timeoutMs} ms in vain for ${wanted}; seen last: ${seen.slice(0, 4000)}`, {
    cause: lastError,
  });
}

/** Waits until the predicate holds for one object; `null` stands for an object that is not there. */
export async function waitForObject(
  reference: ObjectReference,
  predicate: (object: KubeObject | null) => boolean,
  options: WaitOptions = {},
): Promise<KubeObject | null> {
  const { name, ...collection } = reference;
  const pick = (objects: readonly KubeObject[]): KubeObject | null =>
    objects.find(({ metadata }) => metadata.name === name) ?? null;
  const objects = await waitForObjects(collection, (all) => predicate(pick(all)), {
    what: `${reference.kind} ${reference.namespace ?? ""}/${name} to be as wanted`,
    ...options,
  });
  return pick(objects);
}

async function* followCollection(
  reference: CollectionReference,
  signal: AbortSignal,
): AsyncGenerator<readonly KubeObject[]> {
  const path = await collectionPath(reference);
  const query = `labelSelector=${encodeURIComponent(reference.labelSelector ?? "")}`;
  const list = (await callApi({ method: "GET", path: `${path}?${query}` })) as {
    readonly metadata: { readonly resourceVersion: string };
    readonly items: readonly { readonly metadata: ObjectMetadata }[];
  };
  const { apiVersion, kind } = reference;
  const byUid = new Map<string, KubeObject>();
  for (const item of list.items) byUid.set(item.metadata.uid ?? "", { ...item, apiVersion, kind });
  yield Array.from(byUid.values());
  const watch = `${path}?${query}&watch=1&resourceVersion=${list.metadata.resourceVersion}`;
  const response = await openApi({ method: "GET", path: watch }, signal);
  if (response.statusCode !== 200) throw new ApiError("GET", watch, response.statusCode ?? 0, "no watch");
  // Whoever has seen enough leaves this generator at a yield, and must not leave the watch behind.
  response.on("error", () => undefined);
  try {
    for await (const line of createInterface({ input: response })) {
      const event = JSON.parse(line) as WatchEvent;
      if (event.type === "ERROR") return;
      if (event.type === "DELETED") byUid.delete(event.object.metadata.uid ?? "");
      else if (event.type !== "BOOKMARK") byUid.set(event.object.metadata.uid ?? "", event.object);
      yield Array.from(byUid.values());
    }
  } finally {
    response.destroy();
  }
}

/** Between two tries while the API server does not answer. */
function pause(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, 500);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
