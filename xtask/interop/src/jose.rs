//! Exchanges keys and tokens with two libraries that share no code with koppeltaal-smart: jose of npm, which
//! sends keys in PKCS#8, and pyjwt, whose keys come in PKCS#1 and SEC1. `jose.mjs` and `jose.py` run in their
//! environments.
//!
//! Their tokens must be good here, and ours there; keys are read as PEM and as JWK, and have one thumbprint.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use anyhow::{Context as _, Result, ensure};
use koppeltaal_smart::{
    Algorithm, ClientAssertion, Jwk, Jwks, KeyPair, Signer as _, UnverifiedJwt, Validation,
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::environments;
use crate::programs::script;

const NPM_PACKAGE: &str = "jose@6.2.18";
const PYTHON_PACKAGES: [&str; 2] = ["pyjwt[crypto]==2.15.1", "cryptography==50.0.2"];

/// What this build checks. The sixth, ES512, needs aws-lc-rs, which this program does without.
const ALGORITHMS: [Algorithm; 5] =
    [Algorithm::Rs256, Algorithm::Rs384, Algorithm::Rs512, Algorithm::Es256, Algorithm::Es384];

/// A key that a library made, and a token that it signed.
#[derive(Deserialize)]
struct Made {
    alg: String,
    kid: String,
    token: String,
    public: Value,
    private: Value,
    pem: String,
}

/// Exchanges tokens with both. Returns the number of things that went wrong.
pub(crate) fn run(directory: &Path, python: &str, environment: &Path) -> Result<usize> {
    let runtime = tokio::runtime::Runtime::new()?;
    let directory = environments::npm(directory, &[NPM_PACKAGE])?;
    let python = environments::python(python, environment, &PYTHON_PACKAGES, "jwt, cryptography")?;
    let mut wrong = 0;
    for (name, program, arguments) in [
        (NPM_PACKAGE, PathBuf::from("node"), vec![script("jose.mjs"), directory]),
        (PYTHON_PACKAGES[0], python, vec![script("jose.py")]),
    ] {
        let ask = |mode: &str, input: &str| {
            environments::answer(Command::new(&program).args(&arguments).arg(mode), input)
                .with_context(|| format!("the script to {mode} failed"))
        };
        let faults = runtime.block_on(exchange(ask)).with_context(|| format!("no exchange with {name}"))?;
        println!("{name}: {} algorithms in both directions, {} faults", ALGORITHMS.len(), faults.len());
        faults.iter().for_each(|fault| println!("    {fault}"));
        wrong += faults.len();
    }
    Ok(wrong)
}

/// Exchanges tokens with one library.
async fn exchange(ask: impl Fn(&str, &str) -> Result<String>) -> Result<Vec<String>> {
    let made: Vec<Made> = serde_json::from_str(&ask("make", "")?)?;
    let published = json!({ "keys": made.iter().map(|made| &made.public).collect::<Vec<_>>() });
    let published = Jwks::from_json(published.to_string().as_bytes())?;
    ensure!(published.skipped() == 0 && made.len() == Algorithm::ALL.len(), "not all keys can be read");
    let (mut faults, mut tokens, mut keys) = (Vec::new(), Vec::new(), Vec::new());
    for made in &made {
        let algorithm = Algorithm::from_name(&made.alg).context("another algorithm")?;
        if !ALGORITHMS.contains(&algorithm) {
            continue;
        }
        faults.extend(check(made, &published).err().map(|fault| format!("their {algorithm}: {fault:#}")));
        let (pem, jwk) = (
            KeyPair::from_pem(algorithm, made.pem.as_bytes())?,
            KeyPair::from_jwk(algorithm, &made.private)?,
        );
        ensure!(pem.public_key() == jwk.public_key(), "{algorithm}: the PEM and the JWK are two keys");
        for key in [pem, jwk] {
            let token = ClientAssertion::new("us", "them").sign(&key, SystemTime::now()).await?;
            tokens.push(json!({ "alg": algorithm.name(), "token": token.as_str() }));
            keys.push(key);
        }
    }
    for algorithm in [Algorithm::Es256, Algorithm::Es384] {
        let key = KeyPair::generate(algorithm)?;
        let token = ClientAssertion::new("us", "them").sign(&key, SystemTime::now()).await?;
        tokens.push(json!({ "alg": algorithm.name(), "token": token.as_str() }));
        keys.push(key);
    }
    let mut ours: Vec<Jwk> = keys.iter().map(|key| key.public_key().clone()).collect();
    ours.dedup();
    let given = json!({ "jwks": Jwks::new(ours).to_json(), "tokens": tokens });
    let said: Vec<String> = serde_json::from_str(&ask("check", &given.to_string())?)?;
    faults.extend(said.into_iter().map(|fault| format!("our {fault}")));
    Ok(faults)
}

/// Checks a token of theirs.
fn check(made: &Made, published: &Jwks) -> Result<()> {
    let key = Jwk::from_json(&made.public)?;
    ensure!(key.thumbprint() == made.kid, "the thumbprint is {} instead of {}", key.thumbprint(), made.kid);
    let token = UnverifiedJwt::parse(&made.token)?;
    let claims = token.verify(published)?;
    Validation::new().issuer("them").audience("us").require("resource").check(claims, SystemTime::now())?;
    Ok(())
}
