import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { FakeSession } from "../../test/support/fake-session.ts";
import type { SessionSpec } from "../../test/support/fake-session.ts";
import { fakeEnvironment, snapshotOf } from "../../test/support/ingress-snapshot.ts";
import { HeaderList } from "../engine/http/header-list.ts";
import { ResponseHead } from "../engine/http/messages.ts";
import { ProxyError } from "../engine/proxy/proxy-error.ts";
import { AccessLogWriter } from "../telemetry/access-log.ts";
import { WorkerMetrics } from "../telemetry/worker-metrics.ts";
import { AccessLogObserver } from "./access-log-observer.ts";
import { compileSnapshot } from "./compile.ts";
import { IngressProxy } from "./ingress-proxy.ts";
import { MetricsObserver } from "./metrics-observer.ts";

const CLIENT_GONE = new ProxyError("client-closed", "downstream", "the client closed the connection");

interface Ending {
  readonly status?: number;
  readonly error?: ProxyError;
}

/** The line that is logged for a request which ends so. */
function logged(spec: SessionSpec, ending: Ending): Record<string, unknown> {
  let lines = "";
  const writer = new AccessLogWriter({ workerId: 0, emit: (bytes) => (lines += Buffer.from(bytes).toString()) });
  const proxy = new IngressProxy([new AccessLogObserver(writer)]);
  const config = { hosts: { "": [{ path: "/", id: "r", to: "u" }] }, endpoints: { u: ["10.0.0.1:80"] } };
  proxy.serve(compileSnapshot(snapshotOf(config), null, fakeEnvironment()));
  const session = new FakeSession(spec);
  session.startedAt = performance.now();
  const ctx = proxy.newCtx();
  void proxy.requestFilter(session, ctx);
  session.attempts = 1;
  session.peer = proxy.upstreamPeer(session, ctx);
  session.requestBodyBytes = 3;
  session.responseBodyBytes = 5;
  session.upstreamHeaderMs = 1.5;
  if (ending.status !== undefined) session.response = new ResponseHead(ending.status, "", 11, HeaderList.empty(), 0);
  proxy.logging(session, ctx, ending.error ?? null);
  writer.flush();
  return JSON.parse(lines) as Record<string, unknown>;
}

describe("the access log", () => {
  test("has what the client asked for, and what came of it", () => {
    const tls = { serverName: "", identity: null };
    const headers = ["User-Agent", "test/1", "Referer", "https://a.test/"];
    const line = logged({ method: "PUT", target: "/a/%2e./b?x=1", headers, tls, version: 20 }, { status: 201 });
    assert.partialDeepStrictEqual(line, {
      request_id: "0123456789abcdef0123456789abcdef",
      client: "192.0.2.1",
      method: "PUT",
      host: "shop.example",
      path: "/a/%2e./b",
      query: "x=1",
      protocol: "HTTP/2",
      scheme: "https",
      status: 201,
      request_bytes: 3,
      response_bytes: 5,
      route: "r",
      upstream: "u",
      endpoint: "10.0.0.1:80",
      attempts: 1,
      reused: false,
      upstream_header_ms: 1.5,
      user_agent: "test/1",
      referer: "https://a.test/",
      error: null,
      tls_version: "TLSv1.3",
      listener: "https",
    });
    assert.ok(Number(line["duration_ms"]) >= 0 && Number(line["duration_ms"]) < 60_000);
  });

  test("has a line for bytes that were no request", () => {
    let lines = "";
    const writer = new AccessLogWriter({ workerId: 0, emit: (bytes) => (lines += Buffer.from(bytes).toString()) });
    const { connection } = new FakeSession({});
    const error = new ProxyError("headers-too-large", "downstream", "");
    new AccessLogObserver(writer).requestRefused(connection, error);
    writer.flush();
    assert.partialDeepStrictEqual(JSON.parse(lines), {
      client: connection.remoteAddress,
      method: "",
      path: "",
      status: 431,
      route: null,
      error: "headers-too-large",
    });
  });

  test("forgets one request before it writes the next", () => {
    const line = logged({ version: 10 }, {});
    assert.partialDeepStrictEqual(line, { protocol: "HTTP/1.0", scheme: "http", user_agent: null, tls_version: null });
  });

  for (const [title, ending, status] of [
    ["499 where the client left before a response", { error: CLIENT_GONE }, 499],
    ["the response's status where the client left during it", { status: 200, error: CLIENT_GONE }, 200],
    ["0 where nothing was answered", { error: new ProxyError("internal", "internal", "") }, 0],
  ] as const) {
    test(`shows ${title}`, () => {
      const line = logged({}, ending);
      assert.equal(line["status"], status);
      assert.equal(line["error"], ending.error.type);
    });
  }
});

describe("the metrics", () => {
  test("count requests by route, upstream and status, errors by type, retries by what failed before", () => {
    const metrics = new WorkerMetrics({ workerId: 0 });
    const observer = new MetricsObserver(metrics);
    const proxy = new IngressProxy([observer]);
    const spec = { hosts: { "": [{ path: "/", id: "r", to: "u" }] }, endpoints: { u: ["10.0.0.1:80", "10.0.0.2:80"] } };
    proxy.serve(compileSnapshot(snapshotOf(spec), null, fakeEnvironment()));
    const session = new FakeSession();
    const ctx = proxy.newCtx();
    void proxy.requestFilter(session, ctx);
    const refused = new ProxyError("connect-refused", "upstream", "", "connect");
    proxy.failToConnect(session, proxy.upstreamPeer(session, ctx), ctx, refused);
    const second = proxy.upstreamPeer(session, ctx);
    proxy.connectedToUpstream(session, second, true, ctx);
    const broken = new ProxyError("upstream-closed", "upstream", "", "unanswered");
    proxy.errorWhileProxy(session, second, ctx, broken);
    session.response = new ResponseHead(502, "", 11, HeaderList.empty(), 0);
    proxy.logging(session, ctx, broken);
    observer.connectionOpened("http", "h2");
    observer.connectionOpened("http", "h2");
    observer.connectionClosed("http", "h2");
    observer.requestRefused(session.connection, new ProxyError("uri-too-long", "downstream", ""));

    const figures = new Map(
      metrics.report(1).families.map(({ name, labels, values }) => [name, [labels, [...values]]]),
    );
    metrics.stop();
    assert.deepEqual(figures.get("penstock_requests_total"), [["r", "u", "5xx"], [1]]);
    assert.deepEqual(figures.get("penstock_retries_total"), [["connect-refused"], [1]]);
    assert.deepEqual(figures.get("penstock_upstream_connections_total"), [
      ["new", "reused"],
      [0, 1],
    ]);
    assert.deepEqual(figures.get("penstock_proxy_errors_total"), [
      ["upstream-closed", "uri-too-long"],
      [1, 1],
    ]);
    assert.deepEqual(figures.get("penstock_downstream_connections_total"), [["http", "h2"], [2]]);
    assert.deepEqual(figures.get("penstock_downstream_connections_active"), [["http", "h2"], [1]]);
  });
});
