// Words with a fixed meaning: choices, switches, Kubernetes names, blocks of addresses.
import ipaddr from "ipaddr.js";
import type { NamespacedName } from "../../ir/names.ts";
import { isDnsName } from "../../lib/dns-name.ts";
import { quoteText } from "../../lib/untrusted-text.ts";
import { parsed, refused } from "../parsed.ts";
import type { Parsed } from "../parsed.ts";
import { didYouMean } from "../suggest.ts";

export function parseChoice<Choice extends string>(text: string, choices: readonly Choice[]): Parsed<Choice> {
  const choice = choices.find((candidate) => candidate === text);
  if (choice !== undefined) return parsed(choice);
  return refused(`${quoteText(text)} is not known${didYouMean(text, choices)}: write ${choices.join(" or ")}`);
}

const SWITCH_WORDS: ReadonlyMap<string, boolean> = new Map([
  ["true", true],
  ["1", true],
  ["false", false],
  ["0", false],
]);

export function parseSwitch(text: string): Parsed<boolean> {
  const isOn = SWITCH_WORDS.get(text);
  return isOn === undefined ? refused(`${quoteText(text)} is neither yes nor no: write true or false`) : parsed(isOn);
}

export function parseObjectName(text: string): Parsed<string> {
  return isDnsName(text)
    ? parsed(text)
    : refused(`${quoteText(text)} is not the name of an object: write lower-case letters, digits, "-" and "."`);
}

/** The API server takes no longer one. */
const MAX_CONTROLLER_NAME = 250;

export function parseNamespacedName(text: string): Parsed<NamespacedName> {
  const [namespace = "", name = "", ...rest] = text.split("/");
  if (rest.length > 0 || !isDnsName(namespace) || !isDnsName(name)) {
    return refused(`${quoteText(text)} is not NAMESPACE/NAME: write for example default/wildcard-tls`);
  }
  return parsed({ namespace, name });
}

/** As `spec.controller` of an IngressClass is written: a domain and a path. */
export function parseControllerName(text: string): Parsed<string> {
  const slash = text.indexOf("/");
  const isName = slash > 0 && isDnsName(text.slice(0, slash)) && /^[A-Za-z0-9_.~/-]+$/.test(text.slice(slash + 1));
  if (isName && text.length <= MAX_CONTROLLER_NAME) return parsed(text);
  return refused(`${quoteText(text)} is not the name of a controller: write for example example.com/internal`);
}

/** A block of addresses in canonical form (`10.0.0.0/8`); a single address is a block of one. */
export function parseCidr(text: string): Parsed<string> {
  const block = text.includes("/") ? text : `${text}/${text.includes(":") ? 128 : 32}`;
  // Four decimal parts are asked for, since the library also reads `10/8` and octal numbers, in which mistakes hide.
  const [written = ""] = text.split("/");
  const isPlain = text.includes(":") ? !text.includes("%") : ipaddr.IPv4.isValidFourPartDecimal(written);
  if (!isPlain || !ipaddr.isValidCIDR(block)) {
    return refused(`${quoteText(text)} is not a block of addresses: write for example 10.0.0.0/8 or fd00::/8`);
  }
  const [address, prefixLength] = ipaddr.parseCIDR(block);
  const network = (address.kind() === "ipv4" ? ipaddr.IPv4 : ipaddr.IPv6).networkAddressFromCIDR(block).toString();
  if (network !== address.toString()) {
    return refused(`${quoteText(text)} has bits set behind its prefix: write ${network}/${prefixLength}`);
  }
  return parsed(`${network}/${prefixLength}`);
}
