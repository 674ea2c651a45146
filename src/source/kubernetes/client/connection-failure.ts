// Why an exchange with the API server failed, in words that a user can act on. Pure: judges errors, opens nothing.
import { printable } from "../../../lib/untrusted-text.ts";
import { ApiUnreachable } from "./api-client.ts";
import { LineError } from "./line-splitter.ts";

/** The answer is larger than what is read of one; asking for less of it may help. */
export class AnswerTooLarge extends ApiUnreachable {}

/** Trying again cannot help until somebody changes the configuration: a certificate or the credentials are wrong. */
export class ConnectionImpossible extends ApiUnreachable {}

/** What is being talked to, for messages. */
export interface ConnectionTarget {
  /** The API server's URL. */
  readonly server: string;
  /** Where that URL and the credentials come from, for example `context "kind" of /home/me/.kube/config`. */
  readonly origin: string;
}

const MAX_DETAIL = 300;

/** The codes of OpenSSL and Node for a server certificate that is not to be trusted, and what to do about each. */
const TRUST_HINTS: ReadonlyMap<string, string> = new Map([
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "check certificate-authority of the cluster's entry"],
  ["UNABLE_TO_GET_ISSUER_CERT", "check certificate-authority of the cluster's entry"],
  ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "check certificate-authority of the cluster's entry"],
  ["SELF_SIGNED_CERT_IN_CHAIN", "check certificate-authority of the cluster's entry"],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", "check certificate-authority of the cluster's entry"],
  ["CERT_SIGNATURE_FAILURE", "check certificate-authority of the cluster's entry"],
  ["CERT_UNTRUSTED", "check certificate-authority of the cluster's entry"],
  ["INVALID_CA", "check certificate-authority of the cluster's entry"],
  ["CERT_HAS_EXPIRED", "renew the certificate of the API server, or set this machine's clock"],
  ["CERT_NOT_YET_VALID", "set this machine's clock"],
  ["ERR_TLS_CERT_ALTNAME_INVALID", "use a name of the certificate in server, or set tls-server-name"],
]);

/** What network errors mean to somebody who does not know their codes. */
const NETWORK_HINTS: ReadonlyMap<string, string> = new Map([
  ["ECONNREFUSED", "connection refused; is the API server running?"],
  ["ECONNRESET", "the connection was reset"],
  ["EPIPE", "the connection was closed"],
  ["EHOSTUNREACH", "no route to the host"],
  ["ENETUNREACH", "no route to the network"],
  ["ETIMEDOUT", "no answer to the connection"],
  ["ENOTFOUND", "its name is unknown; check server of the cluster's entry, or the DNS"],
  ["EAI_AGAIN", "its name cannot be looked up now; is the DNS up?"],
  ["UND_ERR_CONNECT_TIMEOUT", "no answer to the connection"],
  ["UND_ERR_HEADERS_TIMEOUT", "no answer in time"],
  ["UND_ERR_BODY_TIMEOUT", "the answer stopped coming"],
  ["UND_ERR_SOCKET", "the connection was closed"],
]);

/** One line for an error of the transport: which server, by which configuration, what happened, what to do. */
export function describeFailure(error: unknown, target: ConnectionTarget): ApiUnreachable {
  if (error instanceof ApiUnreachable) return error;
  const where = `${target.server} (${target.origin})`;
  if (error instanceof LineError) {
    return new ApiUnreachable(`the API server ${where} cannot be understood: ${error.message}`, { cause: error });
  }
  const cause = innermost(error);
  const code = codeOf(cause);
  const trustHint = TRUST_HINTS.get(code);
  if (trustHint !== undefined) {
    const message = `the certificate of the API server ${where} is not trusted: ${detailOf(cause)}; ${trustHint}`;
    return new ConnectionImpossible(message, { cause: error });
  }
  const said = NETWORK_HINTS.get(code) ?? detailOf(cause);
  return new ApiUnreachable(`cannot reach the API server ${where}: ${said}`, { cause: error });
}

/** An error that wraps others, as for a host with several addresses, says little itself. */
function innermost(error: unknown): unknown {
  let current = error;
  for (let depth = 0; depth < 5; depth += 1) {
    if (current instanceof AggregateError && current.errors.length > 0) current = current.errors[0];
    else if (current instanceof Error && codeOf(current) === "" && current.cause !== undefined) current = current.cause;
    else break;
  }
  return current;
}

function codeOf(error: unknown): string {
  if (typeof error !== "object" || error === null) return "";
  const { code } = error as { readonly code?: unknown };
  return typeof code === "string" ? code : "";
}

/** The first line of what an error says. */
export function detailOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const firstLine = text.split("\n", 1)[0] ?? "";
  return printable(firstLine === "" ? "unknown error" : firstLine, MAX_DETAIL);
}
