// Opens connections to peers: TCP, and TLS where the peer asks for it, within one deadline for both.
import net from "node:net";
import tls from "node:tls";
import type { TimerWheel } from "../../lib/timer-wheel.ts";
import { type ConnectionOwner, Http1ClientConnection } from "../http1/client-connection.ts";
import type { UpstreamHandler } from "../proxy/upstream-stream.ts";
import type { Peer, PeerTls } from "./peer.ts";
import type { ByteSocket } from "../transport/byte-socket.ts";
import { SocketReader } from "../transport/socket-reader.ts";
import { tcp } from "../transport/tcp-handles.ts";
import { TcpSocket } from "../transport/tcp-socket.ts";

/** Sessions kept for resumption, one a pool key. */
const MAX_TLS_SESSIONS = 1024;

/**
 * When an attempt is slow. Linux repeats a SYN after one second: a peer that is late by then has answered neither. Well
 * above what a handshake takes around the world, so that hardly any attempt needs company for its distance alone.
 */
export const SLOW_CONNECT_MS = 1_250;

export class Connector {
  readonly #wheel: TimerWheel;
  readonly #slowConnectMs: number;
  readonly #sessions = new Map<string, Buffer>();

  /** @param slowConnectMs after so long the handler learns that the attempt is slow. */
  constructor(wheel: TimerWheel, slowConnectMs: number) {
    this.#wheel = wheel;
    this.#slowConnectMs = slowConnectMs;
  }

  /** A connection that tells `handler` when it is there, or that it failed after `timeoutMs` at the latest. */
  connect(peer: Peer, timeoutMs: number, owner: ConnectionOwner, handler: UpstreamHandler): Http1ClientConnection {
    const reader = new SocketReader();
    const onConnected = (): void => connection.connected();
    const socket =
      peer.tls === null ? connectTcp(peer, reader, onConnected) : this.#connectTls(peer, peer.tls, reader, onConnected);
    const connection = new Http1ClientConnection(socket, peer, owner, this.#wheel, handler);
    reader.attach(connection);
    connection.awaitConnection(this.#slowConnectMs, timeoutMs);
    return connection;
  }

  #connectTls(peer: Peer, settings: PeerTls, reader: SocketReader, onConnected: () => void): tls.TLSSocket {
    const session = this.#sessions.get(peer.poolKey);
    const socket = tls.connect({
      host: peer.address,
      port: peer.port,
      ALPNProtocols: ["http/1.1"],
      rejectUnauthorized: true,
      ...(net.isIP(settings.serverName) === 0 ? { servername: settings.serverName } : {}),
      checkServerIdentity: (_host, certificate) => tls.checkServerIdentity(settings.serverName, certificate),
      secureContext: settings.context,
      ...(session === undefined ? {} : { session }),
      ...onReadOf(reader),
    });
    socket.setNoDelay(true);
    socket.once("secureConnect", onConnected);
    socket.on("session", (ticket: Buffer) => {
      if (this.#sessions.size < MAX_TLS_SESSIONS || this.#sessions.has(peer.poolKey)) {
        this.#sessions.set(peer.poolKey, ticket);
      } else this.#sessions.clear();
    });
    return socket;
  }
}

/** `onread` is documented for tls.connect, but missing from its type. */
function onReadOf(reader: SocketReader): object {
  return { onread: reader.options };
}

function connectTcp(peer: Peer, reader: SocketReader, onConnected: () => void): ByteSocket {
  if (tcp !== null) return TcpSocket.connect(tcp, peer, reader, onConnected);
  const { address: host, port } = peer;
  const socket = net.connect({ host, port, noDelay: true, keepAlive: true, onread: reader.options });
  return socket.once("connect", onConnected);
}
