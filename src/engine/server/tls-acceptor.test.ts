import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { type AddressInfo, connect as connectTcp, createServer, type Server, type Socket } from "node:net";
import { after, before, test } from "node:test";
import { connect, type ConnectionOptions, type SecureVersion, type TLSSocket } from "node:tls";
import { createTestCertificate } from "../../../test/support/certificates.ts";
import { Exchange, testConnection } from "../../../test/support/http2-server.ts";
import { SocketReader } from "../transport/socket-reader.ts";
import { Http2RequestParser } from "../http2/request-head.ts";
import { Http2ServerConnection } from "../http2/server-connection.ts";
import { DEFAULT_HTTP2_SERVER_LIMITS } from "../http2/server-limits.ts";
import { TimerWheel } from "../../lib/timer-wheel.ts";
import { createPemIdentity } from "./pem-identity.ts";
import { readSecure } from "../transport/read-secure.ts";
import { SessionTicketKeys } from "./session-ticket-keys.ts";
import { SniTable } from "./sni-table.ts";
import { type SecureConnection, TlsAcceptor } from "./tls-acceptor.ts";
import type { TlsIdentity } from "./tls-identity.ts";

const keys = new SessionTicketKeys();
const certificates = {
  fallback: createTestCertificate({ dnsNames: ["fallback.example"] }),
  shop: createTestCertificate({ dnsNames: ["shop.example"] }),
  wildcard: createTestCertificate({ dnsNames: ["*.shop.example"] }),
  rsa: createTestCertificate({ dnsNames: ["rsa.example"], keyType: "rsa" }),
};

function identity(name: keyof typeof certificates, ticketKeys: SessionTicketKeys = keys): TlsIdentity {
  return createPemIdentity({ id: name, ...certificates[name] }, ticketKeys);
}

function table(ticketKeys: SessionTicketKeys = keys): SniTable {
  const hosts = new Map([
    ["shop.example", identity("shop", ticketKeys)],
    ["*.shop.example", identity("wildcard", ticketKeys)],
    ["rsa.example", identity("rsa", ticketKeys)],
  ]);
  return new SniTable({ hosts, fallback: identity("fallback", ticketKeys) });
}

/** A server that echoes over TLS, and what came of its handshakes. */
interface EchoServer {
  readonly server: Server;
  readonly port: number;
  readonly secure: SecureConnection[];
  readonly failures: Error[];
  advance(ms: number): void;
  /** Resolves as soon as there are so many failures. */
  untilFailed(count: number): Promise<void>;
  close(): void;
}

async function startEcho(sni: { resolve: (serverName: string) => TlsIdentity }): Promise<EchoServer> {
  let now = 0;
  const wheel = new TimerWheel(100, () => now);
  const acceptor = new TlsAcceptor({ resolve: sni.resolve, wheel, handshakeTimeoutMs: 5_000 });
  const secure: SecureConnection[] = [];
  const failures: Error[] = [];
  const waiters = new Set<() => void>();
  const sockets = new Set<Socket>();
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (raw) => {
    sockets.add(raw);
    acceptor.accept(raw, (connection, error) => {
      if (connection === null) {
        failures.push(error as Error);
        for (const check of waiters) check();
        return;
      }
      secure.push(connection);
      connection.socket.on("error", () => {});
      connection.socket.pipe(connection.socket);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    server,
    port: (server.address() as AddressInfo).port,
    secure,
    failures,
    advance(ms) {
      now += ms;
      wheel.advance();
    },
    async untilFailed(count) {
      await new Promise<void>((resolve) => {
        const check = (): void => {
          if (failures.length >= count) resolve();
        };
        waiters.add(check);
        check();
      });
    },
    close() {
      wheel.stop();
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

let echo: EchoServer;
const servers: EchoServer[] = [];
const closers: (() => void)[] = [];

async function start(sni: { resolve: (serverName: string) => TlsIdentity }): Promise<EchoServer> {
  const server = await startEcho(sni);
  servers.push(server);
  return server;
}

before(async () => {
  echo = await start(table());
});

after(() => {
  for (const server of servers) server.close();
  for (const close of closers) close();
});

/** A server whose connections are handed to an acceptor by hand. */
async function startTcp(onRaw: (raw: Socket, acceptor: TlsAcceptor) => void): Promise<{ readonly port: number }> {
  const wheel = new TimerWheel();
  const acceptor = new TlsAcceptor({ resolve: table().resolve, wheel, handshakeTimeoutMs: 5_000 });
  const sockets = new Set<Socket>();
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (raw) => {
    sockets.add(raw);
    onRaw(raw, acceptor);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closers.push(() => {
    wheel.stop();
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return { port: (server.address() as AddressInfo).port };
}

/** With TLS 1.3 the client is done first: a round trip makes sure that the server is too. */
async function open(server: EchoServer, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connect({ port: server.port, host: "127.0.0.1", rejectUnauthorized: false, ...options });
  await once(socket, "secureConnect");
  assert.equal(await echoOver(socket, "open"), "open");
  return socket;
}

async function echoOver(socket: TLSSocket, text: string): Promise<string> {
  socket.write(text);
  const [chunk] = (await once(socket, "data")) as [Buffer];
  return chunk.toString();
}

function last(server: EchoServer): SecureConnection {
  return server.secure.at(-1) as SecureConnection;
}

function namesOf(socket: TLSSocket): string {
  return socket.getPeerX509Certificate()?.subjectAltName ?? "";
}

for (const [serverName, expected, sni] of [
  ["shop.example", "shop.example", "shop.example"],
  ["SHOP.Example", "shop.example", "shop.example"],
  ["www.shop.example", "*.shop.example", "www.shop.example"],
  ["a.www.shop.example", "fallback.example", "a.www.shop.example"],
  ["other.example", "fallback.example", "other.example"],
  ["rsa.example", "rsa.example", "rsa.example"],
] as const) {
  test(`the server name ${serverName} gets the certificate of ${expected}`, async () => {
    const socket = await open(echo, { servername: serverName });
    assert.equal(namesOf(socket), `DNS:${expected}`);
    assert.equal(await echoOver(socket, "hello"), "hello");
    const { tls, protocol } = last(echo);
    assert.equal(tls.serverName, sni);
    assert.equal(tls.identity?.covers(serverName.toLowerCase()), !expected.startsWith("fallback"));
    assert.equal(tls.protocol, "TLSv1.3");
    assert.match(tls.cipher, /^TLS_/);
    assert.equal(protocol, "http/1.1");
    socket.destroy();
  });
}

test("a client that names no server gets the fallback", async () => {
  const socket = await open(echo);
  assert.equal(namesOf(socket), "DNS:fallback.example");
  assert.equal(last(echo).tls.serverName, "");
  assert.equal(last(echo).tls.identity?.id, "fallback");
  socket.destroy();
});

test("bytes that are no host name count as no name", async () => {
  const socket = await open(echo, { servername: "shop example/\u0001" });
  assert.equal(namesOf(socket), "DNS:fallback.example");
  assert.equal(last(echo).tls.serverName, "");
  socket.destroy();
});

for (const [offered, expected] of [
  [["h2", "http/1.1"], "h2"],
  [["http/1.1", "h2"], "h2"],
  [["http/1.1"], "http/1.1"],
  [undefined, "http/1.1"],
] as const) {
  test(`ALPN ${offered?.join(",") ?? "left out"} chooses ${expected}`, async () => {
    const socket = await open(echo, offered === undefined ? {} : { ALPNProtocols: [...offered] });
    assert.equal(last(echo).protocol, expected);
    assert.equal(socket.alpnProtocol, offered === undefined ? false : expected);
    socket.destroy();
  });
}

async function failureOf(server: EchoServer, options: ConnectionOptions): Promise<{ client: string; server: string }> {
  const count = server.failures.length;
  const socket = connect({ port: server.port, host: "127.0.0.1", rejectUnauthorized: false, ...options });
  const [error] = (await once(socket, "error")) as [NodeJS.ErrnoException];
  await server.untilFailed(count + 1);
  return { client: error.code ?? "", server: String(server.failures.at(-1)) };
}

test("a client that offers none of our protocols is told so by an alert", async () => {
  const { client } = await failureOf(echo, { ALPNProtocols: ["spdy/3"] });
  assert.equal(client, "ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL");
});

test("TLS 1.1 is refused", async () => {
  const { server } = await failureOf(echo, {
    minVersion: "TLSv1",
    maxVersion: "TLSv1.1",
    ciphers: "DEFAULT@SECLEVEL=0",
  });
  assert.match(server, /unsupported protocol|version too low/i);
});

for (const cipher of ["AES128-GCM-SHA256", "ECDHE-RSA-AES128-SHA"]) {
  test(`${cipher} is refused`, async () => {
    const { server } = await failureOf(echo, { servername: "rsa.example", maxVersion: "TLSv1.2", ciphers: cipher });
    assert.match(server, /no shared cipher/i);
  });
}

test("TLS 1.2 is served with ECDSA and RSA", async () => {
  for (const [servername, cipher] of [
    ["shop.example", "ECDHE-ECDSA-AES128-GCM-SHA256"],
    ["rsa.example", "ECDHE-RSA-CHACHA20-POLY1305"],
  ] as const) {
    const socket = await open(echo, { servername, maxVersion: "TLSv1.2", ciphers: cipher });
    assert.equal(last(echo).tls.protocol, "TLSv1.2");
    assert.equal(last(echo).tls.cipher, cipher);
    socket.destroy();
  }
});

test("bytes that are no TLS, and clients that go away, fail alone", async () => {
  const count = echo.failures.length;
  for (const bytes of [
    Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
    randomBytes(500),
    Buffer.from([0x16, 3, 1, 2]),
  ]) {
    const socket = connectTcp(echo.port, "127.0.0.1");
    socket.on("error", () => {});
    await once(socket, "connect");
    socket.end(bytes);
    if (bytes.length > 4) await once(socket.resume(), "close");
    else socket.destroy();
  }
  await echo.untilFailed(count + 3);
  const socket = await open(echo, { servername: "shop.example" });
  assert.equal(await echoOver(socket, "still here"), "still here");
  socket.destroy();
});

test("a handshake that does not end in time is cut, however it drips", async () => {
  const server = await start(table());
  const socket = connectTcp(server.port, "127.0.0.1");
  socket.on("error", () => {});
  await once(socket, "connect");
  socket.write(Buffer.from([0x16, 3, 1]));
  while (server.failures.length === 0) {
    server.advance(1_000);
    socket.write(Buffer.from([1]));
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.match(String(server.failures[0]), /did not end in time/);
  await once(socket.resume(), "close");
});

test("a connection that is secure in time is not cut later", async () => {
  const server = await start(table());
  const socket = await open(server);
  server.advance(60_000);
  assert.equal(await echoOver(socket, "hello"), "hello");
  assert.equal(server.failures.length, 0);
  socket.destroy();
});

test("a client cannot renegotiate", async () => {
  const socket = await open(echo, { maxVersion: "TLSv1.2" });
  const failed = once(socket, "error");
  socket.renegotiate({}, () => {});
  const [error] = (await failed) as [NodeJS.ErrnoException];
  assert.match(String(error), /no renegotiation|ECONNRESET|closed/i);
});

test("a resolver that throws fails one handshake", async () => {
  const sni = table();
  const server = await start({
    resolve: (serverName) => {
      if (serverName === "shop.example") throw new Error("defect");
      return sni.resolve(serverName);
    },
  });
  await failureOf(server, { servername: "shop.example" });
  const socket = await open(server, { servername: "rsa.example" });
  assert.equal(await echoOver(socket, "hello"), "hello");
  socket.destroy();
});

test("a swap holds for new handshakes, and live connections keep what they have", async () => {
  const sni = table();
  const server = await start(sni);
  const older = await open(server, { servername: "shop.example" });
  const renewed = createPemIdentity(
    { id: "shop", ...createTestCertificate({ dnsNames: ["shop.example", "new.example"] }) },
    keys,
  );
  sni.swap({ hosts: new Map([["shop.example", renewed]]), fallback: identity("rsa") });
  const newer = await open(server, { servername: "shop.example" });
  const unnamed = await open(server);
  assert.equal(namesOf(newer), "DNS:shop.example, DNS:new.example");
  assert.equal(namesOf(unnamed), "DNS:rsa.example");
  assert.equal(namesOf(older), "DNS:shop.example");
  assert.equal(await echoOver(older, "older"), "older");
  for (const socket of [older, newer, unnamed]) socket.destroy();
});

/** A session that the client may resume, as soon as it has one. */
async function sessionOf(server: EchoServer, options: ConnectionOptions): Promise<Buffer> {
  const socket = connect({ port: server.port, host: "127.0.0.1", rejectUnauthorized: false, ...options });
  const [session] = (await once(socket, "session")) as [Buffer];
  socket.destroy();
  return session;
}

async function resumes(server: EchoServer, session: Buffer, options: ConnectionOptions): Promise<boolean> {
  const socket = await open(server, { ...options, session });
  const isReused = socket.isSessionReused();
  assert.equal(await echoOver(socket, "hello"), "hello");
  socket.destroy();
  return isReused;
}

for (const version of ["TLSv1.2", "TLSv1.3"] as SecureVersion[]) {
  for (const servername of [undefined, "shop.example", "www.shop.example"]) {
    const what = `${version} for ${servername ?? "no server name"}`;
    const options: ConnectionOptions = { minVersion: version, maxVersion: version };
    if (servername !== undefined) options.servername = servername;

    test(`a session of ${what} resumes on another worker with the same keys, and again after a rotation`, async () => {
      const shared = randomBytes(48);
      const [oneKeys, otherKeys] = [new SessionTicketKeys(shared), new SessionTicketKeys(shared)];
      const one = await start(table(oneKeys));
      const other = await start(table(otherKeys));
      const session = await sessionOf(one, options);
      assert.equal(await resumes(one, session, options), true);
      assert.equal(await resumes(other, session, options), true);
      const { serverName, identity: served } = last(other).tls;
      if (version === "TLSv1.3" && servername !== undefined) {
        assert.equal(serverName, servername);
        assert.equal(served?.covers(servername), true);
      } else {
        // OpenSSL does not say which name a resumed session of TLS 1.2 was asked for.
        assert.equal(serverName, "");
        assert.equal(served, null);
      }

      const next = randomBytes(48);
      oneKeys.replace(next);
      otherKeys.replace(next);
      // The old ticket opens no more: a full handshake, which ends well.
      assert.equal(await resumes(other, session, options), false);
      const renewed = await sessionOf(one, options);
      assert.equal(await resumes(other, renewed, options), true);
      assert.equal(await resumes(one, renewed, options), true);
    });

    test(`a session of ${what} is no use to a worker with other keys`, async () => {
      const one = await start(table(new SessionTicketKeys()));
      const other = await start(table(new SessionTicketKeys()));
      const session = await sessionOf(one, options);
      assert.equal(await resumes(other, session, options), false);
    });
  }
}

test("a session of TLS 1.3 that is resumed for another name counts for that name", async () => {
  const session = await sessionOf(echo, { servername: "shop.example" });
  const socket = await open(echo, { servername: "rsa.example", session });
  assert.equal(await echoOver(socket, "hello"), "hello");
  const { serverName, identity: served } = last(echo).tls;
  assert.equal(serverName, "rsa.example");
  assert.equal(served?.id, "rsa");
  socket.destroy();
});

test("node's HTTP/2 client completes a handshake with ALPN", async () => {
  const session = connectHttp2(`https://127.0.0.1:${echo.port}`, {
    rejectUnauthorized: false,
    servername: "shop.example",
  });
  session.on("error", () => {});
  await once(session, "connect");
  assert.equal(session.alpnProtocol, "h2");
  session.destroy();
});

test("a client that ends its half after the handshake may still be answered", async () => {
  const server = await startTcp((raw, acceptor) => {
    acceptor.accept(raw, (connection) => {
      assert.ok(connection);
      const { socket } = connection;
      let text = "";
      socket.on("data", (chunk: Buffer) => (text += chunk.toString()));
      socket.on("end", () => socket.end(`${text}, answered`));
    });
  });
  const options = { port: server.port, host: "127.0.0.1", rejectUnauthorized: false, allowHalfOpen: true };
  const socket = connect(options);
  socket.end("asked");
  let answer = "";
  for await (const chunk of socket) answer += String(chunk);
  assert.equal(answer, "asked, answered");
});

test("a socket that is destroyed within its handshake fails once", async () => {
  let outcomes = 0;
  const server = await startTcp((raw, acceptor) => {
    acceptor.accept(raw, (connection, error) => {
      outcomes++;
      assert.equal(connection, null);
      assert.ok(error);
    });
    raw.destroy();
  });
  const socket = connectTcp(server.port, "127.0.0.1");
  socket.on("error", () => {});
  await once(socket.resume(), "close");
  assert.equal(outcomes, 1);
});

test("HTTP/2 runs over a connection that chose it", async () => {
  const limits = DEFAULT_HTTP2_SERVER_LIMITS;
  const wheel = new TimerWheel();
  const connections: Http2ServerConnection[] = [];
  const server = await startTcp((raw, acceptor) => {
    acceptor.accept(raw, (connection) => {
      assert.equal(connection?.protocol, "h2");
      const { socket, tls } = connection;
      const http2 = new Http2ServerConnection(
        socket,
        { ...testConnection(socket, 1), tls },
        {
          limits,
          parser: new Http2RequestParser(limits),
          wheel,
          now: () => performance.now(),
          onRequest(stream) {
            const exchange = new Exchange(stream);
            exchange.respond(200, `${stream.connection.tls?.serverName} ${stream.request.host}`);
            return exchange;
          },
          onRefused: () => {},
          onClose: () => wheel.stop(),
        },
      );
      connections.push(http2);
      const reader = new SocketReader();
      reader.attach(http2);
      readSecure(socket, reader.options);
    });
  });
  const session = connectHttp2(`https://shop.example:${server.port}`, {
    createConnection: () =>
      connect({
        port: server.port,
        host: "127.0.0.1",
        servername: "shop.example",
        ALPNProtocols: ["h2"],
        rejectUnauthorized: false,
      }),
  });
  const request = session.request({ ":path": "/" });
  let body = "";
  for await (const chunk of request) body += String(chunk);
  assert.equal(body, "shop.example shop.example");
  session.close();
  await once(session, "close");
  assert.equal(connections[0]?.openStreams, 0);
});

test("a key that does not belong to the certificate is refused when the identity is made", () => {
  const { chainPem } = certificates.shop;
  const { keyPem } = certificates.fallback;
  assert.throws(() => createPemIdentity({ id: "x", chainPem, keyPem }, keys), /key values mismatch/i);
  assert.throws(() => createPemIdentity({ id: "x", chainPem: "no PEM", keyPem }, keys));
});

test("contexts are kept until the keys change", () => {
  const ticketKeys = new SessionTicketKeys();
  const one = identity("shop", ticketKeys);
  const { context } = one;
  assert.equal(one.context, context);
  ticketKeys.replace(randomBytes(48));
  assert.notEqual(one.context, context);
  assert.throws(() => ticketKeys.replace(randomBytes(32)), TypeError);
});
