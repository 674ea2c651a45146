// Every reason that translation gives. They are part of the interface: events carry them and people search for them.

/** A diagnostic's reason; PascalCase, as Kubernetes Events have it. */
export type Reason =
  // Objects as such.
  | "ObjectNameInvalid"
  | "DuplicateObject"
  | "TooManyDiagnostics"
  // Whose Ingress it is.
  | "IngressClassForeign"
  | "IngressClassUnknown"
  | "IngressClassUnset"
  | "IngressClassParametersUnsupported"
  | "ProxyConfigNotFound"
  | "SeveralDefaultClasses"
  // Rules, hosts and paths.
  | "IngressEmpty"
  | "RuleWithoutPaths"
  | "HostInvalid"
  | "PathInvalid"
  | "PathTypeInvalid"
  | "PathPatternLiteral"
  | "PathConflict"
  | "TooManyPaths"
  | "DefaultBackendConflict"
  | "DefaultBackendShadowed"
  // Backends.
  | "BackendInvalid"
  | "ResourceBackendUnsupported"
  | "ServiceNotFound"
  | "ServicePortNotFound"
  | "ServicePortNotTcp"
  | "ExternalNameInvalid"
  | "LoopbackExternalName"
  | "AppProtocolUnsupported"
  // Endpoints.
  | "EndpointSliceMissing"
  | "EndpointPortNotFound"
  | "NoReadyEndpoints"
  | "EndpointAddressInvalid"
  | "AddressTypeUnsupported"
  | "TooManyEndpoints"
  // Certificates.
  | "SecretNotFound"
  | "SecretInvalid"
  | "CertificateHostMismatch"
  | "TlsHostConflict"
  | "TlsWithoutHosts"
  | "TooManyTlsHosts"
  | "TooManySecrets"
  // Policies.
  | "PolicyFieldInvalid"
  | "PolicyTargetInvalid"
  | "PolicyTargetNotFound"
  | "PolicyConflict"
  | "PolicyWithoutEffect"
  // Annotations.
  | "AnnotationInvalid"
  | "AnnotationUnknown"
  | "AnnotationMisplaced"
  | "AnnotationWithoutEffect"
  | "ForeignAnnotationsIgnored";
