import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { ManualClock } from "../../test/support/manual-clock.ts";
import type { Diagnostic } from "../ir/diagnostic.ts";
import type { Upstream } from "../ir/upstream.ts";
import type { LoopbackRule } from "../lib/endpoint-address.ts";
import { NameResolver } from "./name-resolver.ts";
import type { ResolvedAddress } from "./name-transport.ts";
import { createSystemNameTransport } from "./name-transport.ts";

suite("name resolver", () => {
  test("a name becomes endpoints of every upstream that uses it, each with its own port", async () => {
    const rig = new Rig();
    rig.resolver.update([external("ns/a/80", "api.example", 80), external("ns/b/443", "API.example", 443)]);
    assert.deepEqual(rig.asked, ["api.example"]);
    await rig.answer("api.example", ["192.0.2.2", 60], ["192.0.2.1", 60]);
    assert.deepEqual(rig.told, ["ns/a/80=192.0.2.1:80,192.0.2.2:80 ns/b/443=192.0.2.1:443,192.0.2.2:443"]);
  });

  test("asks again when the shortest TTL is over, and tells only what is new", async () => {
    const rig = new Rig();
    rig.resolver.update([external("ns/a/80", "api.example", 80)]);
    await rig.answer("api.example", ["192.0.2.1", 60], ["192.0.2.2", 7]);
    rig.clock.advance(6_999);
    assert.equal(rig.asked.length, 1);
    rig.clock.advance(1);
    await rig.answer("api.example", ["192.0.2.2", 60], ["192.0.2.1", 60]);
    assert.equal(rig.told.length, 1, "the same addresses in another order");
    rig.clock.advance(60_000);
    await rig.answer("api.example", ["192.0.2.3", 60]);
    assert.deepEqual(rig.told.slice(1), ["ns/a/80=192.0.2.3:80"]);
  });

  for (const [ttlSeconds, delayMs] of [
    [0, 1_000],
    [86_400, 300_000],
    [null, 30_000],
  ] as const) {
    test(`a TTL of ${ttlSeconds} is taken as ${delayMs} ms`, async () => {
      const rig = new Rig();
      rig.resolver.update([external("ns/a/80", "api.example", 80)]);
      await rig.answer("api.example", ["192.0.2.1", ttlSeconds]);
      assert.equal(rig.clock.nextDelayMs, delayMs);
    });
  }

  test("failures keep the last good addresses, back off, and are a diagnostic until they end", async () => {
    const rig = new Rig();
    rig.resolver.update([external("ns/a/80", "api.example", 80)]);
    await rig.answer("api.example", ["192.0.2.1", 60]);
    rig.clock.advance(60_000);
    const delays: (number | null)[] = [];
    for (let i = 0; i < 7; i += 1) {
      await rig.fail("api.example", "queryA ESERVFAIL api.example");
      delays.push(rig.clock.nextDelayMs);
      rig.clock.advance(rig.clock.nextDelayMs ?? 0);
    }
    assert.deepEqual(delays, [750, 1_500, 3_000, 6_000, 12_000, 22_500, 22_500]);
    assert.equal(rig.told.length, 1);
    assert.deepEqual(
      rig.diagnostics.map(({ severity, message }) => `${severity}: ${message}`),
      [
        "warning: The name api.example of upstream ns/a/80 cannot be resolved (queryA ESERVFAIL api.example), so its last addresses stay in use.",
      ],
    );
    assert.deepEqual(rig.diagnostics[0]?.object, { kind: "Service", namespace: "ns", name: "a" });
    await rig.answer("api.example", ["192.0.2.1", 60]);
    assert.deepEqual(rig.diagnostics, []);
  });

  test("a name that never resolved is an error", async () => {
    const rig = new Rig();
    rig.resolver.update([external("ns/a/80", "nowhere.example", 80)]);
    await rig.answer("nowhere.example");
    assert.equal(rig.diagnostics[0]?.severity, "error");
    assert.match(rig.diagnostics[0]?.message ?? "", /the answer holds no address\), so it has no endpoint/);
    rig.resolver.update([]);
    assert.deepEqual(rig.diagnostics, [], "gone with the upstream");
  });

  test("IP addresses pass without a question", () => {
    const rig = new Rig();
    rig.resolver.update([external("ns/a/80", "192.0.2.9", 80), external("ns/b/80", "[2001:db8::1]", 80)]);
    assert.deepEqual(rig.asked, []);
    assert.deepEqual(rig.told, ["ns/a/80=192.0.2.9:80", "ns/b/80=2001:db8::1:80"]);
    assert.equal(rig.clock.pendingTimers, 0);
  });

  test("what an answer holds beside addresses is passed over, and a huge answer is cut", async () => {
    const rig = new Rig();
    rig.resolver.update([external("ns/a/80", "api.example", 80)]);
    const many = Array.from({ length: 1_000 }, (_, i): [string, number] => [`10.1.${i >> 8}.${i & 255}`, 60]);
    await rig.answer("api.example", ["not an address", 60], ...many);
    assert.equal(rig.told[0]?.split(",").length, 256);
    assert.ok(!rig.told[0]?.includes("not an address"));
  });

  test("a name is no way to addresses that no endpoint can have: its others are used, and its user is told", async () => {
    const rig = new Rig();
    rig.resolver.update([external("ns/a/80", "metadata.example", 80)]);
    const bad = ["169.254.169.254", "::ffff:169.254.169.254", "0.0.0.0", "fe80::1", "224.0.0.1", "127.0.0.1", "::1"];
    await rig.answer("metadata.example", ...bad.map((address): [string, number] => [address, 60]), ["192.0.2.7", 60]);
    assert.deepEqual(rig.told, ["ns/a/80=192.0.2.7:80"]);
    const [diagnostic, ...more] = rig.diagnostics;
    assert.deepEqual(more, []);
    assert.deepEqual(diagnostic, {
      severity: "warning",
      reason: "NameAddressRefused",
      object: { kind: "Service", namespace: "ns", name: "a" },
      field: "spec.externalName",
      message:
        "The name metadata.example of upstream ns/a/80 leads to a link-local address and a loopback address and a multicast or reserved address and an IPv4 address in a form of IPv6 and an unspecified address, which no endpoint can have; only its other addresses are used.",
      hint: "Mend the DNS records of the name, or write another name.",
      location: null,
    });
  });

  test("a name that leads to nothing but refused addresses has no endpoint, and is asked for again", async () => {
    const rig = new Rig();
    rig.resolver.update([external("ns/a/80", "rebind.example", 80)]);
    await rig.answer("rebind.example", ["127.0.0.1", 60]);
    assert.deepEqual(rig.told, []);
    assert.deepEqual(
      rig.diagnostics.map(({ severity, message }) => `${severity}: ${message}`),
      [
        "error: The name rebind.example of upstream ns/a/80 leads to a loopback address, which no endpoint can have, so it has no endpoint.",
      ],
    );
    rig.clock.advance(rig.clock.nextDelayMs ?? 0);
    await rig.answer("rebind.example", ["192.0.2.1", 60]);
    assert.deepEqual(rig.told, ["ns/a/80=192.0.2.1:80"]);
  });

  test("a name that changes to a refused address keeps its last good ones, and is told of once", async () => {
    const rig = new Rig();
    rig.resolver.update([external("ns/a/80", "rebind.example", 80)]);
    await rig.answer("rebind.example", ["192.0.2.1", 1]);
    const said = new Set<string>();
    for (let i = 0; i < 20; i += 1) {
      rig.clock.advance(rig.clock.nextDelayMs ?? 0);
      await rig.answer("rebind.example", [i % 2 === 0 ? "127.0.0.1" : "192.0.2.1", 1]);
      for (const diagnostic of rig.diagnostics) said.add(JSON.stringify(diagnostic));
      assert.equal(rig.diagnostics.length, 1);
    }
    assert.deepEqual(rig.told, ["ns/a/80=192.0.2.1:80"]);
    assert.equal(said.size, 1);
    for (let i = 0; i < 2; i += 1) {
      rig.clock.advance(rig.clock.nextDelayMs ?? 0);
      await rig.answer("rebind.example", ["192.0.2.1", 300]);
    }
    assert.deepEqual(rig.diagnostics, [], "forgotten after answers without");
  });

  test("addresses written as names are judged as well", () => {
    const rig = new Rig();
    rig.resolver.update([external("ns/a/80", "127.0.0.1", 80), external("ns/b/80", "[::1]", 80)]);
    assert.deepEqual([rig.asked, rig.told], [[], []]);
    assert.deepEqual(
      rig.diagnostics.map(({ severity, reason }) => `${severity} ${reason}`),
      ["error NameAddressRefused", "error NameAddressRefused"],
    );
  });

  test("where loopback is served, names lead to it, and still not to the other addresses", async () => {
    const rig = new Rig("serve-loopback");
    rig.resolver.update([external("ns/a/80", "localhost", 80), external("ns/b/80", "[::1]", 80)]);
    await rig.answer("localhost", ["127.0.0.1", null], ["169.254.169.254", null]);
    assert.deepEqual(rig.told, ["ns/b/80=::1:80", "ns/a/80=127.0.0.1:80"]);
  });

  test("an upstream that joins a known name is told at once; the others are not told again", async () => {
    const rig = new Rig();
    rig.resolver.update([external("ns/a/80", "api.example", 80)]);
    await rig.answer("api.example", ["192.0.2.1", 60]);
    rig.resolver.update([external("ns/a/80", "api.example", 80), external("ns/b/80", "api.example", 80)]);
    assert.deepEqual(rig.told.slice(1), ["ns/b/80=192.0.2.1:80"]);
    rig.resolver.update([external("ns/a/80", "api.example", 8080)]);
    assert.deepEqual(rig.told.slice(2), ["ns/a/80=192.0.2.1:8080"]);
    assert.equal(rig.asked.length, 1);
  });

  test("names that are used no longer are not asked for, and late answers for them are ignored", async () => {
    const rig = new Rig();
    rig.resolver.update([external("ns/a/80", "old.example", 80), external("ns/b/80", "kept.example", 80)]);
    await rig.answer("kept.example", ["192.0.2.1", 60]);
    rig.resolver.update([external("ns/b/80", "kept.example", 80)]);
    await rig.answer("old.example", ["192.0.2.66", 60]);
    assert.deepEqual(rig.told, ["ns/b/80=192.0.2.1:80"]);
    rig.resolver.stop();
    assert.equal(rig.clock.pendingTimers, 0);
  });

  test("no more names are asked for at a time than allowed", async () => {
    const rig = new Rig();
    const names = Array.from({ length: 18 }, (_, i) => `name-${i}.example`);
    rig.resolver.update(names.map((name) => external(`ns/${name}/80`, name, 80)));
    assert.deepEqual(rig.asked, names.slice(0, 16));
    await rig.fail("name-0.example", "no");
    assert.deepEqual(rig.asked, names.slice(0, 17));
    await rig.answer("name-16.example", ["192.0.2.1", 60]);
    assert.deepEqual(rig.asked, names);
  });

  test("the system's transport knows names of the hosts file", async () => {
    const addresses = await createSystemNameTransport()("localhost");
    assert.ok(addresses.some(({ address, ttlSeconds }) => address === "127.0.0.1" && ttlSeconds === null));
  });
});

interface Question {
  readonly host: string;
  readonly resolve: (addresses: readonly ResolvedAddress[]) => void;
  readonly reject: (error: Error) => void;
}

/** A resolver whose questions the test answers. */
class Rig {
  readonly clock = new ManualClock();
  readonly asked: string[] = [];
  readonly told: string[] = [];
  diagnostics: readonly Diagnostic[] = [];
  readonly resolver: NameResolver;
  readonly #open: Question[] = [];

  constructor(loopback: LoopbackRule = "refuse-loopback") {
    this.resolver = new NameResolver({
      clock: this.clock,
      loopback,
      random: () => 0.5,
      transport: (host) => {
        this.asked.push(host);
        const { promise, resolve, reject } = Promise.withResolvers<readonly ResolvedAddress[]>();
        this.#open.push({ host, resolve, reject });
        return promise;
      },
      onEndpoints: (sets) =>
        this.told.push(
          sets
            .map((set) => `${set.upstream}=${set.endpoints.map(({ address, port }) => `${address}:${port}`).join(",")}`)
            .join(" "),
        ),
      onDiagnostics: (diagnostics) => (this.diagnostics = diagnostics),
    });
  }

  answer(host: string, ...records: [string, number | null][]): Promise<void> {
    this.#take(host).resolve(records.map(([address, ttlSeconds]) => ({ address, ttlSeconds })));
    return turn();
  }

  fail(host: string, message: string): Promise<void> {
    this.#take(host).reject(new Error(message));
    return turn();
  }

  #take(host: string): Question {
    const index = this.#open.findIndex((question) => question.host === host);
    return this.#open.splice(index, 1)[0] ?? assert.fail(`${host} was not asked for`);
  }
}

function external(id: string, host: string, port: number): Upstream {
  return { id, protocol: "http", tls: null, dnsName: { host, port } };
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
