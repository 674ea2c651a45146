// What is worth a log line, and at which level.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Diagnostic } from "../../ir/diagnostic.ts";
import { createLogger } from "../../telemetry/log.ts";
import { EventLog } from "./event-log.ts";

interface Line {
  readonly level: string;
  readonly message: string;
  readonly [field: string]: unknown;
}

function recordingLog(): { readonly events: EventLog; readonly lines: Line[] } {
  const lines: Line[] = [];
  const destination = { write: (line: string) => void lines.push(JSON.parse(line) as Line) };
  return { events: new EventLog(createLogger({ level: "debug", destination })), lines };
}

function diagnostic(severity: Diagnostic["severity"], message: string): Diagnostic {
  return { severity, reason: "PathInvalid", object: null, field: "", message, hint: "", location: null };
}

describe("the event log", () => {
  it("tells new diagnostics by their severity, and resolved ones", () => {
    const { events, lines } = recordingLog();
    events.diagnosed({
      added: [diagnostic("error", "a"), diagnostic("warning", "b"), diagnostic("info", "c")],
      resolved: [diagnostic("error", "d"), diagnostic("info", "e")],
    });
    assert.deepEqual(
      lines.map(({ level, message, reason }) => [level, message, reason]),
      [
        ["error", "error: a", "PathInvalid"],
        ["warn", "warning: b", "PathInvalid"],
        ["debug", "info: c", "PathInvalid"],
        ["info", "resolved: error: d", "PathInvalid"],
        ["debug", "resolved: info: e", "PathInvalid"],
      ],
    );
  });

  it("is not flooded by a folder full of mistakes", () => {
    const { events, lines } = recordingLog();
    const added = Array.from({ length: 5_000 }, (_, i) => diagnostic("error", `mistake ${i}`));
    events.diagnosed({ added, resolved: [] });
    assert.equal(lines.length, 101);
    assert.match(lines.at(-1)?.message ?? "", /^4900 more diagnostics: 'penstock check'/);
  });

  it("passes on what workers say", () => {
    const { events, lines } = recordingLog();
    events.workerObserver.workerAnswered?.(
      { workerId: 3, post: () => {} },
      { type: "log", level: "warn", message: "a certificate is unusable", fields: { certificate: "shop/tls" } },
    );
    assert.deepEqual(
      lines.map(({ level, worker, certificate, message }) => ({ level, worker, certificate, message })),
      [{ level: "warn", worker: 3, certificate: "shop/tls", message: "a certificate is unusable" }],
    );
  });

  it("tells a worker that died from one that was stopped", () => {
    const { events, lines } = recordingLog();
    const died = { cause: "crashed", detail: "boom" } as const;
    events.workerEvent({ type: "worker-stopped", workerId: 1, reason: died, restartInMs: 99.2 });
    events.workerEvent({
      type: "worker-stopped",
      workerId: 0,
      reason: { cause: "stopped", detail: "" },
      restartInMs: null,
    });
    assert.deepEqual(
      lines.map(({ level, message }) => [level, message]),
      [
        ["error", "worker ended unasked; it is started again in 100 ms, the others go on"],
        ["debug", "worker ended"],
      ],
    );
  });

  it("shows a fault of ours with its stack", () => {
    const { events, lines } = recordingLog();
    events.translationFailed(new Error("cannot happen"));
    const [line = { level: "none", message: "" }] = lines;
    assert.equal(line.level, "error");
    const { stack } = line["error"] as { readonly stack: string };
    assert.match(stack, /cannot happen\n +at /);
  });
});
