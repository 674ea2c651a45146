// A Service as its annotations and the UpstreamPolicies for it have it.
import type { ServiceView } from "../upstreams/service-view.ts";
import type { PolicyTarget } from "./policy-view.ts";
import { mergeSettings, NO_SETTINGS } from "../traffic-settings.ts";
import type { TrafficSettings } from "../traffic-settings.ts";

interface Applied {
  readonly targets: readonly PolicyTarget[];
  readonly service: ServiceView;
}

const applied = new WeakMap<ServiceView, Applied>();

/**
 * Annotations win over policies, and a policy for a port over one for the whole Service. `targets` are sorted by section,
 * one each; the same view comes back for as long as they are the same.
 */
export function applyServicePolicies(plain: ServiceView, targets: readonly PolicyTarget[]): ServiceView {
  const known = applied.get(plain);
  if (known !== undefined && areSame(known.targets, targets)) return known.service;
  const service = mergePolicies(plain, targets);
  applied.set(plain, { targets, service });
  return service;
}

function mergePolicies(plain: ServiceView, targets: readonly PolicyTarget[]): ServiceView {
  const ofWhole = targets.find(({ section }) => section === "")?.settings ?? NO_SETTINGS;
  const portSettings = new Map<string, TrafficSettings>();
  for (const { section, settings } of targets) {
    if (section === "") continue;
    portSettings.set(section, mergeSettings(plain.settings, mergeSettings(settings, ofWhole)));
  }
  return { ...plain, settings: mergeSettings(plain.settings, ofWhole), portSettings };
}

function areSame(some: readonly PolicyTarget[], others: readonly PolicyTarget[]): boolean {
  return some.length === others.length && some.every((target, index) => target === others[index]);
}
