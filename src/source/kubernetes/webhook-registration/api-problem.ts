// What the API server's refusals mean for the webhook's objects, in one line a person can act on.
import type { ApiAnswer } from "../client/api-client.ts";
import { refusalOf } from "../client/refusal.ts";

/** The API server would not do what was asked, or could not be asked; `message` is what the user reads. */
export class RegistrationProblem extends Error {
  override readonly name = "RegistrationProblem";
  /** How long the server asked us to wait; null where it did not. */
  readonly retryAfterMs: number | null;

  constructor(message: string, retryAfterMs: number | null = null) {
    super(message);
    this.retryAfterMs = retryAfterMs;
  }
}

/** `what` is for example `read Secret penstock/webhook`; `advice` is what to do about a 403 or 404. */
export function refusal(what: string, answer: ApiAnswer, advice: string): RegistrationProblem {
  const said = refusalOf(answer.status, answer.body, answer.retryAfterMs).message;
  const hint = answer.status === 403 || answer.status === 404 ? `; ${advice}` : "";
  return new RegistrationProblem(`cannot ${what}: ${answer.status}, ${said}${hint}`, answer.retryAfterMs);
}

/** The value of a field of untrusted JSON; undefined where there is none. */
export function readField(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null && Object.hasOwn(value, name)
    ? (Reflect.get(value, name) as unknown)
    : undefined;
}

/** A string of untrusted JSON; null where there is none. */
export function readText(value: unknown, name: string): string | null {
  const text = readField(value, name);
  return typeof text === "string" ? text : null;
}
