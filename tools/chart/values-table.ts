// The table of values for docs/guide/helm-values.md, made from the comments in values.yaml.
import { isMap, isScalar, parseDocument } from "yaml";
import type { Node, Pair } from "yaml";

/** A row of the table, or with `heading` the start of a new table. */
interface Row {
  readonly path: string;
  readonly defaultText: string;
  readonly meaning: string;
}

interface Section {
  readonly heading: string;
  readonly rows: Row[];
}

/** Keys without a text: every value has to be explained, or stand below one that is. */
export interface ValuesTable {
  readonly markdown: string;
  readonly paths: readonly string[];
  readonly unexplained: readonly string[];
}

const HEADING = /^## (.+)$/;
const COMMENT = /^( *)# (.+)$/;
const KEY = /^( *)([A-Za-z]+):/;

/** Comments by the path of the key below them, and the heading that each top-level key stands under. */
function readComments(text: string): { comments: Map<string, string>; headings: Map<string, string> } {
  const comments = new Map<string, string>();
  const headings = new Map<string, string>();
  const path: { indent: number; key: string }[] = [];
  let heading = "";
  let pending: string[] = [];
  for (const line of text.split("\n")) {
    const [, title] = HEADING.exec(line) ?? [];
    const [, , comment] = COMMENT.exec(line) ?? [];
    const [, indent = "", key] = KEY.exec(line) ?? [];
    if (title !== undefined) heading = title;
    else if (comment !== undefined) pending.push(comment);
    else if (key !== undefined) {
      while ((path.at(-1)?.indent ?? -1) >= indent.length) path.pop();
      path.push({ indent: indent.length, key });
      const name = path.map((part) => part.key).join(".");
      if (pending.length > 0) comments.set(name, pending.join(" "));
      headings.set(name, heading);
    }
    if (comment === undefined) pending = [];
  }
  return { comments, headings };
}

function isPair(item: unknown): item is Pair<Node, Node | null> {
  return typeof item === "object" && item !== null && "key" in item;
}

export function renderValuesTable(valuesYaml: string): ValuesTable {
  const { comments, headings } = readComments(valuesYaml);
  const sections: Section[] = [];
  const paths: string[] = [];
  const unexplained: string[] = [];
  const hasExplainedChild = (path: string): boolean =>
    comments.keys().some((candidate) => candidate.startsWith(`${path}.`));

  const visit = (node: unknown, prefix: string): void => {
    if (!isMap(node)) return;
    for (const item of node.items) {
      if (!isPair(item) || !isScalar(item.key)) continue;
      const path = `${prefix}${String(item.key.value)}`;
      paths.push(path);
      if (hasExplainedChild(path)) {
        visit(item.value, `${path}.`);
        continue;
      }
      const meaning = comments.get(path);
      if (meaning === undefined) unexplained.push(path);
      const heading = headings.get(path) ?? "";
      if (sections.at(-1)?.heading !== heading) sections.push({ heading, rows: [] });
      const defaultText = JSON.stringify(item.value?.toJSON() ?? null);
      sections.at(-1)?.rows.push({ path, defaultText, meaning: meaning ?? "" });
    }
  };
  visit(parseDocument(valuesYaml).contents, "");
  return { markdown: sections.map(renderSection).join("\n"), paths, unexplained };
}

function renderSection({ heading, rows }: Section): string {
  const cells = rows.map((row) => [
    `\`${row.path}\``,
    row.defaultText === '""' ? "" : `\`${escape(row.defaultText)}\``,
    escape(row.meaning),
  ]);
  const header = ["value", "default", "meaning"];
  const widths = header.map((title, column) =>
    Math.max(title.length, ...cells.map((row) => (row[column] ?? "").length)),
  );
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  const rule = `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`;
  return [`### ${heading}`, "", line(header), rule, ...cells.map(line), ""].join("\n");
}

function escape(cell: string): string {
  return cell.replaceAll("|", "\\|");
}
