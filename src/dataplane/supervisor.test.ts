import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { suite, test } from "node:test";
import type { TestContext } from "node:test";
import type { FakeWorkerCommand } from "../../test/support/fake-worker.ts";
import { ManualClock } from "../../test/support/manual-clock.ts";
import { ListenError } from "../lib/listen-error.ts";
import type { FromWorker, ListenerSettings, ToWorker } from "./protocol.ts";
import type { SupervisorEvent, SupervisorOptions } from "./supervisor.ts";
import { Supervisor } from "./supervisor.ts";
import type { WorkerLink } from "./worker-link.ts";
import { WorkerStartError } from "./worker-thread.ts";

suite("supervisor", () => {
  test("port 0 becomes one real port that all workers share", async (t) => {
    const rig = new Rig(t, { workerCount: 2 });
    const [listener] = await rig.supervisor.start();
    assert.ok(listener !== undefined && listener.port > 0);
    assert.deepEqual(rig.portsOf(0), [listener.port]);
    assert.deepEqual(rig.portsOf(1), [listener.port]);
    assert.match(await greeting(listener.port), /^worker [01] bound at 0 serves 0\n$/);
  });

  test("a port that another program holds is one clear line, and no thread stays", async (t) => {
    const other = createServer().listen({ host: "127.0.0.1", port: 0, reusePort: true });
    t.after(() => other.close());
    await once(other, "listening");
    const { port } = other.address() as AddressInfo;
    const rig = new Rig(t, { listeners: [{ name: "http", host: "127.0.0.1", port, tls: false }] });
    await assert.rejects(rig.supervisor.start(), (error: unknown) => {
      assert.ok(error instanceof ListenError);
      assert.equal(error.code, "EADDRINUSE");
      assert.equal(
        error.message,
        `cannot listen on 127.0.0.1:${port} (http): the address is in use; stop the program that listens there, or choose another port`,
      );
      return true;
    });
    assert.equal(rig.running, 0);
  });

  test("two listeners with one address are refused, and not served by turns", async (t) => {
    const free = createServer().listen({ host: "127.0.0.1", port: 0 });
    await once(free, "listening");
    const { port } = free.address() as AddressInfo;
    await new Promise((resolve) => free.close(resolve));
    const at = { host: "127.0.0.1", port };
    const listeners = [
      { name: "http", ...at, tls: false },
      { name: "https", ...at, tls: true },
    ];
    const rig = new Rig(t, { listeners });
    await assert.rejects(rig.supervisor.start(), /cannot listen on 127\.0\.0\.1:\d+ \(https\): the address is in use/);
  });

  test("an address that this machine does not have says what to do", async (t) => {
    const rig = new Rig(t, { listeners: [{ name: "http", host: "192.0.2.1", port: 0, tls: false }] });
    await assert.rejects(rig.supervisor.start(), /cannot listen on 192\.0\.2\.1:0 \(http\): this machine has no such/);
  });

  test("a listener that only a worker fails to bind ends the start as well", async (t) => {
    const rig = new Rig(t, { workerCount: 2, behaviour: "first-takes-port" });
    await assert.rejects(rig.supervisor.start(), (error: unknown) => {
      assert.ok(error instanceof ListenError);
      assert.match(error.message, /127\.0\.0\.1:80 .*not permitted; choose a port above 1023/);
      return true;
    });
    assert.equal(rig.running, 0);
  });

  test("a worker that cannot even start is a clear error without a stack", async (t) => {
    const rig = new Rig(t, { behaviour: "throw-at-start" });
    await assert.rejects(rig.supervisor.start(), (error: unknown) => {
      assert.ok(error instanceof WorkerStartError);
      assert.equal(error.message, "worker 0 ended while it started (crashed: Error: cannot even start)");
      return true;
    });
    assert.equal(rig.running, 0);
  });

  for (const [action, cause] of [
    ["throw", "crashed"],
    ["reject", "crashed"],
    ["exit", "exited"],
    ["fill-memory", "out-of-memory"],
  ] as const) {
    test(`a worker that ends by ${action} is replaced after a back-off, and the other serves on`, async (t) => {
      const rig = new Rig(t, { workerCount: 2 });
      const [listener] = await rig.supervisor.start();
      const stopped = rig.next("worker-stopped");
      rig.command({ workerId: 0, do: action });
      const { reason, restartInMs } = await stopped;
      assert.equal(reason.cause, cause);
      assert.equal(restartInMs, 75, "half of 100 ms, and half of the other half");
      assert.match(await greeting(listener?.port ?? 0), /^worker 1 /);
      const started = rig.nextStart();
      rig.clock.advance(75);
      assert.equal((await started).workerId, 0);
    });
  }

  test("what a crashing worker said before its end still arrives", async (t) => {
    const rig = new Rig(t);
    await rig.supervisor.start();
    const stopped = rig.next("worker-stopped");
    rig.command({ workerId: 0, do: "throw" });
    await stopped;
    const lines = rig.messages
      .filter((message) => message.type === "access-log")
      .map(({ lines: bytes }) => Buffer.from(bytes).toString());
    assert.deepEqual(lines, ["last words\n"]);
  });

  test("a replacement binds only after it has a snapshot", async (t) => {
    const rig = new Rig(t);
    const [listener] = await rig.supervisor.start();
    const stopped = rig.next("worker-stopped");
    rig.command({ workerId: 0, do: "exit" });
    await stopped;
    const started = rig.nextStart();
    rig.clock.advance(100);
    const link = await started;
    const listening = rig.next("worker-listening");
    link.post(emptySnapshot(7));
    assert.deepEqual((await listening).ports, [listener?.port]);
    assert.equal(await greeting(listener?.port ?? 0), "worker 0 bound at 7 serves 7\n");
  });

  test("deaths in a row wait longer and longer, up to the cap; a stable time starts anew", async (t) => {
    const rig = new Rig(t, { timing: { restart: { firstDelayMs: 100, maxDelayMs: 300 }, stableAfterMs: 60_000 } });
    await rig.supervisor.start();
    const delays: (number | null)[] = [];
    for (const uptimeMs of [10, 10, 10, 10, 60_000]) {
      // Probes owe answers while a manual clock leaps, so the leap is made in one step.
      rig.clock.suspend(uptimeMs);
      const stopped = rig.next("worker-stopped");
      rig.command({ workerId: 0, do: "exit" });
      const { restartInMs } = await stopped;
      delays.push(restartInMs);
      const started = rig.nextStart();
      rig.clock.advance(restartInMs ?? 0);
      const link = await started;
      const listening = rig.next("worker-listening");
      link.post(emptySnapshot(1));
      await listening;
    }
    assert.deepEqual(delays, [75, 150, 225, 225, 75]);
  });

  test(
    "a worker that no longer answers is replaced; one that answers is left alone",
    { timeout: 60_000 },
    async (t) => {
      const rig = new Rig(t, { workerCount: 2 });
      await rig.supervisor.start();
      const stopped = rig.next("worker-stopped");
      rig.command({ workerId: 1, do: "hang" });
      // The command may reach it late, and its thread may end late.
      while (!rig.hasSeen("worker-stopped")) {
        const answered = rig.nextMessageOf(0);
        rig.clock.advance(5_000);
        await answered;
      }
      const { workerId, reason } = await stopped;
      assert.equal(workerId, 1);
      assert.equal(reason.cause, "unresponsive");
    },
  );

  test("ending a worker again and again leaves nothing behind on its thread", async (t) => {
    const rig = new Rig(t);
    await rig.supervisor.start();
    const warnings: string[] = [];
    const onWarning = (warning: Error): number => warnings.push(warning.name);
    process.on("warning", onWarning);
    t.after(() => process.off("warning", onWarning));
    await Promise.all(Array.from({ length: 12 }, () => rig.supervisor.stop()));
    assert.deepEqual(warnings, []);
  });

  test("workers are not blamed where the main thread itself was held up", async (t) => {
    const rig = new Rig(t);
    await rig.supervisor.start();
    rig.clock.advance(5_000);
    rig.clock.suspend(3_600_000);
    rig.clock.advance(5_000);
    const answered = rig.nextMessageOf(0);
    await answered;
    await rig.supervisor.stop();
    const [stopped] = rig.events.filter((event) => event.type === "worker-stopped");
    assert.equal(stopped?.reason.cause, "stopped", "by us, just now, and not before as unresponsive");
  });

  test("draining lets workers finish, adds up what was cut off, and replaces nobody", async (t) => {
    const rig = new Rig(t, { workerCount: 2 });
    await rig.supervisor.start();
    assert.deepEqual(await rig.supervisor.drain(5_000), { abortedConnections: 3, unanswered: 0 });
    assert.equal(rig.running, 0);
    assert.equal(rig.clock.pendingTimers, 0);
  });

  test("a drain ends when the grace time and the slack are over, whatever the workers do", async (t) => {
    const rig = new Rig(t, { behaviour: "never-drains" });
    await rig.supervisor.start();
    const drained = rig.supervisor.drain(5_000);
    await turn();
    rig.clock.advance(6_000);
    assert.deepEqual(await drained, { abortedConnections: 0, unanswered: 1 });
    assert.equal(rig.running, 0);
  });

  test("stop cuts a running drain short", async (t) => {
    const rig = new Rig(t, { behaviour: "never-drains" });
    await rig.supervisor.start();
    const drained = rig.supervisor.drain(3_600_000);
    await rig.supervisor.stop();
    assert.deepEqual(await drained, { abortedConnections: 0, unanswered: 1 });
  });

  test("a drain does not wait for a worker that is still in its back-off", async (t) => {
    const rig = new Rig(t);
    await rig.supervisor.start();
    const stopped = rig.next("worker-stopped");
    rig.command({ workerId: 0, do: "exit" });
    await stopped;
    assert.deepEqual(await rig.supervisor.drain(5_000), { abortedConnections: 0, unanswered: 0 });
    assert.equal(rig.clock.pendingTimers, 0);
  });
});

interface RigOptions {
  readonly workerCount?: number;
  readonly listeners?: readonly ListenerSettings[];
  readonly behaviour?: string;
  readonly timing?: SupervisorOptions["timing"];
}

let channelCount = 0;

/** A supervisor of fake workers in real threads. */
class Rig {
  readonly clock = new ManualClock();
  readonly events: SupervisorEvent[] = [];
  readonly messages: FromWorker[] = [];
  readonly supervisor: Supervisor;
  running = 0;
  readonly #commands: BroadcastChannel;
  readonly #watchers = new Set<() => void>();
  readonly #links: WorkerLink[] = [];
  readonly #sources: number[] = [];

  constructor(t: TestContext, options: RigOptions = {}) {
    const channel = `fake-workers-${process.pid}-${(channelCount += 1)}`;
    this.#commands = new BroadcastChannel(channel);
    this.supervisor = new Supervisor({
      workerUrl: new URL("../../test/support/fake-worker.ts", import.meta.url),
      workerCount: options.workerCount ?? 1,
      settings: () => ({
        listeners: options.listeners ?? [{ name: "http", host: "127.0.0.1", port: 0, tls: false }],
        limits: {
          maxConnections: 100,
          headerTimeoutMs: 1_000,
          keepAliveTimeoutMs: 1_000,
          maxKeepAliveRequests: 100,
          maxHeaderCount: 100,
          maxHeaderBytes: 32_768,
          maxRequestLineBytes: 8_192,
          minBodyRate: 0,
          maxConcurrentStreams: 128,
        },
        trustedProxies: [],
        fallbackCertificate: { chainPem: "", keyPem: "" },
        ticketKeys: new Uint8Array(48),
        accessLog: "off",
      }),
      observers: [
        {
          workerStarted: (link) => {
            this.running += 1;
            this.#links.push(link);
            this.#look();
          },
          workerAnswered: (link, message) => {
            this.messages.push(message);
            this.#sources.push(link.workerId);
            this.#look();
          },
          workerStopped: () => (this.running -= 1),
        },
      ],
      onEvent: (event) => {
        this.events.push(event);
        this.#look();
      },
      clock: this.clock,
      random: () => 0.5,
      thread: {
        env: { ...process.env, FAKE_WORKER: options.behaviour ?? "", FAKE_WORKER_CHANNEL: channel },
        resourceLimits: { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 4 },
      },
      timing: options.timing ?? {},
    });
    t.after(async () => {
      await this.supervisor.stop();
      this.#commands.close();
    });
  }

  command(command: FakeWorkerCommand): void {
    this.#commands.postMessage(command);
  }

  portsOf(workerId: number): readonly number[] {
    const event = this.events.find((one) => one.type === "worker-listening" && one.workerId === workerId);
    return event?.type === "worker-listening" ? event.ports : [];
  }

  hasSeen(type: SupervisorEvent["type"]): boolean {
    return this.events.some((event) => event.type === type);
  }

  /** The next event of a type from now on. */
  async next<T extends SupervisorEvent["type"]>(type: T): Promise<Extract<SupervisorEvent, { type: T }>> {
    const seen = this.events.length;
    const find = (): SupervisorEvent | undefined => this.events.slice(seen).find((event) => event.type === type);
    return (await this.#until(find)) as Extract<SupervisorEvent, { type: T }>;
  }

  /** The next thread that is started from now on. */
  nextStart(): Promise<WorkerLink> {
    const seen = this.#links.length;
    return this.#until(() => this.#links[seen]);
  }

  /** A message of this worker after now. */
  nextMessageOf(workerId: number): Promise<number> {
    const seen = this.#sources.length;
    return this.#until(() => (this.#sources.includes(workerId, seen) ? workerId : undefined));
  }

  #until<T>(find: () => T | undefined): Promise<T> {
    return new Promise((resolve) => {
      const look = (): void => {
        const found = find();
        if (found === undefined) return;
        this.#watchers.delete(look);
        resolve(found);
      };
      this.#watchers.add(look);
      look();
    });
  }

  #look(): void {
    for (const look of this.#watchers) look();
  }
}

function emptySnapshot(generation: number): ToWorker {
  const routeTable = { virtualHosts: [], tlsHosts: [] };
  const snapshot = { routeTable, upstreams: [], certificates: [], defaultCertificate: null, endpoints: [] };
  return { type: "snapshot", generation, snapshot };
}

/** What a listener tells a client that connects. */
async function greeting(port: number): Promise<string> {
  const socket = connect({ host: "127.0.0.1", port }).setEncoding("utf8");
  let text = "";
  for await (const chunk of socket) text += chunk;
  return text;
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
