// Compiles a proxy's phases into slots: a phase that the class lacks is null and costs one comparison.
import type { ProxyHttp } from "./proxy-http.ts";

type Slot<Ctx, Name extends keyof ProxyHttp<Ctx>> = NonNullable<ProxyHttp<Ctx>[Name]> | null;

/** The phases of one proxy, bound to it. */
export interface PhaseSlots<Ctx> {
  readonly newCtx: ProxyHttp<Ctx>["newCtx"];
  readonly upstreamPeer: ProxyHttp<Ctx>["upstreamPeer"];
  readonly earlyRequestFilter: Slot<Ctx, "earlyRequestFilter">;
  readonly requestFilter: Slot<Ctx, "requestFilter">;
  readonly slowToConnect: Slot<Ctx, "slowToConnect">;
  readonly failToConnect: Slot<Ctx, "failToConnect">;
  readonly attemptAbandoned: Slot<Ctx, "attemptAbandoned">;
  readonly connectedToUpstream: Slot<Ctx, "connectedToUpstream">;
  readonly upstreamRequestFilter: Slot<Ctx, "upstreamRequestFilter">;
  readonly requestBodyFilter: Slot<Ctx, "requestBodyFilter">;
  readonly upstreamResponseFilter: Slot<Ctx, "upstreamResponseFilter">;
  readonly responseFilter: Slot<Ctx, "responseFilter">;
  readonly responseBodyFilter: Slot<Ctx, "responseBodyFilter">;
  readonly errorWhileProxy: Slot<Ctx, "errorWhileProxy">;
  readonly failToProxy: Slot<Ctx, "failToProxy">;
  readonly logging: Slot<Ctx, "logging">;
}

export function compilePhases<Ctx>(proxy: ProxyHttp<Ctx>): PhaseSlots<Ctx> {
  return {
    newCtx: proxy.newCtx.bind(proxy),
    upstreamPeer: proxy.upstreamPeer.bind(proxy),
    earlyRequestFilter: proxy.earlyRequestFilter?.bind(proxy) ?? null,
    requestFilter: proxy.requestFilter?.bind(proxy) ?? null,
    slowToConnect: proxy.slowToConnect?.bind(proxy) ?? null,
    failToConnect: proxy.failToConnect?.bind(proxy) ?? null,
    attemptAbandoned: proxy.attemptAbandoned?.bind(proxy) ?? null,
    connectedToUpstream: proxy.connectedToUpstream?.bind(proxy) ?? null,
    upstreamRequestFilter: proxy.upstreamRequestFilter?.bind(proxy) ?? null,
    requestBodyFilter: proxy.requestBodyFilter?.bind(proxy) ?? null,
    upstreamResponseFilter: proxy.upstreamResponseFilter?.bind(proxy) ?? null,
    responseFilter: proxy.responseFilter?.bind(proxy) ?? null,
    responseBodyFilter: proxy.responseBodyFilter?.bind(proxy) ?? null,
    errorWhileProxy: proxy.errorWhileProxy?.bind(proxy) ?? null,
    failToProxy: proxy.failToProxy?.bind(proxy) ?? null,
    logging: proxy.logging?.bind(proxy) ?? null,
  };
}
