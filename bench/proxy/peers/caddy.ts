// Caddy: JSON configuration, its own access log unfiltered, one matcher for all hosts (a route each would be searched in order).
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Site } from "../site.ts";
import { findProgram, readVersion } from "./peer.ts";
import type { Peer, PeerBinary, PeerCommand } from "./peer.ts";

export const caddy: Peer = {
  name: "caddy",
  installHint: "go install github.com/caddyserver/caddy/v2/cmd/caddy@latest, or set CADDY_BIN",
  find(): PeerBinary | null {
    const path = findProgram("CADDY_BIN", "caddy");
    return path === null ? null : { path, version: readVersion(path, ["build-info"], /^mod\s+\S+\s+v?(\S+)/m) };
  },
  configure(binary: PeerBinary, site: Site): PeerCommand {
    const configFile = join(site.directory, "caddy.json");
    writeFileSync(configFile, JSON.stringify(configuration(site), null, 1));
    return { file: binary.path, args: ["run", "--config", configFile], standardOutput: "own-log" };
  },
};

function configuration(site: Site): object {
  const server = {
    automatic_https: { disable: true },
    idle_timeout: "75s",
    logs: { default_logger_name: "access" },
    routes: [{ match: [{ host: site.hosts }], handle: [reverseProxy(site.originPort)] }],
  };
  const { chainFile, keyFile } = site.certificate;
  return {
    admin: { disabled: true, config: { persist: false } },
    storage: { module: "file_system", root: join(site.directory, "storage") },
    logging: {
      logs: {
        default: { level: "ERROR", exclude: ["http.log.access"] },
        access: {
          writer: { output: "file", filename: site.accessLogFile, roll: false },
          encoder: { format: "json" },
          include: ["http.log.access"],
        },
      },
    },
    apps: {
      http: {
        grace_period: "2s",
        servers: {
          http: { ...server, listen: [`127.0.0.1:${site.httpPort}`], protocols: ["h1"] },
          https: {
            ...server,
            listen: [`127.0.0.1:${site.httpsPort}`],
            protocols: ["h1", "h2"],
            tls_connection_policies: [
              { alpn: ["h2", "http/1.1"], curves: ["x25519", "secp256r1"], protocol_min: "tls1.2" },
            ],
          },
        },
      },
      tls: { certificates: { load_files: [{ certificate: chainFile, key: keyFile }] } },
    },
  };
}

/** X-Forwarded-For, -Proto and -Host are Caddy's own doing. */
function reverseProxy(port: number): object {
  return {
    handler: "reverse_proxy",
    upstreams: [{ dial: `127.0.0.1:${port}` }],
    transport: {
      protocol: "http",
      versions: ["1.1"],
      compression: false,
      dial_timeout: "5s",
      keep_alive: { enabled: true, idle_timeout: "75s", max_idle_conns: 512, max_idle_conns_per_host: 512 },
    },
    headers: {
      request: {
        set: {
          "X-Forwarded-Port": ["{http.request.local.port}"],
          "X-Real-IP": ["{http.request.remote.host}"],
          "X-Request-ID": ["{http.request.uuid}"],
        },
      },
    },
  };
}
