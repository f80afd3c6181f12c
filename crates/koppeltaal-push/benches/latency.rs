//! How long it takes from a posted message to the notification, on this machine, beside the echo of a bare
//! WebSocket over the same loopback in the same run: `cargo bench -p koppeltaal-push`.
//!
//! Per round, in turn: one echo; one post over each transport. A post's time runs from before the request
//! until the notification; so it includes the server's work on the message, which is shown as the time until
//! the post's answer.

use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _};
use koppeltaal_messaging::Event;
use koppeltaal_push::{HubSubscription, Notifications, Transport};
use koppeltaal_sandbox::{Instance, Sandbox, SandboxConfig};
use koppeltaal_transport::{Client, Credentials};
use tokio::net::{TcpListener, TcpStream};
use tokio_websockets::{ClientBuilder, Message, ServerBuilder, WebSocketStream};

#[path = "../tests/hub/plan.rs"]
mod plan;

use plan::plan;

const ROUNDS: u32 = 1000;
const WARM_UP: u32 = 50;
const NEVER: Duration = Duration::from_secs(24 * 60 * 60);

fn main() {
    // `cargo test --benches` runs benchmarks without this flag. Then a few rounds show that they work.
    let rounds = if std::env::args().any(|argument| argument == "--bench") { ROUNDS } else { 5 };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(run(rounds));
}

/// Times of one kind.
struct Times(&'static str, Vec<Duration>);

impl Times {
    fn print(&mut self, floor: Duration) {
        self.1.sort_unstable();
        let at = |part: f64| self.1[((self.1.len() - 1) as f64 * part) as usize];
        let ratio = at(0.5).as_secs_f64() / floor.as_secs_f64();
        println!("{:<34} median {:>9.1?}   p99 {:>9.1?}   {ratio:>6.1} x echo", self.0, at(0.5), at(0.99));
    }

    fn median(&mut self) -> Duration {
        self.1.sort_unstable();
        self.1[self.1.len() / 2]
    }
}

/// One transport, with a sandbox of its own, so that no other receiver is notified.
struct Course {
    _sandbox: Sandbox,
    portal: Client,
    notifications: Notifications,
    _subscription: HubSubscription,
    posted: Times,
    told: Times,
}

async fn run(rounds: u32) {
    let mut socket = echo().await;
    let mut echoes = Times("WebSocket echo", Vec::new());
    let mut courses = Vec::new();
    for (transport, posted, told) in [
        (Transport::WebSockets, "post answered", "post to notification, webSockets"),
        (Transport::ServerSentEvents, "post answered", "post to notification, SSE"),
        (Transport::LongPolling, "post answered", "post to notification, longPolling"),
    ] {
        courses.push(course(transport, posted, told).await);
    }
    for round in 0..rounds + WARM_UP {
        let since = Instant::now();
        socket.send(Message::text("{\"C\":\"c\",\"M\":[]}")).await.expect("sent");
        socket.next().await.expect("an echo").expect("an echo");
        let echoed = since.elapsed();
        let mut took = Vec::new();
        for course in &mut courses {
            let message = plan(round);
            let since = Instant::now();
            let post = async {
                course.portal.send(&message).await.expect("sent");
                since.elapsed()
            };
            let told = async {
                course.notifications.wait().await;
                since.elapsed()
            };
            took.push(tokio::join!(post, told));
            // The next long poll has to reach the server first.
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        if round >= WARM_UP {
            echoes.1.push(echoed);
            for (course, (posted, told)) in courses.iter_mut().zip(took) {
                course.posted.1.push(posted);
                course.told.1.push(told);
            }
        }
    }
    println!("{rounds} rounds");
    let floor = echoes.median();
    echoes.print(floor);
    for course in &mut courses {
        course.told.print(floor);
        course.posted.print(floor);
    }
}

async fn course(transport: Transport, posted: &'static str, told: &'static str) -> Course {
    let sandbox = SandboxConfig::new()
        .instance(Instance::new("portal", "p", "Zonnedauw"))
        .instance(Instance::new("game", "g", "Zonnedauw").subscribe([Event::CreateOrUpdateCarePlan]))
        .start()
        .await
        .expect("a sandbox");
    let client = |username, password| {
        let credentials = Credentials::basic(username, password).expect("credentials");
        Client::builder(sandbox.url()).credentials(credentials).build().expect("a client")
    };
    let mut notifications = Notifications::every(NEVER);
    notifications.wait().await;
    let subscription = HubSubscription::builder(&client("game", "g"))
        .transport(transport)
        .subscribe(notifications.notifier());
    notifications.wait().await;
    Course {
        portal: client("portal", "p"),
        _sandbox: sandbox,
        notifications,
        _subscription: subscription,
        posted: Times(posted, Vec::new()),
        told: Times(told, Vec::new()),
    }
}

/// A socket to a server that sends back what comes.
async fn echo() -> WebSocketStream<TcpStream> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a client");
        stream.set_nodelay(true).expect("set");
        let mut socket = ServerBuilder::new().serve(stream);
        while let Some(Ok(message)) = socket.next().await {
            if socket.send(message).await.is_err() {
                return;
            }
        }
    });
    let stream = TcpStream::connect(address).await.expect("a server");
    stream.set_nodelay(true).expect("set");
    ClientBuilder::new().take_over(stream)
}
