// Reads `--config FILE`: YAML against a schema made from the table of settings. Every problem names file and line.
import { open } from "node:fs/promises";
import { LineCounter, isCollection, isMap, isScalar, parseDocument } from "yaml";
import type { Document } from "yaml";
import type { core } from "zod";
import { FILE_SECTIONS, fileSchema } from "./file-schema.ts";
import type { FileScalar } from "./file-schema.ts";
import type { RawSetting, RawSettings } from "./raw-settings.ts";
import { SETTING_KEYS } from "./settings.ts";
import type { SettingKey } from "./settings.ts";
import { didYouMean } from "./suggest.ts";

export interface ConfigFile {
  readonly settings: RawSettings;
  /** One line each; not empty: the file is not to be used, and `settings` are those that have no problem of this kind. */
  readonly problems: readonly string[];
}

/** Far more than all settings need. */
const MAX_FILE_BYTES = 1_048_576;

export async function readConfigFile(path: string): Promise<ConfigFile> {
  const outcome = await readBounded(path);
  return "problem" in outcome ? failed(`${path}: ${outcome.problem}`) : parseConfigFile(path, outcome.text);
}

function parseConfigFile(path: string, text: string): ConfigFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [syntaxError] = document.errors;
  if (syntaxError !== undefined) {
    const line = lines.linePos(syntaxError.pos[0]).line;
    return failed(`${path}:${line}: is not valid YAML: ${firstLine(syntaxError.message)}`);
  }
  const content = readContent(document);
  if (content === undefined) return failed(`${path}: has too many YAML aliases: write the values out`);
  if (content === null) return { settings: new Map(), problems: [] };
  const locate: Locate = (keys) => `${path}:${lineOf(document, lines, keys)}`;
  const checked = fileSchema.safeParse(content);
  if (!checked.success) {
    const problems = checked.error.issues.flatMap((issue) => describeIssue(issue, locate));
    // What has its right shape is judged by its value all the same, so that everything is told at once.
    const misshapen = new Set(checked.error.issues.map((issue) => issue.path.map(String).join(".")));
    return { settings: flatten(content, misshapen, locate), problems: problems.toSorted(byLine) };
  }
  return { settings: flatten(checked.data, new Set(), locate), problems: [] };
}

/** Problems of one file differ first in their line number. */
const byLine: (left: string, right: string) => number = new Intl.Collator("en", { numeric: true }).compare;

type Locate = (keys: readonly PropertyKey[]) => string;

function failed(...problems: string[]): ConfigFile {
  return { settings: new Map(), problems };
}

async function readBounded(path: string): Promise<{ text: string } | { problem: string }> {
  try {
    await using file = await open(path, "r");
    const stat = await file.stat();
    if (stat.isDirectory()) return { problem: "is a folder: give a file to --config" };
    const buffer = Buffer.alloc(MAX_FILE_BYTES + 1);
    let length = 0;
    for (;;) {
      const { bytesRead } = await file.read(buffer, length, buffer.length - length);
      length += bytesRead;
      if (length > MAX_FILE_BYTES) return { problem: "is larger than 1 MiB: this is not a configuration of Penstock" };
      if (bytesRead === 0) break;
    }
    return { text: buffer.toString("utf8", 0, length) };
  } catch (error) {
    return { problem: describeReadError(error) };
  }
}

function describeReadError(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (code === "ENOENT") return "there is no such file: check the path given to --config";
  if (code === "EACCES") return "may not be read by this user: check its permissions";
  return `could not be read (${code}): check the path given to --config`;
}

/** Undefined: aliases that expand without bound. */
function readContent(document: Document): unknown {
  try {
    return document.toJS();
  } catch {
    return undefined;
  }
}

function firstLine(message: string): string {
  return message.split("\n", 1)[0] ?? "";
}

/** The line of a key's entry, or of the deepest part of the path that is there. */
function lineOf(document: Document, lines: LineCounter, keys: readonly PropertyKey[]): number {
  let node: unknown = document.contents;
  let offset = isCollection(node) || isScalar(node) ? (node.range?.[0] ?? 0) : 0;
  for (const key of keys) {
    if (!isCollection(node)) break;
    const pair = isMap(node) ? node.items.find((item) => isScalar(item.key) && item.key.value === key) : undefined;
    const child: unknown = pair === undefined ? node.get(key, true) : pair.value;
    const start = pair !== undefined && isScalar(pair.key) ? pair.key : child;
    if (!isCollection(start) && !isScalar(start)) break;
    offset = start.range?.[0] ?? offset;
    node = child;
  }
  return lines.linePos(offset).line;
}

function describeIssue(issue: core.$ZodIssue, locate: Locate): string[] {
  if (issue.code === "unrecognized_keys") {
    const parent = issue.path.map(String);
    return issue.keys.map((key) => {
      const name = [...parent, key].join(".");
      const place = `${locate([...issue.path, key])}: ${name}`;
      if (key.includes(".") && SETTING_KEYS.some((known) => known === name)) {
        const [section, rest] = [key.slice(0, key.indexOf(".")), key.slice(key.indexOf(".") + 1)];
        return `${place}: is written as a section: "${section}:", and "${rest}:" indented in the next line`;
      }
      if (key.startsWith("no-")) return `${place}: is not a setting: write "${key.slice(3)}: false"`;
      return `${place}: is not a setting${suggestKey(key, parent)}`;
    });
  }
  const name = issue.path.map(String).join(".");
  return [`${locate(issue.path)}: ${name === "" ? "" : `${name}: `}${issue.message}`];
}

/** The closest key of the same section, else of any: `max-connections` belongs under `limits`. */
function suggestKey(key: string, parent: readonly string[]): string {
  const prefix = parent.length === 0 ? "" : `${parent.join(".")}.`;
  const siblings = SETTING_KEYS.filter((known) => known.startsWith(prefix));
  const elsewhere = SETTING_KEYS.find((known) => known.endsWith(`.${key}`));
  if (elsewhere !== undefined && prefix === "") return ` (did you mean ${elsewhere}?)`;
  return didYouMean(prefix + key, prefix === "" ? [...siblings, ...FILE_SECTIONS] : siblings);
}

/** @param misshapen keys, and sections, whose values are left out. */
function flatten(content: unknown, misshapen: ReadonlySet<string>, locate: Locate): RawSettings {
  const raw = new Map<SettingKey, RawSetting>();
  for (const key of SETTING_KEYS) {
    const path = key.split(".");
    if (misshapen.has(key)) continue;
    const value = path.reduce<unknown>((part, name) => (isRecord(part) ? part[name] : undefined), content);
    if (value === undefined) continue;
    const texts = (Array.isArray(value) ? value : [value]).map((one: FileScalar) => String(one));
    raw.set(key, { texts, origin: `${locate(path)}: ${key}` });
  }
  return raw;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
