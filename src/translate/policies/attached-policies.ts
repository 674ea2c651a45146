// Which policy holds for which object. Of several for one target the oldest wins; every other one is told so.
import type { Diagnostic } from "../../ir/diagnostic.ts";
import { compareStrings } from "../../lib/compare-strings.ts";
import { quoteText } from "../../lib/untrusted-text.ts";
import type { Ingress, RoutePolicy, Secret, Service, UpstreamPolicy } from "../../source/object-types.ts";
import { appendTo, diagnose, problem } from "../diagnose.ts";
import { comparePrecedence } from "../object-identity.ts";
import type { ObjectIndex } from "../object-index.ts";
import type { LoopbackRule } from "../../lib/endpoint-address.ts";
import { readCa } from "../upstreams/backend.ts";
import { viewService } from "../upstreams/service-view.ts";
import { viewPolicy } from "./policy-view.ts";
import type { PolicyRules, PolicyTarget, PolicyView } from "./policy-view.ts";
import { ROUTE_FIELDS, UPSTREAM_FIELDS } from "./setting-fields.ts";
import type { TrafficSettings } from "../traffic-settings.ts";

export interface AttachedPolicies {
  /** What the RoutePolicy of an Ingress asks for, by the Ingress's `namespace/name`. */
  readonly ofIngresses: ReadonlyMap<string, TrafficSettings>;
  /** Of UpstreamPolicies, by the Service's `namespace/name`: sorted by section, one each. */
  readonly ofServices: ReadonlyMap<string, readonly PolicyTarget[]>;
}

/** The policies, and what they may name. */
export interface PolicyWorld {
  readonly upstreamPolicies: ObjectIndex<UpstreamPolicy>;
  readonly routePolicies: ObjectIndex<RoutePolicy>;
  readonly ingresses: ObjectIndex<Ingress>;
  readonly services: ObjectIndex<Service>;
  readonly secrets: ObjectIndex<Secret>;
  readonly loopback: LoopbackRule;
}

/** More ports are not listed in a hint. */
const MAX_LISTED_NAMES = 8;

const UPSTREAM_RULES: PolicyRules = {
  targetGroup: "",
  targetKind: "Service",
  hasSections: true,
  fields: UPSTREAM_FIELDS,
};

const ROUTE_RULES: PolicyRules = {
  targetGroup: "networking.k8s.io",
  targetKind: "Ingress",
  hasSections: false,
  fields: ROUTE_FIELDS,
};

export function attachPolicies(world: PolicyWorld, diagnostics: Diagnostic[]): AttachedPolicies {
  const routePolicies = viewAll(world.routePolicies, ROUTE_RULES);
  const ofIngresses = new Map<string, TrafficSettings>();
  for (const target of settleClaims(routePolicies, diagnostics)) {
    if (world.ingresses.has(target.key)) ofIngresses.set(target.key, target.settings);
    else diagnostics.push(targetNotFound(target, "Ingress"));
  }
  const upstreamPolicies = viewAll(world.upstreamPolicies, UPSTREAM_RULES);
  for (const view of upstreamPolicies) checkCaSecret(view, world.secrets, diagnostics);
  const winners = settleClaims(upstreamPolicies, diagnostics);
  return { ofIngresses, ofServices: groupByService(winners, world, diagnostics) };
}

function viewAll(policies: ObjectIndex<object>, rules: PolicyRules): readonly PolicyView[] {
  return Array.from(policies.values(), (policy) => viewPolicy(policy, rules));
}

/** The target of the policy that takes precedence, for everything that policies name. */
function settleClaims(views: readonly PolicyView[], diagnostics: Diagnostic[]): Iterable<PolicyTarget> {
  const winners = new Map<string, PolicyTarget>();
  const losers: PolicyTarget[] = [];
  for (const view of views) {
    appendTo(diagnostics, view.diagnostics);
    for (const target of view.targets) {
      const known = winners.get(target.claim);
      const isFirst = known === undefined || comparePrecedence(target.policy, known.policy) < 0;
      if (isFirst) winners.set(target.claim, target);
      if (known !== undefined) losers.push(isFirst ? known : target);
    }
  }
  for (const loser of losers) {
    const winner = winners.get(loser.claim);
    if (winner !== undefined) diagnostics.push(conflict(loser, winner));
  }
  return winners.values();
}

function groupByService(
  winners: Iterable<PolicyTarget>,
  { services, loopback }: Pick<PolicyWorld, "services" | "loopback">,
  diagnostics: Diagnostic[],
): ReadonlyMap<string, readonly PolicyTarget[]> {
  const groups = new Map<string, PolicyTarget[]>();
  for (const target of winners) {
    const service = services.get(target.key);
    if (service === undefined) {
      diagnostics.push(targetNotFound(target, "Service"));
      continue;
    }
    const { section } = target;
    if (section !== "") {
      const names = viewService(service, loopback).ports.map(({ name }) => name);
      if (!names.includes(section)) diagnostics.push(portNotFound(target, names));
    }
    const group = groups.get(target.key);
    if (group === undefined) groups.set(target.key, [target]);
    else group.push(target);
  }
  for (const group of groups.values()) {
    if (group.length > 1) group.sort((left, right) => compareStrings(left.section, right.section));
  }
  return groups;
}

/** Said here as well as where requests get 503: whoever wrote the policy may not see the Ingress. */
function checkCaSecret(view: PolicyView, secrets: ObjectIndex<Secret>, diagnostics: Diagnostic[]): void {
  const { tlsCaSecret } = view.settings;
  if (tlsCaSecret === null) return;
  const object = view.identity.reference;
  const reading = readCa(`${object.namespace}/${tlsCaSecret}`, { findSecret: (key) => secrets.get(key) });
  if ("problem" in reading) diagnostics.push(diagnose({ object, field: "spec.tls.caSecretName" }, reading.problem));
}

function conflict(loser: PolicyTarget, winner: PolicyTarget): Diagnostic {
  const { kind } = winner.policy.reference;
  const message = `${kind} ${winner.policy.key} holds for this target and takes precedence: the older object, then by name.`;
  const fault = problem("warning", "PolicyConflict", message, "Put what both say into one of them.");
  return diagnose({ object: loser.policy.reference, field: loser.field }, fault);
}

function targetNotFound(target: PolicyTarget, kind: string): Diagnostic {
  const { reference } = target.policy;
  const message = `${kind} ${quoteText(target.key)} does not exist; the policy has no effect on it.`;
  const hint = "Create it, or name another one of the policy's namespace.";
  const fault = problem("warning", "PolicyTargetNotFound", message, hint);
  return diagnose({ object: reference, field: `${target.field}.name` }, fault);
}

function portNotFound(target: PolicyTarget, names: readonly string[]): Diagnostic {
  const { policy, field, section, key } = target;
  const message = `Service ${key} has no port named ${quoteText(section)}; the policy has no effect on it.`;
  const named = names.filter((name) => name !== "");
  const hint =
    named.length === 0
      ? "Its ports have no names: leave sectionName out."
      : `The names of its ports are ${named.slice(0, MAX_LISTED_NAMES).map(quoteText).join(", ")}.`;
  const fault = problem("warning", "PolicyTargetNotFound", message, hint);
  return diagnose({ object: policy.reference, field: `${field}.sectionName` }, fault);
}
