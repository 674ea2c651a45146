// The table of every setting: flags, environment variables, keys of the file, help and reference all come from it.
import type { ConnectionLimits } from "../dataplane/protocol.ts";
import type { NamespacedName } from "../ir/names.ts";
import { CLUSTER_SETTING_GROUPS, CLUSTER_SETTINGS } from "./cluster-settings.ts";
import type { ClusterValues } from "./cluster-settings.ts";
import { LIMIT_SETTINGS } from "./limit-settings.ts";
import type { LimitValues } from "./limit-settings.ts";
import type { AccessLogFormat, LogLevel } from "./options.ts";
import { parsed, refused } from "./parsed.ts";
import type { Parsed } from "./parsed.ts";
import { listSetting, optionalSetting, singleSetting, switchSetting } from "./setting.ts";
import type { Machine, Setting } from "./setting.ts";
import { parseDuration } from "./values/duration.ts";
import { parseListenAddress } from "./values/listen-address.ts";
import type { ListenAddress } from "./values/listen-address.ts";
import { parseCount } from "./values/number.ts";
import { parsePath } from "./values/path.ts";
import { parseProxyTarget } from "./values/proxy-target.ts";
import type { ProxyTarget } from "./values/proxy-target.ts";
import { parseChoice, parseCidr, parseNamespacedName, parseObjectName } from "./values/words.ts";

/** Every setting by its key, with the type of its compiled value. */
export interface SettingValues extends LimitValues, ClusterValues {
  readonly from: readonly string[];
  readonly to: readonly ProxyTarget[];
  readonly http: readonly ListenAddress[];
  readonly https: readonly ListenAddress[];
  readonly admin: ListenAddress | null;
  readonly workers: number;
  readonly "ingress-class": string;
  readonly "default-certificate": NamespacedName | null;
  readonly "trusted-proxies": readonly string[];
  readonly watch: boolean;
  readonly "drain-delay": number;
  readonly "shutdown-grace": number;
  readonly "access-log": AccessLogFormat;
  readonly "log-level": LogLevel;
}

export type SettingKey = keyof SettingValues;

/** More threads than this never help one process. */
const MAX_WORKERS = 256;

function parseWorkers(text: string, machine: Machine): Parsed<number> {
  if (text === "auto") return parsed(Math.min(machine.parallelism, MAX_WORKERS));
  const count = parseCount(text, { min: 1, max: MAX_WORKERS });
  return count.ok ? count : refused(`${count.problem}, or auto`);
}

const SOURCES = {
  from: listSetting(
    {
      description: "Read manifests from a file or a folder (YAML or JSON, recursive).",
      valueName: "PATH",
      example: "./manifests",
      defaults: [],
      hasFlag: true,
    },
    parsePath,
  ),
  to: listSetting(
    {
      description: "Forward to this upstream; repeat it to share requests by weight.",
      valueName: "URL[=WEIGHT]",
      example: "http://127.0.0.1:3000=20",
      defaults: [],
      hasFlag: true,
    },
    parseProxyTarget,
  ),
} as const;

const LISTENERS = {
  http: listSetting(
    {
      description: "Listen for HTTP (HTTP/1.1, and HTTP/2 by preface); off for none.",
      valueName: "ADDR",
      example: ":8080",
      defaults: [":8080"],
      hasFlag: true,
    },
    parseListenAddress,
  ),
  https: listSetting(
    {
      description: "Listen for HTTPS (HTTP/1.1 and HTTP/2); off for none.",
      valueName: "ADDR",
      example: ":8443",
      defaults: [":8443"],
      hasFlag: true,
    },
    parseListenAddress,
  ),
  admin: optionalSetting(
    {
      description: "Serve health, readiness, metrics and the configuration dump here; off for none.",
      valueName: "ADDR",
      example: "127.0.0.1:10254",
      defaults: ["127.0.0.1:10254"],
      hasFlag: true,
    },
    parseListenAddress,
  ),
} as const;

const BEHAVIOUR = {
  workers: singleSetting(
    {
      description: "Number of worker threads; auto is one for each core.",
      valueName: "N",
      example: "4",
      defaults: ["auto"],
      hasFlag: true,
    },
    parseWorkers,
  ),
  "ingress-class": singleSetting(
    {
      description: "Class that is ours even where no IngressClass names our controller.",
      valueName: "NAME",
      example: "penstock",
      defaults: ["penstock"],
      hasFlag: true,
    },
    parseObjectName,
  ),
  "default-certificate": optionalSetting(
    {
      description: "Secret for server names without a certificate; otherwise a self-signed one is made at start.",
      valueName: "NS/NAME",
      example: "default/wildcard-tls",
      defaults: [],
      hasFlag: true,
    },
    parseNamespacedName,
  ),
  "trusted-proxies": listSetting(
    {
      description: "Keep the forwarding headers that come from these addresses.",
      valueName: "CIDR",
      example: "10.0.0.0/8",
      defaults: [],
      hasFlag: true,
    },
    parseCidr,
  ),
  watch: switchSetting({
    description: "Follow changes of the manifests.",
    defaults: ["true"],
    hasFlag: true,
  }),
  "drain-delay": singleSetting(
    {
      description: "How long new connections are still served after SIGTERM, while readiness already fails.",
      valueName: "TIME",
      example: "5s",
      defaults: ["0s"],
      hasFlag: true,
    },
    (text) => parseDuration(text, 0),
  ),
  "shutdown-grace": singleSetting(
    {
      description: "How long requests in flight may take to finish after SIGTERM and the drain delay.",
      valueName: "TIME",
      example: "30s",
      defaults: ["30s"],
      hasFlag: true,
    },
    (text) => parseDuration(text, 0),
  ),
} as const;

const LOGS = {
  "access-log": singleSetting(
    {
      description: "One line a request on standard output: json, or off.",
      valueName: "FORMAT",
      example: "json",
      defaults: ["json"],
      hasFlag: true,
    },
    (text) => parseChoice<AccessLogFormat>(text, ["json", "off"]),
  ),
  "log-level": singleSetting(
    {
      description: "Lowest level that is logged on standard error: error, warn, info or debug.",
      valueName: "LEVEL",
      example: "info",
      defaults: ["info"],
      hasFlag: true,
    },
    (text) => parseChoice<LogLevel>(text, ["error", "warn", "info", "debug"]),
  ),
} as const;

export const SETTINGS: { readonly [Key in SettingKey]: Setting<SettingValues[Key]> } = {
  ...SOURCES,
  ...CLUSTER_SETTINGS,
  ...LISTENERS,
  ...BEHAVIOUR,
  ...LOGS,
  ...LIMIT_SETTINGS,
};

export const SETTING_KEYS: readonly SettingKey[] = Object.keys(SETTINGS) as SettingKey[];

/** Headings of help and reference, with the settings below each. */
export const SETTING_GROUPS: readonly (readonly [heading: string, keys: readonly SettingKey[]])[] = [
  ["Sources", Object.keys(SOURCES) as SettingKey[]],
  ...CLUSTER_SETTING_GROUPS,
  ["Listeners", Object.keys(LISTENERS) as SettingKey[]],
  ["Behaviour", Object.keys(BEHAVIOUR) as SettingKey[]],
  ["Logs", Object.keys(LOGS) as SettingKey[]],
  ["Limits", Object.keys(LIMIT_SETTINGS) as SettingKey[]],
];

/** `PENSTOCK_` and the key: `limits.max-connections` is `PENSTOCK_LIMITS_MAX_CONNECTIONS`. */
export function environmentName(key: SettingKey): string {
  return `PENSTOCK_${key.replaceAll(/[.-]/g, "_").toUpperCase()}`;
}

/** The connection limits out of all values. */
export function limitsOf(values: LimitValues): ConnectionLimits {
  return {
    maxConnections: values["limits.max-connections"],
    headerTimeoutMs: values["limits.header-timeout"],
    keepAliveTimeoutMs: values["limits.keep-alive-timeout"],
    maxKeepAliveRequests: values["limits.max-keep-alive-requests"],
    maxHeaderCount: values["limits.max-header-count"],
    maxHeaderBytes: values["limits.max-header-bytes"],
    maxRequestLineBytes: values["limits.max-request-line-bytes"],
    minBodyRate: values["limits.min-body-rate"],
    maxConcurrentStreams: values["limits.max-concurrent-streams"],
  };
}
