#!/bin/sh
# Starts the program once, waits until it is ready and stops it, so that Node leaves its compiled code in
# NODE_COMPILE_CACHE. Node keeps it apart by version, processor and user: run this as the user of the image.
# Usage: warm-compile-cache.sh NODE_AND_FLAGS… MAIN
set -eu
"$@" serve --from /app/examples/quickstart --http 127.0.0.1:0 --https 127.0.0.1:0 \
  --admin 127.0.0.1:10254 --workers 1 --access-log off &
pid=$!
node -e '
  const deadline = Date.now() + 60_000;
  while (!(await fetch("http://127.0.0.1:10254/readyz").then((answer) => answer.ok, () => false))) {
    if (Date.now() > deadline) throw new Error("not ready after 60 s");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
' --input-type=module || { kill "$pid"; exit 1; }
kill -TERM "$pid"
wait "$pid"
