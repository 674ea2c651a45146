// One Ingress, read by itself: rules, backends, TLS sections and annotations, checked and normalised. What it says about
// other objects is not looked up here, so a reading holds for as long as the object does.
import type { Diagnostic } from "../../ir/diagnostic.ts";
import type { ObjectReference } from "../../ir/names.ts";
import { formatName } from "../../ir/names.ts";
import type { PathMatch, RouteSource } from "../../ir/route-table.ts";
import type { Ingress } from "../../source/object-types.ts";
import { readAnnotations } from "../annotations/read-annotations.ts";
import type { TrafficSettings } from "../traffic-settings.ts";
import { diagnose, problem } from "../diagnose.ts";
import type { Identified } from "../object-identity.ts";
import type { IngressStatus } from "../result.ts";
import { readTlsSections } from "../tls/tls-section.ts";
import type { TlsSection } from "../tls/tls-section.ts";
import { asList, asRecord, asText, isPresent } from "../untyped.ts";
import type { UnknownRecord } from "../untyped.ts";
import { readBackend } from "../upstreams/backend-reference.ts";
import type { BackendReference } from "../upstreams/backend-reference.ts";
import { readHost } from "./host.ts";
import { readPath } from "./path.ts";

export interface IngressView {
  readonly identity: Identified<Ingress>;
  readonly status: IngressStatus;
  readonly rules: readonly RuleView[];
  /** Its match is the prefix `/`, its id ends in `/default-backend`. */
  readonly defaultBackend: PathView | null;
  readonly tls: readonly TlsSection[];
  readonly settings: TrafficSettings;
  readonly diagnostics: readonly Diagnostic[];
}

export interface RuleView {
  /** As in `VirtualHost.host`. */
  readonly host: string;
  /** None where the rule leaves its host to the default backend. */
  readonly paths: readonly PathView[];
}

export interface PathView {
  /** The route's id. */
  readonly id: string;
  readonly match: PathMatch;
  readonly source: RouteSource;
  /** Null where the backend is no reference to a Service: the route answers 503. */
  readonly backend: BackendReference | null;
}

/** An object of the API server's largest size holds about this many. */
const MAX_PATHS = 10_000;

const EVERYTHING: PathMatch = Object.freeze({ kind: "prefix", value: "/" });

const views = new WeakMap<object, IngressView>();

export function viewIngress(identified: Identified<Ingress>): IngressView {
  let view = views.get(identified.object);
  if (view === undefined) {
    view = readIngress(identified);
    views.set(identified.object, view);
  }
  return view;
}

function readIngress(identity: Identified<Ingress>): IngressView {
  const ingress = identity.object;
  const diagnostics: Diagnostic[] = [];
  const spec = asRecord(ingress.spec);
  const settings = readAnnotations(ingress.metadata, identity.reference, diagnostics);
  const defaultBackend = readDefaultBackend(spec, identity.reference, diagnostics);
  const rules = readRules(asList(spec["rules"]), defaultBackend !== null, identity.reference, diagnostics);
  const ruleHosts = rules.map((rule) => rule.host);
  const tls = readTlsSections(asList(spec["tls"]), ruleHosts, identity.reference, diagnostics);
  if (rules.length === 0 && defaultBackend === null && asList(spec["rules"]).length === 0) {
    const message = "The Ingress has neither rules nor a default backend.";
    const fault = problem("warning", "IngressEmpty", message, "Write spec.rules or spec.defaultBackend.");
    diagnostics.push(diagnose({ object: identity.reference, field: "spec" }, fault));
  }
  const { namespace, name } = identity.reference;
  return { identity, status: { ingress: { namespace, name } }, rules, defaultBackend, tls, settings, diagnostics };
}

function readDefaultBackend(spec: UnknownRecord, object: ObjectReference, diagnostics: Diagnostic[]): PathView | null {
  if (!isPresent(spec["defaultBackend"])) return null;
  const source: RouteSource = { object, field: "spec.defaultBackend" };
  const backend = readBackend(spec["defaultBackend"], source, diagnostics);
  return { id: `${formatName(object)}/default-backend`, match: EVERYTHING, source, backend };
}

function readRules(
  rules: readonly unknown[],
  hasDefaultBackend: boolean,
  object: ObjectReference,
  diagnostics: Diagnostic[],
): readonly RuleView[] {
  const read: RuleView[] = [];
  let pathsLeft = MAX_PATHS;
  for (const [index, value] of rules.entries()) {
    const rule = asRecord(value);
    const field = `spec.rules[${index}]`;
    // A rule without paths uses up one as well, so that rules are bounded too.
    const written = asList(asRecord(rule["http"])["paths"]);
    const paths = written.slice(0, pathsLeft);
    if (pathsLeft === 0 || paths.length < written.length) diagnostics.push(tooManyPaths({ object, field }));
    if (pathsLeft === 0) break;
    pathsLeft = Math.max(0, pathsLeft - Math.max(1, written.length));

    const reading = readHost(rule["host"]);
    if (reading.host === null) {
      diagnostics.push(diagnose({ object, field: `${field}.host` }, reading.problem));
      continue;
    }
    if (written.length === 0 && !hasDefaultBackend) diagnostics.push(withoutPaths({ object, field }));
    read.push({ host: reading.host, paths: readPaths(paths, index, object, diagnostics) });
  }
  return read;
}

function readPaths(
  paths: readonly unknown[],
  ruleIndex: number,
  object: ObjectReference,
  diagnostics: Diagnostic[],
): readonly PathView[] {
  const read: PathView[] = [];
  for (const [index, value] of paths.entries()) {
    const path = asRecord(value);
    const source: RouteSource = { object, field: `spec.rules[${ruleIndex}].http.paths[${index}]` };
    const reading = readPath(path["path"], asText(path["pathType"]));
    if (reading.problem !== null) {
      const leaf = reading.problem.reason === "PathTypeInvalid" ? "pathType" : "path";
      diagnostics.push(diagnose({ object, field: `${source.field}.${leaf}` }, reading.problem));
    }
    if (reading.match === null) continue;
    const backend = readBackend(path["backend"], { object, field: `${source.field}.backend` }, diagnostics);
    read.push({ id: `${formatName(object)}/${ruleIndex}/${index}`, match: reading.match, source, backend });
  }
  return read;
}

function tooManyPaths(place: RouteSource): Diagnostic {
  const message = `The Ingress has more than ${MAX_PATHS} paths; those from here on are not served.`;
  return diagnose(place, problem("error", "TooManyPaths", message, "Split it into several Ingress objects."));
}

function withoutPaths(place: RouteSource): Diagnostic {
  const message = "The rule has no paths and the Ingress no default backend: the host answers nothing of its own.";
  return diagnose(place, problem("warning", "RuleWithoutPaths", message, "Write http.paths, or spec.defaultBackend."));
}
