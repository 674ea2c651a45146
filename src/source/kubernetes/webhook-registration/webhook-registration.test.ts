// The webhook's certificate and its registration, against a double of the API server.
import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import { describe, it } from "node:test";
import type { TestContext } from "node:test";
import { startApiServer } from "../../../../test/support/api-server/start-api-server.ts";
import type { ApiServerDouble } from "../../../../test/support/api-server/start-api-server.ts";
import { ManualClock } from "../../../../test/support/manual-clock.ts";
import { renewMaterial } from "./renew-material.ts";
import { toSecretData } from "./serving-material.ts";
import { WebhookRegistration } from "./webhook-registration.ts";
import type { RegistrationEvent, RegistrationOptions, ServingCertificate } from "./webhook-registration.ts";

const SERVICE = { namespace: "penstock", name: "webhook" };
const SECRET = { namespace: "penstock", name: "webhook-certificate" };
const SECRET_REF = { kind: "Secret", ...SECRET };
const CONFIGURATION = "penstock-admission";
const CONFIGURATION_REF = { kind: "ValidatingWebhookConfiguration", name: CONFIGURATION };
const START_MS = Date.parse("2026-01-02T03:04:05Z");
const DAY_MS = 86_400_000;

/** One replica, with a clock of its own. */
class Replica {
  readonly clock = new ManualClock();
  readonly events: RegistrationEvent[] = [];
  readonly certificates: ServingCertificate[] = [];
  readonly registration: WebhookRegistration;
  readonly #told = new EventEmitter();
  wallTimeMs = START_MS;

  constructor(api: ApiServerDouble, options: Partial<RegistrationOptions> = {}) {
    // A round ends with the next one being planned.
    const clock = { now: () => this.clock.now(), setTimer: this.#setTimer.bind(this) };
    this.registration = new WebhookRegistration({
      client: api.client(),
      service: SERVICE,
      secret: SECRET,
      configuration: CONFIGURATION,
      clock,
      random: () => 0.5,
      wallTimeMs: () => this.wallTimeMs,
      onEvent: (event) => this.events.push(event),
      onCertificate: (certificate) => this.certificates.push(certificate),
      ...options,
    });
  }

  #setTimer(callback: () => void, delayMs: number): ReturnType<ManualClock["setTimer"]> {
    const timer = this.clock.setTimer(callback, delayMs);
    this.#told.emit("planned");
    return timer;
  }

  async firstRound(): Promise<void> {
    const planned = once(this.#told, "planned");
    this.registration.start();
    await planned;
  }

  async nextRound(): Promise<void> {
    const planned = once(this.#told, "planned");
    this.clock.advance(this.clock.nextDelayMs ?? assert.fail("no round is planned"));
    await planned;
  }
}

function configurationFor(...services: readonly { readonly namespace: string; readonly name: string }[]): {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly webhooks: readonly object[];
} {
  return {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "ValidatingWebhookConfiguration",
    metadata: { name: CONFIGURATION },
    webhooks: services.map((service, index) => ({
      name: `hook-${index}.penstock.dev`,
      failurePolicy: "Ignore",
      sideEffects: "None",
      admissionReviewVersions: ["v1"],
      clientConfig: { service: { ...service, path: "/validate" } },
    })),
  };
}

async function startWorld(context: TestContext): Promise<ApiServerDouble> {
  const api = await startApiServer();
  context.after(() => api.stop());
  api.apply(configurationFor(SERVICE));
  return api;
}

function startReplica(context: TestContext, api: ApiServerDouble, options: Partial<RegistrationOptions> = {}): Replica {
  const replica = new Replica(api, options);
  context.after(() => replica.registration.stop());
  return replica;
}

function bundles(api: ApiServerDouble): readonly (string | undefined)[] {
  const { webhooks } = api.get(CONFIGURATION_REF) as unknown as { webhooks: { clientConfig: { caBundle?: string } }[] };
  return webhooks.map(({ clientConfig }) => clientConfig.caBundle);
}

function secretData(api: ApiServerDouble): Record<string, string> {
  return (api.get(SECRET_REF) as unknown as { data: Record<string, string> }).data;
}

function writes(api: ApiServerDouble): readonly string[] {
  return api.requests
    .map(({ verb, resource }) => `${verb} ${resource}`)
    .filter((request) => !request.startsWith("get "));
}

describe("the registration of the webhook", () => {
  it("makes the Secret, hands the certificate over and tells the API server whom to trust", async (context) => {
    const api = await startWorld(context);
    const replica = startReplica(context, api);
    assert.equal(replica.registration.isRegistered, false);
    await replica.firstRound();
    assert.equal(replica.registration.isRegistered, true);
    const data = secretData(api);
    assert.equal((api.get(SECRET_REF) as unknown as { type: string }).type, "kubernetes.io/tls");
    assert.equal(Buffer.from(data["tls.crt"] ?? "", "base64").toString(), replica.certificates[0]?.certificatePem);
    assert.deepEqual(bundles(api), [data["ca.crt"]]);
    assert.deepEqual(replica.events, [
      { type: "certificate-written", change: "created", replacedFault: null },
      { type: "bundle-written", entries: 1 },
    ]);
  });

  it("writes nothing while everything is as it should be", async (context) => {
    const api = await startWorld(context);
    const replica = startReplica(context, api);
    await replica.firstRound();
    const before = writes(api).length;
    await replica.nextRound();
    await replica.nextRound();
    assert.equal(writes(api).length, before);
    assert.equal(replica.certificates.length, 1);
  });

  it("has one authority for all replicas, however many begin at once", async (context) => {
    const api = await startWorld(context);
    const replicas = Array.from({ length: 4 }, () => startReplica(context, api));
    await Promise.all(replicas.map((replica) => replica.firstRound()));
    const created = replicas.flatMap(({ events }) => events).filter(({ type }) => type === "certificate-written");
    assert.equal(created.length, 1);
    const served = new Set(replicas.flatMap(({ certificates }) => certificates.map((one) => one.certificatePem)));
    assert.equal(served.size, 1);
    assert.ok(replicas.every(({ registration }) => registration.isRegistered));
  });

  it("renews once for all replicas, and each serves what was written", async (context) => {
    const api = await startWorld(context);
    const replicas = [startReplica(context, api), startReplica(context, api)];
    for (const replica of replicas) await replica.firstRound();
    for (const replica of replicas) replica.wallTimeMs = START_MS + 61 * DAY_MS;
    await Promise.all(replicas.map((replica) => replica.nextRound()));
    const renewed = replicas
      .flatMap(({ events }) => events)
      .filter((event) => {
        return event.type === "certificate-written" && event.change === "certificate-renewed";
      });
    assert.equal(renewed.length, 1);
    const served = replicas.map(({ certificates }) => certificates.at(-1)?.certificatePem);
    assert.equal(served[0], served[1]);
    assert.equal(Buffer.from(secretData(api)["tls.crt"] ?? "", "base64").toString(), served[0]);
  });

  it("takes over what another release left, whatever its age", async (context) => {
    const api = await startWorld(context);
    const { material } = renewMaterial(null, SERVICE, START_MS - DAY_MS);
    const data = toSecretData(material);
    api.apply({ apiVersion: "v1", kind: "Secret", metadata: SECRET, type: "kubernetes.io/tls", data });
    const replica = startReplica(context, api);
    await replica.firstRound();
    assert.equal(replica.certificates[0]?.certificatePem, material.leaf.certificatePem);
    assert.deepEqual(writes(api), ["update validatingwebhookconfigurations"]);
  });

  it("replaces garbage in the Secret, keeps its labels, and says what was wrong", async (context) => {
    const api = await startWorld(context);
    const metadata = { ...SECRET, labels: { team: "edge" } };
    const data = { "tls.crt": "aGVsbG8=", "tls.key": "aGVsbG8=", "ca.crt": "aGVsbG8=", "ca.key": "aGVsbG8=" };
    api.apply({ apiVersion: "v1", kind: "Secret", metadata, type: "kubernetes.io/tls", data });
    const replica = startReplica(context, api);
    await replica.firstRound();
    assert.deepEqual(replica.events[0], {
      type: "certificate-written",
      change: "created",
      replacedFault: "has no usable entry ca.crt",
    });
    assert.deepEqual(api.get(SECRET_REF)?.metadata.labels, { team: "edge" });
    assert.deepEqual(bundles(api), [secretData(api)["ca.crt"]]);
  });

  it("sees to entries that lead to its Service and to no others", async (context) => {
    const api = await startWorld(context);
    api.apply(configurationFor({ namespace: "other", name: "webhook" }, SERVICE, SERVICE));
    await startReplica(context, api).firstRound();
    const bundle = secretData(api)["ca.crt"];
    assert.deepEqual(bundles(api), [undefined, bundle, bundle]);
  });

  it("puts the bundle right again when somebody changes it", async (context) => {
    const api = await startWorld(context);
    const replica = startReplica(context, api);
    await replica.firstRound();
    api.apply(configurationFor(SERVICE));
    assert.deepEqual(bundles(api), [undefined]);
    await replica.nextRound();
    assert.deepEqual(bundles(api), [secretData(api)["ca.crt"]]);
  });

  it("loses against nobody who writes the configuration at the same time", async (context) => {
    const api = await startWorld(context);
    const conflict = { kind: "Status", status: "Failure", reason: "Conflict", code: 409, message: "modified" };
    api.answerNext({ match: { verb: "update" }, status: 409, body: conflict });
    const replica = startReplica(context, api);
    await replica.firstRound();
    assert.deepEqual(bundles(api), [secretData(api)["ca.crt"]]);
    assert.equal(replica.registration.isRegistered, true);
  });

  it("says once what it may not do and what to grant, tries again later and later, and recovers", async (context) => {
    const api = await startWorld(context);
    const rule = { verbs: ["get"], group: "", resource: "secrets" };
    api.forbid(rule);
    const replica = startReplica(context, api);
    await replica.firstRound();
    const delays = [replica.clock.nextDelayMs];
    await replica.nextRound();
    delays.push(replica.clock.nextDelayMs);
    assert.deepEqual(delays, [750, 1_500]);
    assert.equal(replica.events.length, 1);
    const [event] = replica.events;
    assert.ok(event?.type === "registration-failed");
    assert.match(event.problem, /^cannot read Secret penstock\/webhook-certificate .*: 403, .*; grant get and patch/);
    api.allow(rule);
    await replica.nextRound();
    assert.equal(replica.events.at(-1)?.type, "registration-recovered");
    assert.equal(replica.registration.isRegistered, true);
  });

  it("serves its certificate although the configuration is missing or not to be written", async (context) => {
    const api = await startWorld(context);
    api.remove(CONFIGURATION_REF);
    const replica = startReplica(context, api);
    await replica.firstRound();
    assert.equal(replica.certificates.length, 1);
    assert.equal(replica.registration.isRegistered, false);
    const failure = replica.events.at(-1);
    assert.ok(failure?.type === "registration-failed");
    assert.match(failure.problem, /ValidatingWebhookConfiguration penstock-admission: 404.*create it, or name another/);
    api.apply(configurationFor({ namespace: "other", name: "x" }));
    await replica.nextRound();
    const second = replica.events.at(-1);
    assert.ok(second?.type === "registration-failed");
    assert.match(second.problem, /no webhook that leads to Service penstock\/webhook/);
  });

  it("leaves the configuration alone where it is told of none", async (context) => {
    const api = await startWorld(context);
    const replica = startReplica(context, api, { configuration: null });
    await replica.firstRound();
    assert.equal(replica.registration.isRegistered, true);
    assert.deepEqual(bundles(api), [undefined]);
  });

  it("goes on serving and trying while the API server is away", async (context) => {
    const api = await startWorld(context);
    const replica = startReplica(context, api);
    await replica.firstRound();
    await api.stop();
    await replica.nextRound();
    assert.equal(replica.certificates.length, 1);
    const failure = replica.events.at(-1);
    assert.ok(failure?.type === "registration-failed");
    assert.match(failure.problem, /cannot be reached/);
    await api.start();
    await replica.nextRound();
    assert.equal(replica.events.at(-1)?.type, "registration-recovered");
  });

  it("asks for nothing that the chart need not grant", async (context) => {
    const api = await startWorld(context);
    const replica = startReplica(context, api);
    await replica.firstRound();
    replica.wallTimeMs = START_MS + 61 * DAY_MS;
    await replica.nextRound();
    assert.deepEqual(
      new Set(api.requests.map(({ verb, resource }) => `${verb} ${resource}`)),
      new Set([
        "get secrets",
        "create secrets",
        "patch secrets",
        "get validatingwebhookconfigurations",
        "update validatingwebhookconfigurations",
      ]),
    );
  });

  it("ends a round under way when it is stopped", async (context) => {
    const api = await startWorld(context);
    api.freeze();
    const replica = startReplica(context, api);
    replica.registration.start();
    await api.requestSeen(({ resource }) => resource === "secrets");
    await replica.registration.stop();
    assert.equal(replica.clock.pendingTimers, 0);
    assert.deepEqual(replica.events, []);
  });
});
