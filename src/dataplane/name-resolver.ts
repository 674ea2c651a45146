// Keeps the endpoints of upstreams that have a host name (Services of type ExternalName) up to date. Runs on the main
// thread; an upstream keeps its last good addresses while its name cannot be resolved. What it tells are addresses that were
// judged, and workers connect to nothing else: no second look-up could answer otherwise.
import { isIP } from "node:net";
import { compareStrings } from "../lib/compare-strings.ts";
import { readAddress } from "../lib/endpoint-address.ts";
import type { AddressFault, LoopbackRule } from "../lib/endpoint-address.ts";
import type { Diagnostic } from "../ir/diagnostic.ts";
import { plainEndpoint } from "../ir/upstream.ts";
import type { EndpointSet, Upstream } from "../ir/upstream.ts";
import type { Clock, ClockTimer } from "../lib/clock.ts";
import type { BackOffTiming } from "../lib/back-off.ts";
import { backOffDelay } from "../lib/back-off.ts";
import type { NameTransport, ResolvedAddress } from "./name-transport.ts";

export interface NameResolverOptions {
  readonly transport: NameTransport;
  readonly clock: Clock;
  /** From 0 to 1. */
  readonly random: () => number;
  /** As for addresses in objects: a name is no way around it. */
  readonly loopback: LoopbackRule;
  readonly onEndpoints: (changed: readonly EndpointSet[]) => void;
  /** Everything that cannot be resolved now or only in part, replacing what was said before. */
  readonly onDiagnostics: (diagnostics: readonly Diagnostic[]) => void;
}

/** Bounds of a TTL, so that 0 does not become a storm of queries and a day does not outlive a migration. */
const MIN_TTL_MS = 1_000;
const MAX_TTL_MS = 300_000;
/** For sources without TTLs, such as the hosts file. */
const DEFAULT_TTL_MS = 30_000;
const RETRY: BackOffTiming = { firstDelayMs: 1_000, maxDelayMs: 30_000 };
const MAX_CONCURRENT = 16;
/** Of one name; a larger answer is cut. */
const MAX_ADDRESSES = 256;
/** How long answers must be free of refused addresses, so that a name which changes with every answer is told of once. */
const REFUSAL_MEMORY_MS = MAX_TTL_MS;

interface NameTarget {
  readonly upstream: string;
  readonly port: number;
}

interface NameEntry {
  readonly host: string;
  targets: readonly NameTarget[];
  /** Sorted; null until the first answer. */
  addresses: readonly string[] | null;
  failures: number;
  /** Empty where all that was wrong is what was refused. */
  lastError: string;
  /** What addresses that were left out are, sorted. */
  refused: readonly AddressFault[];
  /** Of the last answer with such an address. */
  refusedAtMs: number;
  timer: ClockTimer | null;
}

export class NameResolver {
  readonly #options: NameResolverOptions;
  readonly #entries = new Map<string, NameEntry>();
  /** Waiting for one of the concurrent queries to end. */
  readonly #queue: NameEntry[] = [];
  #active = 0;

  constructor(options: NameResolverOptions) {
    this.#options = options;
  }

  /**
   * Resolves the names of these upstreams from now on, and no others. Call it after their snapshot was published: what is
   * known already is told at once.
   */
  update(upstreams: readonly Upstream[]): void {
    const wanted = targetsByHost(upstreams);
    for (const [host, entry] of this.#entries) {
      if (!wanted.has(host)) this.#remove(entry);
    }
    for (const [host, targets] of wanted) {
      const entry = this.#entries.get(host);
      if (entry === undefined) this.#add(host, targets);
      else this.#retarget(entry, targets);
    }
    this.#diagnose();
  }

  /** Stops resolving; endpoints that were told stay. */
  stop(): void {
    for (const entry of this.#entries.values()) this.#remove(entry);
  }

  #add(host: string, targets: readonly NameTarget[]): void {
    const entry: NameEntry = {
      host,
      targets,
      addresses: null,
      failures: 0,
      lastError: "",
      refused: [],
      refusedAtMs: 0,
      timer: null,
    };
    this.#entries.set(host, entry);
    const literal = literalAddress(host);
    if (literal === null) this.#enqueue(entry);
    else this.#onLiteral(entry, literal);
  }

  #retarget(entry: NameEntry, targets: readonly NameTarget[]): void {
    const known = new Set(entry.targets.map(targetKey));
    const added = targets.filter((target) => !known.has(targetKey(target)));
    entry.targets = targets;
    if (entry.addresses !== null) this.#tell(entry.addresses, added);
  }

  #remove(entry: NameEntry): void {
    entry.timer?.cancel();
    this.#entries.delete(entry.host);
  }

  #enqueue(entry: NameEntry): void {
    this.#queue.push(entry);
    this.#startNext();
  }

  #startNext(): void {
    while (this.#active < MAX_CONCURRENT) {
      const entry = this.#queue.shift();
      if (entry === undefined) return;
      if (this.#isCurrent(entry)) void this.#resolve(entry);
    }
  }

  async #resolve(entry: NameEntry): Promise<void> {
    this.#active += 1;
    try {
      const answer = await this.#options.transport(entry.host);
      if (this.#isCurrent(entry)) this.#onAnswer(entry, answer);
    } catch (error) {
      if (this.#isCurrent(entry)) this.#onFailure(entry, error instanceof Error ? error.message : String(error));
    }
    this.#active -= 1;
    this.#startNext();
  }

  /** False for a name that was dropped while it waited or was asked for, even where it came back meanwhile. */
  #isCurrent(entry: NameEntry): boolean {
    return this.#entries.get(entry.host) === entry;
  }

  /** Nothing to ask for, now or later. */
  #onLiteral(entry: NameEntry, literal: string): void {
    const { address, fault } = readAddress(literal, this.#options.loopback);
    if (address !== null) {
      this.#learn(entry, [address]);
      return;
    }
    entry.failures = 1;
    if (fault === "not an IP address") entry.lastError = `it is ${fault}`;
    else entry.refused = [fault];
  }

  #onAnswer(entry: NameEntry, answer: readonly ResolvedAddress[]): void {
    const good = new Set<string>();
    const refused = new Set<AddressFault>();
    for (const { address: text } of answer) {
      const { address, fault } = readAddress(text, this.#options.loopback);
      if (address !== null) good.add(address);
      else if (fault !== "not an IP address") refused.add(fault);
    }
    const isNews = this.#noteRefused(entry, refused);
    if (good.size === 0) {
      this.#onFailure(entry, refused.size === 0 ? "the answer holds no address" : "");
      return;
    }
    const hadFailed = entry.failures > 0;
    entry.failures = 0;
    this.#learn(entry, [...good].toSorted().slice(0, MAX_ADDRESSES));
    if (hadFailed || isNews) this.#diagnose();
    this.#askAgainIn(entry, ttlOf(answer));
  }

  /** Adds to what is known as long as answers hold any, and forgets it only some time after. True where that changed it. */
  #noteRefused(entry: NameEntry, refused: ReadonlySet<AddressFault>): boolean {
    const now = this.#options.clock.now();
    const before = entry.refused.length;
    if (refused.size > 0) {
      entry.refused = [...refused.union(new Set(entry.refused))].toSorted(compareStrings);
      entry.refusedAtMs = now;
    } else if (now - entry.refusedAtMs >= REFUSAL_MEMORY_MS) {
      entry.refused = [];
    }
    return entry.refused.length !== before;
  }

  #onFailure(entry: NameEntry, message: string): void {
    entry.failures += 1;
    entry.lastError = message;
    this.#diagnose();
    this.#askAgainIn(entry, backOffDelay(entry.failures, RETRY, this.#options.random()));
  }

  #askAgainIn(entry: NameEntry, delayMs: number): void {
    entry.timer = this.#options.clock.setTimer(() => this.#enqueue(entry), delayMs);
  }

  #learn(entry: NameEntry, addresses: readonly string[]): void {
    const isKnown = entry.addresses !== null && entry.addresses.join() === addresses.join();
    entry.addresses = addresses;
    if (!isKnown) this.#tell(addresses, entry.targets);
  }

  #tell(addresses: readonly string[], targets: readonly NameTarget[]): void {
    if (targets.length === 0) return;
    this.#options.onEndpoints(
      targets.map(({ upstream, port }) => ({
        upstream,
        endpoints: addresses.map((address) => plainEndpoint(address, port)),
      })),
    );
  }

  #diagnose(): void {
    const found: Diagnostic[] = [];
    for (const entry of this.#entries.values()) {
      const isUnresolved = entry.failures > 0 && entry.lastError !== "";
      const describe = isUnresolved ? unresolved : entry.refused.length > 0 ? refusedAddresses : null;
      if (describe !== null) for (const target of entry.targets) found.push(describe(entry, target));
    }
    this.#options.onDiagnostics(found);
  }
}

function targetsByHost(upstreams: readonly Upstream[]): Map<string, NameTarget[]> {
  const targets = new Map<string, NameTarget[]>();
  for (const { id, dnsName } of upstreams) {
    if (dnsName === null) continue;
    const host = dnsName.host.toLowerCase();
    const ofHost = targets.get(host);
    const target = { upstream: id, port: dnsName.port };
    if (ofHost === undefined) targets.set(host, [target]);
    else ofHost.push(target);
  }
  return targets;
}

function targetKey({ upstream, port }: NameTarget): string {
  return `${upstream} ${port}`;
}

/** Users write IP addresses where names belong, and it is plain what they mean. */
function literalAddress(host: string): string | null {
  const bare = host.startsWith("[") && host.endsWith("]") ? host.slice(1, -1) : host;
  return isIP(bare) === 0 ? null : bare;
}

/** The shortest TTL of an answer, within bounds; milliseconds. */
function ttlOf(answer: readonly ResolvedAddress[]): number {
  const ttls = answer.map(({ ttlSeconds }) => (ttlSeconds === null ? DEFAULT_TTL_MS : ttlSeconds * 1_000));
  return Math.min(MAX_TTL_MS, Math.max(MIN_TTL_MS, Math.min(...ttls)));
}

function unresolved(entry: NameEntry, target: NameTarget): Diagnostic {
  const consequence = entry.addresses === null ? "it has no endpoint" : "its last addresses stay in use";
  const message = `The name ${entry.host} of upstream ${target.upstream} cannot be resolved (${entry.lastError}), so ${consequence}.`;
  const hint = "Write a name that the cluster's DNS resolves, fully qualified.";
  return { ...onExternalName(entry, target), reason: "NameNotResolved", message, hint };
}

/** Says the same whatever the last answer was, so that a name whose answers change is told of once. */
function refusedAddresses(entry: NameEntry, target: NameTarget): Diagnostic {
  const what = `The name ${entry.host} of upstream ${target.upstream} leads to ${entry.refused.join(" and ")}`;
  const consequence =
    entry.addresses === null
      ? "which no endpoint can have, so it has no endpoint"
      : "which no endpoint can have; only its other addresses are used";
  const message = `${what}, ${consequence}.`;
  const hint = "Mend the DNS records of the name, or write another name.";
  return { ...onExternalName(entry, target), reason: "NameAddressRefused", message, hint };
}

function onExternalName(
  { addresses }: NameEntry,
  { upstream }: NameTarget,
): Pick<Diagnostic, "severity" | "object" | "field" | "location"> {
  const [namespace = "", name = ""] = upstream.split("/");
  return {
    severity: addresses === null ? "error" : "warning",
    object: { kind: "Service", namespace, name },
    field: "spec.externalName",
    location: null,
  };
}
