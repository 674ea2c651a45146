// The schema of `--config FILE`, made from the table of settings: which keys there are and what shape their values have.
// What the texts mean is checked afterwards, in the same way as for flags and environment.
import { z } from "zod";
import { SETTINGS, SETTING_KEYS } from "./settings.ts";
import type { SettingKey } from "./settings.ts";

// zod would otherwise compile its checks with `new Function`, which the product runs without.
z.config({ jitless: true });

export type FileScalar = string | number | boolean;

/** A value as the file holds it: one scalar, or several for a list. */
export type FileValue = FileScalar | readonly FileScalar[];

/** Values by key; keys with a dot (`limits.max-connections`) stand in a section of their own. */
export interface FileContent {
  readonly [key: string]: FileValue | FileContent;
}

const scalar = z.union([z.string(), z.number(), z.boolean()]);

/** For example `http: must be ADDR or a list of them: write http: [":8080"]`; the caller puts the key in front. */
function describeShape(key: SettingKey): string {
  const { isList, valueName, example } = SETTINGS[key];
  const name = key.slice(key.indexOf(".") + 1);
  const what = valueName ?? "true or false";
  return isList
    ? `must be ${what} or a list of them: write for example ${name}: ["${example}"]`
    : `must be ${what}: write for example ${name}: ${example}`;
}

function valueSchema(key: SettingKey): z.ZodType<FileValue> {
  const { isList, valueName } = SETTINGS[key];
  const error = describeShape(key);
  if (valueName === null) return z.boolean({ error });
  if (!isList) return z.union([z.string(), z.number()], { error });
  return z.union([scalar, z.array(scalar)], { error });
}

/** `section` is `""` for the top of the file. */
function sectionSchema(section: string, nested: Readonly<Record<string, z.ZodType>>): z.ZodType<FileContent> {
  const entries = SETTING_KEYS.map((key): [string[], SettingKey] => [key.split("."), key])
    .filter(([path]) => path.slice(0, -1).join(".") === section)
    .map(([path, key]): [string, z.ZodType] => [path.at(-1) ?? key, valueSchema(key).optional()]);
  const error = section === "" ? "must be keys with values, for example http: :8080" : "must hold keys with values";
  return z.strictObject(
    { ...Object.fromEntries(entries), ...nested },
    { error: (issue) => (issue.code === "invalid_type" ? error : undefined) },
  ) as unknown as z.ZodType<FileContent>;
}

/** Sections that keys with a dot stand in. */
export const FILE_SECTIONS: readonly string[] = ["limits"];

export const fileSchema: z.ZodType<FileContent> = sectionSchema(
  "",
  Object.fromEntries(FILE_SECTIONS.map((section) => [section, sectionSchema(section, {}).optional()])),
);
