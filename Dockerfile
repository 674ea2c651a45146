# The image of Penstock: Node, the compiled program, the packages that it loads, and nothing else: no shell, no package
# manager. For amd64 and arm64:
#   docker build -t penstock:dev .
#   docker buildx build --platform linux/amd64,linux/arm64 -t registry.example/penstock:0.1.0 .
# The first two layers come out the same again with the same base image and SOURCE_DATE_EPOCH (the default is a fixed
# day). The third is compiled code, which V8 does not write twice alike; Node checks it against the files.

FROM node:26-bookworm-slim AS base
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
COPY tools/runtime/package.json tools/runtime/

# What the program loads at run time. No workspaces: the image has a Node, and needs none from the registry.
FROM base AS packages
RUN npm ci --omit=dev --workspaces=false --ignore-scripts --loglevel=error
COPY tools/image/prune-packages.sh tools/image/
RUN tools/image/prune-packages.sh node_modules

FROM base AS build
RUN npm ci --workspaces=false --ignore-scripts --loglevel=error
COPY tsconfig.json tsconfig.build.json ./
COPY src src
# Types are checked before an image is made (npm run check); maps and declarations serve nobody in it.
RUN node_modules/.bin/tsc -p tsconfig.build.json --noCheck --sourceMap false --inlineSources false \
  && find dist -name '*.d.ts' -delete

FROM base AS image
ARG SOURCE_DATE_EPOCH=1767225600
COPY tools/image tools/image
RUN tools/image/copy-runtime.sh /image/runtime
# Where they are in the image, since Node looks compiled code up by the path of its file.
COPY --from=packages /build/node_modules /app/node_modules
COPY --from=build /build/dist /app/dist
COPY examples/quickstart /app/examples/quickstart
COPY package.json LICENSE CHANGELOG.md /app/
# Compiled code shortens the start. It is made by the user that reads it, with the flags of ENTRYPOINT.
RUN mkdir -p /image/cache/app/.cache && chown 65532:65532 /image/cache/app/.cache
USER 65532:65532
RUN NODE_COMPILE_CACHE=/image/cache/app/.cache NODE_ENV=production tools/image/warm-compile-cache.sh node \
  --disallow-code-generation-from-strings \
  --enable-experimental-regexp-engine-on-excessive-backtracks \
  --regexp-backtracks-before-fallback=10000 \
  --heap-growing-percent=50 \
  --max-semi-space-size=16 \
  /app/dist/main.js
USER 0:0
RUN mkdir /image/program && cp -a /app /image/program/ \
  && chown -R 0:0 /image && chmod -R go+rX,go-w /image \
  && chmod 1777 /image/runtime/tmp \
  && find /image -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +

FROM scratch
ARG VERSION=0.1.0
ARG REVISION=""
ARG CREATED=""
LABEL org.opencontainers.image.title="Penstock" \
  org.opencontainers.image.description="Kubernetes ingress controller with its own programmable proxy engine" \
  org.opencontainers.image.licenses="Apache-2.0" \
  org.opencontainers.image.base.name="docker.io/library/node:26-bookworm-slim" \
  org.opencontainers.image.version="$VERSION" \
  org.opencontainers.image.revision="$REVISION" \
  org.opencontainers.image.created="$CREATED"
# What changes least comes first: a new version of Penstock brings a new second and third layer only.
COPY --from=image /image/runtime /
# Each is copied with the folder that it lies in, which so keeps its time as well.
COPY --from=image /image/program /
COPY --from=image /image/cache /
ENV NODE_ENV=production \
  NODE_COMPILE_CACHE=/app/.cache \
  PENSTOCK_ADMIN=:10254
USER 65532:65532
WORKDIR /app
EXPOSE 8080 8443 10254
STOPSIGNAL SIGTERM
# Flags of V8 that have to be there before the first context and heap are: see src/cli/engine-flags.ts.
ENTRYPOINT ["/usr/local/bin/node", \
  "--disallow-code-generation-from-strings", \
  "--enable-experimental-regexp-engine-on-excessive-backtracks", \
  "--regexp-backtracks-before-fallback=10000", \
  "--heap-growing-percent=50", \
  "--max-semi-space-size=16", \
  "/app/dist/main.js"]
CMD ["controller"]
