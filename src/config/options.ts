// The compiled options: what every part of the program is started with. Types only.
import type { ConnectionLimits } from "../dataplane/protocol.ts";
import type { ClusterOptions } from "./cluster-settings.ts";
import type { NamespacedName } from "../ir/names.ts";
import type { ListenAddress } from "./values/listen-address.ts";
import type { ProxyTarget } from "./values/proxy-target.ts";

export type AccessLogFormat = "json" | "off";
export type LogLevel = "error" | "warn" | "info" | "debug";

export interface Options {
  /** Files and folders of manifests. */
  readonly from: readonly string[];
  /** Upstreams of `penstock proxy`. */
  readonly to: readonly ProxyTarget[];
  readonly http: readonly ListenAddress[];
  readonly https: readonly ListenAddress[];
  /** Null: no admin endpoints. */
  readonly admin: ListenAddress | null;
  readonly workers: number;
  /** Name of a class that is ours even where no IngressClass names our controller. */
  readonly ingressClass: string;
  /** Secret for server names without a certificate; null: a self-signed one made at start. */
  readonly defaultCertificate: NamespacedName | null;
  /** CIDRs whose forwarding headers are kept and appended to. */
  readonly trustedProxies: readonly string[];
  readonly watch: boolean;
  /** From the signal to stop until no more connections are accepted. */
  readonly drainDelayMs: number;
  readonly shutdownGraceMs: number;
  readonly accessLog: AccessLogFormat;
  readonly logLevel: LogLevel;
  readonly limits: ConnectionLimits;
  /** Of `penstock controller`. */
  readonly cluster: ClusterOptions;
}
