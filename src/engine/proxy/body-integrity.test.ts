// Large bodies arrive byte for byte, whoever stalls: reads go to memory that is used again, and nothing may be used again
// too early.
import assert from "node:assert/strict";
import { createHash, type Hash } from "node:crypto";
import { once } from "node:events";
import http from "node:http";
import http2 from "node:http2";
import https from "node:https";
import net, { type AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { test, type TestContext } from "node:test";
import { createTestCertificate } from "../../../test/support/certificates.ts";
import { createPemIdentity } from "../server/pem-identity.ts";
import { Server } from "../server/server.ts";
import { SessionTicketKeys } from "../server/session-ticket-keys.ts";
import { httpProxy } from "./http-proxy.ts";
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

const CERTIFICATE = createTestCertificate({ dnsNames: ["a.example"] });

interface Sides {
  readonly isChunked: boolean;
  /** TLS on both sides. */
  readonly isSecure: boolean;
}

/** An origin that reads in fits, says the digest of what it got in a header, and sends a body of its own. */
async function start(t: TestContext, responseBody: Buffer, { isChunked, isSecure }: Sides): Promise<number> {
  const serve: http.RequestListener = (request, response) => {
    void readInFits(request, createHash("sha256")).then((received) => {
      response.setHeader("X-Received", received);
      if (!isChunked) response.setHeader("Content-Length", responseBody.length);
      Readable.from(pieces(responseBody)).pipe(response);
    });
  };
  const { chainPem, keyPem } = CERTIFICATE;
  const origin = isSecure ? https.createServer({ cert: chainPem, key: keyPem }, serve) : http.createServer(serve);
  origin.listen(0, "127.0.0.1");
  await once(origin, "listening");
  const { port } = origin.address() as AddressInfo;
  const security = isSecure ? { tls: { serverName: "a.example", caPem: chainPem } } : {};
  const peer = createPeer({ address: "127.0.0.1", port, ...security });
  const identity = createPemIdentity({ id: "test", ...CERTIFICATE }, new SessionTicketKeys());
  const tls = isSecure ? { tls: { resolve: () => identity } } : {};
  const server = new Server({
    listeners: [{ name: "http", host: "127.0.0.1", port: 0, ...tls }],
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
  for (const isSecure of [false, true]) {
    test(`HTTP/1.1${isSecure ? " over TLS" : ""}, bodies ${framing}, both sides in fits`, async (t) => {
      const [up, down] = [makeBody(1), makeBody(2)];
      const port = await start(t, down, { isChunked, isSecure });
      const exchange = async (): Promise<void> => {
        const options = {
          port,
          method: "POST",
          headers: isChunked ? { "Transfer-Encoding": "chunked" } : { "Content-Length": up.length },
        };
        const request = isSecure
          ? https.request({ ...options, ca: CERTIFICATE.chainPem, servername: "a.example" })
          : http.request(options);
        Readable.from(pieces(up)).pipe(request);
        const [response] = (await once(request, "response")) as [http.IncomingMessage];
        assert.equal(await readInFits(response, createHash("sha256")), digest(down));
        assert.equal(response.headers["x-received"], digest(up));
      };
      // Two at a time, since connections share memory.
      await Promise.all([exchange(), exchange()]);
    });
  }

  test(`HTTP/2 to HTTP/1.1, bodies ${framing}, both sides in fits`, async (t) => {
    const [up, down] = [makeBody(3), makeBody(4)];
    const port = await start(t, down, { isChunked, isSecure: false });
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
  const port = await start(t, Buffer.from("ok"), { isChunked: false, isSecure: false });
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
