#!/bin/sh
# Makes the certificates of the TLS tests: an authority and certificates for localhost and koppeltaal.example, valid for a century.
set -eu
cd "$(dirname "$0")"
openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8 -nocrypt -out authority.key
openssl req -x509 -key authority.key -days 36500 -subj "/CN=Test authority" -out authority.pem \
  -addext "basicConstraints=critical,CA:TRUE" -addext "keyUsage=critical,keyCertSign"
for name in server client; do
  openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8 -nocrypt -out "$name.key"
  openssl req -new -key "$name.key" -subj "/CN=Test $name" -out "$name.csr"
  printf 'subjectAltName=DNS:localhost,DNS:koppeltaal.example\nextendedKeyUsage=%sAuth\n' "$name" > "$name.ext"
  openssl x509 -req -in "$name.csr" -CA authority.pem -CAkey authority.key -days 36500 -extfile "$name.ext" -out "$name.pem"
  rm "$name.csr" "$name.ext"
done
rm authority.key authority.srl 2>/dev/null || true
