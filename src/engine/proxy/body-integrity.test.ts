// Large bodies arrive byte for byte, whoever stalls: reads go to memory that is used again, and nothing may be used again
// too early.
import assert from "node:assert/strict";
import { createHash, type Hash } from "node:crypto";
import { once } from "node:events";
import http from "node:http";
import http2 from "node:http2";
import net, { type AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { test, type TestContext } from "node:test";
import { httpProxy } from "./http-proxy.ts";
import { Server } from "../server/server.ts";
import { createPeer } from "../upstream/peer.ts";

const BODY_BYTES = 12 * 1024 * 1024;

/** Bytes of which no two stretches are alike, so that a stretch in the wrong place shows. */
function makeBody(seed: number): Buffer {
  const body = Buffer.allocUnsafe(BODY_BYTES);
  let state = seed;
  for (let i = 0; i < BODY_BYTES; i += 4) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    body.writeUInt32LE(state, i);
  }
  return body;
}

function digest(body: Buffer): string {
  return createHash("sha256").update(body).digest("hex");
}

/** Reads a stream in fits: stops every megabyte for a few turns of the event loop, or of a timer. */
function readInFits(stream: Readable, hash: Hash): Promise<string> {
  let sinceStop = 0;
  stream.on("data", (chunk: Buffer) => {
    hash.update(chunk);
    sinceStop += chunk.length;
    if (sinceStop < 1024 * 1024) return;
    sinceStop = 0;
    stream.pause();
    setTimeout(() => stream.resume(), 10);
  });
  return new Promise((resolve, reject) => {
    stream.on("end", () => resolve(hash.digest("hex")));
    stream.on("error", reject);
    stream.on("close", () => reject(new Error("closed before the end")));
  });
}

/** An origin that reads in fits, says the digest of what it got in a header, and sends a body of its own. */
async function start(t: TestContext, responseBody: Buffer, isChunked: boolean): Promise<number> {
  const origin = http.createServer((request, response) => {
    void readInFits(request, createHash("sha256")).then((received) => {
      response.setHeader("X-Received", received);
      if (!isChunked) response.setHeader("Content-Length", responseBody.length);
      Readable.from(pieces(responseBody)).pipe(response);
    });
  });
  origin.listen(0, "127.0.0.1");
  await once(origin, "listening");
  const peer = createPeer({ address: "127.0.0.1", port: (origin.address() as AddressInfo).port });
  const server = new Server({
    listeners: [{ name: "http", host: "127.0.0.1", port: 0 }],
    application: httpProxy({ newCtx: () => null, upstreamPeer: () => peer }),
  });
  const [address] = (await server.listen()) as [AddressInfo];
  t.after(async () => {
    await server.close();
    origin.closeAllConnections();
    origin.close();
  });
  return address.port;
}

function* pieces(body: Buffer): Generator<Buffer> {
  const sizes = [1, 700, 9_000, 70_000, 64 * 1024, 300_000];
  for (let at = 0, turn = 0; at < body.length; turn++) {
    const size = sizes[turn % sizes.length] as number;
    yield body.subarray(at, at + size);
    at += size;
  }
}

for (const isChunked of [false, true]) {
  const framing = isChunked ? "in chunks" : "of a known length";
  test(`HTTP/1.1, bodies ${framing}, both sides in fits`, async (t) => {
    const [up, down] = [makeBody(1), makeBody(2)];
    const port = await start(t, down, isChunked);
    const request = http.request({
      port,
      method: "POST",
      headers: isChunked ? { "Transfer-Encoding": "chunked" } : { "Content-Length": up.length },
    });
    Readable.from(pieces(up)).pipe(request);
    const [response] = (await once(request, "response")) as [http.IncomingMessage];
    assert.equal(await readInFits(response, createHash("sha256")), digest(down));
    assert.equal(response.headers["x-received"], digest(up));
  });

  test(`HTTP/2 to HTTP/1.1, bodies ${framing}, both sides in fits`, async (t) => {
    const [up, down] = [makeBody(3), makeBody(4)];
    const port = await start(t, down, isChunked);
    const session = http2.connect(`http://127.0.0.1:${port}`);
    const length = isChunked ? {} : { "content-length": up.length };
    const stream = session.request({ ":method": "POST", ":path": "/", ...length });
    Readable.from(pieces(up)).pipe(stream);
    const [head] = (await once(stream, "response")) as [http2.IncomingHttpHeaders];
    assert.equal(await readInFits(stream, createHash("sha256")), digest(down));
    assert.equal(head["x-received"], digest(up));
    session.destroy();
  });
}

test("pipelined uploads on one connection keep apart", async (t) => {
  const bodies = [
    makeBody(5).subarray(0, 200_000),
    makeBody(6).subarray(0, 3_000_000),
    makeBody(7).subarray(0, 90_000),
  ];
  const port = await start(t, Buffer.from("ok"), false);
  const socket = net.connect(port, "127.0.0.1");
  let received = "";
  socket.on("data", (chunk: Buffer) => void (received += chunk.toString("latin1")));
  socket.write(
    Buffer.concat(
      bodies.flatMap((body, index) => [
        Buffer.from(
          `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n${index === 2 ? "Connection: close\r\n" : ""}\r\n`,
        ),
        body,
      ]),
    ),
  );
  await once(socket, "end");
  const digests = [...received.matchAll(/X-Received: ([0-9a-f]{64})/gi)].map((match) => match[1]);
  assert.deepEqual(digests, bodies.map(digest));
});
