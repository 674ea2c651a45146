import assert from "node:assert/strict";
import net from "node:net";
import { it } from "node:test";
import { listenOn } from "./listen.ts";
import { ListenError } from "./listen-error.ts";

it("says which port it got, and which listener did not get one", async (context) => {
  const servers = [net.createServer(), net.createServer()] as const;
  context.after(() => servers.forEach((server) => server.close()));
  const port = await listenOn(servers[0], "first", "127.0.0.1", 0);
  assert.deepEqual(servers[0].address(), { address: "127.0.0.1", family: "IPv4", port });
  const failed = await listenOn(servers[1], "second", "127.0.0.1", port).catch((error: unknown) => error);
  assert.ok(failed instanceof ListenError);
  assert.deepEqual([failed.listener, failed.address, failed.code], ["second", `127.0.0.1:${port}`, "EADDRINUSE"]);
  assert.equal(servers[0].listenerCount("error"), 0);
});
