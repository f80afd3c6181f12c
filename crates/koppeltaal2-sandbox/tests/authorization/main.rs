//! The authorization service and the identity provider over sockets, with the clients of koppeltaal-smart and
//! with requests that are wrong on purpose.

mod discovery;
mod fhir;
mod http;
mod introspection;
mod launch;
mod login;
mod other_provider;
mod tokens;

use std::sync::Arc;
use std::time::SystemTime;

use koppeltaal_smart::{
    Algorithm, ClientAssertion, HtiLaunch, HttpClient, KeyPair, SmartClient, SmartConfiguration, Url,
};
use koppeltaal2_sandbox::{Application, Role, Sandbox, SandboxConfig};

/// The invented people.
const MIRTE: &str = "Patient/8e2b6f04-5d3c-4a57-9f10-2c6de1b7a901";
const JORIS: &str = "Patient/3c91d7aa-0b46-4e8d-8a55-f7b0c4e2d902";
const NADIA: &str = "Practitioner/b5d0e83f-92a7-4c1e-b6f8-1e4a7d3c5903";
/// A relative of Mirte.
const SANNE: &str = "RelatedPerson/d1f8a3b6-47ce-4925-a7e3-80c2b5d4f905";

const REDIRECT_URI: &str = "https://module.example/cb?from=koppeltaal";

/// A sandbox with people and a module that has a redirect URI.
struct World {
    sandbox: Sandbox,
    configuration: SmartConfiguration,
}

fn config() -> SandboxConfig {
    Sandbox::builder()
        .with_people()
        .application(Application::new("module").role(Role::Module).redirect_uri(REDIRECT_URI))
}

impl World {
    async fn start() -> Self {
        Self::with(config()).await
    }

    async fn with(config: SandboxConfig) -> Self {
        let sandbox = config.start().await.expect("it starts");
        let base = Url::parse(sandbox.fhir_base()).expect("a URL");
        let client = HttpClient::new("tests").expect("a client");
        let configuration = client.smart_configuration(&base).await.expect("a configuration");
        Self { sandbox, configuration }
    }

    fn token_endpoint(&self) -> &str {
        self.configuration.token_endpoint.as_deref().expect("a token endpoint")
    }

    fn introspection_endpoint(&self) -> &str {
        self.configuration.introspection_endpoint.as_deref().expect("an introspection endpoint")
    }

    fn authorization_endpoint(&self) -> Url {
        self.configuration.to_authorization().expect("an authorization endpoint")
    }

    /// An application as a client of the service.
    fn client(&self, name: &str) -> SmartClient {
        self.client_with(name, self.sandbox.application(name).key())
    }

    fn client_with(&self, name: &str, key: Arc<KeyPair>) -> SmartClient {
        let client_id = self.sandbox.application(name).client_id();
        let http = HttpClient::new("tests").expect("a client");
        SmartClient::new(http, self.configuration.clone(), client_id, key)
    }

    /// An assertion of an application for the token endpoint.
    async fn assertion(&self, name: &str) -> String {
        self.assertion_for(name, self.token_endpoint()).await
    }

    async fn assertion_for(&self, name: &str, audience: &str) -> String {
        let application = self.sandbox.application(name);
        let assertion = ClientAssertion::new(application.client_id(), audience);
        sign(assertion.sign(&*application.key(), SystemTime::now()).await)
    }

    /// A launch of this user by the portal into the module, not signed yet.
    fn launch_of(&self, user: &str) -> HtiLaunch {
        let (portal, module) = (self.sandbox.application("portal"), self.sandbox.application("module"));
        HtiLaunch::new(portal.client_id(), module.device(), user, "Task/1").definition("ActivityDefinition/2")
    }

    async fn sign(&self, launch: HtiLaunch) -> String {
        sign(launch.sign(&*self.sandbox.application("portal").key(), SystemTime::now()).await)
    }

    /// The launch token of this user.
    async fn launch(&self, user: &str) -> String {
        self.sign(self.launch_of(user)).await
    }

    /// The reason of the last refusal.
    fn reason(&self) -> String {
        self.sandbox.refusals().pop().expect("a refusal").reason
    }
}

fn sign(signed: Result<koppeltaal_smart::Jwt, koppeltaal_smart::SignError>) -> String {
    signed.expect("a token").as_str().to_owned()
}

fn key() -> KeyPair {
    KeyPair::generate(Algorithm::Es384).expect("a key")
}
