// Addresses for `status.loadBalancer` of an Ingress: IP addresses and DNS names, as the API server accepts them there.
import { isIP } from "node:net";
import { isDnsName } from "../../lib/dns-name.ts";
import { quoteText } from "../../lib/untrusted-text.ts";
import { parsed, refused } from "../parsed.ts";
import type { Parsed } from "../parsed.ts";

export function parseStatusAddress(text: string): Parsed<string> {
  // Four numbers that are no address would be a valid name, and a mistake.
  const isName = isDnsName(text) && !/^[0-9.]+$/.test(text);
  if ((isIP(text) !== 0 && !text.includes("%")) || isName) return parsed(text);
  return refused(`${quoteText(text)} is neither an IP address nor a name: write for example 203.0.113.7`);
}
