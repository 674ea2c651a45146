// A worker is killed under load: the others serve on, and another one takes its place.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import type { Worker } from "node:worker_threads";
import { DataPlane } from "../../../src/cli/serving/start-data-plane.ts";
import { createProxySnapshot } from "../../../src/cli/serving/proxy-snapshot.ts";
import { loadOptions } from "../../../src/config/load-options.ts";
import type { SettingKey } from "../../../src/config/settings.ts";
import type { SupervisorEvent } from "../../../src/dataplane/supervisor.ts";
import { LoadClients } from "../../support/load-clients.ts";

const WORKERS = 3;
const CONNECTIONS = 300;

test("a worker that is killed under load takes only its own connections along, and is replaced", async (context) => {
  const origin = createServer((_request, response) => void response.end("ok")).listen(0, "127.0.0.1");
  await once(origin, "listening");
  origin.keepAliveTimeout = 0;
  context.after(() => {
    origin.closeAllConnections();
    origin.close();
  });
  const { port } = origin.address() as AddressInfo;
  const flags: readonly [SettingKey, string][] = [
    ["to", `http://127.0.0.1:${port}`],
    ["http", "127.0.0.1:0"],
    ["https", "off"],
    ["workers", String(WORKERS)],
    ["access-log", "off"],
  ];
  const loaded = await loadOptions({
    command: "proxy",
    flags: new Map(flags.map(([key, text]) => [key, { texts: [text], origin: `--${key}` }])),
    environment: {},
    configFile: null,
    machine: { parallelism: WORKERS },
  });
  assert.ok(loaded.ok, JSON.stringify(loaded));

  const threads: Worker[] = [];
  const noteThread = (worker: Worker): void => void threads.push(worker);
  process.on("worker", noteThread);
  context.after(() => process.off("worker", noteThread));
  const events: SupervisorEvent[] = [];
  const restarted = Promise.withResolvers<void>();
  const dataPlane = new DataPlane({
    options: loaded.options,
    observers: [],
    publisherObserver: {},
    onWorkerEvent: (event) => {
      events.push(event);
      if (event.type === "worker-restarted") restarted.resolve();
    },
    loopback: "serve-loopback",
    onNameDiagnostics: () => undefined,
  });
  context.after(() => dataPlane.stop());
  const [listener] = await dataPlane.start();
  await dataPlane.publish(createProxySnapshot(loaded.options.to));

  const clients = new LoadClients({ port: listener!.port, connections: CONNECTIONS, host: "a" });
  await clients.until(({ completed }) => completed > CONNECTIONS * 2);
  await threads[1]!.terminate();
  await restarted.promise;
  // Ends of the killed worker's connections may still be on their way to the clients.
  const after = clients.completed;
  await clients.until(({ completed }) => completed > after + CONNECTIONS * 2);
  const broken = clients.broken;
  const before = clients.completed;
  await clients.until(({ completed }) => completed > before + CONNECTIONS * 5);
  await clients.stop();

  context.diagnostic(`${broken} of ${CONNECTIONS} connections were the killed worker's, ${clients.completed} requests`);
  assert.ok(broken < CONNECTIONS, "connections of other workers were not touched");
  assert.equal(clients.broken, broken, "nothing broke after the replacement");
  assert.deepEqual([...clients.statuses.keys()], [200]);
  assert.equal(events.filter((event) => event.type === "worker-stopped").length, 1);
});
