// A server over real sockets: TLS, ALPN, HTTP/2 into the same workflow, and its orderly end.
import assert from "node:assert/strict";
import { once } from "node:events";
import http2 from "node:http2";
import net, { type AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";
import { createTestCertificate } from "../../../test/support/certificates.ts";
import { RawClient } from "../../../test/support/raw-client.ts";
import { answerEach, type OriginScript, response, ScriptedOrigin } from "../../../test/support/scripted-origin.ts";
import { httpProxy } from "../proxy/http-proxy.ts";
import { createPeer } from "../upstream/peer.ts";
import { createPemIdentity } from "./pem-identity.ts";
import { Server } from "./server.ts";
import { SessionTicketKeys } from "./session-ticket-keys.ts";

interface Running {
  readonly server: Server;
  readonly origin: ScriptedOrigin;
  readonly httpPort: number;
  readonly httpsPort: number;
}

async function start(t: TestContext, script: OriginScript): Promise<Running> {
  const origin = await ScriptedOrigin.start(script);
  const peer = createPeer({ address: "127.0.0.1", port: origin.port });
  const keys = new SessionTicketKeys();
  const material = createTestCertificate({ dnsNames: ["a.example"] });
  const identity = createPemIdentity({ id: "test", ...material }, keys);
  const server = new Server({
    listeners: [
      { name: "http", host: "127.0.0.1", port: 0 },
      { name: "https", host: "127.0.0.1", port: 0, tls: { resolve: () => identity } },
    ],
    application: httpProxy({ newCtx: () => null, upstreamPeer: () => peer }),
  });
  const [http, https] = (await server.listen()) as [AddressInfo, AddressInfo];
  t.after(async () => {
    await server.close();
    await origin.stop();
  });
  return { server, origin, httpPort: http.port, httpsPort: https.port };
}

/** One request over an HTTP/2 session; the response's status and body. */
async function request(session: http2.ClientHttp2Session, headers: http2.OutgoingHttpHeaders, body?: string) {
  const stream = session.request(headers, { endStream: body === undefined });
  if (body !== undefined) stream.end(body);
  let status = 0;
  let text = "";
  stream.on("response", (head) => void (status = Number(head[":status"])));
  stream.on("data", (chunk: Buffer) => void (text += chunk.toString()));
  await once(stream, "close");
  return { status, text };
}

test("HTTP/1.1 over TLS is proxied and told so", async (t) => {
  const { origin, httpsPort } = await start(t, answerEach(response("secure")));
  const client = await RawClient.connectTls(httpsPort, { servername: "a.example", ALPNProtocols: ["http/1.1"] });
  client.write("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n");
  await client.untilText("secure");
  client.write("GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n");
  assert.equal((await client.untilEnd()).match(/200 OK/g)?.length, 2);
  assert.match(origin.received, /X-Forwarded-Proto: https\r\nX-Forwarded-Host: a\.example\r\nX-Forwarded-Port: 443/);
});

test("HTTP/2 by ALPN and by preface goes through the same workflow to HTTP/1.1", async (t) => {
  const { origin, httpPort, httpsPort } = await start(t, (connection) => {
    if (connection.received.startsWith("GET") || connection.received.endsWith("0\r\n\r\n")) {
      connection.received = "";
      connection.socket.write(response("hello"));
    }
  });
  for (const url of [`http://127.0.0.1:${httpPort}`, `https://127.0.0.1:${httpsPort}`]) {
    const session = http2.connect(url, { rejectUnauthorized: false });
    const seen: string[] = [];
    origin.script = ((script) => (connection, self) => {
      seen.push(connection.received);
      script(connection, self);
    })(origin.script);
    const get = await request(session, { ":path": "/x?y", ":authority": "a.example", cookie: "a=1" });
    assert.deepEqual(get, { status: 200, text: "hello" });
    assert.match(seen.join(""), /^GET \/x\?y HTTP\/1\.1\r\n[^]*host: a\.example\r\n/i);
    const post = await request(session, { ":method": "POST", ":path": "/", ":authority": "a.example" }, "body");
    assert.deepEqual(post, { status: 200, text: "hello" });
    assert.match(seen.join(""), /Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n/);
    session.close();
    await once(session, "close");
  }
});

test("WebSocket over HTTP/2 reaches an HTTP/1.1 upstream as an upgrade", async (t) => {
  const { origin, httpPort } = await start(t, (connection) => {
    const key = /sec-websocket-key: (\S+)\r\n/i.exec(connection.received)?.[1];
    if (key !== undefined && connection.received.endsWith("\r\n\r\n")) {
      void import("../http1/upgrade.ts").then(({ websocketAccept }) => {
        connection.socket.write(
          `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${websocketAccept(key)}\r\n\r\n`,
        );
      });
    } else connection.socket.write("pong");
  });
  const session = http2.connect(`http://127.0.0.1:${httpPort}`);
  await once(session, "remoteSettings");
  const stream = session.request(
    { ":method": "CONNECT", ":protocol": "websocket", ":path": "/ws", ":authority": "a", ":scheme": "http" },
    { endStream: false },
  );
  const [head] = (await once(stream, "response")) as [http2.IncomingHttpHeaders];
  assert.equal(head[":status"], 200);
  stream.write("ping");
  const [data] = (await once(stream, "data")) as [Buffer];
  assert.equal(data.toString(), "pong");
  assert.match(origin.received, /^GET \/ws HTTP\/1\.1\r\n[^]*Connection: Upgrade\r\nUpgrade: websocket\r\n\r\nping$/);
  stream.close();
  session.destroy();
});

test("an upstream that answers a WebSocket over HTTP/2 with an ordinary response does not open it", async (t) => {
  const { httpPort } = await start(t, answerEach(response("hello")));
  const session = http2.connect(`http://127.0.0.1:${httpPort}`);
  await once(session, "remoteSettings");
  const connect = {
    ":method": "CONNECT",
    ":protocol": "websocket",
    ":path": "/",
    ":authority": "a",
    ":scheme": "http",
  };
  const stream = session.request(connect, { endStream: false });
  const [head] = (await once(stream, "response")) as [http2.IncomingHttpHeaders];
  assert.equal(head[":status"], 502);
  session.destroy();
});

test("a 205 with a length is a valid response over HTTP/2", async (t) => {
  const { httpPort } = await start(t, answerEach("HTTP/1.1 205 Reset Content\r\nContent-Length: 5\r\n\r\nhello"));
  const session = http2.connect(`http://127.0.0.1:${httpPort}`);
  const { status, text } = await request(session, { ":path": "/", ":authority": "a" });
  assert.deepEqual([status, text], [205, ""]);
  session.destroy();
});

test("a plain request on the TLS port and a TLS handshake on the plain port end without harm", async (t) => {
  const { httpPort, httpsPort } = await start(t, answerEach(response("ok")));
  const plain = await RawClient.connect(httpsPort);
  plain.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await plain.untilEnd();
  const wrong = await RawClient.connect(httpPort);
  wrong.socket.write(Buffer.from("160301020001000001fc0303", "hex"));
  assert.match(await wrong.untilEnd(), /^HTTP\/1\.1 400 /);
  const good = await RawClient.connectTls(httpsPort);
  good.write("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  assert.match(await good.untilEnd(), /ok$/);
});

test("drain ends HTTP/2 by GOAWAY after its streams, and says how many connections were cut off", async (t) => {
  const { server, origin, httpPort } = await start(t, () => undefined);
  const session = http2.connect(`http://127.0.0.1:${httpPort}`);
  const answer = request(session, { ":path": "/", ":authority": "a" });
  await origin.until(() => origin.received !== "");
  const goaway = once(session, "goaway");
  const drained = server.drain(10_000);
  await goaway;
  origin.connections[0]!.socket.write(response("late"));
  assert.deepEqual(await answer, { status: 200, text: "late" });
  assert.equal(await drained, 0);
});

test("after the grace what is still open is cut off and counted", async (t) => {
  const { server, origin, httpPort } = await start(t, () => undefined);
  const client = await RawClient.connect(httpPort);
  client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await origin.until(() => origin.received !== "");
  assert.equal(await server.drain(50), 1);
  await client.untilEnd();
});

test("a port that is taken rejects, and leaves nothing bound", async (t) => {
  const taken = net.createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  t.after(() => taken.close());
  const { port } = taken.address() as AddressInfo;
  const application = httpProxy({ newCtx: () => null, upstreamPeer: () => createPeer({ address: "::1", port: 1 }) });
  const server = new Server({ listeners: [{ name: "http", host: "127.0.0.1", port }], application });
  await assert.rejects(server.listen(), { code: "EADDRINUSE" });
});
