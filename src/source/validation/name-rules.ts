// The rules for names and keys, each a function from a value to the rules that it breaks, in the API server's words.
// Facts: apimachinery's util/validation and api/validate/content, Kubernetes 1.37. Every expression here is linear.

const LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const SUBDOMAIN = `${LABEL}(\\.${LABEL})*`;
const WILDCARD = `\\*\\.${SUBDOMAIN}`;
const QUALIFIED_PART = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";
const LABEL_VALUE = `(${QUALIFIED_PART})?`;
const DATA_KEY = "[-._a-zA-Z0-9]+";
const HTTP_PATH = "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+";

const LABEL_PATTERN = anchored(LABEL);
const SUBDOMAIN_PATTERN = anchored(SUBDOMAIN);
const WILDCARD_PATTERN = anchored(WILDCARD);
const QUALIFIED_PART_PATTERN = anchored(QUALIFIED_PART);
const LABEL_VALUE_PATTERN = anchored(LABEL_VALUE);
const DATA_KEY_PATTERN = anchored(DATA_KEY);
const HTTP_PATH_PATTERN = anchored(HTTP_PATH);
const PORT_NAME_PATTERN = /^[-a-z0-9]+$/;

const MAX_LABEL = 63;
const MAX_SUBDOMAIN = 253;
const MAX_PORT_NAME = 15;

/** A label of RFC 1123: names of Services, Namespaces and ports. */
export function dnsLabelErrors(value: string): string[] {
  const errors = lengthErrors(value, MAX_LABEL);
  if (LABEL_PATTERN.test(value)) return errors;
  if (SUBDOMAIN_PATTERN.test(value)) return [...errors, "must not contain dots"];
  const rule =
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character";
  return [...errors, patternError(rule, LABEL, ["my-name", "123-abc"])];
}

/** A subdomain of RFC 1123: names of most objects, and hosts. */
export function dnsSubdomainErrors(value: string): string[] {
  const errors = lengthErrors(value, MAX_SUBDOMAIN);
  if (SUBDOMAIN_PATTERN.test(value)) return errors;
  const rule =
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";
  return [...errors, patternError(rule, SUBDOMAIN, ["example.com"])];
}

/** `*.` and a subdomain. */
export function wildcardSubdomainErrors(value: string): string[] {
  const errors = lengthErrors(value, MAX_SUBDOMAIN);
  if (WILDCARD_PATTERN.test(value)) return errors;
  const rule =
    "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character";
  return [...errors, patternError(rule, WILDCARD, ["*.example.com"])];
}

/** A name of at least two labels, each of at most 63 bytes; a dot may stand at its end. */
export function fullyQualifiedNameErrors(value: string): string[] {
  const name = value.endsWith(".") ? value.slice(0, -1) : value;
  const errors = dnsSubdomainErrors(name);
  if (errors.length > 0) return errors;
  const labels = name.split(".");
  if (labels.length < 2) return ["should be a domain with at least two segments separated by dots"];
  return labels.flatMap((label) => lengthErrors(label, MAX_LABEL)).slice(0, 1);
}

/** `name` or `prefix.example/name`: keys of labels and annotations, application protocols. */
export function qualifiedNameErrors(value: string): string[] {
  const rule =
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
  const partError = patternError(rule, QUALIFIED_PART, ["MyName", "my.name", "123-abc"]);
  const slash = value.indexOf("/");
  const name = value.slice(slash + 1);
  if (name.includes("/")) {
    return [`a valid label key ${partError} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`];
  }
  const errors: string[] = [];
  if (slash === 0) errors.push("prefix part must be non-empty");
  if (slash > 0) errors.push(...dnsSubdomainErrors(value.slice(0, slash)).map((error) => `prefix part ${error}`));
  if (name === "") errors.push("name part must be non-empty");
  errors.push(...lengthErrors(name, MAX_LABEL).map((error) => `name part ${error}`));
  if (!QUALIFIED_PART_PATTERN.test(name)) errors.push(`name part ${partError}`);
  return errors;
}

/** The value of a label. */
export function labelValueErrors(value: string): string[] {
  const errors = lengthErrors(value, MAX_LABEL);
  if (LABEL_VALUE_PATTERN.test(value)) return errors;
  const rule =
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
  return [...errors, patternError(rule, LABEL_VALUE, ["MyValue", "my_value", "12345"])];
}

/** A key of a ConfigMap or Secret. */
export function dataKeyErrors(value: string): string[] {
  const errors = lengthErrors(value, MAX_SUBDOMAIN);
  if (!DATA_KEY_PATTERN.test(value)) {
    const rule = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'";
    errors.push(patternError(rule, DATA_KEY, ["key.name", "KEY_NAME", "key-name"]));
  }
  if (value === "." || value === "..") errors.push(`must not be '${value}'`);
  else if (value.startsWith("..")) errors.push("must not start with '..'");
  return errors;
}

/** The name of a container's port, as an Ingress or a Service's targetPort gives it. */
export function portNameErrors(value: string): string[] {
  const errors = lengthErrors(value, MAX_PORT_NAME);
  if (!PORT_NAME_PATTERN.test(value)) {
    errors.push("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
  }
  if (!/[a-z]/.test(value)) errors.push("must contain at least one letter (a-z)");
  if (value.includes("--")) errors.push("must not contain consecutive hyphens");
  if (value.startsWith("-") || value.endsWith("-")) errors.push("must not begin or end with a hyphen");
  return errors;
}

/** A port that can be connected to. */
export function portNumberErrors(value: number): string[] {
  return value >= 1 && value <= 65_535 ? [] : ["must be between 1 and 65535, inclusive"];
}

/** A name that can stand as one element of a URL's path: names and kinds of objects of any API. */
export function pathSegmentErrors(value: string): string[] {
  if (value === "." || value === "..") return [`may not be '${value}'`];
  return ["/", "%"].filter((character) => value.includes(character)).map((found) => `may not contain '${found}'`);
}

/** The path behind the domain in a controller's name. */
export function httpPathErrors(value: string): string[] {
  return HTTP_PATH_PATTERN.test(value) ? [] : [patternError("Invalid path", HTTP_PATH, [])];
}

function lengthErrors(value: string, maxBytes: number): string[] {
  return Buffer.byteLength(value) > maxBytes ? [`must be no more than ${maxBytes} bytes`] : [];
}

function patternError(rule: string, pattern: string, examples: readonly string[]): string {
  if (examples.length === 0) return `${rule} (regex used for validation is '${pattern}')`;
  const shown = examples.map((example) => `'${example}', `).join(" or ");
  return `${rule} (e.g. ${shown}regex used for validation is '${pattern}')`;
}

function anchored(pattern: string): RegExp {
  return new RegExp(`^${pattern}$`);
}
