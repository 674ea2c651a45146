// What an Ingress names as a backend: a Service and a port. Whether they exist is found out in backend.ts.
import type { Diagnostic } from "../../ir/diagnostic.ts";
import type { RouteSource } from "../../ir/route-table.ts";
import { quoteText } from "../../lib/untrusted-text.ts";
import { diagnose, problem } from "../diagnose.ts";
import type { Problem } from "../diagnose.ts";
import { asNonEmptyText, asPort, asRecord, isPresent } from "../untyped.ts";

export interface BackendReference {
  readonly service: string;
  /** A name or a number of one of the Service's ports. */
  readonly port: string | number;
  /** The backend's field in the Ingress. */
  readonly field: string;
}

/** Null, with a diagnostic, for everything that is not a reference to a Service and a port. */
export function readBackend(value: unknown, place: RouteSource, diagnostics: Diagnostic[]): BackendReference | null {
  const backend = asRecord(value);
  if (isPresent(backend["resource"])) {
    diagnostics.push(
      diagnose({ ...place, field: `${place.field}.resource` }, resourceUnsupported(backend["resource"])),
    );
    return null;
  }
  const service = asRecord(backend["service"]);
  const name = asNonEmptyText(service["name"]);
  if (name === null) {
    const fault = problem("error", "BackendInvalid", "The backend names no Service.", "Write service.name.");
    diagnostics.push(diagnose(place, fault));
    return null;
  }
  const port = readPort(service["port"]);
  if (typeof port === "object") {
    diagnostics.push(diagnose({ ...place, field: `${place.field}.service.port` }, port));
    return null;
  }
  return { service: name, port, field: place.field };
}

function readPort(value: unknown): string | number | Problem {
  const port = asRecord(value);
  const name = asNonEmptyText(port["name"]);
  // 0 is what the API stores where only a name was written.
  const isNumbered = isPresent(port["number"]) && port["number"] !== 0;
  if (name !== null && isNumbered) {
    return problem("error", "BackendInvalid", "The backend gives both a port name and a number.", "Write one of them.");
  }
  if (name !== null) return name;
  if (!isNumbered) {
    return problem("error", "BackendInvalid", "The backend names no port.", "Write port.number or port.name.");
  }
  const number = asPort(port["number"]);
  return (
    number ?? problem("error", "BackendInvalid", "The port number is not one of 1 to 65535.", "Write port.number.")
  );
}

function resourceUnsupported(resource: unknown): Problem {
  const kind = asNonEmptyText(asRecord(resource)["kind"]) ?? "";
  const message = `Resource backends are not served (kind ${quoteText(kind)}); requests get 503.`;
  return problem("error", "ResourceBackendUnsupported", message, "Name a Service.");
}
