// What to tell somebody whose cluster does not let us read a resource, or does not have it. Pure.
import type { Diagnostic } from "../../ir/diagnostic.ts";
import type { ObjectReference } from "../../ir/names.ts";
import type { Failure } from "./reflector/failure.ts";
import { unavailabilityOf } from "./reflector/failure.ts";
import type { Resource } from "./resource.ts";
import { groupOf, qualifiedNameOf } from "./resource.ts";

/** Null for a failure that is nobody's to grant or install. */
export function availabilityDiagnostic(
  resource: Resource,
  namespace: string | null,
  failure: Failure,
): Diagnostic | null {
  switch (unavailabilityOf(failure)) {
    case "forbidden":
      return forbiddenDiagnostic(resource, namespace, failure);
    case "not-installed":
      return notInstalledDiagnostic(resource);
    case null:
      return null;
  }
}

/** A single Secret that must not be read. */
export function forbiddenSecretDiagnostic(ref: ObjectReference, serverMessage: string): Diagnostic {
  return {
    severity: "error",
    reason: "SecretForbidden",
    object: ref,
    field: "",
    message: `the API server does not let Penstock get this Secret, which an object refers to: ${serverMessage}`,
    hint: `Grant get on secrets in the namespace ${ref.namespace}; it is tried again by itself.`,
    location: null,
  };
}

function forbiddenDiagnostic(resource: Resource, namespace: string | null, failure: Failure): Diagnostic {
  const where = namespace === null ? "in the whole cluster" : `in the namespace ${namespace}`;
  const role = namespace === null ? "a ClusterRole" : `a Role in ${namespace}`;
  const group = groupOf(resource);
  const verbs = resource.kind === "Secret" ? "get, list and watch" : "list and watch";
  return {
    severity: "error",
    reason: "ResourceForbidden",
    object: null,
    field: "",
    message: `the API server does not let Penstock ${failure.verb} ${qualifiedNameOf(resource)} ${where}: ${failure.message}`,
    hint: `Grant ${verbs} on ${resource.plural} of the API group "${group}" by ${role}; it is tried again by itself.`,
    location: null,
  };
}

function notInstalledDiagnostic(resource: Resource): Diagnostic {
  const isCustom = resource.isCustom;
  return {
    severity: isCustom ? "info" : "error",
    reason: "ResourceNotInstalled",
    object: null,
    field: "",
    message: `the cluster has no ${qualifiedNameOf(resource)} in ${resource.apiVersion}`,
    hint: isCustom
      ? `Install the CustomResourceDefinitions of Penstock to use ${resource.kind}; they are noticed by themselves.`
      : "Use a cluster of Kubernetes 1.31 or newer.",
    location: null,
  };
}
