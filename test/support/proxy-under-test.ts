// The engine with a minimal proxy in front of scripted origins, on free ports, taken down when the test ends.
import type { TestContext } from "node:test";
import { httpProxy, type HttpProxyOptions } from "../../src/engine/proxy/http-proxy.ts";
import type { ProxyError } from "../../src/engine/proxy/proxy-error.ts";
import type { ProxyHttp } from "../../src/engine/proxy/proxy-http.ts";
import type { Session } from "../../src/engine/proxy/session.ts";
import { Server } from "../../src/engine/server/server.ts";
import type { ServerLimits } from "../../src/engine/server/server-options.ts";
import type { ConnectionPool } from "../../src/engine/upstream/connection-pool.ts";
import { createPeer } from "../../src/engine/upstream/peer.ts";
import { type OriginScript, ScriptedOrigin } from "./scripted-origin.ts";

export interface ProxySetting {
  /** Phases beside the defaults; `upstreamPeer` goes over the origins in turn. */
  readonly phases?: Partial<ProxyHttp<null>>;
  readonly options?: HttpProxyOptions;
  readonly limits?: Partial<ServerLimits>;
}

/** What the logging phase saw of a request. */
export interface LoggedRequest {
  readonly session: Session;
  readonly error: ProxyError | null;
}

export interface ProxyUnderTest {
  readonly port: number;
  readonly server: Server;
  readonly pool: ConnectionPool;
  readonly origins: readonly ScriptedOrigin[];
  readonly logged: LoggedRequest[];
  /** Resolves when the `count`th request was logged. */
  untilLogged(count: number): Promise<LoggedRequest>;
}

export async function startProxy(
  t: TestContext,
  scripts: readonly OriginScript[],
  setting: ProxySetting = {},
): Promise<ProxyUnderTest> {
  const origins = await Promise.all(scripts.map((script) => ScriptedOrigin.start(script)));
  const peers = origins.map((origin) => createPeer({ address: "127.0.0.1", port: origin.port }));
  const logged: LoggedRequest[] = [];
  const waiters: { count: number; resolve(request: LoggedRequest): void }[] = [];
  let turn = 0;
  const proxy: ProxyHttp<null> = {
    newCtx: () => null,
    upstreamPeer: () => peers[turn++ % peers.length] as (typeof peers)[number],
    logging: (session, _ctx, error) => {
      logged.push({ session, error });
      for (const waiter of waiters) if (logged.length >= waiter.count) waiter.resolve(logged[waiter.count - 1]!);
    },
    ...setting.phases,
  };
  const application = httpProxy(proxy, setting.options);
  const server = new Server({
    listeners: [{ name: "http", host: "127.0.0.1", port: 0 }],
    application,
    ...(setting.limits === undefined ? {} : { limits: setting.limits }),
  });
  const [address] = await server.listen();
  t.after(async () => {
    await server.close();
    await Promise.all(origins.map((origin) => origin.stop()));
  });
  return {
    port: (address as { port: number }).port,
    server,
    pool: application.pool,
    origins,
    logged,
    untilLogged: (count) =>
      new Promise((resolve) => {
        const request = logged[count - 1];
        if (request === undefined) waiters.push({ count, resolve });
        else resolve(request);
      }),
  };
}
