// Preloaded with --import: says on standard error whether a worker thread can turn a string into code.
import { writeSync } from "node:fs";
import { isMainThread } from "node:worker_threads";

const STANDARD_ERROR = 2;

function describeAttempt(): string {
  try {
    // oxlint-disable-next-line no-new-func, typescript/no-implied-eval, typescript/no-unsafe-call -- what must fail
    return String(new Function("return 'allowed'")());
  } catch (error) {
    return error instanceof EvalError ? "refused" : String(error);
  }
}

if (!isMainThread) writeSync(STANDARD_ERROR, `code generation in a worker: ${describeAttempt()}\n`);
