// The webhook as the API server meets it: over TLS, with the authorities that stand in its configuration.
import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import { Agent, request } from "node:https";
import type { RequestOptions } from "node:https";
import { describe, it } from "node:test";
import type { TestContext } from "node:test";
import { connect } from "node:tls";
import { startApiServer } from "../../test/support/api-server/start-api-server.ts";
import type { ApiServerDouble } from "../../test/support/api-server/start-api-server.ts";
import { ManualClock } from "../../test/support/manual-clock.ts";
import { DEFAULT_ROUTE_POLICY } from "../ir/route-table.ts";
import { systemClock } from "../lib/clock.ts";
import type { Clock } from "../lib/clock.ts";
import { ObjectStore } from "../source/object-store.ts";
import { validateObject } from "../source/validation/validate-object.ts";
import type { TranslateOptions } from "../translate/result.ts";
import type { AdmissionEvent } from "./admission-events.ts";
import { AdmissionWebhook } from "./admission-webhook.ts";

const OPTIONS: TranslateOptions = {
  ingressClass: "penstock",
  controller: "penstock.dev/ingress-controller",
  serveUnclassified: false,
  defaultCertificate: null,
  routeDefaults: DEFAULT_ROUTE_POLICY,
  loopback: "refuse-loopback",
};
const SERVICE = { namespace: "penstock", name: "webhook" };
const SECRET = { namespace: "penstock", name: "webhook-certificate" };
const CONFIGURATION = "penstock";
const SERVER_NAME = "webhook.penstock.svc";
const DAY_MS = 86_400_000;
const UID = "0df28fbd-5f5f-11e8-bc74-36e6bb280816";

interface Answer {
  readonly status: number;
  readonly text: string;
}

interface ReviewResponse {
  readonly uid: string;
  readonly allowed: boolean;
  readonly status?: { readonly code: number; readonly message: string };
  readonly warnings?: readonly string[];
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

class World {
  readonly store = new ObjectStore();
  readonly events: AdmissionEvent[] = [];
  readonly told = new EventEmitter();
  readonly registrationClock = new ManualClock();
  /** So that the first certificate is two thirds through its life today. */
  wallTimeMs = Date.now() - 61 * DAY_MS;
  port = 0;
  api!: ApiServerDouble;
  webhook!: AdmissionWebhook;

  add(...objects: readonly object[]): void {
    for (const object of objects) {
      const validation = validateObject(structuredClone(object));
      assert.ok(validation.outcome === "accepted", JSON.stringify(validation));
      this.store.apply([{ type: "upsert", object: validation.object, location: null }]);
    }
  }

  get bundle(): string {
    const found = this.api.get({ kind: "ValidatingWebhookConfiguration", name: CONFIGURATION });
    const { webhooks } = found as unknown as { webhooks: { clientConfig: { caBundle: string } }[] };
    return Buffer.from(webhooks[0]?.clientConfig.caBundle ?? "", "base64").toString();
  }

  post(body: string | Buffer, options: RequestOptions = {}): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const headers = { "content-type": "application/json" };
    const place = { host: "127.0.0.1", port: this.port, path: "/validate?timeout=10s", method: "POST" };
    const outgoing = request({ ...place, servername: SERVER_NAME, ca: this.bundle, headers, agent: false, ...options });
    outgoing.once("error", reject);
    outgoing.once("response", (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.once("end", () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }));
      response.once("error", reject);
    });
    outgoing.end(body);
    return promise;
  }

  async review(object: object, more: object = {}): Promise<ReviewResponse> {
    const { status, text } = await this.post(reviewOf(object, more));
    assert.equal(status, 200, text);
    const review = JSON.parse(text) as { apiVersion: string; kind: string; response: ReviewResponse };
    assert.deepEqual([review.apiVersion, review.kind], ["admission.k8s.io/v1", "AdmissionReview"]);
    assert.equal(review.response.uid, UID);
    return review.response;
  }
}

function reviewOf(object: object, more: object = {}): string {
  const { apiVersion, kind, metadata } = object as {
    apiVersion: string;
    kind: string;
    metadata: { namespace: string };
  };
  const [group = "", version = ""] = apiVersion.includes("/") ? apiVersion.split("/") : ["", apiVersion];
  const { namespace } = metadata;
  const envelope = { uid: UID, kind: { group, version, kind }, namespace, operation: "CREATE", object, ...more };
  return JSON.stringify({ kind: "AdmissionReview", apiVersion: "admission.k8s.io/v1", request: envelope });
}

/** The clock of certificates stands still until a test moves it; that of reviews is `reviewClock`. */
async function startWorld(context: TestContext, reviewClock: Clock = systemClock): Promise<World> {
  const world = new World();
  world.api = await startApiServer();
  context.after(() => world.api.stop());
  const clientConfig = { service: { ...SERVICE, path: "/validate" } };
  const hook = { name: "a.penstock.dev", sideEffects: "None", admissionReviewVersions: ["v1"], clientConfig };
  const configuration = {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "ValidatingWebhookConfiguration",
    metadata: { name: CONFIGURATION },
    webhooks: [hook],
  };
  world.api.apply(configuration);
  const planned = once(world.told, "planned");
  const clock: Clock = {
    now: () => reviewClock.now(),
    setTimer(callback, delayMs) {
      // The rounds of the registration are the only timers of this length.
      if (delayMs < 30_000) return reviewClock.setTimer(callback, delayMs);
      const timer = world.registrationClock.setTimer(callback, delayMs);
      world.told.emit("planned");
      return timer;
    },
  };
  world.webhook = new AdmissionWebhook({
    client: world.api.client(),
    store: world.store,
    translateOptions: OPTIONS,
    servesNamespace: (namespace) => namespace !== "elsewhere",
    listen: { host: "127.0.0.1", port: 0 },
    service: SERVICE,
    secret: SECRET,
    configuration: CONFIGURATION,
    clock,
    random: () => 0.5,
    wallTimeMs: () => world.wallTimeMs,
    onEvent: (event) => {
      world.events.push(event);
      world.told.emit("event");
    },
  });
  world.port = await world.webhook.start();
  context.after(() => world.webhook.stop());
  await planned;
  world.add(service("web"));
  world.store.markSynced();
  return world;
}

function service(name: string): object {
  const spec = { ports: [{ port: 80 }] };
  return { apiVersion: "v1", kind: "Service", metadata: { name, namespace: "shop" }, spec };
}

interface Shape {
  readonly path?: string;
  readonly host?: string;
  readonly service?: string;
  readonly className?: string;
  readonly created?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly paths?: readonly object[];
}

function pathTo(path: string, name = "web"): object {
  return { path, pathType: "Prefix", backend: { service: { name, port: { number: 80 } } } };
}

function ingress(name: string, shape: Shape = {}): { readonly metadata: object; readonly spec: object } {
  const { path = "/", host = "shop.example", className = "penstock", annotations } = shape;
  const paths = shape.paths ?? [pathTo(path, shape.service)];
  const creationTimestamp = shape.created ?? "2026-01-01T00:00:00Z";
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "Ingress",
    metadata: { name, namespace: "shop", creationTimestamp, ...(annotations === undefined ? {} : { annotations }) },
    spec: { ingressClassName: className, rules: [{ host, http: { paths } }] },
  } as { metadata: object; spec: object };
}

const BAD_PATH = "/a b";

describe("the admission webhook", () => {
  it("accepts what is right, and says that it is ready", async (context) => {
    const world = await startWorld(context);
    assert.equal(world.webhook.isReady, true);
    world.add({
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: { name: "web-1", namespace: "shop", labels: { "kubernetes.io/service-name": "web" } },
      addressType: "IPv4",
      ports: [{ port: 8080 }],
      endpoints: [{ addresses: ["10.0.0.1"] }],
    });
    assert.deepEqual(await world.review(ingress("web")), { uid: UID, allowed: true });
  });

  it("refuses with the field, the message and the hint", async (context) => {
    const world = await startWorld(context);
    const { allowed, status } = await world.review(ingress("web", { path: BAD_PATH }));
    assert.equal(allowed, false);
    assert.equal(status?.code, 422);
    assert.match(
      status.message,
      /^Ingress shop\/web would not be served as written: spec\.rules\[0\]\.http\.paths\[0\]\.path: "\/a b" can never match: .* Percent-encode the character/,
    );
  });

  it("refuses what the schema refuses, and warns of unknown fields", async (context) => {
    const world = await startWorld(context);
    const refused = await world.review(ingress("web", { host: "10.0.0.1" }));
    assert.match(refused.status?.message ?? "", /spec\.rules\[0\]\.host: Invalid value/);
    const { metadata, spec, ...rest } = ingress("web");
    const unknown = await world.review({ ...rest, metadata, spec: { ...spec, defaultBackand: {} } });
    assert.equal(unknown.allowed, true);
    assert.match(
      unknown.warnings?.join("\n") ?? "",
      /spec\.defaultBackand: unknown field.*Did you mean "defaultBackend"/,
    );
  });

  it("warns of what may still come, and is silent about Secrets that it cannot know", async (context) => {
    const world = await startWorld(context);
    const { metadata, spec, ...rest } = ingress("web", { service: "later" });
    const tls = [{ hosts: ["shop.example"], secretName: "from-cert-manager" }];
    const { allowed, warnings } = await world.review({ ...rest, metadata, spec: { ...spec, tls } });
    assert.equal(allowed, true);
    assert.match(warnings?.join("\n") ?? "", /Service "shop\/later" does not exist/);
    assert.doesNotMatch(warnings?.join("\n") ?? "", /cert-manager/);
  });

  it("leaves other classes, namespaces, kinds, operations and parts alone, whatever is wrong with them", async (context) => {
    const world = await startWorld(context);
    const nothing = { uid: UID, allowed: true };
    const bad = ingress("web", { path: BAD_PATH });
    assert.deepEqual(await world.review(ingress("web", { path: BAD_PATH, className: "nginx" })), nothing);
    assert.deepEqual(await world.review(bad, { namespace: "elsewhere" }), nothing);
    assert.deepEqual(await world.review({ ...ingress("web"), spec: 5 }), nothing);
    assert.deepEqual(await world.review({ ...service("web"), kind: "Service", spec: 7 }), nothing);
    assert.deepEqual(await world.review(bad, { operation: "DELETE", object: null, oldObject: bad }), nothing);
    assert.deepEqual(await world.review(bad, { operation: "CONNECT" }), nothing);
    assert.deepEqual(await world.review(bad, { subResource: "status", operation: "UPDATE" }), nothing);
    const metadata = { ...bad.metadata, deletionTimestamp: "2026-02-01T00:00:00Z" };
    assert.deepEqual(await world.review({ ...bad, metadata }, { operation: "UPDATE", oldObject: bad }), nothing);
  });

  it("reports a conflict with an older Ingress, and one that an older version causes on a younger", async (context) => {
    const world = await startWorld(context);
    world.add(ingress("first"));
    const younger = await world.review(ingress("second", { created: "2026-03-01T00:00:00Z" }));
    assert.equal(younger.allowed, true);
    assert.match(younger.warnings?.join("\n") ?? "", /^spec\.rules\[0\].* is already served by .*Ingress shop\/first/m);
    const older = await world.review(ingress("zero", { created: "2025-01-01T00:00:00Z" }));
    assert.match(
      older.warnings?.join("\n") ?? "",
      /^Ingress shop\/first: .* is already served by .*Ingress shop\/zero/m,
    );
  });

  it("says of an ExternalName on the proxy's own machine what the controller says of it", async (context) => {
    const world = await startWorld(context);
    const spec = { type: "ExternalName", externalName: "127.0.0.1", ports: [{ port: 80 }] };
    world.add({ apiVersion: "v1", kind: "Service", metadata: { name: "own", namespace: "shop" }, spec });
    const { allowed, warnings } = await world.review(ingress("web", { service: "own" }));
    assert.equal(allowed, true, "the fault is the Service's, which may be mended after the Ingress");
    assert.match(
      warnings?.join("\n") ?? "",
      /externalName "127\.0\.0\.1" is a loopback address, which no endpoint can/,
    );
  });

  it("names nothing of other namespaces, whoever wins and whoever loses", async (context) => {
    const world = await startWorld(context);
    const { metadata, spec, ...rest } = ingress("first");
    const tls = [{ hosts: ["shop.example"], secretName: "hidden-tls" }];
    const hidden = { ...rest, metadata: { ...metadata, namespace: "hidden" }, spec: { ...spec, tls } };
    world.add(hidden);
    for (const created of ["2026-03-01T00:00:00Z", "2025-01-01T00:00:00Z"]) {
      const { allowed, warnings = [], status } = await world.review(ingress("second", { created }));
      assert.equal(allowed, true);
      assert.equal(status, undefined);
      assert.ok(warnings.length > 0);
      assert.doesNotMatch(warnings.join("\n"), /hidden|\bfirst\b(?! by name)/);
      const expected = created.startsWith("2026")
        ? /is already served by an Ingress of another namespace, which is older or first by name\. Remove one of the two/
        : /^another Ingress would be affected, in a namespace that is not named here: PathConflict$/m;
      assert.match(warnings.join("\n"), expected);
    }
  });

  it("lets an update keep an error that is stored already, and refuses a new one", async (context) => {
    const world = await startWorld(context);
    const stored = ingress("web", { paths: [pathTo("/x"), pathTo(BAD_PATH)] });
    const same = ingress("web", { paths: [pathTo(BAD_PATH)], annotations: { team: "edge" } });
    const kept = await world.review(same, { operation: "UPDATE", oldObject: stored });
    assert.equal(kept.allowed, true);
    assert.match(kept.warnings?.join("\n") ?? "", /can never match/);
    const worse = ingress("web", { paths: [pathTo(BAD_PATH), pathTo("/c d")] });
    const refused = await world.review(worse, { operation: "UPDATE", oldObject: stored });
    assert.equal(refused.allowed, false);
    assert.match(refused.status?.message ?? "", /"\/c d"/);
    assert.doesNotMatch(refused.status?.message ?? "", /"\/a b"/);
  });

  it("keeps its texts short, however much is wrong", async (context) => {
    const world = await startWorld(context);
    const paths = Array.from({ length: 500 }, (_, index) =>
      pathTo(`/${"é\u202e".repeat(100)}${index} x`, `s-${index}`),
    );
    const { allowed, status } = await world.review(ingress("web", { paths }));
    assert.equal(allowed, false);
    assert.ok((status?.message.length ?? 0) < 6_000);
    assert.doesNotMatch(status?.message ?? "", /\u202e/);
    const missing = Array.from({ length: 500 }, (_, index) => pathTo(`/p${index}`, `s-${index}`));
    const warned = await world.review(ingress("web", { paths: missing }));
    assert.equal(warned.warnings?.length, 13);
    assert.match(warned.warnings?.at(-1) ?? "", /^and \d+ more warnings$/);
    for (const warning of warned.warnings ?? []) assert.ok(warning.length <= 256);
  });

  it("allows with a warning what is too large to look at", async (context) => {
    const world = await startWorld(context);
    const huge = ingress("web", { path: BAD_PATH, annotations: { note: "x".repeat(600_000) } });
    const answer = await world.review(huge);
    assert.deepEqual(answer, { uid: UID, allowed: true, warnings: ["this object was not checked: it is too large"] });
    assert.deepEqual(
      world.events.flatMap((event) => (event.type === "reviewed" ? [event.outcome] : [])),
      ["unchecked"],
    );
  });

  it("allows with a warning while the cluster is not read yet", async (context) => {
    const world = await startWorld(context);
    const unsynced = new AdmissionWebhook({
      client: world.api.client(),
      store: new ObjectStore(),
      translateOptions: OPTIONS,
      servesNamespace: () => true,
      listen: { host: "127.0.0.1", port: 0 },
      service: SERVICE,
      secret: SECRET,
      configuration: null,
      clock: systemClock,
      random: () => 0.5,
      wallTimeMs: () => world.wallTimeMs,
      onEvent: () => {},
    });
    const port = await unsynced.start();
    context.after(() => unsynced.stop());
    while (!unsynced.isReady) await nextTurn();
    const { text } = await world.post(reviewOf(ingress("web", { path: BAD_PATH })), { port });
    const { response } = JSON.parse(text) as { response: ReviewResponse };
    assert.equal(response.allowed, true);
    assert.match(response.warnings?.[0] ?? "", /was not checked: Penstock has not read the cluster yet/);
  });
});

describe("a hostile client of the admission webhook", () => {
  const good = reviewOf(ingress("web"));
  const deep = `${"[".repeat(200_000)}${"]".repeat(200_000)}`;
  const invalidUtf8 = Buffer.from(good.replace("shop.example", "shop.\u0000"), "latin1");
  invalidUtf8[invalidUtf8.length - 5] = 0xff;
  const cases: readonly [string, string | Buffer, RequestOptions, number][] = [
    ["a body that is no JSON", "{", {}, 400],
    ["no body", "", {}, 400],
    ["no review", "{}", {}, 400],
    ["a review without an object", reviewOf(ingress("a"), { object: null }), {}, 400],
    ["a review of another version", good.replace("admission.k8s.io/v1", "admission.k8s.io/v1beta1"), {}, 400],
    ["a review without a uid", good.replace(`"uid":"${UID}",`, ""), {}, 400],
    ["deep JSON", deep, {}, 400],
    ["bytes that are no UTF-8", invalidUtf8, {}, 400],
    ["another content type", good, { headers: { "content-type": "text/plain" } }, 415],
    ["another method", "", { method: "GET" }, 405],
    ["another path", good, { path: "/mutate" }, 404],
    [
      "an announced size that is too large",
      "",
      { headers: { "content-type": "application/json", "content-length": "9000000" } },
      413,
    ],
  ];
  for (const [what, body, options, expected] of cases) {
    it(`gets ${expected} for ${what}, and others their answer`, async (context) => {
      const world = await startWorld(context);
      const { status, text } = await world.post(body, options);
      assert.equal(status, expected, text);
      assert.equal((await world.review(ingress("web"))).allowed, true);
    });
  }

  it("who sends too much is cut off", async (context) => {
    const world = await startWorld(context);
    const headers = { "content-type": "application/json", "transfer-encoding": "chunked" };
    const outcome = await world.post(Buffer.alloc(9_000_000, 0x20), { headers }).catch(() => ({ status: 0, text: "" }));
    assert.ok(outcome.status === 413 || outcome.status === 0);
    assert.equal((await world.review(ingress("web"))).allowed, true);
  });

  it("who does not send the body in time gets 408", async (context) => {
    const clock = new ManualClock();
    const world = await startWorld(context, clock);
    const socket = connect({ host: "127.0.0.1", port: world.port, servername: SERVER_NAME, ca: world.bundle });
    context.after(() => socket.destroy());
    await once(socket, "secureConnect");
    socket.write(
      "POST /validate HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{",
    );
    // The deadline of the body is the only timer of reviews.
    while (clock.pendingTimers === 0) await nextTurn();
    clock.advance(5_000);
    const [head] = (await once(socket, "data")) as [Buffer];
    assert.match(head.toString(), /^HTTP\/1\.1 408 /);
    await once(socket, "close");
  });

  it("many at once are judged in turn, and those too late are allowed with a warning", async (context) => {
    const clock = new ManualClock();
    const world = await startWorld(context, clock);
    const reviews = Array.from({ length: 20 }, (_, index) => world.review(ingress(`web-${index}`)));
    // One deadline each, and the turn of the first.
    while (clock.pendingTimers < 21) await nextTurn();
    clock.suspend(10_000);
    clock.advance(0);
    const answers = await Promise.all(reviews);
    assert.ok(answers.every(({ allowed }) => allowed));
    const unchecked = answers.filter(({ warnings }) => warnings?.[0]?.includes("Penstock is busy") ?? false);
    assert.equal(unchecked.length, 19);
  });
});

describe("the certificate of the admission webhook", () => {
  it("changes under load without a request that fails", async (context) => {
    const world = await startWorld(context);
    const agent = new Agent({ keepAlive: true });
    context.after(() => agent.destroy());
    const leaves = new Set<string>();
    const end = new AbortController();
    const load = async (options: RequestOptions): Promise<number> => {
      let answered = 0;
      while (!end.signal.aborted) {
        const { status } = await world.post(reviewOf(ingress("web")), options);
        assert.equal(status, 200);
        answered += 1;
      }
      return answered;
    };
    const running = [load({ agent }), load({}), load({})];
    const look = async (): Promise<void> => {
      const socket = connect({ host: "127.0.0.1", port: world.port, servername: SERVER_NAME, ca: world.bundle });
      await once(socket, "secureConnect");
      leaves.add(socket.getPeerX509Certificate()?.serialNumber ?? "");
      socket.destroy();
    };
    const first = world.api.get({ kind: "Secret", ...SECRET });
    assert.ok(first !== null);
    world.wallTimeMs = Date.now();
    for (let round = 0; round < 3; round += 1) {
      await look();
      world.api.apply(first);
      const planned = once(world.told, "planned");
      world.registrationClock.advance(world.registrationClock.nextDelayMs ?? assert.fail("no round is planned"));
      await planned;
    }
    await look();
    end.abort();
    const answered = await Promise.all(running);
    assert.ok(answered.every((count) => count > 0));
    assert.equal(leaves.size, 4);
  });
});
