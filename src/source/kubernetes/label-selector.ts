// Label selectors as kubectl writes them: equality- and set-based requirements. Pure.
// Grammar: k8s.io/apimachinery/pkg/labels, Parse.
import { quoteText } from "../../lib/untrusted-text.ts";
import { labelValueErrors, qualifiedNameErrors } from "../validation/name-rules.ts";

type Operator = "in" | "notin" | "exists" | "absent" | "gt" | "lt";

interface Requirement {
  readonly key: string;
  readonly operator: Operator;
  readonly values: readonly string[];
}

/** Whether an object with these labels is selected. */
export type LabelSelector = (labels: Readonly<Record<string, string>>) => boolean;

export type LabelSelectorParse =
  | { readonly ok: true; readonly selector: LabelSelector }
  /** One line: what is wrong. */
  | { readonly ok: false; readonly error: string };

/** For example `env=prod,tier in (web, api),!legacy`. An empty text selects everything. */
export function parseLabelSelector(text: string): LabelSelectorParse {
  const parser = new SelectorParser(text);
  try {
    const requirements = parser.parse();
    return { ok: true, selector: (labels) => requirements.every((requirement) => isMet(requirement, labels)) };
  } catch (error) {
    if (!(error instanceof SelectorError)) throw error;
    return { ok: false, error: error.message };
  }
}

class SelectorError extends Error {}

function isMet({ key, operator, values }: Requirement, labels: Readonly<Record<string, string>>): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case "exists":
      return value !== undefined;
    case "absent":
      return value === undefined;
    case "in":
      return value !== undefined && values.includes(value);
    case "notin":
      // An object without the label is selected, as by the API server.
      return value === undefined || !values.includes(value);
    case "gt":
    case "lt":
      return compares(value, operator, values[0] ?? "");
  }
}

/** Both sides must be whole numbers; anything else is not selected. */
function compares(value: string | undefined, operator: "gt" | "lt", bound: string): boolean {
  if (value === undefined || !INTEGER.test(value)) return false;
  return operator === "gt" ? BigInt(value) > BigInt(bound) : BigInt(value) < BigInt(bound);
}

const INTEGER = /^-?\d{1,19}$/;
const SYMBOLS = ["==", "!=", "=", ",", "(", ")", "!", ">", "<"];
const MAX_SELECTOR_LENGTH = 4_096;

class SelectorParser {
  readonly #tokens: readonly string[];
  readonly #isTooLong: boolean;
  #next = 0;

  constructor(text: string) {
    this.#tokens = text.length > MAX_SELECTOR_LENGTH ? [] : tokenize(text);
    this.#isTooLong = text.length > MAX_SELECTOR_LENGTH;
  }

  parse(): readonly Requirement[] {
    if (this.#isTooLong) throw new SelectorError(`it is longer than ${MAX_SELECTOR_LENGTH} characters`);
    const requirements: Requirement[] = [];
    if (this.#peek() === null) return requirements;
    for (;;) {
      requirements.push(this.#requirement());
      if (this.#peek() === null) return requirements;
      this.#expect(",");
    }
  }

  #requirement(): Requirement {
    if (this.#peek() === "!") {
      this.#next += 1;
      return { key: this.#key(), operator: "absent", values: [] };
    }
    const key = this.#key();
    const operator = this.#peek();
    if (operator === null || operator === ",") return { key, operator: "exists", values: [] };
    this.#next += 1;
    switch (operator) {
      case "=":
      case "==":
        return { key, operator: "in", values: [this.#value()] };
      case "!=":
        return { key, operator: "notin", values: [this.#value()] };
      case ">":
        return { key, operator: "gt", values: [this.#integer()] };
      case "<":
        return { key, operator: "lt", values: [this.#integer()] };
      case "in":
      case "notin":
        return { key, operator, values: this.#set() };
      default:
        throw new SelectorError(`${quoteText(operator)} stands where one of =, !=, in, notin, > and < is expected`);
    }
  }

  #key(): string {
    const key = this.#word("a label's key");
    const [error] = qualifiedNameErrors(key);
    if (error !== undefined) throw new SelectorError(`${quoteText(key)} is no label's key: ${error}`);
    return key;
  }

  /** Empty where the list, or the text, goes on at once. */
  #value(): string {
    const next = this.#peek();
    if (next === null || next === "," || next === ")") return "";
    const value = this.#word("a value");
    const [error] = labelValueErrors(value);
    if (error !== undefined) throw new SelectorError(`${quoteText(value)} is no label's value: ${error}`);
    return value;
  }

  #integer(): string {
    const value = this.#word("a whole number");
    if (!INTEGER.test(value)) throw new SelectorError(`${quoteText(value)} is not a whole number`);
    return value;
  }

  #set(): readonly string[] {
    this.#expect("(");
    const values = [this.#value()];
    while (this.#peek() === ",") {
      this.#next += 1;
      values.push(this.#value());
    }
    this.#expect(")");
    return values;
  }

  #word(what: string): string {
    const token = this.#peek();
    if (token === null) throw new SelectorError(`it ends where ${what} is expected`);
    if (SYMBOLS.includes(token)) throw new SelectorError(`${quoteText(token)} stands where ${what} is expected`);
    this.#next += 1;
    return token;
  }

  #expect(symbol: string): void {
    const token = this.#peek();
    if (token === null) throw new SelectorError(`it ends where ${quoteText(symbol)} is expected`);
    if (token !== symbol) throw new SelectorError(`${quoteText(token)} stands where ${quoteText(symbol)} is expected`);
    this.#next += 1;
  }

  #peek(): string | null {
    return this.#tokens[this.#next] ?? null;
  }
}

function tokenize(text: string): readonly string[] {
  const tokens: string[] = [];
  let word = "";
  const endWord = (): void => {
    if (word !== "") tokens.push(word);
    word = "";
  };
  for (let position = 0; position < text.length; position += 1) {
    const symbol = SYMBOLS.find((candidate) => text.startsWith(candidate, position));
    const character = text[position] ?? "";
    if (symbol !== undefined) {
      endWord();
      tokens.push(symbol);
      position += symbol.length - 1;
    } else if (character === " " || character === "\t") {
      endWord();
    } else {
      word += character;
    }
  }
  endWord();
  return tokens;
}
