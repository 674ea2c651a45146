import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { TestContext } from "node:test";
import { Registry } from "prom-client";
import { DEFAULT_ROUTE_POLICY } from "../ir/route-table.ts";
import type { RouteTable } from "../ir/route-table.ts";
import { createSeriesFilter } from "./series-filter.ts";
import { WorkerMetrics } from "./worker-metrics.ts";
import { WorkerTotals } from "./worker-totals.ts";

suite("worker metrics", () => {
  test("requests, durations and bytes of all workers are added up", async (t) => {
    const { first, second, scrape } = rig(t);
    first.routeSeries("ns/shop/0/0", "ns/shop/80").observe(200, 4, 10, 100);
    first.routeSeries("ns/shop/0/0", "ns/shop/80").observe(204, 20_000, 1, 0);
    second.routeSeries("ns/shop/0/0", "ns/shop/80").observe(200, 6, 5, 50);
    second.routeSeries("ns/shop/0/0", "ns/shop/80").observe(503, 0.1, 0, 9);
    const at = 'route="ns/shop/0/0",upstream="ns/shop/80"';
    const page = await scrape();
    assert.equal(page.get(`penstock_requests_total{${at},status="2xx"}`), 3);
    assert.equal(page.get(`penstock_requests_total{${at},status="5xx"}`), 1);
    assert.equal(page.get(`penstock_request_body_bytes_total{${at}}`), 16);
    assert.equal(page.get(`penstock_response_body_bytes_total{${at}}`), 159);
    const bucket = (le: string): number | undefined =>
      page.get(`penstock_request_duration_seconds_bucket{le="${le}",${at},status="2xx"}`);
    assert.deepEqual(["0.005", "0.01", "10", "+Inf"].map(bucket), [1, 2, 2, 3]);
    assert.equal(page.get(`penstock_request_duration_seconds_count{${at},status="2xx"}`), 3);
    assert.equal(page.get(`penstock_request_duration_seconds_sum{${at},status="2xx"}`), 20.01);
  });

  test("requests without a route, and without a status, are told apart", async (t) => {
    const { first, scrape } = rig(t);
    first.routeSeries("", "").observe(404, 1, 0, 0);
    first.routeSeries("", "").observe(0, 1, 0, 0);
    const page = await scrape();
    assert.equal(page.get('penstock_requests_total{route="",upstream="",status="4xx"}'), 1);
    assert.equal(page.get('penstock_requests_total{route="",upstream="",status="none"}'), 1);
  });

  test("the number of series is bounded; the rest is counted as other", async (t) => {
    const { first, scrape } = rig(t, { maxRouteSeries: 2 });
    for (let i = 0; i < 10; i += 1) first.routeSeries(`ns/route-${i}/0/0`, "ns/shop/80").observe(200, 1, 0, 0);
    first.routeSeries("", "").observe(404, 1, 0, 0);
    const page = await scrape();
    const counted = [...page].filter(([name]) => name.startsWith("penstock_requests_total"));
    assert.equal(counted.length, 4);
    assert.equal(page.get('penstock_requests_total{route="other",upstream="other",status="2xx"}'), 8);
  });

  test("words that come from errors are bounded, too", async (t) => {
    const { first, scrape } = rig(t);
    for (let i = 0; i < 1_000; i += 1) first.countError(`error-${i}`);
    const page = await scrape();
    assert.equal([...page].filter(([name]) => name.startsWith("penstock_proxy_errors_total")).length, 65);
    assert.equal(page.get('penstock_proxy_errors_total{type="other"}'), 936);
  });

  test("counters of a worker that died stay in the sum, its gauges go", async (t) => {
    const { totals, first, second, scrape } = rig(t);
    for (const worker of [first, second]) {
      worker.routeSeries("ns/shop/0/0", "ns/shop/80").observe(200, 1, 0, 0);
      worker.connections("http", "http/1.1").opened();
      worker.countRetry("connect-refused");
    }
    await scrape();
    totals.retire(first);
    const page = await scrape([second]);
    assert.equal(page.get('penstock_requests_total{route="ns/shop/0/0",upstream="ns/shop/80",status="2xx"}'), 2);
    assert.equal(
      page.get('penstock_request_duration_seconds_count{route="ns/shop/0/0",upstream="ns/shop/80",status="2xx"}'),
      2,
    );
    assert.equal(page.get('penstock_downstream_connections_total{listener="http",protocol="http/1.1"}'), 2);
    assert.equal(page.get('penstock_downstream_connections_active{listener="http",protocol="http/1.1"}'), 1);
    assert.equal(page.get('penstock_retries_total{reason="connect-refused"}'), 2);
    const again = await scrape([second]);
    assert.equal(again.get('penstock_retries_total{reason="connect-refused"}'), 2, "counted once, not at each scrape");
  });

  test("connections, pool reuse and idle connections", async (t) => {
    const { first, scrape } = rig(t);
    const series = first.connections("https", "h2");
    series.opened();
    series.opened();
    series.closed();
    first.countUpstreamConnection(false);
    first.countUpstreamConnection(true);
    first.countUpstreamConnection(true);
    first.watchIdleConnections(() => 7);
    const page = await scrape();
    assert.equal(page.get('penstock_downstream_connections_total{listener="https",protocol="h2"}'), 2);
    assert.equal(page.get('penstock_downstream_connections_active{listener="https",protocol="h2"}'), 1);
    assert.equal(page.get('penstock_upstream_connections_total{connection="new"}'), 1);
    assert.equal(page.get('penstock_upstream_connections_total{connection="reused"}'), 2);
    assert.equal(page.get("penstock_upstream_connections_idle"), 7);
    assert.ok((page.get('penstock_event_loop_delay_seconds{thread="0",quantile="0.99"}') ?? -1) >= 0);
  });

  test("series of routes and upstreams that the configuration no longer has are dropped, also of dead workers", async (t) => {
    const { totals, first, second, scrape } = rig(t, { maxRouteSeries: 2 });
    for (const worker of [first, second]) {
      worker.routeSeries("kept", "ns/new/80").observe(200, 1, 0, 0);
      worker.routeSeries("gone", "ns/old/80").observe(200, 1, 0, 0);
      worker.routeSeries("", "").observe(404, 1, 0, 0);
    }
    await scrape();
    totals.retire(first);
    const isConfigured = createSeriesFilter(table("kept", "ns/new/80"));
    totals.retain(isConfigured);
    const unaware = await scrape([second]);
    assert.deepEqual(routesOf(unaware), ["", "kept"], "whatever a worker still reports");
    second.retain(isConfigured);
    second.routeSeries("fresh", "ns/new/80").observe(200, 1, 0, 0);
    totals.retain(createSeriesFilter(table("fresh", "ns/new/80")));
    assert.deepEqual(routesOf(await scrape([second])), ["", "fresh"], "its place is free for another");
  });

  test("label values of users cannot break the page", async (t) => {
    const { first, registry, scrape } = rig(t);
    first.routeSeries('ns/"}\nforged 1/0', "a\\b").observe(200, 1, 0, 0);
    await scrape();
    assert.doesNotMatch(await registry.metrics(), /^forged/m);
  });
});

interface Rig {
  readonly registry: Registry;
  readonly totals: WorkerTotals;
  readonly first: WorkerMetrics;
  readonly second: WorkerMetrics;
  /** Lets workers report, and reads the page: value by name and labels. */
  readonly scrape: (workers?: readonly WorkerMetrics[]) => Promise<Map<string, number>>;
}

function rig(t: TestContext, options: { maxRouteSeries?: number } = {}): Rig {
  const registry = new Registry();
  const totals = new WorkerTotals(registry);
  const first = new WorkerMetrics({ workerId: 0, ...options });
  const second = new WorkerMetrics({ workerId: 1, ...options });
  t.after(() => [first, second].forEach((worker) => worker.stop()));
  const scrape = async (workers: readonly WorkerMetrics[] = [first, second]): Promise<Map<string, number>> => {
    for (const worker of workers) totals.accept(worker, structuredClone(worker.report(1)));
    const lines = (await registry.metrics()).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
    return new Map(
      lines.map((line) => {
        const space = line.lastIndexOf(" ");
        return [line.slice(0, space), Number(line.slice(space + 1))] as const;
      }),
    );
  };
  return { registry, totals, first, second, scrape };
}

function routesOf(page: Map<string, number>): string[] {
  const routes = [...page.keys()].flatMap((name) => /^penstock_requests_total\{route="([^"]*)"/.exec(name)?.[1] ?? []);
  return routes.toSorted();
}

function table(route: string, upstream: string): RouteTable {
  return {
    virtualHosts: [
      {
        host: "",
        routes: [
          {
            id: route,
            path: { kind: "prefix", value: "/" },
            action: { kind: "forward", upstreams: [{ upstream, weight: 1 }] },
            policy: DEFAULT_ROUTE_POLICY,
            source: { object: { kind: "Ingress", namespace: "ns", name: "shop" }, field: "" },
          },
        ],
      },
    ],
    tlsHosts: [],
  };
}
