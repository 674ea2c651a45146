// Takes accepted TCP connections through their TLS handshake: certificate by server name, protocol by ALPN, one deadline
// for the whole. What fails here ends in a closed socket and one callback, never in an exception.
import type { Socket } from "node:net";
import { createServer, type SecureContext, type Server, type TLSSocket } from "node:tls";
import { type TimerTarget, type TimerWheel, WheelTimer } from "../../lib/timer-wheel.ts";
import type { DownstreamTls } from "../proxy/downstream.ts";
import type { TlsIdentityResolver } from "./tls-identity.ts";

/** What ALPN may choose (RFC 7301); clients without ALPN get HTTP/1.1. */
export type TlsProtocol = "h2" | "http/1.1";

/** A connection whose handshake is done. Nobody reads from it yet; it stays open when the client ends its half. */
export interface SecureConnection {
  readonly socket: TLSSocket;
  readonly tls: DownstreamTls;
  readonly protocol: TlsProtocol;
}

/** Gets a handshake's outcome, once: the connection, or null with the reason, where the socket is closed. */
export type SecureCallback = (connection: SecureConnection | null, error: Error | null) => void;

export interface TlsAcceptorOptions {
  /** Asked with `""` for the identity of clients that name no server. */
  readonly resolve: TlsIdentityResolver;
  readonly wheel: TimerWheel;
  /** From accepting to the handshake's last byte. */
  readonly handshakeTimeoutMs: number;
}

/**
 * What tls.Server and TLSSocket do not show in public. The rest is documented: a server that does not listen takes
 * connections by `emit("connection")`.
 */
interface ServerInternals {
  /** The context that a connection begins with; `setSecureContext` would have to read the certificate again. */
  _sharedCreds: SecureContext;
}
interface SocketInternals {
  /** The socket that was given to `emit("connection")`. */
  readonly _parent: HandshakeSocket;
}

const handshakeOf = Symbol("handshake");

interface HandshakeSocket extends Socket {
  [handshakeOf]: Handshake;
}

const ALPN_PROTOCOLS: readonly TlsProtocol[] = ["h2", "http/1.1"];
/** A host name as it may stand in the server_name extension (RFC 6066 §3). */
const SERVER_NAME = /^[a-z0-9_](?:[a-z0-9_.-]{0,251}[a-z0-9_])?\.?$/;

export class TlsAcceptor {
  readonly #options: TlsAcceptorOptions;
  readonly #server: Server;

  constructor(options: TlsAcceptorOptions) {
    this.#options = options;
    const { resolve } = options;
    this.#server = createServer({
      ALPNProtocols: [...ALPN_PROTOCOLS],
      // A second net below the wheel's deadline, which counts from accepting and not from the last byte.
      handshakeTimeout: options.handshakeTimeoutMs * 2,
      SNICallback: (serverName, choose) => {
        try {
          choose(null, resolve(normalizeServerName(serverName)).context);
        } catch (error) {
          choose(error instanceof Error ? error : new Error(String(error)));
        }
      },
    });
    this.#server.on("secureConnection", (socket: TLSSocket) => {
      (socket as unknown as SocketInternals)._parent[handshakeOf].succeed(socket, resolve);
    });
    this.#server.on("tlsClientError", (error: Error, socket: TLSSocket) => {
      (socket as unknown as SocketInternals)._parent[handshakeOf].fail(error);
    });
  }

  /** Begins the handshake on a connection that was just accepted and reads nothing yet. `destroy` on it ends both. */
  accept(raw: Socket, done: SecureCallback): void {
    const { resolve, wheel, handshakeTimeoutMs } = this.#options;
    const handshake = new Handshake(raw, done);
    // A client that ends within its handshake is gone; node's socket takes this over, until the handshake is done.
    raw.allowHalfOpen = false;
    (raw as HandshakeSocket)[handshakeOf] = handshake;
    try {
      (this.#server as unknown as ServerInternals)._sharedCreds = resolve("").context;
      this.#server.emit("connection", raw);
    } catch (error) {
      handshake.fail(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    handshake.armTimer(new WheelTimer(wheel, handshake), handshakeTimeoutMs);
  }
}

class Handshake implements TimerTarget {
  readonly #raw: Socket;
  #done: SecureCallback | null;
  #timer: WheelTimer | null = null;

  constructor(raw: Socket, done: SecureCallback) {
    this.#raw = raw;
    this.#done = done;
    raw.on("error", ignoreError);
    raw.on("close", () => {
      this.fail(new Error("the client closed the connection within its TLS handshake"));
    });
  }

  armTimer(timer: WheelTimer, timeoutMs: number): void {
    this.#timer = timer;
    timer.arm(timeoutMs);
  }

  onTimer(): void {
    this.fail(new Error("the TLS handshake did not end in time"));
  }

  succeed(socket: TLSSocket, resolve: TlsIdentityResolver): void {
    socket.on("error", ignoreError);
    if (this.#done === null) {
      socket.destroy();
      return;
    }
    socket.allowHalfOpen = true;
    const serverName = normalizeServerName(socket.servername);
    const tls: DownstreamTls = {
      serverName,
      // A resumed session was given no certificate now, and of TLS 1.2 OpenSSL does not say for which name it was.
      identity: serverName === "" && socket.isSessionReused() ? null : resolve(serverName),
      protocol: socket.getProtocol() ?? "",
      cipher: socket.getCipher().name,
    };
    this.#finish({ socket, tls, protocol: socket.alpnProtocol === "h2" ? "h2" : "http/1.1" }, null);
  }

  fail(error: Error): void {
    if (this.#done === null) return;
    this.#raw.destroy();
    this.#finish(null, error);
  }

  #finish(connection: SecureConnection | null, error: Error | null): void {
    const done = this.#done;
    if (done === null) return;
    this.#done = null;
    this.#timer?.dispose();
    done(connection, error);
  }
}

/** Lower case without a trailing dot; `""` for none, and for bytes that are no host name. */
function normalizeServerName(serverName: string | false | null): string {
  if (serverName === false || serverName === null || serverName === "") return "";
  const name = serverName.toLowerCase();
  if (!SERVER_NAME.test(name)) return "";
  return name.endsWith(".") ? name.slice(0, -1) : name;
}

function ignoreError(): void {
  // `close` follows and is where ends are handled.
}
