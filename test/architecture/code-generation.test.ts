import assert from "node:assert/strict";
import path from "node:path";
import { test } from "node:test";
import { PenstockProcess } from "../support/penstock-process.ts";

const QUICKSTART = path.resolve(import.meta.dirname, "../../examples/quickstart");
const PROBE = new URL("./probe-code-generation.ts", import.meta.url);

test("no string becomes code in a worker", async (t) => {
  const flags = ["--http", "127.0.0.1:0", "--https", "off", "--admin", "off", "--workers", "1"];
  const penstock = new PenstockProcess(t, ["serve", "--from", QUICKSTART, ...flags], {
    execArgv: ["--import", PROBE.href],
  });
  const [, outcome] = await penstock.waitForStderr(/code generation in a worker: (.+)/);
  assert.equal(outcome, "refused");
  penstock.signal("SIGTERM");
  assert.equal((await penstock.ended()).code, 0);
});
