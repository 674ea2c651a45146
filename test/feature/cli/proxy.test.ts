// `penstock proxy`: upstreams, weights, and what clients and upstreams see.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { TestContext } from "node:test";
import { RunningProxy, localFlags, startUpstream } from "../../support/running-proxy.ts";

function proxyTo(context: TestContext, ...targets: readonly string[]): Promise<RunningProxy> {
  return RunningProxy.start(context, ["proxy", ...localFlags(), ...targets.flatMap((target) => ["--to", target])]);
}

describe("proxy", { concurrency: 2 }, () => {
  it("passes every host and path on, with the headers that say where it came from", async (context) => {
    const port = await startUpstream(context, ({ url, headers }, response) => {
      response.end(JSON.stringify({ url, host: headers.host, forwarded: headers["x-forwarded-for"] }));
    });
    const proxy = await proxyTo(context, `http://127.0.0.1:${port}`);
    const { status, body } = await proxy.get("any.test", "/a/b?c=d");
    assert.equal(status, 200);
    assert.deepEqual(JSON.parse(body), { url: "/a/b?c=d", host: "any.test", forwarded: "127.0.0.1" });
    assert.ok(proxy.process.stderr.includes(`"message":"forwarding to http://127.0.0.1:${port}"`));
  });

  it("shares requests out by weight", async (context) => {
    const counts = { heavy: 0, light: 0, none: 0 };
    const countingUpstream = (name: keyof typeof counts): Promise<number> =>
      startUpstream(context, (_request, response) => {
        counts[name] += 1;
        response.end(name);
      });
    const [heavy, light, none] = [
      await countingUpstream("heavy"),
      await countingUpstream("light"),
      await countingUpstream("none"),
    ];
    const proxy = await proxyTo(
      context,
      `http://127.0.0.1:${heavy}=3`,
      `http://127.0.0.1:${light}=1`,
      `http://127.0.0.1:${none}=0`,
    );
    for (let i = 0; i < 40; i += 1) assert.equal((await proxy.get("any.test", "/")).status, 200);
    assert.deepEqual(counts, { heavy: 30, light: 10, none: 0 });
  });

  it("resolves host names", async (context) => {
    const port = await startUpstream(context, (_request, response) => response.end("by name"));
    const proxy = await proxyTo(context, `http://localhost:${port}`);
    assert.equal((await proxy.get("any.test", "/")).body, "by name");
  });

  it("passes over an upstream that cannot be reached, and answers 502 where none can", async (context) => {
    const port = await startUpstream(context, (_request, response) => response.end("hello"));
    const nobody = "http://127.0.0.1:1";
    const proxy = await proxyTo(context, nobody, `http://127.0.0.1:${port}`);
    for (let i = 0; i < 4; i += 1) assert.equal((await proxy.get("any.test", "/")).body, "hello");
    const alone = await proxyTo(context, nobody);
    assert.equal((await alone.get("any.test", "/")).status, 502);
  });

  it("takes its upstreams from the environment too", async (context) => {
    const port = await startUpstream(context, (_request, response) => response.end("hello"));
    const env = { PENSTOCK_TO: `http://127.0.0.1:${port}=1,http://127.0.0.1:1=0`, PENSTOCK_ACCESS_LOG: "off" };
    const proxy = await RunningProxy.start(context, ["proxy", ...localFlags()], { env });
    assert.equal((await proxy.get("any.test", "/")).body, "hello");
    proxy.process.signal("SIGTERM");
    const { code, stdout } = await proxy.process.ended();
    assert.deepEqual([code, stdout], [0, ""], "no access log");
  });
});
