// The workloads: what is asked of a proxy, over which connections, and how many hosts it serves.

export interface Scenario {
  readonly name: string;
  /** For the report, half a line. */
  readonly description: string;
  readonly load: Load;
  /** Virtual hosts that the proxy serves. */
  readonly hosts: number;
}

export interface Load {
  readonly tool: "wrk" | "h2load";
  readonly tls: boolean;
  readonly path: string;
  readonly connections: number;
  /** Sent with every request, besides what the tool sends itself. */
  readonly fields: readonly string[];
  /** Bytes of request body; 0: GET. */
  readonly bodyBytes: number;
  /** A full response body, to check that it arrived. */
  readonly responseBytes: number;
  readonly newConnectionPerRequest: boolean;
  /** Requests go round all hosts of the site. */
  readonly spreadOverHosts: boolean;
  /** Open streams a connection (HTTP/2); 1 for HTTP/1.1. */
  readonly streams: number;
  /** Null: as fast as answers come. */
  readonly pace: Pace | null;
}

/** A rate below what any proxy can do. */
type Pace =
  | { readonly kind: "requests"; readonly perConnectionPerSecond: number }
  | { readonly kind: "connections"; readonly perMillisecond: number };

const SMALL: Load = {
  tool: "wrk",
  tls: false,
  path: "/small",
  connections: 50,
  fields: [],
  bodyBytes: 0,
  responseBytes: 35,
  newConnectionPerRequest: false,
  spreadOverHosts: false,
  streams: 1,
  pace: null,
};

const BODY_64K: Load = { ...SMALL, path: "/64k", responseBytes: 65_536 };

/** With Host these are 17 fields, as a browser sends them for a page behind a login. */
const BROWSER_FIELDS: readonly string[] = [
  "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
  "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
  "Accept-Language: en-GB,en;q=0.9,de;q=0.8",
  "Accept-Encoding: gzip, deflate, br, zstd",
  "Referer: http://localhost/catalogue?page=2",
  "Cookie: session=8f2b7c1d9e3a4f60b5c6d7e8f9a0b1c2; theme=dark; consent=analytics%3D0; _ga=GA1.1.1290453.17312",
  "Cache-Control: max-age=0",
  "Upgrade-Insecure-Requests: 1",
  'Sec-CH-UA: "Chromium";v="142", "Not_A Brand";v="99"',
  "Sec-CH-UA-Mobile: ?0",
  'Sec-CH-UA-Platform: "Linux"',
  "Sec-Fetch-Site: same-origin",
  "Sec-Fetch-Mode: navigate",
  "Sec-Fetch-User: ?1",
  "Sec-Fetch-Dest: document",
  'If-None-Match: W/"5d8c72a5edda8-22"',
];

/**
 * h2load starts one connection each 10 ms; at this rate a connection sends every 10.2 ms, so that 50 of them send
 * 0.2 ms apart instead of all at once.
 */
const PACED_RATE = 98;

const KEEP_ALIVE = "50 keep-alive connections";

export const SCENARIOS: readonly Scenario[] = [
  { name: "small", description: `GET, 35 B, ${KEEP_ALIVE}`, load: SMALL, hosts: 1 },
  {
    name: "headers",
    description: `GET, 17 header fields each way, ${KEEP_ALIVE}`,
    load: { ...SMALL, path: "/headers", fields: BROWSER_FIELDS },
    hosts: 1,
  },
  { name: "post", description: `POST, 1 KiB, ${KEEP_ALIVE}`, load: { ...SMALL, bodyBytes: 1024 }, hosts: 1 },
  { name: "64k", description: `GET, 64 KiB, ${KEEP_ALIVE}`, load: BODY_64K, hosts: 1 },
  {
    name: "1m",
    description: "GET, 1 MiB, 10 keep-alive connections",
    load: { ...SMALL, path: "/1m", responseBytes: 1_048_576, connections: 10 },
    hosts: 1,
  },
  {
    name: "paced",
    description: "GET, 35 B, 50 keep-alive connections, 4,900 requests a second in all, evenly spread",
    load: { ...SMALL, tool: "h2load", pace: { kind: "requests", perConnectionPerSecond: PACED_RATE } },
    hosts: 1,
  },
  { name: "tls", description: `GET, 35 B, TLS 1.3, ${KEEP_ALIVE}`, load: { ...SMALL, tls: true }, hosts: 1 },
  { name: "tls-64k", description: `GET, 64 KiB, TLS 1.3, ${KEEP_ALIVE}`, load: { ...BODY_64K, tls: true }, hosts: 1 },
  {
    name: "connect",
    description: "GET, 35 B, a new connection for each request, 50 at a time",
    load: { ...SMALL, newConnectionPerRequest: true },
    hosts: 1,
  },
  {
    name: "tls-connect",
    description: "GET, 35 B, a full TLS 1.3 handshake for each request, 1,000 a second",
    load: {
      ...SMALL,
      tool: "h2load",
      tls: true,
      newConnectionPerRequest: true,
      pace: { kind: "connections", perMillisecond: 1 },
    },
    hosts: 1,
  },
  {
    name: "tls-resume",
    description: "GET, 35 B, a resumed TLS 1.3 handshake for each request, 50 at a time",
    load: { ...SMALL, tls: true, newConnectionPerRequest: true },
    hosts: 1,
  },
  {
    name: "h2",
    description: "GET, 35 B, HTTP/2 over TLS 1.3, 10 connections of 10 streams",
    load: { ...SMALL, tool: "h2load", tls: true, connections: 10, streams: 10 },
    hosts: 1,
  },
  {
    name: "routes-1",
    description: `GET, 35 B, 1 host, ${KEEP_ALIVE}`,
    load: { ...SMALL, spreadOverHosts: true },
    hosts: 1,
  },
  {
    name: "routes-5000",
    description: `GET, 35 B, requests spread over 5,000 hosts, ${KEEP_ALIVE}`,
    load: { ...SMALL, spreadOverHosts: true },
    hosts: 5_000,
  },
];
