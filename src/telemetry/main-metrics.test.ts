import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { TestContext } from "node:test";
import type { Diagnostic, Severity } from "../ir/diagnostic.ts";
import { MainMetrics } from "./main-metrics.ts";

suite("main metrics", () => {
  test("say which generation is served, and how publishing and translating went", async (t) => {
    const metrics = started(t);
    metrics.translated(30);
    metrics.published(7, "programmed", 12);
    metrics.workerServes(0, 7);
    metrics.workerServes(1, 6);
    const page = await metrics.registry.metrics();
    assert.match(page, /^penstock_config_generation 7$/m);
    assert.match(page, /^penstock_worker_config_generation\{worker="1"\} 6$/m);
    assert.match(page, /^penstock_snapshot_publish_duration_seconds_sum 0\.012$/m);
    assert.match(page, /^penstock_translate_duration_seconds_bucket\{le="0\.05"\} 1$/m);
    assert.match(page, /^penstock_snapshots_total\{result="programmed"\} 1$/m);
    assert.match(page, /^penstock_snapshots_total\{result="refused"\} 0$/m, "a rate needs the zero");
    assert.match(page, /^penstock_build_info\{version="1\.2\.3",node_version="v\d+/m);
  });

  test("count the diagnostics in force, not those of the past", async (t) => {
    const metrics = started(t);
    metrics.diagnosed([diagnostic("error"), diagnostic("error"), diagnostic("warning")]);
    assert.match(
      await metrics.registry.metrics(),
      /penstock_diagnostics\{severity="error",reason="ServiceNotFound"\} 2/,
    );
    metrics.diagnosed([diagnostic("warning")]);
    assert.doesNotMatch(await metrics.registry.metrics(), /severity="error"/);
  });

  test("count worker restarts by cause and lost log lines", async (t) => {
    const metrics = started(t);
    metrics.workerStopped("crashed");
    metrics.accessLogDropped(12);
    const page = await metrics.registry.metrics();
    assert.match(page, /^penstock_worker_restarts_total\{cause="crashed"\} 1$/m);
    assert.match(page, /^penstock_access_log_lines_dropped_total 12$/m);
  });

  test("bring the figures of the process along", async (t) => {
    const metrics = new MainMetrics({ version: "1.2.3" });
    t.after(() => metrics.stop());
    const page = await metrics.registry.metrics();
    assert.match(page, /^process_resident_memory_bytes \d+$/m);
    assert.match(page, /^nodejs_heap_size_used_bytes \d+$/m);
  });
});

function started(t: TestContext): MainMetrics {
  const metrics = new MainMetrics({ version: "1.2.3", hasProcessMetrics: false });
  t.after(() => metrics.stop());
  return metrics;
}

function diagnostic(severity: Severity): Diagnostic {
  return { severity, reason: "ServiceNotFound", object: null, field: "", message: "", hint: "", location: null };
}
