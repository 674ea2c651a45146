#!/usr/bin/env bash
# Makes the demo certificates of the examples anew, as Secrets. They are public, and so worth nothing: never use them elsewhere.
set -euo pipefail
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# issue NAME SUBJECT-ALT-NAMES [CA-NAME]: a key and a certificate, self-signed unless a CA is named.
issue() {
  local name=$1 names=$2 ca=${3:-}
  local sign=()
  [ -n "$ca" ] && sign=(-CA "$work/$ca.crt" -CAkey "$work/$ca.key")
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc -days 36500 \
    -subj "/CN=Penstock demo: $name" -addext "subjectAltName=$names" -addext "basicConstraints=critical,CA:FALSE" \
    "${sign[@]}" -keyout "$work/$name.key" -out "$work/$name.crt" 2>/dev/null
}

# secret FILE NAMESPACE NAME CERTIFICATE: a Secret of type kubernetes.io/tls.
secret() {
  local file=$1 namespace=$2 name=$3 certificate=$4
  {
    echo "# A public demo key, made by examples/make-certificates.sh. Never use it for anything else."
    echo "apiVersion: v1"
    echo "kind: Secret"
    echo "metadata:"
    echo "  namespace: $namespace"
    echo "  name: $name"
    echo "type: kubernetes.io/tls"
    echo "stringData:"
    echo "  tls.crt: |"
    sed 's/^/    /' "$work/$certificate.crt"
    echo "  tls.key: |"
    sed 's/^/    /' "$work/$certificate.key"
  } >"$file"
}

issue demo "DNS:demo.localhost"
secret quickstart/tls-secret.yaml default demo-tls demo

issue shop "DNS:shop.example,DNS:*.shop.example"
secret shop/tls-secret.yaml shop shop-tls shop

issue intranet "DNS:intranet.example"
secret legacy-external/tls-secret.yaml intranet intranet-tls intranet

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc -days 36500 \
  -subj "/CN=Penstock demo CA" -keyout "$work/ca.key" -out "$work/ca.crt" 2>/dev/null
issue legacy "DNS:legacy.example" ca
{
  echo "# The CA that signed the legacy system's certificate (origin/), made by examples/make-certificates.sh."
  echo "apiVersion: v1"
  echo "kind: Secret"
  echo "metadata:"
  echo "  namespace: intranet"
  echo "  name: legacy-ca"
  echo "type: Opaque"
  echo "stringData:"
  echo "  ca.crt: |"
  sed 's/^/    /' "$work/ca.crt"
} >legacy-external/ca-secret.yaml
mkdir -p legacy-external/origin
cp "$work/legacy.crt" legacy-external/origin/tls.crt
cp "$work/legacy.key" legacy-external/origin/tls.key
