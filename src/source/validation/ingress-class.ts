// What the API server checks in an IngressClass. Facts: networking's validation, Kubernetes 1.37.
import { FieldPath } from "./field-path.ts";
import { dnsLabelErrors, dnsSubdomainErrors, httpPathErrors, pathSegmentErrors } from "./name-rules.ts";
import { OBJECT_META } from "./object-meta.ts";
import type { ProblemList } from "./problem-list.ts";
import type { Shape } from "./shape.ts";
import { objectOf, STRING } from "./shape.ts";

const MAX_CONTROLLER_BYTES = 250;
const SCOPES = ["Cluster", "Namespace"];

export const INGRESS_CLASS: Shape = objectOf({
  apiVersion: STRING,
  kind: STRING,
  metadata: OBJECT_META,
  spec: objectOf({
    controller: STRING,
    parameters: objectOf({ apiGroup: STRING, kind: STRING, name: STRING, namespace: STRING, scope: STRING }),
  }),
});

/** The object types leave `parameters` open; this is what the shape makes of it. */
interface Parameters {
  readonly apiGroup?: string;
  readonly kind?: string;
  readonly name?: string;
  readonly namespace?: string;
  readonly scope?: string;
}

export interface DecodedIngressClass {
  readonly spec?: { readonly controller?: string; readonly parameters?: Parameters };
}

export function checkIngressClass(ingressClass: DecodedIngressClass, problems: ProblemList): void {
  const path = FieldPath.root.child("spec");
  const { controller = "", parameters } = ingressClass.spec ?? {};
  if (controller === "") problems.required(path.child("controller"));
  else checkController(controller, path.child("controller"), problems);
  if (parameters !== undefined) checkParameters(parameters, path.child("parameters"), problems);
}

/** A domain, a slash and a path: `acme.io/foo`. */
function checkController(controller: string, path: FieldPath, problems: ProblemList): void {
  if (Buffer.byteLength(controller) > MAX_CONTROLLER_BYTES) problems.tooLong(path, MAX_CONTROLLER_BYTES);
  const slash = controller.indexOf("/");
  const domain = controller.slice(0, Math.max(slash, 0));
  const rest = controller.slice(slash + 1);
  if (domain === "" || rest === "") {
    problems.invalid(path, controller, { detail: 'must be a domain-prefixed path (such as "acme.io/foo")' });
    return;
  }
  problems.invalidEach(path, domain, dnsSubdomainErrors(domain));
  problems.invalidEach(path, rest, httpPathErrors(rest));
}

function checkParameters(parameters: Parameters, path: FieldPath, problems: ProblemList): void {
  const { apiGroup, kind = "", name = "", namespace, scope = "Cluster" } = parameters;
  if (apiGroup !== undefined) problems.invalidEach(path.child("apiGroup"), apiGroup, dnsSubdomainErrors(apiGroup));
  if (kind === "") problems.required(path.child("kind"));
  else problems.invalidEach(path.child("kind"), kind, pathSegmentErrors(kind));
  if (name === "") problems.required(path.child("name"));
  else problems.invalidEach(path.child("name"), name, pathSegmentErrors(name));

  if (!SCOPES.includes(scope)) {
    problems.notSupported(path.child("scope"), scope, SCOPES);
  } else if (scope === "Cluster" && namespace !== undefined) {
    problems.forbidden(path.child("namespace"), "`parameters.scope` is set to 'Cluster'");
  } else if (scope === "Namespace" && namespace === undefined) {
    problems.required(path.child("namespace"), "`parameters.scope` is set to 'Namespace'");
  } else if (namespace !== undefined) {
    problems.invalidEach(path.child("namespace"), namespace, dnsLabelErrors(namespace));
  }
}
