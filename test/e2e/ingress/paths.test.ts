// Path types of Ingress on a cluster: which request reaches which Service.
import assert from "node:assert/strict";
import { test } from "node:test";
import { namespaceFor } from "../support/namespace.ts";

test("each path type sends exactly its paths to its Service", async (t) => {
  const namespace = await namespaceFor(t);
  await Promise.all(["exact", "prefix", "deep", "any"].map((name) => namespace.deployEcho({ name })));
  const host = namespace.host("paths");
  await namespace.applyIngress({
    rules: {
      [host]: [
        { path: "/exact", pathType: "Exact", service: "exact" },
        { path: "/files", pathType: "Prefix", service: "prefix" },
        { path: "/files/deep/", pathType: "Prefix", service: "deep" },
        { path: "/any", pathType: "ImplementationSpecific", service: "any" },
      ],
    },
  });
  await namespace.requestUntil({ host, path: "/exact" }, ({ status }) => status === 200);

  const expectations: readonly (readonly [path: string, service: string | null])[] = [
    ["/exact", "exact"],
    ["/exact?query=1", "exact"],
    ["/exact/", null],
    ["/exactly", null],
    ["/files", "prefix"],
    ["/files/", "prefix"],
    ["/files/a/b", "prefix"],
    ["/filesystem", null],
    ["/files/deep", "deep"],
    ["/files/deep/er", "deep"],
    ["/files/deeper", "prefix"],
    ["/Files", null],
    ["/any", "any"],
    ["/any/more", "any"],
    ["/", null],
  ];
  for (const [path, service] of expectations) {
    const answer = await namespace.request({ host, path });
    if (service === null) {
      assert.equal(answer.status, 404, path);
      continue;
    }
    assert.equal(answer.status, 200, path);
    const echo = answer.echo();
    assert.ok(echo.pod.startsWith(`${service}-`), `${path} went to ${echo.pod}, not to ${service}`);
    assert.equal(echo.url, path);
  }
});

test("what is sent to an upstream says who asked, for what, and by which name", async (t) => {
  const namespace = await namespaceFor(t);
  await namespace.deployEcho();
  const host = namespace.host("headers");
  await namespace.applyIngress({ rules: { [host]: [{ path: "/" }] } });
  await namespace.requestUntil({ host }, ({ status }) => status === 200);

  const { headers } = (await namespace.request({ host, headers: { "x-forwarded-for": "203.0.113.7" } })).echo();
  assert.equal(headers["host"], host);
  assert.equal(headers["x-forwarded-host"], host);
  assert.equal(headers["x-forwarded-proto"], "http");
  assert.ok(!String(headers["x-forwarded-for"]).includes("203.0.113.7"), "a client's own word was passed on");
  assert.match(String(headers["x-request-id"]), /^[\w-]{16,}$/);
});
