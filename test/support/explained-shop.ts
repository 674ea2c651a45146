// A site of which every kind of explanation can be shown: hosts, paths that overlap, upstreams of each sort, certificates.
import type { SnapshotSpec } from "./ingress-snapshot.ts";
import { certificateOf, endpointOf } from "./ingress-snapshot.ts";

export const EXPLAINED_SHOP: SnapshotSpec = {
  hosts: {
    "shop.example": [
      { path: "/cart/items", kind: "exact", id: "items" },
      { path: "/cart/", id: "cart", to: { "shop/cart/80": 9, "shop/canary/80": 1 } },
      { path: "/cart", id: "short", to: "shop/cart/80" },
      { path: "/gone", id: "gone", respond: 503 },
      { path: "/old", id: "old", to: "shop/cart/80", policy: { sslRedirect: true } },
      { path: "/name", id: "name", to: "shop/named/443" },
      { path: "/empty", id: "empty", to: "shop/empty/80" },
    ],
    "*.example": [{ path: "/", id: "wildcard", to: "shop/cart/80" }],
    "": [{ path: "/", id: "any", to: "shop/cart/80" }],
  },
  endpoints: {
    "shop/cart/80": [
      "10.0.0.1:8080",
      endpointOf("2001:db8::1:8080", { ready: false, terminating: true, zone: "a", weight: 3 }),
    ],
  },
  upstreams: {
    "shop/named/443": {
      protocol: "https",
      tls: { serverName: "named.test", caPem: null },
      dnsName: { host: "named.test", port: 443 },
    },
  },
  tls: { "shop.example": "shop/tls", "*.lost.example": null },
  certificates: [certificateOf("shop/tls", ["*.other.example", "www.shop.example"])],
};
