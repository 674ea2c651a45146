// Runs helm and reads what it prints. The only place that knows where helm is.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { parseAllDocuments } from "yaml";

const run = promisify(execFile);

const MAX_OUTPUT_BYTES = 16_777_216;

/** One line for a person who lacks helm. */
const HELM_MISSING = "helm is needed: install it (https://helm.sh/docs/intro/install), or name the program in HELM_BIN";

export class HelmError extends Error {
  override readonly name = "HelmError";
}

/** Standard output of `helm`; throws HelmError with what helm had to say. */
export async function runHelm(...args: readonly string[]): Promise<string> {
  try {
    const { stdout } = await run(process.env["HELM_BIN"] ?? "helm", args, { maxBuffer: MAX_OUTPUT_BYTES });
    return stdout;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    if ("code" in error && error.code === "ENOENT") throw new HelmError(HELM_MISSING, { cause: error });
    throw new HelmError("stderr" in error ? String(error.stderr) : error.message, { cause: error });
  }
}

/** Objects of a stream of YAML documents, without empty ones. Throws where a document is not YAML or has a key twice. */
export function parseObjects(text: string): readonly unknown[] {
  return parseAllDocuments(text).flatMap((document) => {
    if ("empty" in document) return [];
    const [error] = document.errors;
    if (error !== undefined) throw error;
    const content: unknown = document.toJS();
    return content === null ? [] : [content];
  });
}
