// What happens in the data plane and to the configuration, as log lines for an operator. Decides what is worth a line and
// at which level; formats and destinations are the logger's.
import type { WorkerObserver } from "../../dataplane/worker-link.ts";
import type { PublishOutcome } from "../../dataplane/publisher.ts";
import type { SupervisorEvent } from "../../dataplane/supervisor.ts";
import type { Diagnostic, Severity } from "../../ir/diagnostic.ts";
import type { DiagnosticChange } from "../../reconcile/diagnostic-ledger.ts";
import type { Logger } from "../../telemetry/log.ts";
import { formatDiagnostic } from "../manifests/diagnostic-report.ts";

/** Diagnostics of one change that get a line each; a folder full of mistakes must not flood the log. */
const MAX_DIAGNOSTIC_LINES = 100;

const LEVEL_BY_SEVERITY = { error: "error", warning: "warn", info: "debug" } as const satisfies Record<
  Severity,
  string
>;

export class EventLog {
  readonly #logger: Logger;
  /** Passes on the log lines of workers. */
  readonly workerObserver: WorkerObserver;

  constructor(logger: Logger) {
    this.#logger = logger;
    this.workerObserver = {
      workerAnswered: (link, message) => {
        if (message.type !== "log") return;
        logger[message.level]({ worker: link.workerId, ...message.fields }, message.message);
      },
    };
  }

  workerEvent(event: SupervisorEvent): void {
    const { workerId: worker } = event;
    if (event.type === "worker-listening") this.#logger.debug({ worker }, "worker listens");
    else if (event.type === "worker-restarted") this.#logger.info({ worker }, "worker started again");
    else if (event.reason.cause === "stopped") this.#logger.debug({ worker }, "worker ended");
    else {
      const { cause, detail } = event.reason;
      const next =
        event.restartInMs === null
          ? ""
          : `; it is started again in ${Math.ceil(event.restartInMs)} ms, the others go on`;
      this.#logger.error({ worker, cause, detail }, `worker ended unasked${next}`);
    }
  }

  published({ generation, state, durationMs }: PublishOutcome): void {
    if (state !== "programmed") return;
    this.#logger.info({ generation, durationMs: Math.round(durationMs) }, "every worker serves the new configuration");
  }

  diagnosed({ added, resolved }: DiagnosticChange): void {
    for (const diagnostic of added.slice(0, MAX_DIAGNOSTIC_LINES)) this.#diagnostic(diagnostic);
    const unsaid = added.length - MAX_DIAGNOSTIC_LINES;
    if (unsaid > 0) this.#logger.warn(`${unsaid} more diagnostics: 'penstock check' lists all of them`);
    for (const diagnostic of resolved.slice(0, MAX_DIAGNOSTIC_LINES)) {
      const level = diagnostic.severity === "info" ? "debug" : "info";
      this.#logger[level]({ reason: diagnostic.reason }, `resolved: ${formatDiagnostic(diagnostic)}`);
    }
  }

  translationFailed(error: unknown): void {
    this.#logger.error(
      { error },
      "a fault of Penstock itself: the configuration could not be translated; the last one stays",
    );
  }

  accessLogDropped(lines: number): void {
    this.#logger.warn({ lines }, "access-log lines were dropped: nobody reads standard output fast enough");
  }

  #diagnostic(diagnostic: Diagnostic): void {
    const { severity, reason } = diagnostic;
    this.#logger[LEVEL_BY_SEVERITY[severity]]({ reason }, formatDiagnostic(diagnostic));
  }
}
