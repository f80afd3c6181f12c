//! The cost of the `Connector` compared with the bare `Client`, against a sandbox in the same process. Run by
//! `cargo bench -p koppeltaal`.
//!
//! Sending: a care plan with its patient; the client posts bundles that were composed before, the connector
//! composes, validates, fills in versions and keeps those that come back. Receiving: the same queue is
//! emptied by claim and acknowledge, one by one, and by a worker. Rounds take turns; the best of each counts,
//! since the machine has other users.

use std::sync::Arc;
use std::time::{Duration, Instant};

use koppeltaal::fhir::Bundle;
use koppeltaal::fhir::datatypes::HumanName;
use koppeltaal::fhir::resources::CarePlanStatus;
use koppeltaal::messaging::profiles::{CarePlan, Patient};
use koppeltaal::messaging::{
    Acknowledgement, Draft, Event, Message, Reference, ResourceKind, Sender, Source,
};
use koppeltaal::transport::{Client, Credentials};
use koppeltaal::{Connector, MemoryVersionStore};
use koppeltaal_sandbox::{Instance, Sandbox, SandboxConfig};
use tokio::sync::{Semaphore, oneshot};

const DOMAIN: &str = "Zonnedauw";

fn main() {
    // `cargo test --benches` runs benchmarks, too, with this flag missing: then a few messages show that it
    // works.
    let is_bench = std::env::args().any(|argument| argument == "--bench");
    let (rounds, messages) = if is_bench { (10, 500) } else { (1, 5) };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(run(rounds, messages));
}

/// A server with a sender and a receiver.
struct World {
    _sandbox: Sandbox,
    portal: Connector,
    game: Connector,
}

impl World {
    async fn start() -> Self {
        let sandbox = SandboxConfig::new()
            .instance(Instance::new("portal", "secret", DOMAIN))
            .instance(Instance::new("game", "secret", DOMAIN).subscribe([Event::CreateOrUpdateCarePlan]))
            .start()
            .await
            .expect("a sandbox");
        let connect = |name: &str| {
            let credentials = Credentials::basic(name, "secret").expect("credentials");
            let client = Client::builder(sandbox.url()).credentials(credentials).build().expect("a client");
            let source = Source::new(name, format!("https://{name}.example/fhir"));
            Connector::new(client, Sender::new(source, DOMAIN), MemoryVersionStore::default())
        };
        let (portal, game) = (connect("portal"), connect("game"));
        Self { _sandbox: sandbox, portal, game }
    }

    /// A plan of its own for a patient of its own.
    fn draft(&self, number: usize) -> Draft {
        let url = self.portal.url(ResourceKind::Patient, &number.to_string()).expect("an address");
        let name =
            HumanName { given: vec!["Mees".into()], family: vec!["Duinroos".into()], ..HumanName::default() };
        let plan = CarePlan {
            patient: Some(Reference::from(&url)),
            status: Some(CarePlanStatus::Active),
            ..CarePlan::default()
        };
        let draft = self.portal.draft(&number.to_string(), plan).expect("an address");
        draft.with_resource(url, Patient { name: vec![name], ..Patient::default() })
    }

    async fn send_by_client(&self, messages: usize) -> Duration {
        let compose = |number| Message::compose(self.portal.sender(), self.draft(number)).expect("a message");
        let bundles: Vec<Bundle> = (0..messages).map(|number| compose(number).into_bundle()).collect();
        let since = Instant::now();
        for bundle in &bundles {
            self.portal.client().send(bundle).await.expect("sent");
        }
        since.elapsed()
    }

    async fn send_by_connector(&self, messages: usize) -> Duration {
        let drafts: Vec<Draft> = (0..messages).map(|number| self.draft(number)).collect();
        let since = Instant::now();
        for draft in drafts {
            self.portal.send(draft).await.expect("sent");
        }
        since.elapsed()
    }

    async fn receive_by_client(&self, messages: usize) -> Duration {
        let client = self.game.client();
        let since = Instant::now();
        for _ in 0..messages {
            let message = client.claim().await.expect("an answer").expect("a message");
            client.acknowledge(&message.header, &Acknowledgement::Success).await.expect("acknowledged");
        }
        since.elapsed()
    }

    async fn receive_by_worker(&self, messages: usize, concurrency: usize) -> Duration {
        let handled = Arc::new(Semaphore::new(0));
        let counts = Arc::clone(&handled);
        let (stop, stopped) = oneshot::channel::<()>();
        let worker = self.game.worker().concurrency(concurrency).on(move |_: CarePlan, _| {
            counts.add_permits(1);
            async { Ok(()) }
        });
        let since = Instant::now();
        let running = tokio::spawn(worker.run_until(stopped));
        let all = handled.acquire_many(u32::try_from(messages).expect("a small number")).await;
        all.expect("an open semaphore").forget();
        drop(stop);
        let report = running.await.expect("no panic").expect("it has begun");
        assert_eq!(report.succeeded, u64::try_from(messages).expect("a small number"));
        since.elapsed()
    }
}

async fn run(rounds: usize, messages: usize) {
    let mut best = [Duration::MAX; 5];
    for _ in 0..rounds {
        let (first, second, third) = (World::start().await, World::start().await, World::start().await);
        let took = [
            first.send_by_client(messages).await,
            second.send_by_connector(messages).await,
            first.receive_by_client(messages).await,
            second.receive_by_worker(messages, 1).await,
            {
                third.send_by_client(messages).await;
                third.receive_by_worker(messages, 4).await
            },
        ];
        best = std::array::from_fn(|index| best[index].min(took[index]));
    }
    let rows = [
        ("send, Client", 0),
        ("send, Connector", 0),
        ("claim and acknowledge, Client", 2),
        ("worker, 1 at a time", 2),
        ("worker, 4 at a time", 2),
    ];
    println!("{messages} messages, best of {rounds} rounds");
    for ((name, floor), took) in rows.into_iter().zip(best) {
        let each = took / u32::try_from(messages).expect("a small number");
        let ratio = took.as_secs_f64() / best[floor].as_secs_f64();
        println!("{name:<30} {each:>9.1?} each   {ratio:>5.2} x Client");
    }
}
