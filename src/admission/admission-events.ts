// What happens at the webhook, as facts and as log lines for an operator.
import type { ObjectReference } from "../ir/names.ts";
import { formatName } from "../ir/names.ts";
import type { RegistrationEvent } from "../source/kubernetes/webhook-registration/webhook-registration.ts";
import type { Logger } from "../telemetry/log.ts";

/** How a request ended. `unchecked`: allowed without a look; `rejected`: it was no review, or there was no room for it. */
export type ReviewOutcome = "allowed" | "denied" | "unchecked" | "rejected";

export interface ReviewEvent {
  readonly type: "reviewed";
  readonly outcome: ReviewOutcome;
  /** Null where it is none of ours, or was not looked at. */
  readonly object: ObjectReference | null;
  /** Why it was not checked, or not taken; `""` for a verdict. */
  readonly detail: string;
  /** From the first byte of the request to the answer, in milliseconds. */
  readonly durationMs: number;
}

/** A fault of ours while judging; the object was allowed. */
export interface ReviewFault {
  readonly type: "review-failed";
  readonly error: unknown;
}

export type AdmissionEvent = ReviewEvent | ReviewFault | RegistrationEvent;

export function createAdmissionLog(logger: Logger): (event: AdmissionEvent) => void {
  return (event) => logEvent(event, logger);
}

function logEvent(event: AdmissionEvent, logger: Logger): void {
  switch (event.type) {
    case "reviewed":
      logReview(event, logger);
      return;
    case "review-failed":
      logger.error({ error: event.error }, "a fault of Penstock itself: an object was allowed without a check");
      return;
    case "certificate-written": {
      const { change, replacedFault } = event;
      const instead = replacedFault === null ? "" : `, because the Secret ${replacedFault}`;
      logger[replacedFault === null ? "info" : "warn"](
        { change },
        `wrote the admission webhook's certificate${instead}`,
      );
      return;
    }
    case "bundle-written":
      logger.info({ entries: event.entries }, "wrote the admission webhook's authorities for the API server");
      return;
    case "registration-failed":
      logger.error(`the admission webhook is not registered: ${event.problem}; trying again`);
      return;
    case "registration-recovered":
      logger.info("the admission webhook is registered again");
      return;
  }
}

function logReview({ outcome, object, detail, durationMs }: ReviewEvent, logger: Logger): void {
  const fields = {
    outcome,
    durationMs: Math.round(durationMs * 10) / 10,
    ...(object === null ? {} : { object: `${object.kind} ${formatName(object)}` }),
    ...(detail === "" ? {} : { detail }),
  };
  // Whoever was refused knows it; whoever was waved through does not.
  const level = outcome === "unchecked" || outcome === "rejected" ? "warn" : "debug";
  logger[level](fields, `admission review: ${outcome}`);
}
