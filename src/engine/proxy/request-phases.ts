// The phases before the first attempt, and the check of what they may have set: a request ends here, or goes on to a peer.
import { bodyTooLarge, toProxyError } from "./exchange-errors.ts";
import type { PhaseSlots } from "./phases.ts";
import { ProxyError } from "./proxy-error.ts";
import type { Session } from "./session.ts";

/** The workflow, as these phases see it. */
export interface FilteredExchange<Ctx> extends Session {
  readonly slots: PhaseSlots<Ctx>;
  readonly ctx: Ctx;
  readonly hasEnded: boolean;
  /** Answered, by a phase or for it. */
  readonly isHeadSent: boolean;
  /** Begins the next attempt. */
  attempt(): void;
  fail(error: ProxyError): void;
  /** Goes on after an asynchronous phase, unless the exchange has ended meanwhile. */
  resume<T>(promise: Promise<T>, next: (value: T) => void): void;
}

/** Takes a request up to its first attempt. */
export function startRequest<Ctx>(exchange: FilteredExchange<Ctx>): void {
  const { earlyRequestFilter } = exchange.slots;
  if (earlyRequestFilter === null) {
    filterRequest(exchange);
    return;
  }
  try {
    const result = earlyRequestFilter(exchange, exchange.ctx);
    if (result instanceof Promise) exchange.resume(result, () => filterRequest(exchange));
    else filterRequest(exchange);
  } catch (error) {
    exchange.fail(toProxyError(error));
  }
}

function filterRequest<Ctx>(exchange: FilteredExchange<Ctx>): void {
  if (exchange.hasEnded || exchange.isHeadSent) return;
  const { requestFilter } = exchange.slots;
  if (requestFilter === null) {
    checkBody(exchange);
    return;
  }
  try {
    const result = requestFilter(exchange, exchange.ctx);
    if (result instanceof Promise) exchange.resume(result, (isAnswered) => afterRequestFilter(exchange, isAnswered));
    else afterRequestFilter(exchange, result);
  } catch (error) {
    exchange.fail(toProxyError(error));
  }
}

function afterRequestFilter<Ctx>(exchange: FilteredExchange<Ctx>, isAnswered: boolean): void {
  if (exchange.hasEnded) return;
  if (!isAnswered) checkBody(exchange);
  else if (!exchange.isHeadSent) {
    exchange.fail(new ProxyError("internal", "internal", "requestFilter said that it answered, but did not"));
  }
}

function checkBody<Ctx>(exchange: FilteredExchange<Ctx>): void {
  const { maxBodyBytes } = exchange.limits;
  if (maxBodyBytes > 0 && exchange.request.contentLength > maxBodyBytes) exchange.fail(bodyTooLarge(maxBodyBytes));
  else exchange.attempt();
}
