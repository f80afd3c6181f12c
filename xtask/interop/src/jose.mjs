// The npm package jose as a partner of koppeltaal-smart: run by `cargo xtask interop jose` as
//
//     node jose.mjs PACKAGES make|check
//
// make: prints a key, its thumbprint and a token for each algorithm, as JSON.
// check: reads {jwks, tokens} from the standard input, and prints what is wrong with them, as a JSON list.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [packages, mode] = process.argv.slice(2);
const jose = await import(pathToFileURL(createRequire(`${packages}/package.json`).resolve("jose")));

async function make() {
  const made = [];
  for (const alg of ["RS256", "RS384", "RS512", "ES256", "ES384", "ES512"]) {
    const { publicKey, privateKey } = await jose.generateKeyPair(alg, { extractable: true });
    const jwk = await jose.exportJWK(publicKey);
    const kid = await jose.calculateJwkThumbprint(jwk);
    const token = await new jose.SignJWT({ resource: "Task/1" })
      .setProtectedHeader({ alg, kid, typ: "JWT" })
      .setIssuer("them").setAudience("us").setSubject("Patient/1").setIssuedAt().setExpirationTime("5m")
      .sign(privateKey);
    made.push({
      alg, kid, token,
      public: { ...jwk, kid, alg, use: "sig" },
      private: await jose.exportJWK(privateKey),
      pem: await jose.exportPKCS8(privateKey),
    });
  }
  return made;
}

async function check() {
  const { jwks, tokens } = JSON.parse(readFileSync(0, "utf8"));
  const wrong = [];
  for (const jwk of jwks.keys) {
    const thumbprint = await jose.calculateJwkThumbprint(jwk);
    if (thumbprint !== jwk.kid) wrong.push(`${jwk.alg}: the thumbprint is ${thumbprint} instead of ${jwk.kid}`);
  }
  const keys = jose.createLocalJWKSet(jwks);
  for (const { alg, token } of tokens) {
    try {
      const rules = { issuer: "us", audience: "them", algorithms: [alg], maxTokenAge: 300 };
      const { payload } = await jose.jwtVerify(token, keys, rules);
      if (payload.sub !== "us" || typeof payload.jti !== "string") wrong.push(`${alg}: other claims`);
    } catch (error) {
      wrong.push(`${alg}: ${error}`);
    }
  }
  return wrong;
}

console.log(JSON.stringify(await (mode === "make" ? make() : check())));
