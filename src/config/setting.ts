// What a setting is: how it is written in flags, environment and file, and how its text becomes a value.
import { parsed, refused } from "./parsed.ts";
import type { Parsed } from "./parsed.ts";
import { parseSwitch } from "./values/words.ts";

/** Facts about the machine that values may refer to (`--workers auto`). */
export interface Machine {
  /** Threads that can run at once. */
  readonly parallelism: number;
}

export interface SettingText {
  /** A noun or an imperative, as help and reference print it. */
  readonly description: string;
  /** How the value is called in help, for example `ADDR`; null for a switch, which takes none. */
  readonly valueName: string | null;
  /** What a right value looks like. */
  readonly example: string;
  /** As a person would write it; empty: not set. */
  readonly defaults: readonly string[];
  /** False: only a key and an environment variable, for what few people change. */
  readonly hasFlag: boolean;
}

export interface Setting<Value> extends SettingText {
  readonly isList: boolean;
  compile(texts: readonly string[], machine: Machine): Parsed<Value>;
}

type ParseOne<Value> = (text: string, machine: Machine) => Parsed<Value>;

/** The word that empties a list or clears a value that has a default. */
const OFF = "off";

/** A setting with any number of values; `off` alone means none. */
export function listSetting<Value>(text: SettingText, parseOne: ParseOne<Value>): Setting<readonly Value[]> {
  return {
    ...text,
    isList: true,
    compile(texts: readonly string[], machine: Machine): Parsed<readonly Value[]> {
      if (texts.length === 1 && texts[0] === OFF) return parsed([]);
      const values: Value[] = [];
      for (const one of texts) {
        const outcome: Parsed<Value> =
          one === OFF ? refused(`"${OFF}" stands alone: leave out the other values`) : parseOne(one, machine);
        if (!outcome.ok) return outcome;
        values.push(outcome.value);
      }
      return parsed(values);
    },
  };
}

/** A setting with exactly one value; its default must be set. */
export function singleSetting<Value>(text: SettingText, parseOne: ParseOne<Value>): Setting<Value> {
  return {
    ...text,
    isList: false,
    compile(texts: readonly string[], machine: Machine): Parsed<Value> {
      return parseOne(texts[0] ?? "", machine);
    },
  };
}

/** A setting with at most one value; unset or `off` is null. */
export function optionalSetting<Value>(text: SettingText, parseOne: ParseOne<Value>): Setting<Value | null> {
  return {
    ...text,
    isList: false,
    compile(texts: readonly string[], machine: Machine): Parsed<Value | null> {
      const [one = OFF] = texts;
      return one === OFF ? parsed(null) : parseOne(one, machine);
    },
  };
}

/** On or off. */
export function switchSetting(text: Omit<SettingText, "valueName" | "example">): Setting<boolean> {
  return singleSetting({ ...text, valueName: null, example: "true" }, parseSwitch);
}
