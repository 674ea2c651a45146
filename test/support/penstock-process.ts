// Runs the program as a user does, in a process of its own, and waits for what it says. Knows no commands.
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, mkdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

/** Far longer than a start takes, since many tests share the machine; whoever is silent for so long has failed. */
const PATIENCE_MS = 120_000;

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ProcessOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Flags for node itself. */
  readonly execArgv?: readonly string[];
  /** Nobody reads standard output, as with a log shipper that hangs. */
  readonly isStdoutUnread?: boolean;
  /** User to run as; only root may choose another one. */
  readonly uid?: number;
}

/** A running program. It is killed at the end of its test at the latest. */
export class PenstockProcess {
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown>;
  readonly #waiters = new Set<() => void>();
  #stdout = "";
  #stderr = "";
  #isClosed = false;

  constructor(context: TestContext, args: readonly string[], options: ProcessOptions = {}) {
    const environment = Object.entries(process.env).filter(([name]) => !name.startsWith("PENSTOCK_"));
    this.#child = spawn(process.execPath, [...(options.execArgv ?? []), MAIN, ...args], {
      cwd: options.cwd,
      env: { ...Object.fromEntries(environment), NODE_TEST_CONTEXT: undefined, ...options.env },
      stdio: ["ignore", "pipe", "pipe"],
      ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.uid }),
    });
    if (options.isStdoutUnread !== true) {
      this.#child.stdout?.setEncoding("utf8").on("data", (text: string) => {
        this.#stdout += text;
        this.#wake();
      });
    }
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr += text;
      this.#wake();
    });
    // Output that nobody reads never ends.
    const lastEvent = options.isStdoutUnread === true ? "exit" : "close";
    this.#closed = once(this.#child, lastEvent);
    this.#child.once(lastEvent, () => {
      this.#isClosed = true;
      this.#wake();
    });
    context.after(async () => {
      this.#child.kill("SIGKILL");
      await this.#closed;
    });
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Resolves with the first match on standard error; fails where the process ends or stays silent instead. */
  waitForStderr(pattern: RegExp): Promise<RegExpExecArray> {
    return this.#waitFor(() => pattern.exec(this.#stderr), `on standard error: ${String(pattern)}`);
  }

  /** As `waitForStderr`, on standard output. */
  waitForStdout(pattern: RegExp): Promise<RegExpExecArray> {
    return this.#waitFor(() => pattern.exec(this.#stdout), `on standard output: ${String(pattern)}`);
  }

  /** Resolves when the process has ended and all its output is there. */
  async ended(): Promise<Outcome> {
    await this.#waitFor(() => (this.#isClosed ? true : null), "the end of the process");
    return { code: this.#child.exitCode, stdout: this.#stdout, stderr: this.#stderr };
  }

  #waitFor<Found>(look: () => Found | null, what: string): Promise<Found> {
    const { promise, resolve, reject } = Promise.withResolvers<Found>();
    const settle = (finish: () => void): void => {
      clearTimeout(timer);
      this.#waiters.delete(check);
      finish();
    };
    const check = (): void => {
      const found = look();
      if (found !== null) settle(() => resolve(found));
      else if (this.#isClosed) settle(() => reject(new Error(`the process ended without ${what}\n${this.#output()}`)));
    };
    const timer = setTimeout(
      () => settle(() => reject(new Error(`waited too long for ${what}\n${this.#output()}`))),
      PATIENCE_MS,
    );
    this.#waiters.add(check);
    check();
    return promise;
  }

  #wake(): void {
    for (const check of this.#waiters) check();
  }

  #output(): string {
    return `--- standard output\n${this.#stdout}--- standard error\n${this.#stderr}`;
  }
}

/** Runs a command to its end. */
export function runPenstock(
  context: TestContext,
  args: readonly string[],
  options: ProcessOptions = {},
): Promise<Outcome> {
  return new PenstockProcess(context, args, options).ended();
}

/** A folder with these files, removed after the test. */
export async function createFolder(context: TestContext, files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "penstock-cli-"));
  context.after(() => rm(folder, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
  }
  return folder;
}
