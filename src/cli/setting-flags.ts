// Between the table of settings and the parser: the flags of a command, and from the parsed flags to its options.
import { availableParallelism } from "node:os";
import { Option } from "commander";
import type { Command } from "commander";
import { COMMAND_SETTINGS } from "../config/command-settings.ts";
import type { CommandName } from "../config/command-settings.ts";
import { loadOptions } from "../config/load-options.ts";
import type { Options } from "../config/options.ts";
import type { RawSetting, RawSettings } from "../config/raw-settings.ts";
import { SETTINGS, SETTING_GROUPS } from "../config/settings.ts";
import type { SettingKey } from "../config/settings.ts";
import { usageFailure } from "./exit-code.ts";

/** Adds the flags of a command's settings, in the table's order and below its headings, and `--config`. */
export function addSettingFlags(command: Command, name: CommandName): Command {
  const { keys } = COMMAND_SETTINGS[name];
  // Only where nothing else may follow can a flag take all words up to the next one.
  const isVariadic = command.registeredArguments.length === 0;
  for (const [heading, groupKeys] of SETTING_GROUPS) {
    for (const key of groupKeys.filter((candidate) => keys.includes(candidate) && SETTINGS[candidate].hasFlag)) {
      for (const option of createOptions(key, name, isVariadic)) command.addOption(option.helpGroup(`${heading}:`));
    }
  }
  const config = new Option("--config <FILE>", "Read settings from a YAML file.").helpGroup("Configuration:");
  return command.addOption(config).addHelpText("after", CONFIGURATION_FOOTER);
}

const CONFIGURATION_FOOTER = `
Every option has an environment variable (--log-level: PENSTOCK_LOG_LEVEL, lists with commas) and a key in the file of
--config (log-level). Flags win over the environment, the environment over the file.`;

function createOptions(key: SettingKey, name: CommandName, isVariadic: boolean): Option[] {
  const { valueName, isList, description } = SETTINGS[key];
  const defaults = COMMAND_SETTINGS[name].defaults[key] ?? SETTINGS[key].defaults;
  if (valueName === null) {
    const on = new Option(`--${key}`, description);
    const off = new Option(`--no-${key}`, negate(description));
    // The form that says what holds anyway is there to win over the environment and the file.
    return defaults[0] === "true" ? [off, on.hideHelp()] : [on, off.hideHelp()];
  }
  const text = defaults.length === 0 ? description : `${description} (default: ${defaults.join(", ")})`;
  const option = new Option(`--${key} <${valueName}${isList && isVariadic ? "..." : ""}>`, text);
  if (isList) option.argParser(collect);
  return [option];
}

/** Adds up the values of a flag that repeats. */
export function collect(value: string, previous: readonly string[] | undefined): readonly string[] {
  return [...(previous ?? []), value];
}

function negate(description: string): string {
  return `Do not ${description.slice(0, 1).toLowerCase()}${description.slice(1)}`;
}

/** What the flags of a parsed command set; those that were not given are left out. */
function readFlags(command: Command, name: CommandName): RawSettings {
  const raw = new Map<SettingKey, RawSetting>();
  for (const key of COMMAND_SETTINGS[name].keys) {
    const option = command.options.find((candidate) => candidate.long === `--${key}`);
    if (option === undefined || command.getOptionValueSource(option.attributeName()) !== "cli") continue;
    const value: unknown = command.getOptionValue(option.attributeName());
    const texts = Array.isArray(value) ? value.map(String) : [String(value)];
    raw.set(key, { texts, origin: value === false ? `--no-${key}` : `--${key}` });
  }
  return raw;
}

/** What a command runs with; `warnings` are to be logged. */
export interface CommandOptions {
  readonly options: Options;
  readonly warnings: readonly string[];
}

/** Throws CommandFailure, with one line for each mistake, where anything that was written is wrong. */
export async function loadCommandOptions(command: Command, name: CommandName): Promise<CommandOptions> {
  const config: unknown = command.getOptionValue("config");
  const loaded = await loadOptions({
    command: name,
    flags: readFlags(command, name),
    environment: process.env,
    configFile: typeof config === "string" ? config : null,
    machine: { parallelism: availableParallelism() },
  });
  if (loaded.ok) return loaded;
  throw usageFailure(
    ...loaded.problems.map((problem) =>
      problem.startsWith("--") ? `${problem}; see 'penstock ${name} --help'` : problem,
    ),
  );
}
