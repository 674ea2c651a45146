// `penstock demo`: what it prints can be done.
import assert from "node:assert/strict";
import { once } from "node:events";
import { request as sendTlsRequest } from "node:https";
import type { IncomingMessage } from "node:http";
import { createServer } from "node:net";
import { describe, it } from "node:test";
import type { TestContext } from "node:test";
import { PenstockProcess } from "../../support/penstock-process.ts";
import { send } from "../../support/running-proxy.ts";
import type { Answer } from "../../support/running-proxy.ts";

/** Ends the line that a demo prints last. */
const RUNS = /Ctrl-C ends it\.\n/;

/** Carries out one `curl` of the demo's output, without curl: `*.localhost` is this machine. */
async function carryOut(command: string): Promise<Answer> {
  const words: readonly string[] = command.match(/'[^']*'|\S+/g) ?? [];
  const url = new URL(words.find((word) => word.startsWith("http")) ?? "");
  const header = words[words.indexOf("-H") + 1]?.replaceAll("'", "") ?? "";
  const host = words.includes("-H") ? header.slice("Host: ".length) : url.host;
  const { port, pathname: path, hostname: servername } = url;
  if (url.protocol === "http:") return send({ port, path, headers: { host } });
  assert.ok(words.includes("-k"));
  const request = sendTlsRequest({
    host: "127.0.0.1",
    port,
    path,
    servername,
    headers: { host },
    rejectUnauthorized: false,
    agent: false,
  });
  request.end();
  const [response] = (await once(request, "response")) as [IncomingMessage];
  let body = "";
  for await (const chunk of response.setEncoding("utf8") as AsyncIterable<string>) body += chunk;
  return { status: response.statusCode ?? 0, headers: response.headers, body };
}

/** Holds the ports that the demo would like, where nobody holds them yet. */
async function occupyPorts(context: TestContext, ports: readonly number[]): Promise<void> {
  for (const port of ports) {
    const server = createServer();
    const settled = Promise.race([once(server, "listening"), once(server, "error")]);
    server.listen(port, "127.0.0.1");
    // Whoever holds it already serves as well.
    await settled.catch(() => {});
    context.after(() => server.close());
  }
}

describe("the demo", () => {
  it("prints commands that work, and ends with Ctrl-C", async (context) => {
    const demo = new PenstockProcess(context, ["demo"]);
    await demo.waitForStdout(RUNS);
    const lines = demo.stdout.split("\n").filter((line) => line.startsWith("  curl "));
    assert.equal(lines.length, 6, demo.stdout);
    for (const line of lines) {
      const [command = "", meaning = ""] = line.split(/\s+# /);
      const { status, body } = await carryOut(command);
      assert.equal(status, meaning.startsWith("404") ? 404 : 200, `${line}\n${body}`);
      if (meaning.includes("upstream web")) assert.match(body, /"service": "web"/);
      if (meaning.includes("upstream api")) assert.match(body, /"service": "api"/);
    }
    demo.signal("SIGINT");
    const { code, stderr } = await demo.ended();
    assert.deepEqual([code, stderr], [0, ""]);
  });

  it("takes other ports where its own are in use, says which, and how to choose", async (context) => {
    await occupyPorts(context, [8_080, 8_443, 10_254, 18_081, 18_082]);
    const demo = new PenstockProcess(context, ["demo"]);
    await demo.waitForStdout(RUNS);
    assert.match(demo.stdout, /127\.0\.0\.1:8080 is in use, .*--http ADDR/);
    assert.match(demo.stdout, /127\.0\.0\.1:8443 is in use, .*--https ADDR/);
    assert.match(demo.stdout, /127\.0\.0\.1:18081 is in use, so the upstream web listens on \d+/);
    const [, command = ""] = /^ {2}(curl http:\S+\/api\/users)/m.exec(demo.stdout) ?? [];
    const { status, body } = await carryOut(command);
    assert.equal(status, 200);
    assert.match(body, /"service": "api"/);
  });
});
