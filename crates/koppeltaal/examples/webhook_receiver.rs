//! An application that the server notifies of new messages by a webhook. It keeps no connection open while it
//! waits.
//!
//! `koppeltaal sandbox --config FILE` where the file gives the instance a webhook at
//! `http://127.0.0.1:8483/koppeltaal` with the header `X-Koppeltaal-Secret`; then
//! `KOPPELTAAL_WEBHOOK_SECRET=... cargo run -p koppeltaal --example webhook_receiver`.

#[path = "common/shared.rs"]
mod common;

use axum::Router;
use koppeltaal::MemoryVersionStore;
use koppeltaal::push::Webhook;

use common::{Result, connector, setting, shutdown};

#[tokio::main]
async fn main() -> Result {
    let secret = std::env::var("KOPPELTAAL_WEBHOOK_SECRET")
        .map_err(|_| "set KOPPELTAAL_WEBHOOK_SECRET to the secret that is configured at the server")?;
    // It only receives, so it needs no versions after a restart.
    let connector = connector(
        ("Webhook receiver", "https://receiver.example/fhir"),
        "portal",
        MemoryVersionStore::new(),
    )?;

    let worker = connector
        .deliveries()
        .without_hub()
        .worker()
        .on_others(async |received| {
            println!(
                "{}: {:?}",
                received.event().map_or("no event".to_owned(), |event| event.to_string()),
                received.identifier()
            );
            Ok(())
        })
        .on_problem(|problem| eprintln!("{problem}"));
    let webhook = Webhook::with_secret("X-Koppeltaal-Secret", secret)?;
    let pages = Router::new().route_service("/koppeltaal", webhook.service(worker.notifier()));

    let listener = tokio::net::TcpListener::bind(setting("WEBHOOK_LISTEN", "127.0.0.1:8483")).await?;
    println!("the webhook is at http://{}/koppeltaal", listener.local_addr()?);
    let serve = async { Ok(axum::serve(listener, pages).with_graceful_shutdown(shutdown()).await?) };
    let work = async { Ok(worker.run_until(shutdown()).await?) };
    let ((), report) = tokio::try_join!(serve, work).map_err(|error: Box<dyn std::error::Error>| error)?;
    println!("stopped: {report:?}");
    Ok(())
}
