// The `spec.tls` list of one Ingress: which hosts ask for which Secret. Looks up nothing.
import type { Diagnostic } from "../../ir/diagnostic.ts";
import type { ObjectReference } from "../../ir/names.ts";
import { isDnsName } from "../../lib/dns-name.ts";
import { diagnose, problem } from "../diagnose.ts";
import { readHost } from "../routes/host.ts";
import { asList, asNonEmptyText, asRecord } from "../untyped.ts";

export interface TlsSection {
  /** Exact and wildcard names, lower case, no duplicates, never `""`. */
  readonly hosts: readonly string[];
  /** Null: the default certificate is wanted. */
  readonly secretName: string | null;
  readonly field: string;
}

/** As many as an Ingress may have paths. */
const MAX_TLS_HOSTS = 10_000;

/** Of one Ingress: whoever may write one must not have the API server asked for whatever it names. */
const MAX_TLS_SECRETS = 200;

/** Of the names in `spec.tls`, those of Secrets that are looked at: each once, and none that no Secret can have. */
export function readTlsSecretNames(names: Iterable<string | null | undefined>): ReadonlySet<string> {
  const read = new Set<string>();
  for (const name of names) {
    if (read.size === MAX_TLS_SECRETS) break;
    if (typeof name === "string" && isDnsName(name)) read.add(name);
  }
  return read;
}

/** A section without hosts is for the hosts of the Ingress's own rules. */
export function readTlsSections(
  sections: readonly unknown[],
  ruleHosts: readonly string[],
  object: ObjectReference,
  diagnostics: Diagnostic[],
): readonly TlsSection[] {
  const read: TlsSection[] = [];
  const secretNames = readTlsSecretNames(sections.map((section) => asNonEmptyText(asRecord(section)["secretName"])));
  let hasTooManySecrets = false;
  let hostsLeft = MAX_TLS_HOSTS;
  for (const [index, value] of sections.entries()) {
    const section = asRecord(value);
    const field = `spec.tls[${index}]`;
    const secretName = asNonEmptyText(section["secretName"]);
    const written = asList(section["hosts"]);
    const wanted = written.length > 0 ? readHosts(written.slice(0, hostsLeft), field, object, diagnostics) : ruleHosts;
    const hosts = new Set(wanted.filter((host) => host !== ""));
    const isBeyond = secretName !== null && isDnsName(secretName) && !secretNames.has(secretName);
    if (isBeyond && !hasTooManySecrets) diagnostics.push(tooManySecrets(object, field));
    if (isBeyond) hasTooManySecrets = true;
    else if (hosts.size > 0) read.push({ hosts: Array.from(hosts), secretName, field });
    else if (written.length === 0) diagnostics.push(withoutHosts(object, field));

    hostsLeft -= Math.max(1, written.length, hosts.size);
    if (hostsLeft > 0) continue;
    if (hostsLeft < 0 || index + 1 < sections.length) diagnostics.push(tooManyHosts(object, field));
    break;
  }
  return read;
}

function readHosts(
  hosts: readonly unknown[],
  field: string,
  object: ObjectReference,
  diagnostics: Diagnostic[],
): readonly string[] {
  const read: string[] = [];
  for (const [index, value] of hosts.entries()) {
    const reading = readHost(value);
    if (reading.host !== null && reading.host !== "") read.push(reading.host);
    else diagnostics.push(diagnose({ object, field: `${field}.hosts[${index}]` }, faultOf(reading)));
  }
  return read;
}

function faultOf(reading: ReturnType<typeof readHost>): ReturnType<typeof problem> {
  if (reading.host === null) return reading.problem;
  return problem("error", "HostInvalid", "The host is empty.", "Write a host name, or leave the entry out.");
}

function withoutHosts(object: ObjectReference, field: string): Diagnostic {
  const message = "The TLS section names no hosts, and no rule of the Ingress has a host.";
  const fault = problem("warning", "TlsWithoutHosts", message, "Write hosts, or use --default-certificate.");
  return diagnose({ object, field }, fault);
}

function tooManySecrets(object: ObjectReference, field: string): Diagnostic {
  const message = `The Ingress names more than ${MAX_TLS_SECRETS} Secrets; hosts of the further ones get the default certificate.`;
  const hint = "Split it into several Ingress objects, or use certificates for several hosts each.";
  return diagnose({ object, field: `${field}.secretName` }, problem("error", "TooManySecrets", message, hint));
}

function tooManyHosts(object: ObjectReference, field: string): Diagnostic {
  const message = `The Ingress has more than ${MAX_TLS_HOSTS} TLS hosts; those from here on get the default certificate.`;
  return diagnose(
    { object, field },
    problem("error", "TooManyTlsHosts", message, "Split it into several Ingress objects."),
  );
}
