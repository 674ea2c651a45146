// How host names become addresses: DNS with its TTLs first, then whatever else the system knows, such as the hosts file.
import { promises as dns } from "node:dns";
import { isIP } from "node:net";
import { networkInterfaces } from "node:os";
import { isLocalhostName } from "../lib/localhost-name.ts";

export interface ResolvedAddress {
  /** IPv4 or IPv6, without brackets. */
  readonly address: string;
  /** Seconds; null where the source knows none. */
  readonly ttlSeconds: number | null;
}

/** Rejects where the name has no address or nobody answers; the error's message names the cause. */
export type NameTransport = (host: string) => Promise<readonly ResolvedAddress[]>;

const QUERY_TIMEOUT_MS = 2_000;
const QUERY_TRIES = 2;
/** getaddrinfo holds one of the process's four pool threads, which also write the logs, for as long as it waits. */
const MAX_SYSTEM_LOOKUPS = 2;

export function createSystemNameTransport(): NameTransport {
  const resolver = new dns.Resolver({ timeout: QUERY_TIMEOUT_MS, tries: QUERY_TRIES });
  const askSystem = createSystemLookup();
  return async (host) => {
    // Such names never leave the machine.
    const answers = isLocalhostName(host) ? [] : await queryDns(resolver, host);
    const addresses = answers.length > 0 ? answers : await askSystem(host);
    return withoutUnreachableFamily(addresses);
  };
}

/** Both families at once; a family that fails does not spoil the other. Empty where neither gave an address. */
async function queryDns(resolver: dns.Resolver, host: string): Promise<readonly ResolvedAddress[]> {
  const families = await Promise.allSettled([
    resolver.resolve4(host, { ttl: true }),
    resolver.resolve6(host, { ttl: true }),
  ]);
  return families.flatMap((family) =>
    family.status === "fulfilled" ? family.value.map(({ address, ttl }) => ({ address, ttlSeconds: ttl })) : [],
  );
}

/** The hosts file, search domains, and name services other than DNS. */
function createSystemLookup(): NameTransport {
  const waiting: (() => void)[] = [];
  let active = 0;
  return async (host) => {
    if (active >= MAX_SYSTEM_LOOKUPS) await new Promise<void>((resolve) => waiting.push(resolve));
    active += 1;
    try {
      const found = await dns.lookup(host, { all: true });
      return found.map(({ address }) => ({ address, ttlSeconds: null }));
    } finally {
      active -= 1;
      waiting.shift()?.();
    }
  };
}

/** On a machine without IPv6, addresses of that family would only cost failed attempts. As AI_ADDRCONFIG, RFC 3493 §6.1. */
function withoutUnreachableFamily(addresses: readonly ResolvedAddress[]): readonly ResolvedAddress[] {
  const ipv4 = addresses.filter(({ address }) => isIP(address) === 4);
  return ipv4.length === 0 || hasRoutableIpv6() ? addresses : ipv4;
}

function hasRoutableIpv6(): boolean {
  return Object.values(networkInterfaces()).some((interfaces) =>
    interfaces?.some(({ family, internal, address }) => family === "IPv6" && !internal && !address.startsWith("fe80:")),
  );
}
