// From what was written to what the program runs with: raw, then with defaults, then compiled. The only way to Options.
import { formatListenAddress } from "../lib/address-text.ts";
import { clusterOptionsOf, findClusterConflicts } from "./cluster-settings.ts";
import { COMMAND_SETTINGS } from "./command-settings.ts";
import type { CommandName } from "./command-settings.ts";
import type { Options } from "./options.ts";
import { findMisspeltVariables, readEnvironment } from "./raw-settings.ts";
import type { Environment, RawSetting, RawSettings } from "./raw-settings.ts";
import type { Machine } from "./setting.ts";
import { SETTINGS, SETTING_KEYS, limitsOf } from "./settings.ts";
import type { SettingKey, SettingValues } from "./settings.ts";

export interface OptionSources {
  readonly command: CommandName;
  readonly flags: RawSettings;
  readonly environment: Environment;
  /** `--config`; null where none was given. */
  readonly configFile: string | null;
  readonly machine: Machine;
}

export type LoadedOptions =
  /** `warnings`: what was passed over; one sentence each. */
  | { readonly ok: true; readonly options: Options; readonly warnings: readonly string[] }
  /** One line each: where, what, what to write. Never empty. */
  | { readonly ok: false; readonly problems: readonly string[] };

/** Every setting with the texts that win; the defaults where nobody wrote any. */
type SettingsWithDefaults = { readonly [Key in SettingKey]: RawSetting };

/**
 * Reads all sources: flags win over the environment, that over the file, that over the defaults. A wrong value is a
 * problem even where another source overrides it, so that it does not wait for the day when nobody does.
 */
export async function loadOptions(sources: OptionSources): Promise<LoadedOptions> {
  const problems: string[] = [];
  const written: RawSettings[] = [sources.flags, readEnvironment(sources.environment)];
  const configFile = sources.configFile ?? nonEmpty(sources.environment["PENSTOCK_CONFIG"]);
  if (configFile !== null) {
    const { readConfigFile } = await import("./config-file.ts");
    const file = await readConfigFile(configFile);
    written.push(file.settings);
    problems.push(...file.problems);
  }
  for (const raw of written) problems.push(...findValueProblems(raw, sources.machine));
  if (problems.length > 0) return { ok: false, problems };

  const values = compileValues(addDefaults(written, sources.command), sources.machine);
  const conflicts = [...findAddressConflicts(values, sources.command), ...findClusterConflicts(values)];
  if (conflicts.length > 0) return { ok: false, problems: conflicts };
  return { ok: true, options: toOptions(values), warnings: findMisspeltVariables(sources.environment) };
}

function nonEmpty(text: string | undefined): string | null {
  return text === undefined || text === "" ? null : text;
}

function findValueProblems(raw: RawSettings, machine: Machine): string[] {
  const problems: string[] = [];
  for (const [key, { texts, origin }] of raw) {
    const outcome = SETTINGS[key].compile(texts, machine);
    if (!outcome.ok) problems.push(`${origin}: ${outcome.problem}`);
  }
  return problems;
}

function addDefaults(written: readonly RawSettings[], command: CommandName): SettingsWithDefaults {
  const { defaults } = COMMAND_SETTINGS[command];
  const entries = SETTING_KEYS.map((key): [SettingKey, RawSetting] => {
    const winner = written.find((raw) => raw.has(key))?.get(key);
    return [key, winner ?? { texts: defaults[key] ?? SETTINGS[key].defaults, origin: "default" }];
  });
  return Object.fromEntries(entries) as SettingsWithDefaults;
}

function compileValues(settings: SettingsWithDefaults, machine: Machine): SettingValues {
  const entries = SETTING_KEYS.map((key): [SettingKey, unknown] => {
    const { texts, origin } = settings[key];
    const outcome = SETTINGS[key].compile(texts, machine);
    if (!outcome.ok) throw new Error(`the ${origin} of ${key} is wrong: ${outcome.problem}`);
    return [key, outcome.value];
  });
  return Object.fromEntries(entries) as unknown as SettingValues;
}

/** Two listeners on one address, which the kernel would let several workers share without a word. */
function findAddressConflicts(values: SettingValues, command: CommandName): string[] {
  const { keys } = COMMAND_SETTINGS[command];
  const owners = new Map<string, string>();
  const problems: string[] = [];
  for (const key of ["http", "https", "admin", "webhook"] as const) {
    if (!keys.includes(key)) continue;
    const value = values[key];
    const addresses = value === null ? [] : "host" in value ? [value] : value;
    for (const address of addresses) {
      const text = formatListenAddress(address.host, address.port);
      const owner = owners.get(text);
      owners.set(text, key);
      if (owner === undefined || address.port === 0) continue;
      const pair = owner === key ? `${key} twice` : `both ${owner} and ${key}`;
      problems.push(`the address ${text} is given to ${pair}: write another one, or off`);
    }
  }
  return problems;
}

function toOptions(values: SettingValues): Options {
  return {
    from: values.from,
    to: values.to,
    http: values.http,
    https: values.https,
    admin: values.admin,
    workers: values.workers,
    ingressClass: values["ingress-class"],
    defaultCertificate: values["default-certificate"],
    trustedProxies: values["trusted-proxies"],
    watch: values.watch,
    drainDelayMs: values["drain-delay"],
    shutdownGraceMs: values["shutdown-grace"],
    accessLog: values["access-log"],
    logLevel: values["log-level"],
    limits: limitsOf(values),
    cluster: clusterOptionsOf(values),
  };
}
