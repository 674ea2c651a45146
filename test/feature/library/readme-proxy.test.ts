import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { startOrigin } from "../../../examples/origin/origin.ts";

const ROOT = path.resolve(import.meta.dirname, "../../..");

async function get(port: number, target: string, headers: Readonly<Record<string, string>>): Promise<[number, string]> {
  const request = http.get({ port, path: target, headers, agent: false });
  const [response] = (await once(request, "response")) as [http.IncomingMessage];
  const body = (await response.setEncoding("utf8").toArray()).join("");
  return [response.statusCode ?? 0, body];
}

test("the proxy in the README does what it says", async (t) => {
  const readme = readFileSync(path.join(ROOT, "README.md"), "utf8");
  const example = /```ts\n([\s\S]+?)```/.exec(readme)?.[1];
  assert.ok(example !== undefined, "README.md has an example");
  const blue = await startOrigin({ service: "blue", port: 0 });
  const green = await startOrigin({ service: "green", port: 0 });
  const folder = mkdtempSync(path.join(tmpdir(), "penstock-readme-"));

  // The same text, with free ports, the library of this checkout, and a line that says where it listens.
  const program = example
    .replace('"penstock"', JSON.stringify(pathToFileURL(path.join(ROOT, "src/index.ts")).href))
    .replace("port: 3000", `port: ${blue.port}`)
    .replace("port: 3001", `port: ${green.port}`)
    .replace("port: 8080", "port: 0")
    .replace("await server.listen();", "const [address] = await server.listen(); console.log('port', address?.port);");
  const file = path.join(folder, "proxy.ts");
  writeFileSync(file, program);
  const child = spawn(process.execPath, [file], { stdio: ["ignore", "pipe", "inherit"] });
  t.after(async () => {
    child.kill("SIGKILL");
    await Promise.all([blue.close(), green.close()]);
    rmSync(folder, { recursive: true, force: true });
  });

  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const nextLine = async (): Promise<string> => String((await lines.next()).value);
  const port = Number(/^port (\d+)$/.exec(await nextLine())?.[1]);

  const [status, body] = await get(port, "/a", {});
  assert.equal(status, 200);
  assert.match(body, /"service": "blue"/);
  assert.match(body, /"x-proxied-by": "mine"/);
  assert.match(await nextLine(), /^GET 200 [\d.]+$/);
  assert.match((await get(port, "/a", { "x-canary": "1" }))[1], /"service": "green"/);
  assert.match(await nextLine(), /^GET 200 [\d.]+$/);
  assert.equal((await get(port, "/private/a", {}))[0], 404);
  assert.match(await nextLine(), /^GET 404 [\d.]+$/);
});
