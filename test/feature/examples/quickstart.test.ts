import assert from "node:assert/strict";
import { test } from "node:test";
import { replaceInManifests, serveExample } from "./example-site.ts";

const ORIGINS = [
  { service: "web", port: 18_081 },
  { service: "api", port: 18_082 },
];

test("quickstart: paths lead to their Services, and the host has its certificate", async (t) => {
  const site = await serveExample(t, "quickstart", ORIGINS);
  assert.equal((await site.request("http://demo.localhost/")).service, "web");
  assert.equal((await site.request("http://demo.localhost/api")).service, "api");
  assert.equal((await site.request("http://demo.localhost/api/users?a=1")).service, "api");
  assert.equal((await site.request("http://demo.localhost/apis")).service, "web");

  const secure = await site.request("https://demo.localhost/");
  assert.equal(secure.service, "web");
  assert.equal(secure.certificateNames, "DNS:demo.localhost");

  const unknown = await site.request("http://other.localhost/");
  assert.equal(unknown.status, 404);
  assert.equal(unknown.service, null);
});

test("quickstart: a changed rule is served without a restart", async (t) => {
  const site = await serveExample(t, "quickstart", ORIGINS);
  assert.equal((await site.request("http://demo.localhost/v2/users")).service, "web");
  assert.equal(replaceInManifests(site.folder, "path: /api", "path: /v2"), 1);
  await site.process.waitForStderr(/"generation":2,.*every worker serves the new configuration/);
  assert.equal((await site.request("http://demo.localhost/v2/users")).service, "api");
  assert.equal((await site.request("http://demo.localhost/api/users")).service, "web");
});
