// Reads what a request asks of the API: the verb in the sense of RBAC, and which object or collection.
import type { IncomingMessage } from "node:http";
import type { ApiResource } from "./api-resources.ts";
import { API_RESOURCES } from "./api-resources.ts";

export type ApiVerb = "get" | "list" | "watch" | "create" | "update" | "patch" | "delete";

/** A request that the double has seen; verbs and resources as in RBAC and the audit log. */
export interface RecordedRequest {
  readonly verb: ApiVerb;
  readonly group: string;
  /** The plural, or the whole path where it names no resource. */
  readonly resource: string;
  readonly subresource: string;
  /** `""` for cluster-scoped objects and for lists of every namespace. */
  readonly namespace: string;
  /** `""` for collections. */
  readonly name: string;
  readonly userAgent: string;
  readonly authorization: string | null;
  readonly contentType: string;
  readonly query: URLSearchParams;
  readonly body: unknown;
}

/** What a path names; the resource is null where the server knows none of that name. */
export interface ApiTarget {
  readonly request: RecordedRequest;
  readonly resource: ApiResource | null;
}

interface ApiPath {
  readonly group: string;
  readonly version: string;
  readonly namespace: string;
  readonly plural: string;
  readonly name: string;
  readonly subresource: string;
}

const VERBS: ReadonlyMap<string, ApiVerb> = new Map([
  ["POST", "create"],
  ["PUT", "update"],
  ["PATCH", "patch"],
  ["DELETE", "delete"],
]);

/** @param body parsed JSON; undefined where there was none. */
export function readTarget(message: IncomingMessage, body: unknown): ApiTarget {
  const url = new URL(message.url ?? "/", "http://api");
  const path = parsePath(url.pathname);
  const resource =
    path === null
      ? null
      : (API_RESOURCES.find(
          ({ group, version, plural }) => group === path.group && version === path.version && plural === path.plural,
        ) ?? null);
  const request: RecordedRequest = {
    verb: VERBS.get(message.method ?? "") ?? readingVerb(path, url.searchParams),
    group: path?.group ?? "",
    resource: path?.plural ?? url.pathname,
    subresource: path?.subresource ?? "",
    namespace: path?.namespace ?? "",
    name: path?.name ?? "",
    userAgent: message.headers["user-agent"] ?? "",
    authorization: message.headers.authorization ?? null,
    contentType: message.headers["content-type"] ?? "",
    query: url.searchParams,
    body,
  };
  return { request, resource };
}

function readingVerb(path: ApiPath | null, query: URLSearchParams): ApiVerb {
  if (path === null || path.name !== "") return "get";
  return query.get("watch") === "true" || query.get("watch") === "1" ? "watch" : "list";
}

/** Null where the path is not one of a resource. */
function parsePath(pathname: string): ApiPath | null {
  const parts = pathname.split("/").slice(1).map(decodeURIComponent);
  const root = parts.shift();
  if (root !== "api" && root !== "apis") return null;
  const group = root === "api" ? "" : (parts.shift() ?? "");
  const version = parts.shift() ?? "";
  let namespace = "";
  // `/namespaces/x` is the Namespace, `/namespaces/x/secrets` are its Secrets.
  if (parts[0] === "namespaces" && parts.length > 2 && parts[2] !== "status") {
    namespace = parts[1] ?? "";
    parts.splice(0, 2);
  }
  const [plural = "", name = "", subresource = ""] = parts;
  return plural === "" ? null : { group, version, namespace, plural, name, subresource };
}
