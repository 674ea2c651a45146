// Reads a whole collection page by page, so that no answer is larger than a page. Keeps nothing.
import type { ApiAnswer, ApiClient } from "../client/api-client.ts";
import { ApiUnreachable } from "../client/api-client.ts";
import { AnswerTooLarge } from "../client/connection-failure.ts";
import type { ApiObject } from "./api-object.ts";
import { isMapping } from "../../validation/decode.ts";
import { adoptObject } from "./api-object.ts";
import type { Refusal } from "../client/refusal.ts";
import { refusalOf } from "../client/refusal.ts";
import type { Resource } from "../resource.ts";
import { collectionPath } from "../resource.ts";

export interface ListRequest {
  readonly client: ApiClient;
  readonly resource: Resource;
  /** Null: the whole cluster. */
  readonly namespace: string | null;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Called for every page in turn. */
  readonly onPage: (objects: readonly ApiObject[]) => void;
}

export type ListResult =
  /** `resourceVersion`: that of the whole list; a watch goes on from there. */
  | { readonly outcome: "complete"; readonly resourceVersion: string }
  | { readonly outcome: "refused"; readonly refusal: Refusal };

/** A server that says more is broken, and must not fill the memory. */
const MAX_OBJECTS = 1_000_000;
const MAX_PAGES = 100_000;

/** Beyond this a page is not worth enlarging. */
const MAX_PAGE_LIMIT = 5_000;

/**
 * Reads the collection as it is now: without a resourceVersion the server answers with its most recent state and honours
 * the limit. With "0", as client-go begins, it may answer from a cache that lags behind, and as one single answer.
 * @throws ApiUnreachable
 */
export async function listPages(request: ListRequest): Promise<ListResult> {
  let limit = request.resource.pageLimit;
  let continueToken = "";
  let objects = 0;
  for (let pages = 0; pages < MAX_PAGES; pages += 1) {
    let answer: ApiAnswer;
    try {
      answer = await readPage(request, limit, continueToken);
    } catch (error) {
      if (!(error instanceof AnswerTooLarge) || limit === 1) throw error;
      limit = Math.ceil(limit / 2);
      continue;
    }
    if (answer.status === 410 && continueToken !== "") {
      // Too slow: the state that the pages are of is gone. All of it again, in larger steps.
      continueToken = "";
      objects = 0;
      if (limit >= MAX_PAGE_LIMIT) return refused(answer);
      limit = Math.min(limit * 2, MAX_PAGE_LIMIT);
      continue;
    }
    if (answer.status !== 200) return refused(answer);
    const page = parsePage(answer.body, request.resource);
    objects += page.objects.length;
    if (objects > MAX_OBJECTS) break;
    request.onPage(page.objects);
    if (page.continueToken === "") return { outcome: "complete", resourceVersion: page.resourceVersion };
    if (page.continueToken === continueToken) {
      throw new ApiUnreachable(
        `the API server's list of ${request.resource.plural} names the same page again and again`,
      );
    }
    continueToken = page.continueToken;
  }
  throw new ApiUnreachable(`the API server's list of ${request.resource.plural} has no end`);
}

function readPage(request: ListRequest, limit: number, continueToken: string): Promise<ApiAnswer> {
  const { client, resource, namespace, timeoutMs, signal } = request;
  const query: Record<string, string> = { limit: String(limit) };
  if (continueToken !== "") query["continue"] = continueToken;
  if (resource.fieldSelector !== null) query["fieldSelector"] = resource.fieldSelector;
  return client.send({ method: "GET", path: collectionPath(resource, namespace), query, timeoutMs, signal });
}

function refused({ status, body, retryAfterMs }: ApiAnswer): ListResult {
  return { outcome: "refused", refusal: refusalOf(status, body, retryAfterMs) };
}

interface Page {
  readonly objects: readonly ApiObject[];
  readonly resourceVersion: string;
  readonly continueToken: string;
}

function parsePage(body: unknown, resource: Resource): Page {
  const metadata = isMapping(body) ? body["metadata"] : undefined;
  // Go writes an empty list as null.
  const items = isMapping(body) ? (body["items"] ?? []) : undefined;
  if (!isMapping(metadata) || !Array.isArray(items)) throw brokenList(resource);
  const { resourceVersion, continue: continueToken = "" } = metadata;
  if (typeof resourceVersion !== "string" || resourceVersion === "" || typeof continueToken !== "string") {
    throw brokenList(resource);
  }
  const objects = items.map((item) => {
    const object = adoptObject(item);
    if (object === null) throw brokenList(resource);
    return object;
  });
  return { objects, resourceVersion, continueToken };
}

/** A list with holes must not be taken for the whole: what it lacks would be deleted. */
function brokenList(resource: Resource): ApiUnreachable {
  return new ApiUnreachable(`the API server's list of ${resource.plural} is not what a list looks like`);
}
