// The part of oxlint's plugin API (ESLint's) that our rules use. The linter exports these types only for its rule tester.

/** A node of the syntax tree, reduced to the fields that some rule reads. */
export interface LintNode {
  readonly type: string;
  readonly source?: LintNode | null;
  readonly argument?: LintNode | null;
  readonly value?: unknown;
  readonly importKind?: "type" | "value";
  readonly exportKind?: "type" | "value";
}

interface LintComment {
  readonly type: string;
  readonly value: string;
  readonly range: readonly [number, number];
}

interface LintReport {
  readonly node: LintNode | LintComment;
  readonly message: string;
}

interface LintContext {
  /** Absolute. */
  readonly filename: string;
  readonly sourceCode: { readonly text: string; getAllComments(): readonly LintComment[] };
  report(report: LintReport): void;
}

type LintVisitor = Readonly<Record<string, (node: LintNode) => void>>;

export interface LintRule {
  readonly meta: { readonly docs: { readonly description: string } };
  create(context: LintContext): LintVisitor;
}
