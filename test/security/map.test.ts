// The README's map from attacks to tests is true: every file and every test that it names exists.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";

const ROOT = path.resolve(import.meta.dirname, "../..");

test("every line of the map names tests that exist, or says why there is none", () => {
  const readme = readFileSync(path.join(import.meta.dirname, "README.md"), "utf8");
  const lines = readme.split("\n").filter((line) => /^\| [^-]/.test(line) && !line.startsWith("| attack "));
  assert.ok(lines.length > 40, `only ${lines.length} lines found`);
  for (const line of lines) {
    const shown = line.slice(line.lastIndexOf("| ", line.length - 3) + 2, -2).trim();
    if (shown.startsWith("not yet: ")) continue;
    const [, file, name] = /^`([^`]+)`(?: "(.+)")?$/.exec(shown) ?? [];
    assert.ok(file !== undefined, `cannot be read: ${line}`);
    assert.ok(existsSync(path.join(ROOT, file)), `${file} does not exist`);
    if (name === undefined) continue;
    const source = readFileSync(path.join(ROOT, file), "utf8");
    const isThere = ['"', "`"].some((quote) => source.includes(`${quote}${name}`));
    assert.ok(isThere, `${file} has no test "${name}"`);
  }
});
