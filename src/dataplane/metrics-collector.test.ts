import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Registry } from "prom-client";
import { ManualClock } from "../../test/support/manual-clock.ts";
import { WorkerTotals } from "../telemetry/worker-totals.ts";
import { MetricsCollector } from "./metrics-collector.ts";
import type { ToWorker } from "./protocol.ts";

const RETRIES = "penstock_retries_total";

suite("metrics collector", () => {
  test("a page has the fresh figures of every worker", async () => {
    const rig = new Rig();
    const workers = [rig.start(0), rig.start(1)];
    const page = rig.collector.scrape();
    for (const worker of workers) worker.answer(3);
    assert.match((await page).body, /^penstock_retries_total\{reason="r"\} 6$/m);
    assert.match((await page).contentType, /^text\/plain/);
    assert.equal(rig.clock.pendingTimers, 0);
  });

  test("a worker that does not answer in time is shown as it was last", async () => {
    const rig = new Rig();
    const [quick, slow] = [rig.start(0), rig.start(1)];
    slow.say(0, 5);
    const page = rig.collector.scrape();
    quick.answer(1);
    rig.clock.advance(1_000);
    assert.match((await page).body, /^penstock_retries_total\{reason="r"\} 6$/m);
    slow.answer(9);
    const next = rig.collector.scrape();
    quick.answer(1);
    slow.answer(9);
    assert.match((await next).body, /^penstock_retries_total\{reason="r"\} 10$/m);
  });

  test("a worker that dies during a scrape does not hold it up, and its counters stay", async () => {
    const rig = new Rig();
    const [one, other] = [rig.start(0), rig.start(1)];
    other.say(0, 5);
    const page = rig.collector.scrape();
    one.answer(1);
    rig.collector.workerStopped(other);
    assert.match((await page).body, /^penstock_retries_total\{reason="r"\} 6$/m);
    const replacement = rig.start(1);
    const next = rig.collector.scrape();
    one.answer(1);
    replacement.answer(0);
    assert.match((await next).body, /^penstock_retries_total\{reason="r"\} 6$/m);
  });

  test("scrapes at one time share one collection", async () => {
    const rig = new Rig();
    const worker = rig.start(0);
    const pages = [rig.collector.scrape(), rig.collector.scrape()];
    assert.equal(worker.asked.length, 1);
    worker.answer(1);
    assert.equal(await pages[0], await pages[1]);
    void rig.collector.scrape();
    assert.equal(worker.asked.length, 2);
    worker.answer(1);
  });

  test("without workers the page has the main thread's figures", async () => {
    const { body } = await new Rig().collector.scrape();
    assert.match(body, /penstock_event_loop_delay_seconds\{thread="main",quantile="1"\} 0\.5/);
  });
});

class Rig {
  readonly clock = new ManualClock();
  readonly collector: MetricsCollector;

  constructor() {
    const registry = new Registry();
    const delay = { name: "penstock_event_loop_delay_seconds", labels: ["main", "1"], values: Float64Array.of(0.5) };
    this.collector = new MetricsCollector({
      registry,
      totals: new WorkerTotals(registry),
      reportMain: () => ({ families: [delay] }),
      clock: this.clock,
    });
  }

  start(workerId: number): FakeWorker {
    const worker = new FakeWorker(workerId, this.collector);
    this.collector.workerStarted(worker);
    return worker;
  }
}

class FakeWorker {
  readonly workerId: number;
  readonly asked: number[] = [];
  readonly #collector: MetricsCollector;

  constructor(workerId: number, collector: MetricsCollector) {
    this.workerId = workerId;
    this.#collector = collector;
  }

  post(message: ToWorker): void {
    if (message.type === "collect-metrics") this.asked.push(message.id);
  }

  answer(retries: number): void {
    this.say(this.asked.at(-1) ?? assert.fail("not asked"), retries);
  }

  say(id: number, retries: number): void {
    const families = [{ name: RETRIES, labels: ["r"], values: Float64Array.of(retries) }];
    this.#collector.workerAnswered(this, { type: "metrics", id, metrics: { families } });
  }
}
