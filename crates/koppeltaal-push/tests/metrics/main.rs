//! What a hub connection reports to the `metrics` facade. The recorder is set for the whole process.

#[path = "../../../koppeltaal-transport/tests/support/metrics_recorder.rs"]
mod metrics_recorder;
#[allow(dead_code, reason = "the other tests use the rest of it")]
#[path = "../support/options.rs"]
mod options;
#[allow(dead_code, reason = "the other tests use the rest of it")]
#[path = "../hub/server.rs"]
mod server;

use koppeltaal_push::{ConnectionState, HubConnection, KOPPELTAAL_HUB};
use koppeltaal_transport::Client;

use metrics_recorder::MetricsRecorder;
use server::{Fault, SERVER_2_4, Server};

/// The states that a connection is in, by the gauge.
fn states(recorder: &MetricsRecorder) -> Vec<String> {
    let name = |metric: &String| {
        Some(metric.strip_prefix("koppeltaal_hub_connections state=")?.strip_suffix(": 1")?.to_owned())
    };
    recorder.metrics().iter().filter_map(name).collect()
}

#[tokio::test]
async fn the_state_of_a_connection_is_a_gauge() {
    let recorder = MetricsRecorder::install();
    let server = Server::start(SERVER_2_4).await;
    let client = options::client(Client::builder(&server.url()));
    let connection = HubConnection::builder(&client, KOPPELTAAL_HUB).start().await.expect("started");
    assert_eq!(states(&recorder), ["connected"]);
    server.fail_always("reconnect", Some(Fault::Hang));
    server.cut();
    let mut status = connection.status();
    options::until(&mut status, |status| status.state == ConnectionState::Reconnecting).await;
    // The gauge follows the status in the same task.
    tokio::task::yield_now().await;
    assert_eq!(states(&recorder), ["reconnecting"]);
    connection.stop().await;
    assert_eq!(states(&recorder), [""; 0]);
}
