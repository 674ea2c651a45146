// The command line of the benchmark.
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseOptions, UsageError } from "./options.ts";

const CORES = ["--proxy-core", "0", "--load-cores", "1"];

test("without flags every peer and every scenario runs three times", () => {
  const options = parseOptions(CORES);
  assert.deepEqual(
    options?.peers.map((peer) => peer.name),
    ["nginx", "haproxy", "envoy", "caddy", "penstock"],
  );
  assert.equal(options.rounds, 3);
  assert.equal(options.jsonFile, null);
});

test("wrong flags are told in one line", () => {
  const wrong: readonly (readonly [readonly string[], RegExp])[] = [
    [["--peers", "apache"], /no "apache"; choose from nginx/],
    [["--scenarios", "small,huge"], /no "huge"/],
    [["--rounds", "0"], /"0" is no whole number/],
    [["--seconds", "1.5"], /"1.5" is no whole number/],
    [["--proxy-core", "1", "--load-cores", "0-3"], /both the proxy and the load/],
    [["--load-cores", "all"], /no list of cores/],
    [["--fast"], /--fast/],
  ];
  for (const [args, message] of wrong) {
    assert.throws(
      () => parseOptions([...CORES, ...args]),
      (error: unknown) => error instanceof UsageError && message.test(error.message),
    );
  }
});
