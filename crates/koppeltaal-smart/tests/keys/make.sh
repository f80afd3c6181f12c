#!/bin/sh
# Makes the private keys of the tests, which nothing else uses, in each form that PEM has.
set -e
cd "$(dirname "$0")"
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa.pkcs8.pem
openssl rsa -in rsa.pkcs8.pem -traditional -out rsa.pkcs1.pem
openssl ecparam -name secp384r1 -genkey -noout -out p384.sec1.pem
openssl pkcs8 -topk8 -nocrypt -in p384.sec1.pem -out p384.pkcs8.pem
openssl ecparam -name prime256v1 -genkey -out p256.sec1.pem
openssl rsa -in rsa.pkcs8.pem -pubout -out rsa.public.pem
openssl ec -in p384.sec1.pem -pubout -out p384.public.pem
