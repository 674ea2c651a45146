// Explains what the proxy would do with a request, and why: which host, path and rule match, which lose, and where the
// request would go. The engine's parser and the phases of the ingress proxy decide, as they do for what is served; this
// file finds the words, and knows nothing of what only a running proxy sees: timeouts, failing peers, trusted proxies.
import { bodyTooLarge } from "../../engine/proxy/exchange-errors.ts";
import { ProxyError, statusOfError } from "../../engine/proxy/proxy-error.ts";
import type { TlsIdentity } from "../../engine/server/tls-identity.ts";
import type { Certificate } from "../../ir/certificate.ts";
import type { Route, VirtualHost } from "../../ir/route-table.ts";
import type { Snapshot } from "../../ir/snapshot.ts";
import { findClosestWord } from "../../lib/closest-word.ts";
import type { CompiledSnapshot } from "../compile.ts";
import { compileSnapshot } from "../compile.ts";
import { IngressProxy } from "../ingress-proxy.ts";
import { canonicalizeTarget } from "../request-path.ts";
import { UpstreamTrust } from "../upstream-trust.ts";
import type { LosingRoute } from "./losing-routes.ts";
import { findLosingRoutes } from "./losing-routes.ts";
import type { ExplainRequest } from "./request.ts";
import { explainHeaders, readHead } from "./request.ts";
import { ExplainSession } from "./session.ts";
import type { ExplainedUpstream } from "./upstreams.ts";
import { explainUpstreams } from "./upstreams.ts";

export interface Explanation {
  readonly request: ExplainRequest;
  readonly outcome: ExplainedOutcome;
  /**
   * The host as the engine reads it; `""` where none was sent, null where the engine refuses the request, so that
   * nothing else was asked and everything below is empty.
   */
  readonly host: string | null;
  /** What the headers beside Host do; sentences without a full stop. */
  readonly headerNotes: readonly string[];
  /** What routes were matched against, and what goes upstream; null where the path is refused. */
  readonly path: { readonly matched: string; readonly forwarded: string } | null;
  /** The certificate of the handshake; null for plain HTTP. */
  readonly certificate: ExplainedCertificate | null;
  /** Virtual hosts that take the request's host, the one that counts first. */
  readonly hosts: readonly ExplainedHost[];
  /** Where no virtual host takes the request: the one that was probably meant; null where none is near. */
  readonly similarHost: string | null;
  readonly route: ExplainedRoute | null;
  /** Other routes of the virtual host: those that match too, then those that nearly do, then the rest as far as shown. */
  readonly losers: readonly LosingRoute[];
  /** Routes that match not, beyond those in `losers`. */
  readonly otherRoutes: number;
  readonly upstreams: readonly ExplainedUpstream[];
}

export interface ExplainedOutcome {
  /** What the proxy answers by itself; null where an upstream answers. */
  readonly status: number | null;
  /** One sentence without a full stop. */
  readonly summary: string;
}

export interface ExplainedHost {
  readonly host: string;
  readonly reason: string;
}

export interface ExplainedRoute {
  readonly route: Route;
  readonly reason: string;
}

export interface ExplainedCertificate {
  /** Id of the certificate; null for the self-signed one made at start. */
  readonly id: string | null;
  readonly dnsNames: readonly string[];
  /** Whether a client would take it for the server name that it sent. */
  readonly coversServerName: boolean;
  readonly reason: string;
}

/** @throws Error where the snapshot contradicts itself, as `compileSnapshot` does. */
export function explain(snapshot: Snapshot, request: ExplainRequest): Explanation {
  const head = readHead(request);
  if (head instanceof ProxyError) return explainRefusal(request, head);
  const compiled = compileSnapshot(snapshot, null, {
    identities: { fallback: identityOf(FALLBACK_ID, []), create: identityOfCertificate, onUnusable: () => {} },
    trust: new UpstreamTrust(),
    randomTurn: () => 0,
  });
  const { host } = head;
  // Before the phases run: they bring the target into the form that is forwarded.
  const canonical = canonicalizeTarget(head.target);
  const identity = request.scheme === "https" ? compiled.identities.resolve(request.serverName) : null;
  const session = new ExplainSession(head, request, identity);
  const decision = decide(compiled, session);
  const hosts = explainHosts(compiled, host);
  const virtualHost = compiled.hosts.lookup(host)?.virtualHost ?? null;
  const { route } = decision;
  const losing =
    virtualHost === null || canonical.refusal !== null ? null : findLosingRoutes(virtualHost, canonical.path, route);
  const upstreams = route?.action.kind === "forward" ? explainUpstreams(snapshot, route.action.upstreams) : [];
  return {
    request,
    outcome: explainOutcome(decision, session, upstreams),
    host,
    headerNotes: explainHeaders(request),
    path: canonical.refusal === null ? { matched: canonical.path, forwarded: canonical.target } : null,
    certificate: identity === null ? null : explainCertificate(snapshot, request.serverName, identity),
    hosts,
    similarHost: hosts.length === 0 ? findSimilarHost(snapshot, host) : null,
    route: route === null || losing === null ? null : { route, reason: losing.whyWinner },
    losers: losing === null ? [] : losing.shown,
    otherRoutes: losing === null ? 0 : losing.hidden,
    upstreams,
  };
}

/** A request that never gets to the ingress proxy. */
function explainRefusal(request: ExplainRequest, error: ProxyError): Explanation {
  return {
    request,
    outcome: { status: statusOfError(error.type), summary: `${error.message}${hintAtMethod(request)}` },
    host: null,
    headerNotes: [],
    path: null,
    certificate: null,
    hosts: [],
    similarHost: null,
    route: null,
    losers: [],
    otherRoutes: 0,
    upstreams: [],
  };
}

function hintAtMethod(request: ExplainRequest): string {
  const method = request.method.toUpperCase();
  if (method === request.method || readHead({ ...request, method }) instanceof ProxyError) return "";
  return `; methods are in upper case: did you mean ${method}?`;
}

interface Decision {
  readonly route: Route | null;
  readonly error: ProxyError | null;
}

/** Lets the request phases run. */
function decide(compiled: CompiledSnapshot, session: ExplainSession): Decision {
  const proxy = new IngressProxy([]);
  proxy.serve(compiled);
  const ctx = proxy.newCtx();
  try {
    const isAnswered = proxy.decide(session, ctx, compiled);
    if (!isAnswered) {
      checkBodyLength(session);
      proxy.upstreamPeer(session, ctx);
    }
  } catch (error) {
    if (!(error instanceof ProxyError)) throw error;
    return { route: ctx.route === null ? null : ctx.route.route, error };
  }
  return { route: ctx.route === null ? null : ctx.route.route, error: null };
}

/** What the engine does between the two phases. */
function checkBodyLength({ request, limits }: ExplainSession): void {
  const { maxBodyBytes } = limits;
  if (maxBodyBytes > 0 && request.contentLength > maxBodyBytes) {
    throw bodyTooLarge(maxBodyBytes);
  }
}

function explainOutcome(
  { error }: Decision,
  session: ExplainSession,
  upstreams: readonly ExplainedUpstream[],
): ExplainedOutcome {
  if (session.location !== "") {
    return { status: session.answeredStatus, summary: `redirected to ${session.location}, as the route wants https` };
  }
  // One upstream of several may have endpoints although the one that was chosen here has none.
  const served = upstreams.filter(hasSomewhereToGo);
  const isOnlyUnlucky = error?.type === "no-endpoint" && served.length > 0;
  if (error !== null && !isOnlyUnlucky) return { status: statusOfError(error.type), summary: error.message };
  const [only] = served;
  if (only !== undefined && only.share === 1) return { status: null, summary: `forwarded to upstream ${only.id}` };
  const percent = Math.round(served.reduce((sum, upstream) => sum + upstream.share, 0) * 100);
  const rest =
    percent === 100 ? "" : `, for ${percent} % of requests; the rest gets 503, as its upstream has no endpoint`;
  return { status: null, summary: `forwarded to one of ${upstreams.length} upstreams by weight${rest}` };
}

/** Names are resolved where the proxy runs, so whoever explains cannot know their endpoints. */
function hasSomewhereToGo({ share, dnsName, endpoints }: ExplainedUpstream): boolean {
  return share > 0 && (dnsName !== null || endpoints.some((endpoint) => endpoint.takesTraffic));
}

function explainHosts(compiled: CompiledSnapshot, host: string): ExplainedHost[] {
  const { hosts } = compiled;
  const found: [virtualHost: VirtualHost | undefined, reason: string][] = [
    [hosts.exact(host)?.virtualHost, "the exact host"],
    [hosts.wildcard(host)?.virtualHost, "a wildcard that stands for exactly one label"],
    [hosts.any?.virtualHost, "routes for every host that has none of its own"],
  ];
  return found.flatMap(([virtualHost, reason], index) => {
    if (virtualHost === undefined) return [];
    const winner = found.slice(0, index).find(([former]) => former !== undefined)?.[0]?.host;
    const lost = winner === undefined ? "" : `; not asked, as ${winner} is more specific and has the only say`;
    return [{ host: virtualHost.host, reason: `${reason}${lost}` }];
  });
}

function findSimilarHost(snapshot: Snapshot, host: string): string | null {
  return findClosestWord(
    host,
    snapshot.routeTable.virtualHosts.map((virtualHost) => virtualHost.host),
  );
}

function explainCertificate(snapshot: Snapshot, serverName: string, identity: TlsIdentity): ExplainedCertificate {
  const { certificates, routeTable, defaultCertificate } = snapshot;
  const certificate = certificates.find(({ id }) => id === identity.id) ?? null;
  const wildcard = `*${serverName.slice(Math.max(0, serverName.indexOf(".")))}`;
  const claim =
    routeTable.tlsHosts.find(({ host }) => host === serverName) ??
    routeTable.tlsHosts.find(({ host }) => host === wildcard);
  const fallback = defaultCertificate === null ? "the self-signed one is served" : "the default one is served";
  return {
    id: certificate === null ? null : certificate.id,
    dnsNames: certificate === null ? [] : certificate.dnsNames,
    coversServerName: serverName !== "" && identity.covers(serverName),
    reason:
      serverName === ""
        ? `the client sends no server name: ${fallback}`
        : claim === undefined
          ? `no certificate is configured for ${serverName}: ${fallback}`
          : claim.certificate === null
            ? `the certificate configured for ${claim.host} is missing or broken: ${fallback}`
            : `configured for ${claim.host}`,
  };
}

/** No Secret has this id: ids of certificates hold a slash. */
const FALLBACK_ID = "self-signed";

function identityOfCertificate({ id, dnsNames }: Certificate): TlsIdentity {
  return identityOf(id, dnsNames);
}

/** Speaks for names, serves no handshake. */
function identityOf(id: string, dnsNames: readonly string[]): TlsIdentity {
  const names = new Set(dnsNames);
  return {
    id,
    context: { context: null },
    covers: (host) => names.has(host) || names.has(`*${host.slice(Math.max(0, host.indexOf(".")))}`),
  };
}
