// Which settings each command takes, and where its defaults differ.
import { CLUSTER_SETTINGS } from "./cluster-settings.ts";
import type { SettingKey } from "./settings.ts";

export type CommandName = "serve" | "controller" | "proxy" | "check" | "explain" | "demo";

export interface CommandSettings {
  readonly keys: readonly SettingKey[];
  /** Defaults in place of the table's, in the words of a person. */
  readonly defaults: Partial<Record<SettingKey, readonly string[]>>;
}

const SERVER_KEYS: readonly SettingKey[] = [
  "http",
  "https",
  "admin",
  "workers",
  "trusted-proxies",
  "drain-delay",
  "shutdown-grace",
  "access-log",
  "log-level",
];

const CLUSTER_KEYS = Object.keys(CLUSTER_SETTINGS) as SettingKey[];

export const COMMAND_SETTINGS: { readonly [Command in CommandName]: CommandSettings } = {
  serve: {
    keys: ["from", "watch", "ingress-class", "default-certificate", ...SERVER_KEYS],
    defaults: {},
  },
  // Endpoints and load balancers take a moment to learn that a pod is ending.
  controller: {
    keys: [...CLUSTER_KEYS, "ingress-class", "default-certificate", ...SERVER_KEYS],
    defaults: { "drain-delay": ["5s"] },
  },
  // A quick proxy should start beside whatever already runs, so it takes one port only.
  proxy: { keys: ["to", ...SERVER_KEYS], defaults: { https: ["off"], admin: ["off"], workers: ["1"] } },
  check: { keys: ["ingress-class", "default-certificate"], defaults: {} },
  explain: { keys: ["from", "ingress-class", "default-certificate"], defaults: {} },
  // The demo is for one person on one machine: nobody else reaches it, it leaves cores free, and it speaks by itself.
  demo: {
    keys: SERVER_KEYS,
    defaults: {
      http: ["127.0.0.1:8080"],
      https: ["127.0.0.1:8443"],
      workers: ["2"],
      "access-log": ["off"],
      "log-level": ["warn"],
    },
  },
};
