#!/bin/sh
# Copies Node with the shared libraries that it loads, and the little that a container without a shell needs, to a
# folder that becomes the root of the image. Asks the dynamic linker, so it fits every architecture.
# Usage: copy-runtime.sh ROOT
set -eu
root="$1"
node="$(command -v node)"

mkdir -p "$root/usr/local/bin" "$root/etc" "$root/tmp" "$root/usr/share/licenses/node"
chmod 1777 "$root/tmp"
cp "$node" "$root/usr/local/bin/node"

# Merged /usr: a program names its linker as /lib64/… or /lib/…, the files are below /usr.
for folder in lib lib64; do
  if [ -L "/$folder" ]; then
    mkdir -p "$root/usr/$folder"
    ln -s "usr/$folder" "$root/$folder"
  fi
done
ldd "$node" | awk '{ for (i = 1; i <= NF; i++) if ($i ~ /^\//) print $i }' | sort -u | while read -r library; do
  mkdir -p "$root$(dirname "$library")"
  cp -L "$library" "$root$library"
done

printf 'root:x:0:0:root:/:/sbin/nologin\npenstock:x:65532:65532:penstock:/:/sbin/nologin\n' >"$root/etc/passwd"
printf 'root:x:0:\npenstock:x:65532:\n' >"$root/etc/group"
printf 'hosts: files dns\n' >"$root/etc/nsswitch.conf"
cp /etc/os-release "$root/etc/os-release"

# Where the base image has them.
for file in /usr/local/LICENSE /usr/share/doc/libc6/copyright /usr/share/doc/libgcc-s1/copyright; do
  if [ -f "$file" ]; then cp -L "$file" "$root/usr/share/licenses/node/$(echo "${file#/usr/}" | tr / -)"; fi
done
