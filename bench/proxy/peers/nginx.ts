// nginx as a careful operator runs it: one worker, upstream keep-alive, buffered JSON log, response buffering on (its default).
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Site } from "../site.ts";
import { findProgram, readVersion } from "./peer.ts";
import type { Peer, PeerBinary, PeerCommand } from "./peer.ts";

export const nginx: Peer = {
  name: "nginx",
  installHint: "install the nginx package or set NGINX_BIN",
  find(): PeerBinary | null {
    const path = findProgram("NGINX_BIN", "nginx");
    return path === null ? null : { path, version: readVersion(path, ["-v"], /nginx\/([^\s]+)/) };
  },
  configure(binary: PeerBinary, site: Site): PeerCommand {
    const configFile = join(site.directory, "nginx.conf");
    writeFileSync(configFile, renderConfig(site));
    const args = ["-p", site.directory, "-e", join(site.directory, "error.log"), "-c", configFile];
    return { file: binary.path, args, standardOutput: "own-log" };
  },
};

function renderConfig(site: Site): string {
  return `
daemon off;
user root;
worker_processes 1;
worker_rlimit_nofile 16384;
pid ${site.directory}/nginx.pid;
error_log ${site.directory}/error.log warn;
events { worker_connections 8192; }
http {
${renderTemporaryPaths(site.directory)}
  server_tokens off;
  keepalive_timeout 75s;
  keepalive_requests 1000000000;
  server_names_hash_max_size 65536;
  server_names_hash_bucket_size 128;
  log_format json escape=json ${LOG_FORMAT};
  access_log ${site.accessLogFile} json buffer=32k flush=1s;

  upstream origin {
    server 127.0.0.1:${site.originPort};
    keepalive 512;
    keepalive_requests 1000000000;
  }
  proxy_http_version 1.1;
${FORWARDED_FIELDS.map((field) => `  proxy_set_header ${field};`).join("\n")}

  ssl_protocols TLSv1.2 TLSv1.3;
  ssl_certificate ${site.certificate.chainFile};
  ssl_certificate_key ${site.certificate.keyFile};
  ssl_session_cache shared:tls:10m;
  ssl_session_tickets on;
  ssl_ecdh_curve X25519:prime256v1;

  server {
    listen 127.0.0.1:${site.httpPort} default_server backlog=4096;
    listen 127.0.0.1:${site.httpsPort} ssl http2 default_server backlog=4096;
    return 404;
  }
${site.hosts.map((host) => renderServer(site, host)).join("\n")}
}
`;
}

function renderServer(site: Site, host: string): string {
  return `  server {
    listen 127.0.0.1:${site.httpPort};
    listen 127.0.0.1:${site.httpsPort} ssl http2;
    server_name ${host};
    location / { proxy_pass http://origin; }
  }`;
}

/** On tmpfs like everything else: a body that outgrows the buffers must not wait for a disk. */
function renderTemporaryPaths(directory: string): string {
  return ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((kind) => `  ${kind}_temp_path ${directory}/${kind};`)
    .join("\n");
}

const FORWARDED_FIELDS = [
  `Connection ""`,
  "Host $http_host",
  "X-Forwarded-For $remote_addr",
  "X-Forwarded-Proto $scheme",
  "X-Forwarded-Host $http_host",
  "X-Forwarded-Port $server_port",
  "X-Real-IP $remote_addr",
  "X-Request-ID $request_id",
];

/** As many fields as Penstock's line has, by its names (docs/glossary.md) where nginx knows the value. */
const LOG_FORMAT = `'{"time":"$time_iso8601","request_id":"$request_id","client":"$remote_addr","method":"$request_method",'
    '"host":"$host","path":"$uri","query":"$args","protocol":"$server_protocol","scheme":"$scheme","status":$status,'
    '"request_bytes":$request_length,"response_bytes":$body_bytes_sent,"duration":$request_time,"route":"$server_name",'
    '"upstream":"$proxy_host","endpoint":"$upstream_addr","upstream_status":"$upstream_status",'
    '"upstream_header":"$upstream_header_time","user_agent":"$http_user_agent","referer":"$http_referer",'
    '"tls_version":"$ssl_protocol","listener":"$server_port"}'`;
