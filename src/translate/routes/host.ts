// Host names of rules and TLS sections: exact, or `*.` and a name for exactly one more label.
import { isIP } from "node:net";
import { isDnsName } from "../../lib/dns-name.ts";
import { quoteText } from "../../lib/untrusted-text.ts";
import { problem } from "../diagnose.ts";
import type { Problem } from "../diagnose.ts";
import { asText } from "../untyped.ts";

/** The host as the IR has it, or what is wrong with it. */
export type HostReading = { readonly host: string } | { readonly host: null; readonly problem: Problem };

/** Lower case without a trailing dot; a missing host is `""`, every host. */
export function readHost(value: unknown): HostReading {
  if (value === undefined || value === null) return { host: "" };
  // Never "missing": a host of the wrong type must not become every host.
  const text = asText(value);
  if (text === null) return { host: null, problem: problem("error", "HostInvalid", "The host is not a string.") };
  // Longer than any DNS name: not worth lowering.
  const host = text.length > 255 ? text : text.toLowerCase().replace(/\.$/, "");
  if (host === "" && text === "") return { host };
  const name = host.startsWith("*.") ? host.slice(2) : host;
  if (isDnsName(name) && isIP(name) === 0) return { host };
  return { host: null, problem: problem("error", "HostInvalid", describeFault(text, host), hintFor(text, host)) };
}

function describeFault(text: string, host: string): string {
  if (isIP(host) !== 0) return `${quoteText(text)} is an IP address, not a host name.`;
  if (host === "*") return '"*" alone is not a host.';
  if (host.includes("*")) return `${quoteText(text)} has a wildcard that is not the whole first label.`;
  if (/^[^:]+:\d+$/.test(host)) return `${quoteText(text)} names a port; a host stands alone.`;
  return `${quoteText(text)} is not a DNS name.`;
}

function hintFor(text: string, host: string): string {
  if (isIP(host) !== 0 || host === "*") return "Leave the host out to match every host.";
  if (host.includes("*")) return "Write *.example.com for every name with one label before example.com.";
  if (/^[^:]+:\d+$/.test(host)) return `Write ${quoteText(text.slice(0, text.lastIndexOf(":")))}.`;
  return "Use labels of letters, digits and '-', joined by dots; international names in their xn-- form.";
}
