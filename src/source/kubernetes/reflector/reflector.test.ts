// What a reflector asks of the API server and hands on, where a whole source would hide it.
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { it } from "node:test";
import { startTestApiServer, testIngress } from "../../../../test/support/cluster-source.ts";
import type { ApiServerDouble } from "../../../../test/support/api-server/start-api-server.ts";
import { ManualClock } from "../../../../test/support/manual-clock.ts";
import type { Clock } from "../../../lib/clock.ts";
import { systemClock } from "../../../lib/clock.ts";
import type { ApiClient } from "../client/api-client.ts";
import { AnswerTooLarge } from "../client/connection-failure.ts";
import type { Failure } from "./failure.ts";
import type { ListResult } from "./list-pages.ts";
import { listPages } from "./list-pages.ts";
import type { ReflectorTiming } from "./reflector.ts";
import { Reflector } from "./reflector.ts";
import type { Resource } from "../resource.ts";
import { isNewer } from "./resource-version.ts";
import { RetryDelay } from "./retry-delay.ts";

const INGRESSES: Resource = {
  kind: "Ingress",
  apiVersion: "networking.k8s.io/v1",
  plural: "ingresses",
  isNamespaced: true,
  isCustom: false,
  isEssential: false,
  pageLimit: 4,
  fieldSelector: null,
};

interface Recording {
  readonly names: string[];
  readonly failures: Failure[];
  readonly listed: number[];
  readonly reflector: Reflector;
}

interface ReflectOptions {
  /** In place of the double's own. */
  readonly client?: ApiClient;
  readonly clock?: Clock;
  readonly timing?: Partial<ReflectorTiming>;
}

function reflect(context: TestContext, api: ApiServerDouble, options: ReflectOptions = {}): Recording {
  const names: string[] = [];
  const failures: Failure[] = [];
  const listed: number[] = [];
  const reflector = new Reflector({
    client: options.client ?? api.client(),
    resource: INGRESSES,
    namespace: "shop",
    clock: options.clock ?? systemClock,
    random: () => 0.5,
    timing: {
      firstDelayMs: 2,
      maxDelayMs: 10,
      unavailableDelayMs: 10,
      shortWatchMs: 5,
      minWatchMs: 300_000,
      maxWatchMs: 600_000,
      ...options.timing,
    },
    sink: {
      listing: () => {},
      upsert: ({ metadata }) => names.push(metadata.name),
      delete: ({ metadata }) => names.push(`-${metadata.name}`),
      listed: (keys) => listed.push(keys.size),
    },
    observer: {
      heard: () => {},
      listed: () => {},
      opened: () => {},
      changed: () => {},
      failed: (f) => failures.push(f),
    },
  });
  context.after(() => reflector.close());
  reflector.start();
  return { names, failures, listed, reflector };
}

it("lists by pages, then watches from there with bookmarks, for a random time", async (context) => {
  const api = await startTestApiServer(context);
  for (let count = 0; count < 9; count += 1) api.apply(testIngress(`web-${count}`));
  const version = api.resourceVersion;
  const { names, listed } = reflect(context, api);
  const watch = await api.requestSeen(({ verb }) => verb === "watch");
  assert.deepEqual(listed, [9]);
  assert.equal(names.length, 9);
  const lists = api.requests.filter(({ verb }) => verb === "list");
  assert.deepEqual(
    lists.map(({ query }) => [query.get("limit"), query.has("continue"), query.has("resourceVersion")]),
    [
      ["4", false, false],
      ["4", true, false],
      ["4", true, false],
    ],
  );
  assert.equal(watch.query.get("resourceVersion"), version);
  assert.equal(watch.query.get("allowWatchBookmarks"), "true");
  assert.equal(watch.query.get("timeoutSeconds"), "450");
  assert.equal(watch.namespace, "shop");
});

it("goes on from the last bookmark", async (context) => {
  const api = await startTestApiServer(context);
  reflect(context, api);
  await api.until(() => api.openWatches() === 1);
  api.apply(testIngress("elsewhere", { namespace: "blog" }));
  const version = api.resourceVersion;
  api.sendBookmarks();
  api.endWatches();
  const again = await api.requestSeen(({ verb }) => verb === "watch", 2);
  assert.equal(again.query.get("resourceVersion"), version);
});

it("asks for smaller pages where an answer is too large", async (context) => {
  const api = await startTestApiServer(context);
  for (let count = 0; count < 5; count += 1) api.apply(testIngress(`web-${count}`));
  const inner = api.client();
  const limits: string[] = [];
  const client: ApiClient = {
    watch: (request) => inner.watch(request),
    send: (request) => {
      const limit = request.query?.["limit"] ?? "";
      limits.push(limit);
      return Number(limit) > 1 ? Promise.reject(new AnswerTooLarge("too large")) : inner.send(request);
    },
  };
  const { names } = reflect(context, api, { client });
  await api.requestSeen(({ verb }) => verb === "watch");
  assert.deepEqual(limits, ["4", "2", "1", "1", "1", "1", "1"]);
  assert.deepEqual(names.toSorted(), ["web-0", "web-1", "web-2", "web-3", "web-4"]);
});

it("lists again and again where it may list and not watch", async (context) => {
  const api = await startTestApiServer(context);
  const rule = { verbs: ["watch"], group: "networking.k8s.io", resource: "ingresses" };
  api.forbid(rule);
  const { names, failures } = reflect(context, api);
  await api.requestSeen(({ verb }) => verb === "watch", 2);
  api.apply(testIngress("web"));
  await api.requestSeen(({ verb }) => verb === "watch", 4);
  assert.ok(names.includes("web"));
  assert.ok(failures.every(({ verb, refusal }) => verb === "watch" && refusal?.kind === "forbidden"));
  api.allow(rule);
  await api.until(() => api.openWatches() === 1);
});

it("takes nothing for a list that is none", async (context) => {
  const api = await startTestApiServer(context);
  api.apply(testIngress("web"));
  for (const body of [
    [],
    { items: [] },
    { metadata: {}, items: [] },
    { metadata: { resourceVersion: "5" }, items: 3 },
  ]) {
    api.answerNext({ match: { verb: "list" }, status: 200, body });
  }
  const noName = { metadata: { resourceVersion: "5" }, items: [{ metadata: { resourceVersion: "5" } }] };
  api.answerNext({ match: { verb: "list" }, status: 200, body: noName });
  const { names, listed, failures } = reflect(context, api);
  await api.requestSeen(({ verb }) => verb === "watch");
  assert.deepEqual(names, ["web"]);
  assert.deepEqual(listed, [1]);
  assert.equal(failures.length, 5);
});

it("waits twice as long after each failure, up to a limit, and never less than asked", () => {
  const timing = { firstDelayMs: 100, maxDelayMs: 1_000, unavailableDelayMs: 60_000, maxRetryAfterMs: 5_000 };
  const delay = new RetryDelay(timing, () => 1);
  assert.deepEqual(
    [1, 2, 3, 4, 5, 6].map(() => delay.next(null)),
    [100, 200, 400, 800, 1_000, 1_000],
  );
  delay.reset();
  assert.equal(delay.next(2_000), 2_100);
  assert.equal(delay.next(3_600_000), 5_200);
  assert.equal(new RetryDelay(timing, () => 0).unavailable(), 30_000);
});

it("orders versions as numbers, and says of others that none is newer", () => {
  assert.equal(isNewer("10", "9"), true);
  assert.equal(isNewer("9", "10"), false);
  assert.equal(isNewer("10", "10"), false);
  assert.equal(isNewer("18446744073709551615", "9223372036854775807"), true);
  assert.equal(isNewer("abc", "1"), false);
  assert.equal(isNewer("2", ""), false);
});

it("gives a list up that names the same page for ever, and tries again later", async (context) => {
  const api = await startTestApiServer(context);
  const plain = api.client();
  let pages = 0;
  const body = { metadata: { resourceVersion: "5", continue: "same" }, items: [] };
  const client: ApiClient = {
    ...plain,
    send: () => {
      pages += 1;
      return Promise.resolve({ status: 200, body, retryAfterMs: null } as Awaited<ReturnType<ApiClient["send"]>>);
    },
    watch: (request) => plain.watch(request),
  };
  const { failures, listed, reflector } = reflect(context, api, { client });
  while (failures.length === 0) await new Promise((resolve) => setImmediate(resolve));
  await reflector.close();
  assert.ok(pages <= 4, `${pages} pages`);
  assert.match(failures[0]?.message ?? "", /the same page again/);
  assert.deepEqual(listed, []);
});

/** A list as long as the pages that are made for it; how many were asked for is counted. */
function listEndlessly(pageOf: (page: number) => unknown): { result: Promise<ListResult>; taken: () => number[] } {
  let pages = 0;
  let objects = 0;
  const client: ApiClient = {
    send: () => Promise.resolve({ status: 200, body: pageOf(++pages), retryAfterMs: null }),
    watch: () => assert.fail("a list does not watch"),
  };
  const result = listPages({
    client,
    resource: INGRESSES,
    namespace: null,
    timeoutMs: 1_000,
    signal: new AbortController().signal,
    onPage: (page) => (objects += page.length),
  });
  return { result, taken: () => [pages, objects] };
}

it("gives a list up that always has one more page, each of another name", async () => {
  const { result, taken } = listEndlessly((page) => ({
    metadata: { resourceVersion: "5", continue: `page ${page}` },
    items: null,
  }));
  await assert.rejects(result, /the API server's list of ingresses has no end/);
  assert.deepEqual(taken(), [100_000, 0]);
});

it("gives a list up that has more objects than any cluster, and takes none beyond", async () => {
  const items = Array.from({ length: 50_000 }, (_, index) => ({
    metadata: { name: `web-${index}`, namespace: "shop", resourceVersion: "5" },
  }));
  const { result, taken } = listEndlessly((page) => ({
    metadata: { resourceVersion: "5", continue: `page ${page}` },
    items,
  }));
  await assert.rejects(result, /the API server's list of ingresses has no end/);
  assert.deepEqual(taken(), [21, 1_000_000]);
});

/** Lets the open watch say something good and then something broken; resolves to the delay before the next try. */
async function breakWatch(api: ApiServerDouble, clock: ManualClock, { failures }: Recording): Promise<number | null> {
  const before = failures.length;
  api.apply(testIngress("web"));
  api.sendRaw("Ingress", "{}\n");
  await api.until(() => failures.length > before && api.openWatches() === 0);
  return clock.nextDelayMs;
}

it("waits longer after each watch that broke soon, however good its list and its first event were", async (context) => {
  const api = await startTestApiServer(context);
  const clock = new ManualClock();
  const timing = { firstDelayMs: 100, maxDelayMs: 1_000, shortWatchMs: 5_000 };
  const recording = reflect(context, api, { clock, timing });
  const nextWatch = async (): Promise<void> => {
    const { length } = recording.listed;
    clock.advance(clock.nextDelayMs ?? assert.fail("it does not try again"));
    await api.until(() => recording.listed.length > length && api.openWatches() === 1);
  };
  await api.until(() => api.openWatches() === 1);
  const delays: (number | null)[] = [await breakWatch(api, clock, recording)];
  for (let count = 0; count < 5; count += 1) {
    await nextWatch();
    delays.push(await breakWatch(api, clock, recording));
  }
  assert.deepEqual(delays, [75, 150, 300, 600, 750, 750]);
  assert.ok(recording.failures.every(({ type, verb }) => type === "broken" && verb === "watch"));
  await nextWatch();
  // It has come, so the watch is open on this side as well.
  api.apply(testIngress("lives"));
  while (!recording.names.includes("lives")) await new Promise((resolve) => setImmediate(resolve));
  clock.advance(5_000);
  assert.equal(await breakWatch(api, clock, recording), 75, "a watch that has lived begins anew");
});
