// Ingress objects of a tenant who means harm: as many, as big and as odd as an API server would store, and odder. Data.

export interface HostileIngress {
  readonly apiVersion: "networking.k8s.io/v1";
  readonly kind: "Ingress";
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec: Readonly<Record<string, unknown>>;
}

export interface HostileOptions {
  readonly namespace: string;
  readonly ingressClass: string;
  /** Ends every host that is not meant to collide with others. */
  readonly domain: string;
  /** Of somebody else, whom nothing must happen to. */
  readonly neighbourHost: string;
  /** Of annotations in all; an API server takes 256 KiB. */
  readonly annotationBytes: number;
}

const MANY_PATHS = 10_000;
const MANY_OBJECTS = 100;
const MANY_DUPLICATES = 500;

/** Makes an engine that backtracks look at an exponential number of ways. */
const REGULAR_EXPRESSION_BOMBS = [
  "^(a+)+$",
  "(x+x+)+y",
  "([a-zA-Z]+)*$",
  "(.*a){25}",
  "(?=(a+))\\1*$",
  "[".repeat(200),
];

const ANNOTATIONS = ["response-timeout", "max-body-size", "backend-protocol", "ssl-redirect", "retry-attempts"];

const path = (text: string, pathType = "Prefix", service = "web"): object => ({
  path: text,
  pathType,
  backend: { service: { name: service, port: { number: 80 } } },
});

/** What can be asked of any API server. */
export function hostileIngresses(options: HostileOptions): readonly HostileIngress[] {
  return [
    ingressOf(options, "many-paths", { rules: [rule(`many.${options.domain}`, manyPaths())] }),
    ingressOf(
      options,
      "big-annotations",
      { rules: [rule(`big.${options.domain}`, [path("/")])] },
      bigAnnotations(options),
    ),
    ingressOf(options, "bombs", { rules: [rule(`bombs.${options.domain}`, bombPaths())] }, bombAnnotations()),
    ...duplicates(options),
    ...many(options),
  ];
}

/** What an API server refuses, and one that is broken or not the real one might send. */
export function impossibleIngresses(options: HostileOptions): readonly HostileIngress[] {
  const hosts = ["\ud800.example", "\u0000", "..", "a".repeat(100_000), "*.*.*", "__proto__", "constructor"];
  return [
    ingressOf(options, "odd-hosts", { rules: hosts.map((host) => rule(host, [path("/")])) }),
    ingressOf(options, "odd-shapes", { rules: [null, 7, { http: { paths: {} } }, { http: [] }], tls: "yes" }),
    ingressOf(options, "long-paths", {
      rules: [rule(`long.${options.domain}`, [path(`/${"a/".repeat(200_000)}`), path("no-slash"), path("/a/../../b")])],
    }),
  ];
}

function ingressOf(
  { namespace, ingressClass }: HostileOptions,
  name: string,
  spec: Readonly<Record<string, unknown>>,
  annotations: Readonly<Record<string, string>> = {},
): HostileIngress {
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "Ingress",
    metadata: { name, namespace, annotations },
    spec: { ingressClassName: ingressClass, ...spec },
  };
}

const rule = (host: string, paths: readonly object[]): object => ({ host, http: { paths } });

/** Deep and wide, none of them the same. */
function manyPaths(): readonly object[] {
  return Array.from({ length: MANY_PATHS }, (_, index) => path(`/p/${index % 100}/${index}`));
}

function bigAnnotations({ annotationBytes }: HostileOptions): Readonly<Record<string, string>> {
  const count = 50;
  const value = "x".repeat(Math.floor(annotationBytes / count) - 100);
  const entries = Array.from({ length: count }, (_, index) => {
    const known = ANNOTATIONS[index];
    return [known === undefined ? `penstock.dev/big-${index}` : `penstock.dev/${known}`, value] as const;
  });
  return Object.fromEntries(entries);
}

function bombPaths(): readonly object[] {
  return REGULAR_EXPRESSION_BOMBS.map((bomb) => path(`/${bomb}`, "ImplementationSpecific"));
}

function bombAnnotations(): Readonly<Record<string, string>> {
  const names = [
    "server-snippet",
    "rewrite-target",
    "server-alias",
    "use-regex",
    "cors-allow-origin",
    "whitelist-source-range",
  ];
  const values = [...REGULAR_EXPRESSION_BOMBS, `${"a".repeat(5_000)}!`];
  return Object.fromEntries([
    ...names.map((name, index) => [`nginx.ingress.kubernetes.io/${name}`, values[index % values.length] ?? ""]),
    ...ANNOTATIONS.map((name) => [`penstock.dev/${name}`, `${"1".repeat(20_000)}!`]),
  ]) as Readonly<Record<string, string>>;
}

/** The neighbour's host and paths, again and again, within one object and in two. */
function duplicates(options: HostileOptions): readonly HostileIngress[] {
  const host = options.neighbourHost;
  const paths = Array.from({ length: MANY_DUPLICATES }, () => path("/"));
  const tls = Array.from({ length: MANY_DUPLICATES }, () => ({ hosts: [host, host], secretName: "none" }));
  const rules = [rule(host, paths), rule(host, paths), rule(host.toUpperCase().toLowerCase(), paths)];
  return ["zz-again", "zz-and-again"].map((name) => ingressOf(options, name, { rules, tls }));
}

function many(options: HostileOptions): readonly HostileIngress[] {
  return Array.from({ length: MANY_OBJECTS }, (_, index) =>
    ingressOf(options, `many-${index}`, {
      rules: Array.from({ length: 20 }, (_unused, part) =>
        rule(`h${part}.many-${index}.${options.domain}`, [path("/", "Prefix", "missing"), path("/a?b=c")]),
      ),
    }),
  );
}
