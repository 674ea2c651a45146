#!/bin/sh
# Takes out of node_modules what Node never loads, or only another runtime does: types, maps, sources, tests, docs,
# browser bundles, native parts. Licences stay. Usage: prune-packages.sh NODE_MODULES
set -eu
cd "$1"

# Types without code, tools of other runtimes that sit behind a "bare" import condition, and npm's own notes.
rm -rf @types undici-types bare-* teex .bin .package-lock.json

find . -type f \( \
  -name '*.ts' -o -name '*.cts' -o -name '*.mts' -o -name '*.map' -o -name '*.flow' -o -name '*.node' \
  -o -iname 'readme*' -o -iname 'changelog*' -o -iname 'history*' -o -iname 'contributing*' -o -iname 'security.md' \
  -o -name '*.min.js' -o -name '*.umd.js' -o -name '*.tsbuildinfo' -o -name 'tsconfig*.json' \
  -o -name '.*' -o -name 'Makefile' -o -name '*.gyp' -o -name '*.yml' -o -name '*.test.js' \
  \) -delete

# Folders of a package, not of the code within it: `yaml` has a dist/doc that it needs.
for folder in test tests docs examples example benchmark benchmarks browser; do
  find . -type d -path "*/node_modules/*" -prune -o -type d \( -path "./[!@]*/$folder" -o -path "./@*/*/$folder" \) -print |
    awk -F/ '($2 ~ /^@/ && NF == 4) || ($2 !~ /^@/ && NF == 3)' | xargs rm -rf
done
rm -rf js-yaml/dist/browser zod/src

find . -type d -empty -delete
