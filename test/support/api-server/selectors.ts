// Label and field selectors of lists and watches, as far as tests use them: equality, inequality, existence and sets.
import type { ApiObject } from "./api-objects.ts";
import { refuse } from "./api-objects.ts";

export type Selector = (object: ApiObject) => boolean;

/** Labels, then fields; a missing selector takes everything. */
export function parseSelectors(labelSelector: string | null, fieldSelector: string | null): Selector {
  const terms = [...splitTerms(labelSelector ?? "").map(labelTerm), ...splitTerms(fieldSelector ?? "").map(fieldTerm)];
  return (object) => terms.every((term) => term(object));
}

/** Splits at the commas outside of parentheses. */
function splitTerms(selector: string): string[] {
  return selector
    .split(/,(?![^(]*\))/)
    .map((term) => term.trim())
    .filter((term) => term !== "");
}

function labelTerm(term: string): Selector {
  const set = /^(\S+) (in|notin) \(([^)]*)\)$/.exec(term);
  if (set !== null) {
    const [, key = "", operator, list = ""] = set;
    const values = list.split(",").map((value) => value.trim());
    return ({ metadata: { labels = {} } }) => {
      const value = labels[key];
      return operator === "in" ? value !== undefined && values.includes(value) : !values.includes(value ?? "");
    };
  }
  const equality = parseEquality(term);
  if (equality !== null) return ({ metadata: { labels = {} } }) => equality.test(labels[equality.key]);
  if (term.startsWith("!")) return ({ metadata: { labels = {} } }) => labels[term.slice(1)] === undefined;
  return ({ metadata: { labels = {} } }) => labels[term] !== undefined;
}

function fieldTerm(term: string): Selector {
  const equality = parseEquality(term);
  if (equality === null) refuse(400, `unable to parse field selector ${term}`);
  switch (equality.key) {
    case "metadata.name":
      return ({ metadata }) => equality.test(metadata.name);
    case "metadata.namespace":
      return ({ metadata }) => equality.test(metadata.namespace ?? "");
    case "type":
      return (object) => equality.test(typeof object["type"] === "string" ? object["type"] : "");
    default:
      return refuse(400, `field label not supported: ${equality.key}`);
  }
}

function parseEquality(term: string): { key: string; test: (value: string | undefined) => boolean } | null {
  const parts = /^([^=!]+?)\s*(==|=|!=)\s*(.*)$/.exec(term);
  if (parts === null) return null;
  const [, key = "", operator, wanted] = parts;
  return { key, test: (value) => (value === wanted) !== (operator === "!=") };
}
