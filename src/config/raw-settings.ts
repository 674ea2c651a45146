// Settings as they were written, before defaults and before any check of their values. One source each.
import { findClosestWord } from "../lib/closest-word.ts";
import { SETTINGS, SETTING_KEYS, environmentName } from "./settings.ts";
import type { SettingKey } from "./settings.ts";

export interface RawSetting {
  /** One text a value; a switch is `true` or `false`. */
  readonly texts: readonly string[];
  /** Where it was written, as messages begin: `--http`, `PENSTOCK_HTTP`, `penstock.yaml:3: http`. */
  readonly origin: string;
}

/** What one source sets. */
export type RawSettings = ReadonlyMap<SettingKey, RawSetting>;

export type Environment = Readonly<Record<string, string | undefined>>;

/** An empty variable counts as not set, as charts and compose files leave them. */
export function readEnvironment(environment: Environment): RawSettings {
  const raw = new Map<SettingKey, RawSetting>();
  for (const key of SETTING_KEYS) {
    const origin = environmentName(key);
    const text = environment[origin]?.trim();
    if (text === undefined || text === "") continue;
    raw.set(key, { texts: SETTINGS[key].isList ? splitList(text) : [text], origin });
  }
  return raw;
}

function splitList(text: string): string[] {
  return text
    .split(",")
    .map((one) => one.trim())
    .filter((one) => one !== "");
}

/** Variables that belong to no setting. */
const OTHER_VARIABLES: readonly string[] = ["PENSTOCK_CONFIG", "PENSTOCK_DEBUG"];

/**
 * Variables that look like a misspelt setting, one sentence each. Others that begin with `PENSTOCK_` are left alone:
 * Kubernetes sets `PENSTOCK_SERVICE_HOST`, `PENSTOCK_PORT` and more for a Service of our name.
 */
export function findMisspeltVariables(environment: Environment): readonly string[] {
  const known = new Set([...SETTING_KEYS.map(environmentName), ...OTHER_VARIABLES]);
  const warnings: string[] = [];
  for (const name of Object.keys(environment)) {
    if (!name.startsWith("PENSTOCK_") || known.has(name) || isServiceLink(name)) continue;
    const closest = findClosestWord(name, known);
    if (closest !== null) warnings.push(`the environment variable ${name} has no effect: did you mean ${closest}?`);
  }
  return warnings;
}

function isServiceLink(name: string): boolean {
  return /^PENSTOCK_(?:[A-Z0-9_]+_)?(?:SERVICE_(?:HOST|PORT)|PORT)(?:_[A-Z0-9_]+)?$/.test(name);
}
