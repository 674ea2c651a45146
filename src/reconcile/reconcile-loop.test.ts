import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { ManualClock } from "../../test/support/manual-clock.ts";
import { DEFAULT_ROUTE_POLICY } from "../ir/route-table.ts";
import type { Snapshot } from "../ir/snapshot.ts";
import type { EndpointSet } from "../ir/upstream.ts";
import type { EndpointSlice, Ingress, Secret, Service, WatchedObject, WorldObjects } from "../source/object-types.ts";
import { ObjectStore } from "../source/object-store.ts";
import type { PublishResult, ReconcileOptions, Translation } from "./reconcile-loop.ts";
import { ReconcileLoop } from "./reconcile-loop.ts";
import { plainEndpoint } from "../ir/upstream.ts";
import { collectReferences } from "./references.ts";

suite("reconcile loop", () => {
  test("nothing is published before the first full sync", () => {
    const rig = new Rig({ isSynced: false });
    rig.loop.start();
    rig.put(ingress("shop", "cart"), slice("cart", "10.0.0.1"));
    rig.clock.advance(10_000);
    assert.equal(rig.translations, 0);
    rig.store.markSynced();
    rig.clock.advance(25);
    assert.deepEqual(rig.routes(), [["shop:cart"]]);
  });

  test("a world that had synced at the start is published at once", () => {
    const rig = new Rig();
    rig.put(ingress("shop", "cart"));
    rig.loop.start();
    assert.deepEqual(rig.routes(), [["shop:cart"]]);
  });

  test("a burst becomes one snapshot, 25 ms after its last change", () => {
    const rig = started();
    for (let i = 0; i < 5; i += 1) {
      rig.put(ingress(`shop-${i}`, "cart"));
      rig.clock.advance(20);
    }
    assert.equal(rig.published.length, 1);
    rig.clock.advance(5);
    assert.equal(rig.published.length, 2);
    assert.equal(rig.routes()[1]?.length, 5);
  });

  test("a storm cannot starve it: a snapshot goes out every 250 ms", () => {
    const rig = started();
    for (let ms = 0; ms < 1_000; ms += 10) {
      rig.put(ingress(`shop-${ms}`, "cart"));
      rig.clock.advance(10);
    }
    assert.equal(rig.published.length, 1 + 1_000 / 250 - 1 + 1);
  });

  test("a change that alters nothing of what is served publishes nothing", () => {
    const rig = started(ingress("shop", "cart"));
    rig.put({
      ...ingress("shop", "cart"),
      metadata: { name: "shop", namespace: "default", annotations: { note: "x" } },
    });
    rig.clock.advance(25);
    assert.equal(rig.translations, 2, "it was looked at");
    assert.equal(rig.published.length, 1);
  });

  test("bookkeeping of the API server, and Services, Secrets and slices that nobody refers to, do not matter", () => {
    const rig = started(ingress("shop", "cart"), slice("cart", "10.0.0.1"));
    rig.put({ ...ingress("shop", "cart"), metadata: { ...ingress("shop", "cart").metadata, resourceVersion: "99" } });
    rig.put(service("stranger"));
    rig.put(secret("stranger"));
    rig.put(slice("stranger", "10.0.0.9"));
    rig.clock.advance(1_000);
    assert.equal(rig.translations, 1);
    assert.equal(rig.endpointTranslations, 0);
  });

  test("a status does not matter, whoever wrote it", () => {
    const status = { loadBalancer: { ingress: [{ ip: "192.0.2.1" }] } };
    const rig = started(ingress("shop", "cart"), service("cart"));
    rig.put({ ...ingress("shop", "cart"), status });
    rig.put({ ...service("cart"), status });
    rig.clock.advance(1_000);
    assert.equal(rig.translations, 1);
  });

  test("a Service and a Secret that an Ingress refers to do matter", () => {
    const rig = started(ingress("shop", "cart", "shop-tls"));
    rig.put(service("cart"));
    rig.clock.advance(25);
    assert.equal(rig.translations, 2);
    rig.put(secret("shop-tls"));
    rig.clock.advance(25);
    assert.equal(rig.translations, 3);
  });

  test("policies, what they name, and the parameters of a class do matter", () => {
    const rig = started();
    const apiVersion = "penstock.dev/v1alpha1";
    const metadata = { name: "limits", namespace: "default" };
    const changes: readonly WatchedObject[] = [
      {
        apiVersion,
        kind: "UpstreamPolicy",
        metadata,
        spec: { targetRefs: [{ group: "", kind: "Service", name: "cart" }], tls: { caSecretName: "cart-ca" } },
      },
      {
        apiVersion,
        kind: "RoutePolicy",
        metadata,
        spec: { targetRefs: [{ group: "networking.k8s.io", kind: "Ingress", name: "shop" }] },
      },
      { apiVersion, kind: "ProxyConfig", metadata: { name: "limits" }, spec: { sslRedirect: true } },
      service("cart"),
      secret("cart-ca"),
    ];
    for (const [index, change] of changes.entries()) {
      rig.put(change);
      rig.clock.advance(25);
      assert.equal(rig.translations, index + 2, change.kind);
    }
  });

  test("a reference that came with the newest Ingress counts", () => {
    const rig = started(ingress("shop", "cart"));
    rig.put(ingress("shop", "other"));
    rig.clock.advance(25);
    rig.put(slice("other", "10.0.0.7"));
    rig.clock.advance(20);
    assert.deepEqual(rig.deltas, [["default/other/80=10.0.0.7"]]);
  });

  test("changed endpoints take the fast lane: a delta, and no translation of routes", () => {
    const rig = started(ingress("shop", "cart"), slice("cart", "10.0.0.1"));
    rig.put(slice("cart", "10.0.0.1", "10.0.0.2"));
    rig.clock.advance(20);
    assert.deepEqual(rig.deltas, [["default/cart/80=10.0.0.1,10.0.0.2"]]);
    assert.equal(rig.translations, 1);
    assert.equal(rig.published.length, 1);
  });

  test("a Service that lost its last slice is told as empty", () => {
    const rig = started(ingress("shop", "cart"), slice("cart", "10.0.0.1"));
    rig.remove(slice("cart", "10.0.0.1"));
    rig.clock.advance(20);
    assert.deepEqual(rig.deltas, [["default/cart/80="]]);
  });

  test("endpoints that come back to what was told before their turn are not told", () => {
    const rig = started(ingress("shop", "cart"), slice("cart", "10.0.0.1"));
    rig.put(slice("cart", "10.0.0.2"));
    rig.put(slice("cart", "10.0.0.1"));
    rig.clock.advance(20);
    assert.deepEqual(rig.deltas, []);
  });

  test("a full snapshot after a delta carries the newer endpoints, and the delta is not told again", () => {
    const rig = started(ingress("shop", "cart"), slice("cart", "10.0.0.1"));
    rig.put(slice("cart", "10.0.0.2"));
    rig.put(ingress("news", "cart"));
    rig.clock.advance(2);
    assert.equal(rig.deltas.length, 1);
    rig.clock.advance(25);
    assert.equal(rig.published.length, 2);
    assert.deepEqual(describe(rig.published[1]?.endpoints ?? []), ["default/cart/80=10.0.0.2"]);
    rig.clock.advance(1_000);
    assert.equal(rig.deltas.length, 1);
  });

  test("a rebuild that only finds other endpoints sends a delta, not a snapshot", () => {
    const rig = started(ingress("shop", "cart"), slice("cart", "10.0.0.1"));
    rig.endpointFault = new Error("a bug");
    rig.put(slice("cart", "10.0.0.5"));
    rig.clock.advance(50);
    assert.deepEqual(rig.failures, [rig.endpointFault]);
    assert.equal(rig.published.length, 1);
    assert.deepEqual(rig.deltas, [["default/cart/80=10.0.0.5"]]);
  });

  test("a slice that moves to another Service is told of at both", () => {
    const rig = started(ingress("shop", "cart"), ingress("news", "feed"), slice("cart", "10.0.0.1"));
    rig.put({ ...slice("feed", "10.0.0.1"), metadata: { ...slice("feed").metadata, name: "cart" } });
    rig.clock.advance(20);
    assert.deepEqual(rig.deltas, [["default/cart/80=", "default/feed/80=10.0.0.1"]]);
  });

  test("a translation that throws leaves what is served, and the next change is tried again", () => {
    const rig = started(ingress("shop", "cart"));
    rig.fault = new Error("a bug");
    rig.put(ingress("news", "cart"));
    rig.clock.advance(25);
    assert.deepEqual(rig.failures, [rig.fault]);
    assert.equal(rig.published.length, 1);
    rig.put(slice("cart", "10.0.0.3"));
    rig.clock.advance(20);
    assert.deepEqual(rig.deltas, [["default/cart/80=10.0.0.3"]], "endpoints go on");
    rig.fault = null;
    rig.put(ingress("blog", "cart"));
    rig.clock.advance(25);
    assert.equal(rig.routes()[1]?.length, 3);
  });

  test("statuses are handed on after the workers answered, and only the newest", async () => {
    const rig = new Rig();
    const answers: ((result: PublishResult) => void)[] = [];
    rig.answer = () => new Promise((resolve) => answers.push(resolve));
    rig.loop.start();
    rig.put(ingress("shop", "cart"));
    rig.clock.advance(25);
    await turn();
    assert.deepEqual(rig.served, []);
    answers[0]?.({ generation: 1, state: "superseded" });
    answers[1]?.({ generation: 2, state: "programmed" });
    await rig.loop.settled();
    await turn();
    assert.deepEqual(rig.served, [["status of 1 ingresses", 2, "programmed"]]);
  });

  test("an endpoint change while the workers still compile does not swallow the statuses", async () => {
    const rig = new Rig();
    rig.put(ingress("shop", "cart"));
    let answer: (result: PublishResult) => void = () => assert.fail("not published");
    rig.answer = () => new Promise((resolve) => (answer = resolve));
    rig.loop.start();
    rig.put(slice("cart", "10.0.0.2"));
    rig.clock.advance(20);
    answer({ generation: 1, state: "programmed" });
    await rig.loop.settled();
    await turn();
    assert.equal(rig.served.length, 1);
  });

  test("settled waits for pending changes and for the workers", async () => {
    const rig = started(ingress("shop", "cart"));
    let answer: (result: PublishResult) => void = () => assert.fail("not published");
    rig.answer = () => new Promise((resolve) => (answer = resolve));
    rig.put(ingress("news", "cart"));
    let isSettled = false;
    const settled = rig.loop.settled().then(() => (isSettled = true));
    await turn();
    assert.equal(isSettled, false);
    rig.clock.advance(25);
    await turn();
    assert.equal(isSettled, false);
    answer({ generation: 2, state: "programmed" });
    await settled;
  });

  test("a stopped loop publishes nothing more and leaves no timer", async () => {
    const rig = started(ingress("shop", "cart"));
    rig.put(ingress("news", "cart"));
    rig.loop.stop();
    rig.put(ingress("blog", "cart"));
    rig.clock.advance(1_000);
    assert.equal(rig.published.length, 1);
    assert.equal(rig.clock.pendingTimers, 0);
    await rig.loop.settled();
  });

  test("whatever changes in whatever order, what the workers end with is the world", () => {
    const name = fc.constantFrom("a", "b", "c");
    const step = fc.oneof(
      fc.record({ kind: fc.constant("ingress" as const), name, service: name }),
      fc.record({ kind: fc.constant("slice" as const), name, address: fc.integer({ min: 1, max: 4 }) }),
      fc.record({ kind: fc.constant("no-slice" as const), name }),
      fc.record({ kind: fc.constant("wait" as const), ms: fc.integer({ min: 1, max: 60 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const rig = started();
        for (const one of steps) {
          if (one.kind === "ingress") rig.put(ingress(one.name, one.service));
          else if (one.kind === "slice") rig.put(slice(one.name, `10.0.0.${one.address}`));
          else if (one.kind === "no-slice") rig.remove(slice(one.name));
          else rig.clock.advance(one.ms);
        }
        rig.clock.advance(1_000);
        const truth = translate(rig.store.world());
        assert.deepEqual(rig.routes().at(-1), routesOf(truth.snapshot));
        const expected = truth.snapshot.upstreams.map(({ id }) => `${id}=${rig.endpointsOf(truth.snapshot, id)}`);
        assert.deepEqual([...rig.workerEndpoints].map(([id, list]) => `${id}=${list}`).toSorted(), expected.toSorted());
      }),
      { numRuns: 200 },
    );
  });
});

/** The real store of objects, and a data plane that does what it is told. */
class Rig {
  readonly clock = new ManualClock();
  readonly store = new ObjectStore();
  readonly published: Snapshot[] = [];
  readonly deltas: string[][] = [];
  readonly failures: unknown[] = [];
  readonly served: [string, number, string][] = [];
  /** What a worker would balance over, by upstream. */
  workerEndpoints = new Map<string, string>();
  translations = 0;
  endpointTranslations = 0;
  fault: Error | null = null;
  endpointFault: Error | null = null;
  answer: () => Promise<PublishResult> = () =>
    Promise.resolve({ generation: this.published.length, state: "programmed" });
  readonly loop: ReconcileLoop<string>;

  constructor(options: { isSynced: boolean } = { isSynced: true }) {
    if (options.isSynced) this.store.markSynced();
    this.loop = new ReconcileLoop(this.#options());
  }

  #options(): ReconcileOptions<string> {
    return {
      world: this.store,
      clock: this.clock,
      hashSnapshot: (snapshot) => JSON.stringify(snapshot),
      collectReferences: (objects) => collectReferences(objects, { services: [], secrets: [] }),
      translate: (objects) => {
        this.translations += 1;
        if (this.fault !== null) throw this.fault;
        return translate(objects);
      },
      translateEndpoints: (objects, services) => {
        this.endpointTranslations += 1;
        if (this.endpointFault !== null) throw this.endpointFault;
        return services.map(({ name }) => endpointSet(objects, name));
      },
      publisher: {
        publish: (snapshot) => {
          this.published.push(snapshot);
          this.workerEndpoints = new Map(
            snapshot.upstreams.map(({ id }) => [id, this.endpointsOf(snapshot, id)] as const),
          );
          return this.answer();
        },
        publishEndpoints: (changed) => {
          this.deltas.push(describe(changed));
          for (const set of changed) this.workerEndpoints.set(set.upstream, addresses(set));
          return Promise.resolve();
        },
      },
      observer: {
        translated: () => {},
        served: (translation, result) => this.served.push([translation.statuses, result.generation, result.state]),
        failed: (error) => this.failures.push(error),
      },
    };
  }

  put(...objects: WatchedObject[]): void {
    this.store.apply(objects.map((object) => ({ type: "upsert", object, location: null })));
  }

  remove({ kind, metadata }: WatchedObject): void {
    this.store.apply([{ type: "delete", ref: { kind, name: metadata.name, namespace: metadata.namespace ?? "" } }]);
  }

  routes(): string[][] {
    return this.published.map(routesOf);
  }

  endpointsOf(snapshot: Snapshot, upstream: string): string {
    const set = snapshot.endpoints.find((candidate) => candidate.upstream === upstream);
    return set === undefined ? "" : addresses(set);
  }
}

function started(...objects: WatchedObject[]): Rig {
  const rig = new Rig();
  rig.put(...objects);
  rig.loop.start();
  return rig;
}

function ingress(name: string, serviceName: string, secretName?: string): Ingress {
  const backend = { service: { name: serviceName, port: { number: 80 } } };
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "Ingress",
    metadata: { name, namespace: "default" },
    spec: {
      rules: [{ host: `${name}.example`, http: { paths: [{ path: "/", pathType: "Prefix", backend }] } }],
      tls: secretName === undefined ? [] : [{ secretName }],
    },
  };
}

function service(name: string): Service {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace: "default" },
    spec: { ports: [{ port: 80 }] },
  };
}

function secret(name: string): Secret {
  return { apiVersion: "v1", kind: "Secret", metadata: { name, namespace: "default" } };
}

function slice(serviceName: string, ...ips: string[]): EndpointSlice {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: serviceName, namespace: "default", labels: { "kubernetes.io/service-name": serviceName } },
    addressType: "IPv4",
    endpoints: ips.map((ip) => ({ addresses: [ip] })),
  };
}

/** A translation small enough to be read: a route `ingress:service` and an upstream for each service in use. */
function translate(objects: WorldObjects): Translation<string> {
  const routes = objects.ingresses.map((one) => {
    const serviceName = one.spec?.rules?.[0]?.http?.paths[0]?.backend.service?.name ?? "";
    return { id: `${one.metadata.name}:${serviceName}`, serviceName, source: one };
  });
  const services = [...new Set(routes.map((route) => route.serviceName))].toSorted();
  const snapshot: Snapshot = {
    routeTable: {
      virtualHosts: [
        {
          host: "",
          routes: routes
            .toSorted((one, other) => (one.id < other.id ? -1 : 1))
            .map(({ id, serviceName, source }) => ({
              id,
              path: { kind: "prefix", value: "/" },
              action: { kind: "forward", upstreams: [{ upstream: upstreamOf(serviceName), weight: 1 }] },
              policy: DEFAULT_ROUTE_POLICY,
              source: { object: { kind: "Ingress", namespace: "default", name: source.metadata.name }, field: "" },
            })),
        },
      ],
      tlsHosts: [],
    },
    upstreams: services.map((name) => ({ id: upstreamOf(name), protocol: "http", tls: null, dnsName: null })),
    certificates: [],
    defaultCertificate: null,
    endpoints: services.map((name) => endpointSet(objects, name)).filter((set) => set.endpoints.length > 0),
  };
  return { snapshot, statuses: `status of ${objects.ingresses.length} ingresses`, diagnostics: [] };
}

function upstreamOf(serviceName: string): string {
  return `default/${serviceName}/80`;
}

function endpointSet(objects: WorldObjects, serviceName: string): EndpointSet {
  const slices = objects.endpointSlices.filter(
    (one) => one.metadata.labels?.["kubernetes.io/service-name"] === serviceName,
  );
  const ips = slices.flatMap((one) => (one.endpoints ?? []).flatMap((endpoint) => endpoint.addresses));
  return {
    upstream: upstreamOf(serviceName),
    endpoints: ips.map((address) => plainEndpoint(address, 8080)),
  };
}

function routesOf(snapshot: Snapshot): string[] {
  return snapshot.routeTable.virtualHosts.flatMap((host) => host.routes.map((route) => route.id));
}

function addresses(set: EndpointSet): string {
  return set.endpoints.map((endpoint) => endpoint.address).join(",");
}

function describe(sets: readonly EndpointSet[]): string[] {
  return sets.map((set) => `${set.upstream}=${addresses(set)}`);
}

/** Lets promises that are already settled run their reactions. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
