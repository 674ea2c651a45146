import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { EXAMPLES, replaceInManifests, serveExample } from "./example-site.ts";

const ORIGIN_FOLDER = path.join(EXAMPLES, "legacy-external/origin");
const ORIGINS = [
  {
    service: "payroll",
    port: 18_401,
    tls: {
      cert: readFileSync(path.join(ORIGIN_FOLDER, "tls.crt"), "utf8"),
      key: readFileSync(path.join(ORIGIN_FOLDER, "tls.key"), "utf8"),
    },
  },
];

test("legacy-external: a name outside the cluster is reached over verified https", async (t) => {
  const site = await serveExample(t, "legacy-external", ORIGINS);
  const response = await site.request("https://intranet.example/payroll/2026");
  assert.equal(response.service, "payroll");
  assert.match(response.body, /"url": "\/payroll\/2026"/);
  assert.equal(response.certificateNames, "DNS:intranet.example");

  const plain = await site.request("http://intranet.example/payroll");
  assert.equal(plain.status, 308);
  assert.equal(plain.headers.location, "https://intranet.example/payroll");
});

test("legacy-external: a certificate that nobody vouches for is not accepted", async (t) => {
  const site = await serveExample(t, "legacy-external", ORIGINS);
  assert.equal((await site.request("https://intranet.example/payroll")).status, 200);
  assert.equal(replaceInManifests(site.folder, "    penstock.dev/backend-tls-ca-secret: legacy-ca\n", ""), 1);
  await site.process.waitForStderr(/"generation":2,.*every worker serves the new configuration/);
  assert.equal((await site.request("https://intranet.example/payroll")).status, 502);
});
