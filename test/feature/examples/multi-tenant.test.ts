import assert from "node:assert/strict";
import path from "node:path";
import { test } from "node:test";
import { runPenstock } from "../../support/penstock-process.ts";
import { EXAMPLES, serveExample } from "./example-site.ts";

const ORIGINS = [
  { service: "lost-and-found", port: 18_201 },
  { service: "red", port: 18_202 },
  { service: "blue", port: 18_203 },
];

test("multi-tenant: one team's mistakes stay its own", async (t) => {
  const site = await serveExample(t, "multi-tenant", ORIGINS);
  assert.equal((await site.request("http://app.example/")).service, "red", "the older Ingress holds the path");
  assert.equal((await site.request("http://app.example/blue")).service, "blue");
  assert.equal((await site.request("http://app.example/blue/reports")).status, 503);
  assert.equal((await site.request("http://app.example/blue/other")).service, "blue");
  assert.equal((await site.request("http://nobody.example/")).service, "lost-and-found");
});

test("multi-tenant: the class bounds request bodies, and a team's policy raises the bound for its own", async (t) => {
  const site = await serveExample(t, "multi-tenant", ORIGINS);
  const upload = async (url: string, bytes: number): Promise<number> =>
    (await site.request(url, { method: "POST", body: Buffer.alloc(bytes) })).status;
  assert.equal(await upload("http://app.example/blue", 65_536), 200);
  assert.equal(await upload("http://app.example/blue", 65_537), 413);
  assert.equal(await upload("http://nobody.example/", 65_537), 413);
  assert.equal(await upload("http://app.example/", 65_537), 200);
  assert.equal(await upload("http://app.example/", 1_048_577), 413);
});

test("multi-tenant: check names both mistakes and fails", async (t) => {
  const { code, stdout } = await runPenstock(t, ["check", path.join(EXAMPLES, "multi-tenant")]);
  assert.equal(code, 1);
  assert.match(stdout, /team-blue\.yaml:\d+: warning: Ingress blue\/app .*already served by .*Ingress red\/app/);
  assert.match(stdout, /team-blue\.yaml:\d+: error: Ingress blue\/app .*"blue\/reports" does not exist/);
});

test("multi-tenant: explain says which route wins, and why others do not", async (t) => {
  const folder = path.join(EXAMPLES, "multi-tenant");
  const { code, stdout } = await runPenstock(t, ["explain", "--from", folder, "GET http://app.example/"]);
  assert.equal(code, 0);
  assert.match(stdout, /^Answer +forwarded to upstream red\/app\/80$/m);
  assert.match(stdout, /^Lost +blue\/app\/0\/2: .*\/blue\/reports does not begin the path$/m);
});
