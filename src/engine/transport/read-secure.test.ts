// TLS sockets that read into memory of ours, and those that cannot.
import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import tls, { type TLSSocket } from "node:tls";
import { createTestCertificate } from "../../../test/support/certificates.ts";
import { readSecure } from "./read-secure.ts";

test("a server's TLS socket reads into the memory that it is given, through a pause too", async (t) => {
  const { chainPem, keyPem } = createTestCertificate({ dnsNames: ["a.example"] });
  const server = tls.createServer({ cert: chainPem, key: keyPem }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const client = tls.connect({ port, host: "127.0.0.1", ca: chainPem, servername: "a.example" });
  t.after(() => client.destroy());
  const [socket] = (await once(server, "secureConnection")) as [TLSSocket];
  const memory = Buffer.alloc(1024);
  const reads: { readonly isOurs: boolean; readonly text: string }[] = [];
  let wake = (): void => undefined;
  readSecure(socket, {
    buffer: () => memory,
    callback: (length, bytes) => {
      reads.push({ isOurs: bytes.buffer === memory.buffer, text: Buffer.from(bytes).toString("latin1", 0, length) });
      wake();
      return true;
    },
  });
  const nextRead = (): Promise<void> => new Promise((resolve) => void (wake = resolve));
  let isRead = nextRead();
  client.write("one");
  await isRead;
  isRead = nextRead();
  socket.pause();
  client.write("two");
  socket.resume();
  await isRead;
  assert.deepEqual(reads, [
    { isOurs: true, text: "one" },
    { isOurs: true, text: "two" },
  ]);
  // The end comes as of any other socket.
  client.end();
  await once(socket, "end");
});

test("without Node's means a socket still reads, as streams do", async () => {
  const stream = new PassThrough();
  const texts: string[] = [];
  stream.write("already read");
  readSecure(stream as unknown as TLSSocket, {
    buffer: () => assert.fail("asked for memory"),
    callback: (length, bytes) => {
      texts.push(Buffer.from(bytes).toString("latin1", 0, length));
      return true;
    },
  });
  stream.end(", and more");
  await once(stream, "end");
  assert.equal(texts.join(""), "already read, and more");
});
