// Which connections the webhook keeps: so many in all and of one address, and idle ones make room for new ones.
import type { Socket } from "node:net";

export interface ConnectionLimits {
  readonly total: number;
  readonly perAddress: number;
}

interface Connection {
  readonly socket: Socket;
  readonly address: string;
}

export class ConnectionRoom {
  readonly #limits: ConnectionLimits;
  /** By peer, as TLS wraps the socket that was accepted in another one. */
  readonly #open = new Map<string, Connection>();
  /** Those of them without a request under way, the longest idle first; one that is still shaking hands is idle too. */
  readonly #idle = new Map<string, Connection>();

  constructor(limits: ConnectionLimits) {
    this.#limits = limits;
  }

  /** Takes a connection in. Where there is no room, the longest idle one goes, and where none is idle, this one. */
  admit(socket: Socket): void {
    const peer = peerOf(socket);
    const address = addressOf(socket);
    if (!this.#makeRoom(address)) {
      socket.destroy();
      return;
    }
    const connection = { socket, address };
    this.#open.set(peer, connection);
    this.#idle.set(peer, connection);
    socket.once("close", () => this.#forget(peer, connection));
  }

  /** A request begins on it. */
  beginRequest(socket: Socket): void {
    this.#idle.delete(peerOf(socket));
  }

  /** It is answered. */
  endRequest(socket: Socket): void {
    const peer = peerOf(socket);
    const connection = this.#open.get(peer);
    if (connection !== undefined) this.#idle.set(peer, connection);
  }

  /** Cuts every connection, whatever goes on on it. */
  closeAll(): void {
    for (const { socket } of this.#open.values()) socket.destroy();
  }

  #makeRoom(address: string): boolean {
    const counts = new Map<string, number>();
    for (const connection of this.#open.values()) {
      counts.set(connection.address, (counts.get(connection.address) ?? 0) + 1);
    }
    if ((counts.get(address) ?? 0) >= this.#limits.perAddress) return this.#evict((other) => other === address);
    if (this.#open.size < this.#limits.total) return true;
    // Of whoever holds most, so that many connections of one keep nobody else's from staying.
    const idleAddresses = new Set([...this.#idle.values()].map((connection) => connection.address));
    const most = Math.max(...[...idleAddresses].map((other) => counts.get(other) ?? 0));
    return this.#evict((other) => counts.get(other) === most);
  }

  #evict(isCandidate: (address: string) => boolean): boolean {
    for (const [peer, connection] of this.#idle) {
      if (!isCandidate(connection.address)) continue;
      this.#forget(peer, connection);
      connection.socket.destroy();
      return true;
    }
    return false;
  }

  /** A peer's port may be in use again before the old connection has told of its end. */
  #forget(peer: string, connection: Connection): void {
    if (this.#open.get(peer) !== connection) return;
    this.#open.delete(peer);
    this.#idle.delete(peer);
  }
}

/** The address of the other side; empty for a connection that is gone already. */
export function addressOf({ remoteAddress = "" }: Socket): string {
  return remoteAddress;
}

function peerOf(socket: Socket): string {
  return `${addressOf(socket)} ${socket.remotePort ?? 0}`;
}
