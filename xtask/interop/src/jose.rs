//! Exchanges keys and tokens with two libraries that share no code with koppeltaal-smart: jose of npm, which
//! sends keys in PKCS#8, and pyjwt, whose keys come in PKCS#1 and SEC1. `jose.mjs` and `jose.py` run in their
//! environments.
//!
//! Their tokens must be good here, and ours there; keys are read as PEM and as JWK, and have one thumbprint.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::SystemTime;

use anyhow::{Context as _, Result, ensure};
use koppeltaal_smart::{
    Algorithm, ClientAssertion, Jwk, Jwks, KeyPair, Signer as _, UnverifiedJwt, Validation,
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::programs::{output, require};

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
    let (directory, python) = (install_npm(directory)?, install_python(python, environment)?);
    let sources = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = 0;
    for (name, mut command) in [
        (NPM_PACKAGE, vec![PathBuf::from("node"), sources.join("jose.mjs"), directory]),
        (PYTHON_PACKAGES[0], vec![python, sources.join("jose.py")]),
    ] {
        let program = command.remove(0);
        let faults = runtime
            .block_on(exchange(|mode, input| script(&program, &command, mode, input)))
            .with_context(|| format!("no exchange with {name}"))?;
        println!("{name}: {} algorithms in both directions, {} faults", ALGORITHMS.len(), faults.len());
        faults.iter().for_each(|fault| println!("    {fault}"));
        wrong += faults.len();
    }
    Ok(wrong)
}

/// Exchanges tokens with one library.
async fn exchange(script: impl Fn(&str, &str) -> Result<String>) -> Result<Vec<String>> {
    let made: Vec<Made> = serde_json::from_str(&script("make", "")?)?;
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
    let said: Vec<String> = serde_json::from_str(&script("check", &given.to_string())?)?;
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

fn script(program: &Path, arguments: &[PathBuf], mode: &str, input: &str) -> Result<String> {
    let mut child = Command::new(program)
        .args(arguments)
        .arg(mode)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("{} cannot be run", program.display()))?;
    child.stdin.take().context("no standard input")?.write_all(input.as_bytes())?;
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "the script to {mode} failed");
    Ok(String::from_utf8(output.stdout)?)
}

fn install_npm(directory: &Path) -> Result<PathBuf> {
    require("node", "nodejs")?;
    let directory = crate::workspace_root().join(directory);
    let manifest = fs::read(directory.join("node_modules/jose/package.json")).unwrap_or_default();
    let installed = serde_json::from_slice::<Value>(&manifest).unwrap_or_default();
    if installed["version"] != NPM_PACKAGE.rsplit('@').next().unwrap_or_default() {
        require("npm", "npm")?;
        println!("installing {NPM_PACKAGE} into {}", directory.display());
        fs::create_dir_all(&directory)?;
        let mut npm = Command::new("npm");
        output(npm.args(["install", "--no-audit", "--no-fund", "--prefix"]).arg(&directory).arg(NPM_PACKAGE))
            .context("npm cannot install jose: the npm registry must be within reach")?;
    }
    Ok(directory)
}

/// The interpreter of an environment that has pyjwt.
fn install_python(python: &str, environment: &Path) -> Result<PathBuf> {
    let environment = crate::workspace_root().join(environment);
    let interpreter = environment.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    if output(Command::new(&interpreter).args(["-c", "import jwt, cryptography"])).is_err() {
        println!("installing {} into {}", PYTHON_PACKAGES[0], environment.display());
        output(Command::new(python).args(["-m", "venv"]).arg(&environment)).with_context(|| {
            format!("`{python} -m venv` makes no environment: Python 3 with the module venv is needed (Debian and Ubuntu: python3-venv)")
        })?;
        output(Command::new(&interpreter).args(["-m", "pip", "install", "--quiet"]).args(PYTHON_PACKAGES))
            .context("pip cannot install pyjwt: the Python registry must be within reach")?;
    }
    Ok(interpreter)
}
