import assert from "node:assert/strict";
import { mock, suite, test } from "node:test";
import fc from "fast-check";
import type { AccessLogRecord } from "./access-log.ts";
import { AccessLogWriter } from "./access-log.ts";

const AT = Date.UTC(2026, 10, 24, 9, 8, 7, 6);

suite("access log", () => {
  test("one JSON line a request, with every field under its name", () => {
    const { writer, parsed } = recorder();
    writer.write(
      record({ query: "page=2", userAgent: "curl/8", referer: "https://a.example/", tlsVersion: "TLSv1.3" }),
    );
    writer.flush();
    assert.deepEqual(parsed(), [
      {
        time: "2026-11-24T09:08:07.006Z",
        request_id: "0af7651916cd43dd8448eb211c80319c",
        client: "192.0.2.1",
        method: "GET",
        host: "shop.example",
        path: "/cart",
        query: "page=2",
        protocol: "HTTP/1.1",
        scheme: "https",
        status: 200,
        request_bytes: 0,
        response_bytes: 35,
        duration_ms: 1.235,
        route: "default/shop/0/0",
        upstream: "default/shop/80",
        endpoint: "10.0.0.1:8080",
        attempts: 1,
        reused: true,
        upstream_header_ms: 0.75,
        user_agent: "curl/8",
        referer: "https://a.example/",
        error: null,
        tls_version: "TLSv1.3",
        listener: "https",
        worker: 3,
      },
    ]);
  });

  test("what a request never had is null", () => {
    const { writer, parsed } = recorder();
    const nothing = {
      route: "",
      upstream: "",
      endpoint: "",
      attempts: 0,
      isUpstreamReused: false,
      upstreamHeaderMs: -1,
    };
    writer.write(record({ ...nothing, status: 400, error: "malformed-request", scheme: "http" }));
    writer.flush();
    const [line] = parsed();
    const { route, upstream, endpoint, upstream_header_ms, user_agent, referer, tls_version, error } = line ?? {};
    assert.deepEqual(
      [route, upstream, endpoint, upstream_header_ms, user_agent, referer, tls_version],
      Array(7).fill(null),
    );
    assert.equal(error, "malformed-request");
  });

  test("no text of a client can break a line, forge a field or reach the terminal", () => {
    const { writer, text, parsed } = recorder();
    const evil = '","status":200}\n{"forged":"yes"}\u0000\u001b[2J\u007f\u009b31m\\';
    writer.write(record({ path: evil, userAgent: evil, referer: evil, host: evil, method: evil, requestId: evil }));
    writer.flush();
    assert.equal(text().split("\n").length, 2);
    assert.doesNotMatch(text().trimEnd(), /[\u0000-\u001f\u007f-\u009f]/);
    assert.equal(parsed()[0]?.["user_agent"], evil);
    assert.equal(parsed()[0]?.["path"], evil);
  });

  test("bytes above ASCII are written as UTF-8", () => {
    const { writer, bytes } = recorder();
    writer.write(record({ path: "/caf\u00e9" }));
    writer.flush();
    assert.ok(Buffer.concat(bytes).includes(Buffer.from([0x2f, 0x63, 0x61, 0x66, 0xc3, 0xa9, 0x22])));
  });

  test("secrets in the query and in the referer are redacted", () => {
    const { writer, text, parsed } = recorder();
    const query = "a=1&X-Amz-Signature=hush1&b=2&%61ccess_token=hush2&token=&sig";
    const referer = "https://user:hush3@shop.example/cb?code=hush4&state=x";
    writer.write(record({ query, referer }));
    writer.flush();
    assert.doesNotMatch(text(), /hush/);
    assert.equal(parsed()[0]?.["query"], "a=1&X-Amz-Signature=REDACTED&b=2&%61ccess_token=REDACTED&token=&sig");
    assert.equal(parsed()[0]?.["referer"], "https://shop.example/cb?code=REDACTED&state=x");
  });

  test("long texts are cut", () => {
    const { writer, parsed } = recorder();
    writer.write(record({ path: `/${"p".repeat(8_000)}`, userAgent: "\u0001".repeat(30_000) }));
    writer.flush();
    assert.equal(String(parsed()[0]?.["path"]).length, 2_048);
    assert.equal(String(parsed()[0]?.["user_agent"]).length, 2_048);
  });

  test("any record is one line of JSON that says what the record said", () => {
    const text = fc.oneof(
      fc.string({ unit: "binary", maxLength: 40 }),
      fc.string({ unit: "grapheme", maxLength: 600 }),
    );
    fc.assert(
      fc.property(
        fc.array(fc.tuple(text, text, fc.nat(10_000), fc.double({ min: 0, max: 1e9, noNaN: true }))),
        (rows) => {
          const { writer, parsed } = recorder();
          for (const [userAgent, route, status, durationMs] of rows) {
            writer.write(record({ userAgent, route, status, durationMs }));
          }
          writer.flush();
          const lines = parsed();
          assert.equal(lines.length, rows.length);
          for (const [i, [userAgent, route, status, durationMs]] of rows.entries()) {
            assert.equal(lines[i]?.["user_agent"], userAgent.toWellFormed());
            assert.equal(lines[i]?.["route"], route === "" ? null : route.toWellFormed());
            assert.equal(lines[i]?.["status"], status);
            assert.ok(Math.abs((lines[i]?.["duration_ms"] as number) - durationMs) <= 0.001);
          }
        },
      ),
      { numRuns: 25 },
    );
  });

  test("time follows the clock across milliseconds and seconds", () => {
    let now = AT;
    const { writer, parsed } = recorder(() => now);
    for (const step of [0, 0, 993, 1, 61_000]) {
      now += step;
      writer.write(record({}));
    }
    writer.flush();
    assert.deepEqual(
      parsed().map((line) => line["time"]),
      [
        "2026-11-24T09:08:07.006Z",
        "2026-11-24T09:08:07.006Z",
        "2026-11-24T09:08:07.999Z",
        "2026-11-24T09:08:08.000Z",
        "2026-11-24T09:09:09.000Z",
      ],
    );
  });

  test("a batch goes out when it is full, of whole lines, in memory of its own", () => {
    const { writer, bytes } = recorder();
    while (bytes.length === 0) writer.write(record({}));
    const [batch] = bytes;
    assert.ok(batch !== undefined && batch.byteLength >= 32_768 && batch.byteLength < 34_000);
    assert.equal(batch.at(-1), 0x0a);
    assert.equal(batch.buffer.byteLength, batch.byteLength);
    writer.flush();
  });

  test("a batch that is not full goes out 200 ms after its first line", (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const { writer, parsed } = recorder();
    writer.write(record({}));
    t.mock.timers.tick(199);
    writer.write(record({}));
    assert.equal(parsed().length, 0);
    t.mock.timers.tick(1);
    assert.equal(parsed().length, 2);
    t.mock.timers.tick(10_000);
    writer.write(record({}));
    t.mock.timers.tick(200);
    assert.equal(parsed().length, 3);
    mock.timers.reset();
  });
});

interface Recorder {
  readonly writer: AccessLogWriter;
  readonly bytes: Uint8Array[];
  readonly text: () => string;
  readonly parsed: () => Record<string, unknown>[];
}

function recorder(now: () => number = () => AT): Recorder {
  const bytes: Uint8Array[] = [];
  const writer = new AccessLogWriter({ workerId: 3, emit: (lines) => bytes.push(lines), now });
  const text = (): string => new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(bytes));
  const parsed = (): Record<string, unknown>[] =>
    text()
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  return { writer, bytes, text, parsed };
}

function record(changes: Partial<AccessLogRecord>): AccessLogRecord {
  return {
    requestId: "0af7651916cd43dd8448eb211c80319c",
    client: "192.0.2.1",
    method: "GET",
    host: "shop.example",
    path: "/cart",
    query: "",
    protocol: "HTTP/1.1",
    scheme: "https",
    status: 200,
    requestBytes: 0,
    responseBytes: 35,
    durationMs: 1.2345678,
    route: "default/shop/0/0",
    upstream: "default/shop/80",
    endpoint: "10.0.0.1:8080",
    attempts: 1,
    isUpstreamReused: true,
    upstreamHeaderMs: 0.75,
    userAgent: null,
    referer: null,
    error: null,
    tlsVersion: null,
    listener: "https",
    ...changes,
  };
}
