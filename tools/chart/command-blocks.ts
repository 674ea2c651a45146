// Finds the blocks of shell commands in a guide, and who is to run them.

/** `never` is for what needs a registry or a cloud of the reader's. */
export type Mark = "cluster" | "kind" | "never";

export interface CommandBlock {
  readonly mark: Mark;
  readonly commands: string;
  /** Of the fence, from 1. */
  readonly line: number;
}

const FENCE = /^```(\S*) ?(.*)$/;
const MARKS: ReadonlySet<string> = new Set<Mark>(["cluster", "kind", "never"]);

/** Throws where a block of commands does not say who runs it, so that none is forgotten. */
export function readCommandBlocks(markdown: string): readonly CommandBlock[] {
  const blocks: CommandBlock[] = [];
  let open: { mark: Mark | null; commands: string[]; line: number } | null = null;
  for (const [index, text] of markdown.split("\n").entries()) {
    const [, language, attributes = ""] = FENCE.exec(text) ?? [];
    if (language === undefined) {
      open?.commands.push(text);
    } else if (open === null) {
      open = { mark: language === "sh" ? markOf(attributes, index + 1) : null, commands: [], line: index + 1 };
    } else {
      if (open.mark !== null) blocks.push({ mark: open.mark, commands: open.commands.join("\n"), line: open.line });
      open = null;
    }
  }
  return blocks;
}

function markOf(attributes: string, line: number): Mark {
  const [, mark = ""] = /^run=(\w+)$/.exec(attributes) ?? [];
  if (!MARKS.has(mark)) throw new Error(`line ${line}: write run=cluster, run=kind or run=never after \`\`\`sh`);
  return mark as Mark;
}
