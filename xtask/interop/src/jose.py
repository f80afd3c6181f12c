"""pyjwt as a partner of koppeltaal-smart: run by `cargo xtask interop jose` as

    python jose.py make|check

make: prints a key, its thumbprint and a token for each algorithm, as JSON.
check: reads {jwks, tokens} from the standard input, and prints what is wrong with them, as a JSON list.
"""

import base64
import hashlib
import json
import sys
import time

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

CURVES = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}


def thumbprint(jwk):
    members = {"RSA": ["e", "kty", "n"], "EC": ["crv", "kty", "x", "y"]}[jwk["kty"]]
    text = json.dumps({name: jwk[name] for name in members}, separators=(",", ":"), sort_keys=True)
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def make():
    made = []
    for alg in ["RS256", "RS384", "RS512", "ES256", "ES384", "ES512"]:
        key = ec.generate_private_key(CURVES[alg]) if alg in CURVES else rsa.generate_private_key(65537, 2048)
        algorithm = jwt.get_algorithm_by_name(alg)
        public = algorithm.to_jwk(key.public_key(), as_dict=True)
        kid = thumbprint(public)
        now = int(time.time())
        claims = {"iss": "them", "aud": "us", "sub": "Patient/1", "resource": "Task/1", "iat": now, "exp": now + 300}
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
        made.append(
            {
                "alg": alg,
                "kid": kid,
                "token": jwt.encode(claims, key, algorithm=alg, headers={"kid": kid}),
                "public": {**public, "kid": kid, "alg": alg, "use": "sig"},
                "private": algorithm.to_jwk(key, as_dict=True),
                "pem": pem.decode(),
            }
        )
    return made


def check():
    given = json.load(sys.stdin)
    wrong = []
    for jwk in given["jwks"]["keys"]:
        if thumbprint(jwk) != jwk["kid"]:
            wrong.append(f"{jwk['alg']}: the thumbprint is {thumbprint(jwk)} instead of {jwk['kid']}")
    keys = jwt.PyJWKSet.from_dict(given["jwks"])
    for token in given["tokens"]:
        alg = token["alg"]
        try:
            key = keys[jwt.get_unverified_header(token["token"])["kid"]]
            claims = jwt.decode(
                token["token"], key, algorithms=[alg], audience="them", issuer="us",
                options={"require": ["exp", "iat", "jti", "sub"]},
            )
            if claims["sub"] != "us":
                wrong.append(f"{alg}: other claims")
        except Exception as error:
            wrong.append(f"{alg}: {error!r}")
    return wrong


json.dump(make() if sys.argv[1] == "make" else check(), sys.stdout)
