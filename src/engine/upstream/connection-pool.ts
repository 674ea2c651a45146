// One worker's idle connections by peer. Last in, first out, so that surplus connections grow old and are closed; each
// one is watched while it waits.
import type { TimerWheel } from "../../lib/timer-wheel.ts";
import type { ConnectionOwner, Http1ClientConnection } from "../http1/client-connection.ts";
import type { UpstreamHandler, UpstreamStream } from "../proxy/upstream-stream.ts";
import { ConnectingAttempts } from "./connecting-attempts.ts";
import { Connector, SLOW_CONNECT_MS } from "./connector.ts";
import type { Peer } from "./peer.ts";

/** How long a connection may wait for its next request. */
const IDLE_TIMEOUT_MS = 60_000;
const MAX_IDLE_PER_PEER = 512;
const MAX_IDLE = 4096;

/** Counted since the pool was made, but for `idle`. */
export interface PoolStatistics {
  opened: number;
  reused: number;
  idle: number;
}

export class ConnectionPool implements ConnectionOwner {
  readonly statistics: PoolStatistics = { opened: 0, reused: 0, idle: 0 };
  readonly connecting: ConnectingAttempts = new ConnectingAttempts();
  readonly #connector: Connector;
  readonly #idle = new Map<string, Http1ClientConnection[]>();
  #isClosing = false;

  /** @param slowConnectMs after so long without a connection an attempt counts as slow. */
  constructor(wheel: TimerWheel, slowConnectMs: number = SLOW_CONNECT_MS) {
    this.#connector = new Connector(wheel, slowConnectMs);
  }

  /**
   * An idle connection to the peer, or a new one that is still connecting.
   * @param isRetry opens a new one: what ended one idle connection has often ended others, whose end is not yet read.
   */
  open(peer: Peer, connectTimeoutMs: number, handler: UpstreamHandler, isRetry: boolean): UpstreamStream {
    const idle = isRetry ? undefined : this.#idle.get(peer.poolKey)?.pop();
    if (idle !== undefined) {
      idle.idleIndex = -1;
      this.statistics.idle--;
      this.statistics.reused++;
      idle.lend(handler);
      return idle;
    }
    this.statistics.opened++;
    const connection = this.#connector.connect(peer, connectTimeoutMs, this, handler);
    this.connecting.add(connection);
    return connection;
  }

  settle(connection: Http1ClientConnection): void {
    this.connecting.remove(connection);
  }

  release(connection: Http1ClientConnection, idleLimitMs: number): void {
    const key = connection.peer.poolKey;
    let list = this.#idle.get(key);
    if (list === undefined) {
      list = [];
      this.#idle.set(key, list);
    }
    if (this.#isClosing || list.length >= MAX_IDLE_PER_PEER || this.statistics.idle >= MAX_IDLE) {
      connection.abort();
      return;
    }
    connection.idleIndex = list.length;
    list.push(connection);
    this.statistics.idle++;
    connection.armTimer(idleLimitMs > 0 && idleLimitMs < IDLE_TIMEOUT_MS ? idleLimitMs : IDLE_TIMEOUT_MS);
  }

  forget(connection: Http1ClientConnection): void {
    const index = connection.idleIndex;
    if (index < 0) return;
    connection.idleIndex = -1;
    this.statistics.idle--;
    const list = this.#idle.get(connection.peer.poolKey) as Http1ClientConnection[];
    const last = list.pop() as Http1ClientConnection;
    if (last !== connection) {
      list[index] = last;
      last.idleIndex = index;
    }
    if (list.length === 0) this.#idle.delete(connection.peer.poolKey);
  }

  /** Closes the idle connections to peers whose pool key is not in `keys`: their endpoints are gone. */
  retain(keys: ReadonlySet<string>): void {
    for (const [key, list] of this.#idle) {
      if (keys.has(key)) continue;
      for (const connection of list.slice()) connection.abort();
      this.#idle.delete(key);
    }
  }

  /** Closes idle connections now and others as they come back. */
  close(): void {
    this.#isClosing = true;
    this.retain(new Set());
  }
}
