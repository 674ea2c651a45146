// HAProxy: one thread, connections to the origin shared between clients, JSON lines on standard output as its container image logs.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Site } from "../site.ts";
import { findProgram, readVersion } from "./peer.ts";
import type { Peer, PeerBinary, PeerCommand } from "./peer.ts";

export const haproxy: Peer = {
  name: "haproxy",
  installHint: "install the haproxy package or set HAPROXY_BIN",
  find(): PeerBinary | null {
    const path = findProgram("HAPROXY_BIN", "haproxy");
    return path === null ? null : { path, version: readVersion(path, ["-v"], /version ([^\s]+)/) };
  },
  configure(binary: PeerBinary, site: Site): PeerCommand {
    const configFile = join(site.directory, "haproxy.cfg");
    writeFileSync(join(site.directory, "hosts.map"), site.hosts.map((host) => `${host} origin\n`).join(""));
    writeFileSync(configFile, renderConfig(site));
    return { file: binary.path, args: ["-db", "-f", configFile], standardOutput: "access-log" };
  },
};

function renderConfig(site: Site): string {
  return `
global
  nbthread 1
  maxconn 8192
  log stdout len 4096 format raw local0 info
  ssl-default-bind-options ssl-min-ver TLSv1.2
  ssl-default-bind-curves X25519:P-256

defaults
  mode http
  log global
  timeout connect 5s
  timeout client 75s
  timeout server 60s
  timeout http-request 10s
  timeout http-keep-alive 75s
  http-reuse always

frontend public
  bind 127.0.0.1:${site.httpPort} backlog 4096
  bind 127.0.0.1:${site.httpsPort} ssl crt ${site.certificate.bundleFile} alpn h2,http/1.1 backlog 4096
  unique-id-format %[uuid()]
  http-request set-header X-Forwarded-For %[src]
  http-request set-header X-Forwarded-Proto http unless { ssl_fc }
  http-request set-header X-Forwarded-Proto https if { ssl_fc }
  http-request set-header X-Forwarded-Host %[req.hdr(host)]
  http-request set-header X-Forwarded-Port %[dst_port]
  http-request set-header X-Real-IP %[src]
  http-request set-header X-Request-ID %[unique-id]
  http-request capture req.hdr(host) len 255
  http-request capture req.hdr(user-agent) len 255
  http-request capture req.hdr(referer) len 255
  log-format ${LOG_FORMAT}
  error-log-format '{"time":"%trl","client":"%ci","error":"%[fc_err_str]"}'
  use_backend %[req.hdr(host),host_only,lower,map(${join(site.directory, "hosts.map")})]

backend origin
  server origin 127.0.0.1:${site.originPort}
`;
}

/** As many fields as Penstock's line has, by its names (docs/glossary.md) where HAProxy knows the value. */
const LOG_FORMAT = [
  String.raw`'{"time":"%trl","request_id":"%ID","client":"%ci","method":"%[capture.req.method,json(utf8s)]",`,
  String.raw`"host":"%[capture.req.hdr(0),json(utf8s)]","path":"%[capture.req.uri,json(utf8s)]",`,
  String.raw`"protocol":"%[capture.req.ver]","scheme":"%[ssl_fc,iif(https,http)]","status":%ST,"request_bytes":%U,`,
  String.raw`"response_bytes":%B,"duration_ms":%Ta,"route":"%f","upstream":"%b","endpoint":"%si:%sp","attempts":"%rc",`,
  String.raw`"termination":"%ts","upstream_header_ms":%Tr,"user_agent":"%[capture.req.hdr(1),json(utf8s)]",`,
  String.raw`"referer":"%[capture.req.hdr(2),json(utf8s)]","tls_version":"%sslv","listener":"%fp"}'`,
].join("");
