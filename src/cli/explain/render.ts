// Writes an explanation for a person: what happens first, then why.
import type { RoutePolicy } from "../../ir/route-table.ts";
import { formatName } from "../../ir/names.ts";
import { quoteText } from "../../lib/untrusted-text.ts";
import type { ExplainedCertificate, ExplainedRoute, Explanation } from "../../ingress/explain/explain.ts";
import type { LosingRoute } from "../../ingress/explain/losing-routes.ts";
import { isHost } from "../../ingress/explain/request.ts";
import type { ExplainRequest } from "../../ingress/explain/request.ts";
import type { ExplainedUpstream } from "../../ingress/explain/upstreams.ts";

/** Lines of text, each ended by a newline. Text from objects is quoted: nothing in it steers a terminal. */
export function renderExplanation(explanation: Explanation): string {
  const {
    request,
    outcome,
    host: requestHost,
    headerNotes,
    path,
    certificate,
    hosts,
    route,
    losers,
    otherRoutes,
    upstreams,
  } = explanation;
  const answer = outcome.status === null ? outcome.summary : `${outcome.status}: ${outcome.summary}`;
  const lines = [showRequest(request), ""];
  lines.push(field("Answer", answer));
  if (certificate !== null) lines.push(...certificateLines(certificate));
  lines.push(
    ...hosts.map(({ host, reason }, index) => field(index === 0 ? "Host" : "", `${showHost(host)}: ${reason}`)),
  );
  if (hosts.length === 0 && requestHost !== null) {
    lines.push(field("Host", showUnknownHost(requestHost, explanation.similarHost)));
  }
  lines.push(...headerNotes.map((note, index) => field(index === 0 ? "Headers" : "", note)));
  if (path !== null) lines.push(field("Path", showPath(path.matched, path.forwarded)));
  if (route !== null) lines.push(...routeLines(route), field("Policy", showPolicy(route.route.policy)));
  lines.push(...losers.map((loser, index) => field(index === 0 ? "Lost" : "", showLoser(loser))));
  if (otherRoutes > 0) lines.push(field("", `and ${otherRoutes} more that do not match`));
  for (const upstream of upstreams) lines.push(...upstreamLines(upstream));
  return `${lines.join("\n")}\n`;
}

function showRequest({ method, scheme, authority, target, headers }: ExplainRequest): string {
  const url = authority === "" ? target : `${scheme}://${authority}${target}`;
  const hosts = headers.filter(({ name, value }) => isHost(name) && value !== authority);
  return `${quotePath(method)} ${quotePath(url)}${hosts.map(({ value }) => ` with Host: ${quotePath(value)}`).join("")}`;
}

const LABEL_WIDTH = 13;

function field(label: string, text: string): string {
  return `${label.padEnd(LABEL_WIDTH)}${text}`;
}

function certificateLines({ id, dnsNames, coversServerName, reason }: ExplainedCertificate): string[] {
  const name = id ?? "self-signed";
  const lines = [field("Certificate", `${name}: ${reason}`)];
  if (!coversServerName) {
    const shown = dnsNames.slice(0, 5).join(", ");
    const names = dnsNames.length === 0 ? "no DNS name" : dnsNames.length > 5 ? `${shown}, …` : shown;
    lines.push(field("", `clients will refuse it: it is for ${names}`));
  }
  return lines;
}

function routeLines({ route, reason }: ExplainedRoute): string[] {
  const { object, field: objectField } = route.source;
  return [
    field("Route", `${route.id}: ${showMatch(route)} ${reason}`),
    field("", `from ${object.kind} ${formatName(object)}, ${objectField}`),
  ];
}

function showLoser({ route, reason }: LosingRoute): string {
  return `${route.id}: ${showMatch(route)} ${reason}`;
}

function showMatch({ path }: ExplainedRoute["route"]): string {
  return `${path.kind === "exact" ? "Exact" : "Prefix"} ${quotePath(path.value)}`;
}

function showUnknownHost(host: string, similar: string | null): string {
  const name = host === "" ? "requests without a host" : host;
  return `no virtual host takes ${name}${similar === null ? "" : `; did you mean ${similar}?`}`;
}

function showHost(host: string): string {
  return host === "" ? "any host" : host;
}

function showPath(matched: string, forwarded: string): string {
  const question = forwarded.indexOf("?");
  const forwardedPath = question === -1 ? forwarded : forwarded.slice(0, question);
  if (matched === forwardedPath) return quotePath(matched);
  return `matched as ${quotePath(matched)}, forwarded as ${quotePath(forwardedPath)}`;
}

/** Plain paths stand as they are; others in quotes. */
function quotePath(path: string): string {
  return /^[!-~]{1,200}$/.test(path) && !path.includes('"') ? path : quoteText(path);
}

function showPolicy(policy: RoutePolicy): string {
  const body = policy.maxBodyBytes === 0 ? "bodies of any size" : `bodies up to ${policy.maxBodyBytes} bytes`;
  const attempts = policy.maxAttempts === 1 ? "1 attempt" : `up to ${policy.maxAttempts} attempts`;
  return [
    `connect ${showMs(policy.connectTimeoutMs)}`,
    `response ${showMs(policy.responseTimeoutMs)}`,
    `idle ${showMs(policy.idleTimeoutMs)}`,
    `idle tunnel ${showMs(policy.tunnelIdleTimeoutMs)}`,
    body,
    attempts,
    policy.sslRedirect ? "plain HTTP is redirected to https" : "plain HTTP is served",
  ].join(", ");
}

function showMs(ms: number): string {
  return ms % 1_000 === 0 ? `${ms / 1_000} s` : `${ms} ms`;
}

function upstreamLines(upstream: ExplainedUpstream): string[] {
  const { id, weight, share, protocol, serverName, dnsName, endpoints } = upstream;
  const verified = serverName === null ? "" : `, verified as ${serverName}`;
  const lines = [
    field("Upstream", `${id}: ${protocol}${verified}, weight ${weight} (${Math.round(share * 100)} % of requests)`),
  ];
  if (dnsName !== null) lines.push(field("", `endpoints are resolved from ${dnsName}`));
  else if (endpoints.length === 0) lines.push(field("", "no endpoint"));
  for (const endpoint of endpoints) {
    const zone = endpoint.zone === null ? "" : `, zone ${quotePath(endpoint.zone)}`;
    const traffic = endpoint.takesTraffic ? "takes requests" : "takes none";
    lines.push(field("", `${endpoint.address}  ${endpoint.condition}, ${traffic}${zone}`));
  }
  return lines;
}
