// The double keeps the promises that clients of the API server rely on.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import type { ApiStream } from "../../../src/source/kubernetes/client/api-client.ts";
import { ApiUnreachable } from "../../../src/source/kubernetes/client/api-client.ts";
import type { ApiObject } from "./api-objects.ts";
import type { ApiServerDouble, ApiServerOptions } from "./start-api-server.ts";
import { startApiServer } from "./start-api-server.ts";

const INGRESSES = "/apis/networking.k8s.io/v1/namespaces/shop/ingresses";

interface Meta {
  readonly name: string;
  readonly resourceVersion: string;
}
interface ListBody {
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
  readonly items: readonly { readonly metadata: Meta }[];
}
interface WatchLine {
  readonly type: string;
  readonly object: { readonly code?: number; readonly metadata: Meta };
}

async function serverOf(t: TestContext, options?: ApiServerOptions): Promise<ApiServerDouble> {
  const server = await startApiServer(options);
  t.after(() => server.stop());
  return server;
}

function ingress(name: string, fields: object = {}): ApiObject {
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "Ingress",
    metadata: { name, namespace: "shop" },
    ...fields,
  };
}

async function list(
  server: ApiServerDouble,
  query: Record<string, string>,
): Promise<{ status: number; body: ListBody }> {
  const { status, body } = await server.client().send({ method: "GET", path: INGRESSES, query });
  return { status, body: body as ListBody };
}

async function watchFrom(
  t: TestContext,
  server: ApiServerDouble,
  resourceVersion: string,
): Promise<() => Promise<WatchLine | null>> {
  const query = { watch: "true", resourceVersion, allowWatchBookmarks: "true" };
  const stream = (await server.client().watch({ method: "GET", path: INGRESSES, query })) as ApiStream;
  t.after(() => stream.close());
  const lines = stream.lines[Symbol.asyncIterator]();
  return async () => {
    const next = await lines.next();
    return next.done === true ? null : (JSON.parse(next.value) as WatchLine);
  };
}

test("pages show the world as it was when the first one was read, and a compaction ends them", async (t) => {
  const server = await serverOf(t);
  for (const name of ["a", "b", "c"]) server.apply(ingress(name));
  const first = await list(server, { limit: "2" });
  server.remove({ kind: "Ingress", namespace: "shop", name: "c" });
  server.apply(ingress("d"));
  const second = await list(server, { limit: "2", continue: first.body.metadata.continue ?? "" });
  assert.deepEqual(
    [...first.body.items, ...second.body.items].map((item) => item.metadata.name),
    ["a", "b", "c"],
  );
  assert.equal(second.body.metadata.resourceVersion, first.body.metadata.resourceVersion);
  server.compact();
  assert.equal((await list(server, { limit: "2", continue: first.body.metadata.continue ?? "" })).status, 410);
});

test("a watch resumes where a list ended, and tells additions, changes, deletions and bookmarks", async (t) => {
  const server = await serverOf(t);
  server.apply(ingress("a"));
  const { body } = await list(server, {});
  server.apply(ingress("b"));
  const next = await watchFrom(t, server, body.metadata.resourceVersion);
  server.apply(ingress("a", { spec: { ingressClassName: "x" } }));
  server.remove({ kind: "Ingress", namespace: "shop", name: "b" });
  const seen = [await next(), await next(), await next()].map((line) => `${line?.type} ${line?.object.metadata.name}`);
  assert.deepEqual(seen, ["ADDED b", "MODIFIED a", "DELETED b"]);
  server.sendBookmarks("Ingress");
  const bookmark = await next();
  assert.deepEqual([bookmark?.type, bookmark?.object.metadata.resourceVersion], ["BOOKMARK", server.resourceVersion]);
});

test("a watch from a version that is compacted away is told 410, and ends", async (t) => {
  const server = await serverOf(t);
  server.apply(ingress("a"));
  const old = server.resourceVersion;
  const open = await watchFrom(t, server, old);
  server.compact();
  const next = await watchFrom(t, server, old);
  const line = await next();
  assert.deepEqual([line?.type, line?.object.code], ["ERROR", 410]);
  assert.equal(await next(), null);
  server.apply(ingress("b"));
  assert.equal((await open())?.object.metadata.name, "b", "a watch that was up to date goes on");
});

test("writes compare versions, and a status changes through /status only", async (t) => {
  const server = await serverOf(t);
  const client = server.client();
  const created = await client.send({ method: "POST", path: INGRESSES, body: ingress("a", { status: { x: 1 } }) });
  assert.equal(created.status, 201);
  const again = await client.send({ method: "POST", path: INGRESSES, body: ingress("a") });
  assert.deepEqual([again.status, (again.body as { reason: string }).reason], [409, "AlreadyExists"]);
  const path = `${INGRESSES}/a`;
  const patched = await client.send({
    method: "PATCH",
    path: `${path}/status`,
    body: { status: { x: 2 }, spec: { y: 1 } },
  });
  assert.deepEqual(
    [patched.status, server.get({ kind: "Ingress", namespace: "shop", name: "a" })?.["status"]],
    [200, { x: 2 }],
  );
  const stale = await client.send({ method: "PUT", path, body: created.body });
  assert.deepEqual([stale.status, (stale.body as { reason: string }).reason], [409, "Conflict"]);
  const current = await client.send({
    method: "PUT",
    path,
    body: { ...(patched.body as object), spec: { z: 1 }, status: {} },
  });
  assert.equal(current.status, 200);
  const { status, spec } = current.body as { status: unknown; spec: unknown };
  assert.deepEqual([status, spec], [{ x: 2 }, { z: 1 }]);
});

test("refuses what is forbidden, prepared, unknown or not installed", async (t) => {
  const server = await serverOf(t);
  const rule = { verbs: ["list"], group: "networking.k8s.io", resource: "ingresses" };
  server.forbid(rule);
  assert.equal((await list(server, {})).status, 403);
  server.allow(rule);
  server.answerNext({ match: { verb: "list" }, status: 429, headers: { "retry-after": "3" } });
  const limited = await server.client().send({ method: "GET", path: INGRESSES });
  assert.deepEqual([limited.status, limited.retryAfterMs], [429, 3000]);
  assert.equal((await list(server, {})).status, 200);
  const path = "/apis/penstock.dev/v1alpha1/upstreampolicies";
  assert.equal((await server.client().send({ method: "GET", path })).status, 404);
  server.install("UpstreamPolicy");
  assert.equal((await server.client().send({ method: "GET", path })).status, 200);
});

test("a frozen server takes requests and answers when it thaws; a stopped one keeps its port and objects", async (t) => {
  const server = await serverOf(t);
  server.apply(ingress("a"));
  server.freeze();
  const answer = list(server, {});
  await server.requestSeen((request) => request.verb === "list");
  await assert.rejects(server.client().send({ method: "GET", path: INGRESSES, timeoutMs: 1 }), ApiUnreachable);
  server.thaw();
  assert.equal((await answer).body.items.length, 1);
  const { url } = server;
  await server.stop();
  await assert.rejects(server.client().send({ method: "GET", path: INGRESSES }), ApiUnreachable);
  await server.start();
  assert.equal(server.url, url);
  assert.equal((await list(server, {})).body.items.length, 1);
});
