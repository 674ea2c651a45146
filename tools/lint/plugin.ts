// Penstock's own lint rules, loaded by oxlint (.oxlintrc.jsonc, jsPlugins).
import { describedDisable, fileHeader } from "./comment-rules.ts";
import { importRules } from "./import-rules.ts";
import type { LintRule } from "./lint-types.ts";

interface LintPlugin {
  readonly meta: { readonly name: string };
  readonly rules: Readonly<Record<string, LintRule>>;
}

const plugin: LintPlugin = {
  meta: { name: "penstock" },
  rules: { "import-rules": importRules, "file-header": fileHeader, "described-disable": describedDisable },
};

// oxlint-disable-next-line import/no-default-export -- the linter loads a plugin by its default export
export default plugin;
