// The guide's table of settings is made from the table in code; this test tells when the two differ.
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { it } from "node:test";
import { SETTINGS, SETTING_GROUPS, environmentName } from "../../../src/config/settings.ts";
import type { SettingKey } from "../../../src/config/settings.ts";

const GUIDE = new URL("../../../docs/guide/configuration.md", import.meta.url);
const BEGIN = "<!-- settings: made from src/config/settings.ts -->\n";
const END = "<!-- end of settings -->";

/** Set to rewrite the guide in place of comparing it. */
const SHOULD_UPDATE = process.env["UPDATE_GUIDE"] === "1";

function renderSettings(): string {
  const sections = SETTING_GROUPS.map(([heading, keys]) => {
    const rows = keys.map(renderRow).join("\n");
    return `### ${heading}\n\n| setting | value | default | meaning |\n| --- | --- | --- | --- |\n${rows}\n`;
  });
  return `\n${sections.join("\n")}\n`;
}

function renderRow(key: SettingKey): string {
  const { valueName, defaults, description, hasFlag, isList } = SETTINGS[key];
  const flag = valueName === null && defaults[0] === "true" ? `--no-${key}` : `--${key}`;
  const names = [hasFlag ? `\`${flag}\`` : `\`${key}\``, `\`${environmentName(key)}\``].join("<br>");
  const value = valueName === null ? "`true`, `false`" : `\`${valueName}\`${isList ? " (list)" : ""}`;
  const fallback = defaults.length === 0 ? "" : `\`${defaults.join(", ")}\``;
  return `| ${names} | ${value} | ${fallback} | ${description} |`;
}

it("the configuration guide lists every setting as it is (UPDATE_GUIDE=1 rewrites it)", async () => {
  const guide = await readFile(GUIDE, "utf8");
  const begin = guide.indexOf(BEGIN) + BEGIN.length;
  const end = guide.indexOf(END);
  assert.ok(begin >= BEGIN.length && end >= begin, "the marks around the settings are gone");
  const current = renderSettings();
  if (SHOULD_UPDATE) await writeFile(GUIDE, guide.slice(0, begin) + current + guide.slice(end));
  else assert.equal(withoutPadding(guide.slice(begin, end)), withoutPadding(current));
});

/** The formatter lines up the columns of tables. */
function withoutPadding(markdown: string): string {
  return markdown.replaceAll(/ +/g, " ").replaceAll(/-{3,}/g, "---");
}
