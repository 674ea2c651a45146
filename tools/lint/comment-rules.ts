// Two lint rules about comments: every file says what it owns, every lint exemption says why.
import type { LintRule } from "./lint-types.ts";

const SHEBANG_LINE = /^#![^\n]*\n/;
const DISABLE = /^\s*(?:oxlint|eslint)-disable/;
const DESCRIBED_DISABLE = / -- \S/;

export const fileHeader: LintRule = {
  meta: { docs: { description: "a file starts with a comment: what it owns and what it must not do" } },
  create(context) {
    return {
      Program(node) {
        // A test file says what it is about by its name and its tests' names.
        if (context.filename.endsWith(".test.ts")) return;
        const text = context.sourceCode.text.replace(SHEBANG_LINE, "");
        if (!text.startsWith("// ") && !text.startsWith("/*")) {
          context.report({
            node,
            message: "start the file with one to three comment lines: what it owns, what it must not do",
          });
        }
      },
    };
  },
};

export const describedDisable: LintRule = {
  meta: { docs: { description: "a lint exemption ends in ` -- ` and its reason" } },
  create(context) {
    return {
      Program() {
        for (const comment of context.sourceCode.getAllComments()) {
          if (DISABLE.test(comment.value) && !DESCRIBED_DISABLE.test(comment.value)) {
            context.report({ node: comment, message: "say why after ` -- `" });
          }
        }
      },
    };
  },
};
