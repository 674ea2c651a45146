// Nobody gets around a route by spelling its path differently: two routes of a running `penstock serve`, with an upstream
// each that records what reaches it. Requests are written byte for byte.
import assert from "node:assert/strict";
import { test } from "node:test";
import { exchangeRaw } from "../support/raw-client.ts";
import { RecordingSite } from "../support/recording-site.ts";

const HOST = "paths.example";

/** The target as it was sent, the upstream that must get it, and the target that it gets. */
const SERVED: readonly [sent: string, upstream: "admin" | "public", forwarded: string][] = [
  ["/admin/x", "admin", "/admin/x"],
  ["/%61dmin/x", "admin", "/%61dmin/x"],
  ["/%41dmin/x", "public", "/%41dmin/x"],
  ["//admin/x", "admin", "//admin/x"],
  ["/./admin", "admin", "/admin"],
  ["/open/../admin/x", "admin", "/admin/x"],
  ["/open/%2e%2e/admin/x", "admin", "/admin/x"],
  ["/open/.%2E//admin/x", "admin", "//admin/x"],
  ["/open//../admin", "admin", "/admin"],
  [`http://${HOST}/open/../%61dmin`, "admin", "/%61dmin"],
  ["/admin/../open", "public", "/open"],
  ["/admin/%2e%2e/open", "public", "/open"],
  ["/admin/%2E./%2e/open?q=/../admin", "public", "/open?q=/../admin"],
  ["/adminx", "public", "/adminx"],
  // Decoded once, never twice.
  ["/open/%252e%252e/admin", "public", "/open/%252e%252e/admin"],
  // An escaped slash and path parameters are text of their segment, and stay as they came.
  ["/admin%2Fx", "public", "/admin%2Fx"],
  ["/%2fadmin", "public", "/%2fadmin"],
  ["/admin;v=1/x", "public", "/admin;v=1/x"],
];

/** What upstreams would read in different ways reaches none. */
const REFUSED: readonly string[] = [
  "/../admin",
  "/open/../../admin",
  "/%2e%2e/admin",
  "/open/..%2fadmin",
  "/open%2f..%2fadmin",
  "/open/%2e%2e%2Fadmin",
  "/open/..;/admin",
  "/open/..;v=1/admin",
  "/open/.;/admin",
  "/open/%2e%2e;/admin",
  "/open\\..\\admin",
  "/\\admin",
  "/open/..%5cadmin",
  "/open/%00/../admin",
  "/admin%00",
  "/open/%zz",
  "/open/%2",
];

test("every spelling of a path gets to the route that the upstream would read", async (t) => {
  const site = await RecordingSite.start(t, {
    routes: [
      { host: HOST, path: "/", upstream: "public" },
      { host: HOST, path: "/admin", upstream: "admin" },
    ],
  });
  const ask = (target: string): Promise<string> =>
    exchangeRaw(site.httpPort, `GET ${target} HTTP/1.1\r\nHost: ${HOST}\r\nConnection: close\r\n\r\n`);

  for (const [sent, upstream, forwarded] of SERVED) {
    const answer = await ask(sent);
    assert.match(answer, /^HTTP\/1\.1 200 OK\r\n/, sent);
    assert.ok(answer.endsWith(`\r\n\r\n${upstream}`), `${sent} goes to ${upstream}`);
    assert.ok(site.takeReceived(upstream).startsWith(`GET ${forwarded} HTTP/1.1\r\n`), `${sent} goes as ${forwarded}`);
    assert.equal(site.takeReceived(upstream === "admin" ? "public" : "admin"), "", `${sent} goes nowhere else`);
  }
  for (const sent of REFUSED) {
    assert.match(await ask(sent), /^HTTP\/1\.1 400 Bad Request\r\n/, sent);
    assert.equal(site.takeReceived("public") + site.takeReceived("admin"), "", `${sent} reaches nobody`);
  }
});
