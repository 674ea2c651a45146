// What the double was told to do wrong, and which request it befalls. Holds no connections.
import type { RecordedRequest } from "./recorded-request.ts";

/** As a rule of RBAC would have it; without a namespace it holds everywhere. `"*"` stands for any. */
export interface ForbidRule {
  readonly verbs: readonly string[];
  readonly group: string;
  readonly resource: string;
  readonly namespace?: string;
}

/** Answered in place of the truth, once or `times`. */
export interface PreparedAnswer {
  /** Every field given must be equal; or a predicate. */
  readonly match: Partial<RecordedRequest> | ((request: RecordedRequest) => boolean);
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** A Status that fits `status` where missing; a string is sent as it is. */
  readonly body?: unknown;
  readonly times?: number;
}

export class Faults {
  readonly #forbidden: ForbidRule[] = [];
  readonly #answers: { readonly answer: PreparedAnswer; left: number }[] = [];

  forbid(rule: ForbidRule): void {
    this.#forbidden.push(rule);
  }

  /** Takes back what was forbidden with an equal rule, or everything. */
  allow(rule: ForbidRule | null): void {
    const equal = JSON.stringify(rule);
    const left = rule === null ? [] : this.#forbidden.filter((entry) => JSON.stringify(entry) !== equal);
    this.#forbidden.splice(0, this.#forbidden.length, ...left);
  }

  isForbidden({ verb, group, resource, subresource, namespace }: RecordedRequest): boolean {
    const full = subresource === "" ? resource : `${resource}/${subresource}`;
    return this.#forbidden.some(
      (rule) =>
        (rule.verbs.includes(verb) || rule.verbs.includes("*")) &&
        (rule.group === group || rule.group === "*") &&
        (rule.resource === full || rule.resource === "*") &&
        (rule.namespace === undefined || rule.namespace === namespace),
    );
  }

  prepare(answer: PreparedAnswer): void {
    this.#answers.push({ answer, left: answer.times ?? 1 });
  }

  /** The answer prepared for the request, which is one fewer then; null where there is none. */
  takeAnswer(request: RecordedRequest): PreparedAnswer | null {
    const found = this.#answers.find((entry) => entry.left > 0 && matches(entry.answer.match, request));
    if (found === undefined) return null;
    found.left -= 1;
    return found.answer;
  }
}

function matches(match: PreparedAnswer["match"], request: RecordedRequest): boolean {
  if (typeof match === "function") return match(request);
  return Object.entries(match).every(([field, value]) => request[field as keyof RecordedRequest] === value);
}
