// The reports of both load generators, as the tools print them.
import assert from "node:assert/strict";
import { test } from "node:test";
import { findErrors, parseH2loadLog } from "./h2load.ts";
import { parseWrkReport } from "./wrk.ts";

const CLEAN_WRK = "Running 1s test\nbench-report 46535 1000000 4467360 970 1630 0 0 0 0 0\nRequests/sec: 1\n";

test("wrk's report gives counts, seconds and milliseconds", () => {
  const result = parseWrkReport(CLEAN_WRK, 35);
  assert.deepEqual(result, { requests: 46_535, seconds: 1, p50Ms: 0.97, p99Ms: 1.63, errors: [] });
});

test("every kind of error that wrk counts spoils the sample", () => {
  const kinds = ["connect", "read", "write", "status", "timeout"];
  for (const [index, kind] of kinds.entries()) {
    const counts = kinds.map((_, position) => (position === index ? 3 : 0)).join(" ");
    const { errors } = parseWrkReport(`bench-report 10 1000000 2000 1 2 ${counts}\n`, 35);
    assert.deepEqual(errors, [`3 ${kind} errors`]);
  }
});

test("answers shorter than the body that was asked for spoil the sample", () => {
  assert.deepEqual(parseWrkReport("bench-report 10 1000000 2000 1 2 0 0 0 0 0\n", 65_536).errors, [
    "responses of 200 B on average",
  ]);
});

test("a wrk that printed no report is an error of the harness", () => {
  assert.throws(() => parseWrkReport("unable to connect to localhost:1 Connection refused\n", 35), /no report/);
});

test("h2load's log gives the percentiles of the durations and the time from the first start to the last end", () => {
  const rows = Array.from({ length: 100 }, (_, index) => `${1_000_000 + index * 1000}\t200\t${(index + 1) * 10}`);
  const { requests, seconds, p50Ms, p99Ms } = parseH2loadLog(`${rows.join("\n")}\n`);
  assert.equal(requests, 100);
  assert.equal(seconds, 0.1);
  assert.equal(p50Ms, 0.5);
  assert.equal(p99Ms, 0.99);
});

const H2LOAD_SUMMARY = `Application protocol: h2
requests: 5000 total, 5050 started, 5000 done, 5000 succeeded, 0 failed, 0 errored, 0 timeout
status codes: 5000 2xx, 0 3xx, 0 4xx, 0 5xx
`;
const H2 = { streams: 10, tls: true };

test("a clean h2load summary has no errors", () => {
  assert.deepEqual(findErrors(H2LOAD_SUMMARY, H2), []);
});

test("failures, other statuses and another protocol spoil an h2load sample", () => {
  const failed = H2LOAD_SUMMARY.replace("0 failed, 0 errored, 0 timeout", "1 failed, 2 errored, 3 timeout");
  assert.deepEqual(findErrors(failed, H2), ["6 failed requests"]);
  const refused = H2LOAD_SUMMARY.replace("0 3xx, 0 4xx, 0 5xx", "1 3xx, 2 4xx, 3 5xx");
  assert.deepEqual(findErrors(refused, H2), ["6 responses other than 2xx"]);
  assert.deepEqual(findErrors(H2LOAD_SUMMARY.replace("protocol: h2", "protocol: http/1.1"), H2), [
    "no HTTP/2 connection",
  ]);
  assert.match(findErrors("Segmentation fault", H2)[0] ?? "", /no summary/);
});
