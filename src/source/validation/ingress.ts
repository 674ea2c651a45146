// What the API server checks in an Ingress. Facts: networking's validation, Kubernetes 1.37.
import type { Ingress, IngressBackend, IngressPath, IngressTls } from "../object-types.ts";
import { looksLikeAddress } from "./address-rules.ts";
import type { Partially } from "./decode.ts";
import { FieldPath } from "./field-path.ts";
import {
  dnsLabelErrors,
  dnsSubdomainErrors,
  pathSegmentErrors,
  portNameErrors,
  portNumberErrors,
  wildcardSubdomainErrors,
} from "./name-rules.ts";
import { OBJECT_META } from "./object-meta.ts";
import { LOAD_BALANCER } from "./load-balancer.ts";
import type { ProblemList } from "./problem-list.ts";
import type { Shape } from "./shape.ts";
import { INT32, listOf, objectOf, STRING, STRING_LIST } from "./shape.ts";

const LEGACY_CLASS_ANNOTATION = "kubernetes.io/ingress.class";
const PATH_TYPES = ["Exact", "ImplementationSpecific", "Prefix"];

/** A router could take these apart in more than one way. */
const INVALID_PATH_SEQUENCES = ["//", "/./", "/../", "%2f", "%2F"];
const INVALID_PATH_ENDINGS = ["/..", "/."];

const BACKEND: Shape = objectOf({
  service: objectOf({ name: STRING, port: objectOf({ name: STRING, number: INT32 }) }),
  resource: objectOf({ apiGroup: STRING, kind: STRING, name: STRING }),
});

export const INGRESS: Shape = objectOf({
  apiVersion: STRING,
  kind: STRING,
  metadata: OBJECT_META,
  spec: objectOf({
    ingressClassName: STRING,
    defaultBackend: BACKEND,
    tls: listOf(objectOf({ hosts: STRING_LIST, secretName: STRING })),
    rules: listOf(
      objectOf({
        host: STRING,
        http: objectOf({ paths: listOf(objectOf({ path: STRING, pathType: STRING, backend: BACKEND })) }),
      }),
    ),
  }),
  status: objectOf({ loadBalancer: LOAD_BALANCER }),
});

export function checkIngress(ingress: Partially<Ingress>, problems: ProblemList): void {
  const path = FieldPath.root.child("spec");
  const { rules = [], tls = [], defaultBackend, ingressClassName } = ingress.spec ?? {};
  if (rules.length === 0 && defaultBackend === undefined) {
    problems.invalid(path, null, { detail: "either `defaultBackend` or `rules` must be specified" });
  }
  if (defaultBackend !== undefined) checkBackend(defaultBackend, path.child("defaultBackend"), problems);
  for (const [position, rule] of rules.entries()) {
    const rulePath = path.child("rules").index(position);
    checkRuleHost(rule.host ?? "", rulePath.child("host"), problems);
    if (rule.http !== undefined) checkPaths(rule.http.paths ?? [], rulePath.child("http").child("paths"), problems);
  }
  for (const [position, entry] of tls.entries()) checkTls(entry, path.child("tls").index(position), problems);
  if (ingressClassName !== undefined) {
    problems.invalidEach(path.child("ingressClassName"), ingressClassName, dnsSubdomainErrors(ingressClassName));
  }
  checkLegacyClass(ingress, problems);
}

function checkRuleHost(host: string, path: FieldPath, problems: ProblemList): void {
  if (host === "") return;
  if (looksLikeAddress(host)) {
    const hint = "Leave the host out to serve every name.";
    problems.invalid(path, host, { detail: "must be a DNS name, not an IP address", hint });
  }
  checkHost(host, path, problems);
}

function checkHost(host: string, path: FieldPath, problems: ProblemList): void {
  const errors = host.includes("*") ? wildcardSubdomainErrors(host) : dnsSubdomainErrors(host);
  if (errors.length > 0) problems.invalidEach(path, host, errors, hostHint(host));
}

/** The mistakes that people make with hosts, most of them a URL where a name belongs. */
function hostHint(host: string): string {
  const withoutScheme = host.replace(/^[A-Za-z]{1,8}:\/\//, "");
  const name = withoutScheme.replace(/[:/].*$/s, "").toLowerCase();
  if (name === host || name.length > 253) return "";
  const errors = name.includes("*") ? wildcardSubdomainErrors(name) : dnsSubdomainErrors(name);
  return errors.length === 0 ? `Write ${JSON.stringify(name)}.` : "";
}

function checkPaths(paths: readonly Partially<IngressPath>[], path: FieldPath, problems: ProblemList): void {
  if (paths.length === 0) problems.required(path);
  for (const [position, entry] of paths.entries()) {
    const entryPath = path.index(position);
    checkPathType(entry, entryPath, problems);
    checkBackend(entry.backend ?? {}, entryPath.child("backend"), problems);
  }
}

function checkPathType(entry: Partially<IngressPath>, path: FieldPath, problems: ProblemList): void {
  const { pathType, path: value = "" } = entry;
  switch (pathType) {
    case undefined:
      problems.required(path.child("pathType"), "pathType must be specified", `Write one of ${PATH_TYPES.join(", ")}.`);
      return;
    case "Exact":
    case "Prefix":
      checkPathValue(value, path.child("path"), problems);
      return;
    case "ImplementationSpecific":
      if (value !== "") checkIsAbsolute(value, path.child("path"), problems);
      return;
    default:
      problems.notSupported(path.child("pathType"), pathType, PATH_TYPES);
  }
}

function checkPathValue(value: string, path: FieldPath, problems: ProblemList): void {
  checkIsAbsolute(value, path, problems);
  for (const sequence of INVALID_PATH_SEQUENCES) {
    if (value.includes(sequence)) problems.invalid(path, value, { detail: `must not contain '${sequence}'` });
  }
  for (const ending of INVALID_PATH_ENDINGS) {
    if (value.endsWith(ending)) problems.invalid(path, value, { detail: `cannot end with '${ending}'` });
  }
}

function checkIsAbsolute(value: string, path: FieldPath, problems: ProblemList): void {
  if (value.startsWith("/")) return;
  problems.invalid(path, value, { detail: "must be an absolute path", hint: "Begin it with a slash." });
}

function checkBackend(backend: Partially<IngressBackend>, path: FieldPath, problems: ProblemList): void {
  const { service, resource } = backend;
  if (service !== undefined && resource !== undefined) {
    problems.invalid(path, "", { detail: "cannot set both resource and service backends" });
  } else if (resource !== undefined) {
    checkResource(resource, path.child("resource"), problems);
  } else if (service !== undefined) {
    checkService(service, path, problems);
  } else {
    const hint = "Write service with a name and a port.";
    problems.invalid(path, "", { detail: "resource or service backend is required", hint });
  }
}

/** The API server reports a port that is missing or given twice at the backend, not at the port. */
function checkService(
  service: Partially<NonNullable<IngressBackend["service"]>>,
  backendPath: FieldPath,
  problems: ProblemList,
): void {
  const path = backendPath.child("service");
  const { name = "", port } = service;
  if (name === "") problems.required(path.child("name"));
  else problems.invalidEach(path.child("name"), name, dnsLabelErrors(name));

  const { name: portName = "", number: portNumber = 0 } = port ?? {};
  if (portName !== "" && portNumber !== 0) {
    problems.invalid(backendPath, "", { detail: "cannot set both port name & port number" });
  } else if (portName !== "") {
    const hint = /^[0-9]{1,5}$/.test(portName) ? `Write number: ${portName}.` : "";
    problems.invalidEach(path.child("port").child("name"), portName, portNameErrors(portName), hint);
  } else if (portNumber !== 0) {
    problems.invalidEach(path.child("port").child("number"), portNumber, portNumberErrors(portNumber));
  } else {
    problems.required(backendPath, "port name or number is required");
  }
}

function checkResource(
  resource: Partially<NonNullable<IngressBackend["resource"]>>,
  path: FieldPath,
  problems: ProblemList,
): void {
  const { apiGroup, kind = "", name = "" } = resource;
  if (apiGroup !== undefined) problems.invalidEach(path.child("apiGroup"), apiGroup, dnsSubdomainErrors(apiGroup));
  if (kind === "") problems.required(path.child("kind"));
  else problems.invalidEach(path.child("kind"), kind, pathSegmentErrors(kind));
  if (name === "") problems.required(path.child("name"));
  else problems.invalidEach(path.child("name"), name, pathSegmentErrors(name));
}

function checkTls(entry: Partially<IngressTls>, path: FieldPath, problems: ProblemList): void {
  for (const [position, host] of (entry.hosts ?? []).entries()) {
    checkHost(host, path.child("hosts").index(position), problems);
  }
  const { secretName = "" } = entry;
  if (secretName !== "") problems.invalidEach(path.child("secretName"), secretName, dnsSubdomainErrors(secretName));
}

function checkLegacyClass(ingress: Partially<Ingress>, problems: ProblemList): void {
  const annotation = ingress.metadata?.annotations?.[LEGACY_CLASS_ANNOTATION];
  const className = ingress.spec?.ingressClassName;
  if (annotation === undefined || className === undefined || annotation === className) return;
  const path = FieldPath.root.child("metadata").child("annotations").key(LEGACY_CLASS_ANNOTATION);
  const detail = "must match `ingressClassName` when both are specified";
  problems.invalid(path, annotation, { detail, hint: "Leave the annotation out." });
}
