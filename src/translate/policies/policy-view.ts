// One policy, read by itself: what it holds for and what it asks for. Whether its targets exist, and whether another policy
// was there first, is found out in attached-policies.ts.
import type { Diagnostic } from "../../ir/diagnostic.ts";
import type { ObjectReference } from "../../ir/names.ts";
import { isDnsName } from "../../lib/dns-name.ts";
import { diagnose, problem } from "../diagnose.ts";
import type { Problem } from "../diagnose.ts";
import type { Identified, ObjectIdentity } from "../object-identity.ts";
import { asList, asNonEmptyText, asRecord, asText, isPresent } from "../untyped.ts";
import type { UnknownRecord } from "../untyped.ts";
import { readSettings } from "./setting-fields.ts";
import type { SettingField } from "./setting-fields.ts";
import type { TrafficSettings } from "../traffic-settings.ts";

export interface PolicyView {
  readonly identity: ObjectIdentity;
  readonly targets: readonly PolicyTarget[];
  readonly settings: TrafficSettings;
  readonly diagnostics: readonly Diagnostic[];
}

/** An object that a policy holds for; one value for as long as the policy stays the same. */
export interface PolicyTarget {
  readonly policy: ObjectIdentity;
  readonly settings: TrafficSettings;
  /** `namespace/name`, in the policy's own namespace. */
  readonly key: string;
  /** The name of a port; `""` for the whole object. */
  readonly section: string;
  /** The same for two targets that are the same. */
  readonly claim: string;
  readonly field: string;
}

/** What the targets of a kind of policy are, and which fields it has. */
export interface PolicyRules {
  readonly targetGroup: string;
  readonly targetKind: string;
  readonly hasSections: boolean;
  readonly fields: readonly SettingField[];
}

const views = new WeakMap<object, PolicyView>();

export function viewPolicy(policy: Identified<object>, rules: PolicyRules): PolicyView {
  let view = views.get(policy.object);
  if (view === undefined) {
    view = readPolicy(policy, rules);
    views.set(policy.object, view);
  }
  return view;
}

function readPolicy(policy: Identified<object>, rules: PolicyRules): PolicyView {
  const { object, ...identity } = policy;
  const diagnostics: Diagnostic[] = [];
  const spec = asRecord(asRecord(object)["spec"]);
  const settings = readSettings(spec, rules.fields, identity.reference, diagnostics);
  // By claim: a policy that names a target twice says nothing new.
  const targets = new Map<string, PolicyTarget>();
  for (const [index, value] of asList(spec["targetRefs"]).entries()) {
    const field = `spec.targetRefs[${index}]`;
    const target = readTarget(asRecord(value), rules, identity.reference);
    if ("reason" in target) diagnostics.push(diagnose({ object: identity.reference, field }, target));
    else if (!targets.has(target.claim)) {
      targets.set(target.claim, { policy: identity, settings, field, ...target });
    }
  }
  return { identity, targets: Array.from(targets.values()), settings, diagnostics };
}

function readTarget(
  ref: UnknownRecord,
  rules: PolicyRules,
  { namespace }: ObjectReference,
): Pick<PolicyTarget, "claim" | "key" | "section"> | Problem {
  const { targetGroup, targetKind, hasSections } = rules;
  const name = asNonEmptyText(ref["name"]);
  const isExpected = asText(ref["group"]) === targetGroup && ref["kind"] === targetKind;
  const section = hasSections && isPresent(ref["sectionName"]) ? asNonEmptyText(ref["sectionName"]) : "";
  if (!isExpected || name === null || !isDnsName(name) || section === null || section.length > 253) {
    const message = "This is no target of such a policy; it is passed over.";
    const hint = `Write group: "${targetGroup}", kind: ${targetKind}, and the name of one in the policy's namespace.`;
    return problem("error", "PolicyTargetInvalid", message, hint);
  }
  const key = `${namespace}/${name}`;
  // The key is made of DNS names, so nothing in it can be taken for the bar.
  return { claim: `${key}|${section}`, key, section };
}
