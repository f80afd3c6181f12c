//! A receiver that the server's webhook wakes up, mounted in axum.
//!
//! `KOPPELTAAL_WEBHOOK_SECRET=... cargo run -p koppeltaal-push --example webhook -- 127.0.0.1:8090`, then:
//! `curl -i -X POST -H "X-Koppeltaal-Secret: ..." http://127.0.0.1:8090/koppeltaal`

use std::time::Duration;

use axum::Router;
use koppeltaal_push::{Notifications, Webhook};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let secret = std::env::var("KOPPELTAAL_WEBHOOK_SECRET")
        .map_err(|_| "set KOPPELTAAL_WEBHOOK_SECRET to the secret that is configured at the server")?;
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8090".to_owned());

    let mut notifications = Notifications::every(Duration::from_secs(60));
    let webhook = Webhook::with_secret("X-Koppeltaal-Secret", secret)?;
    let application = Router::new().route_service("/koppeltaal", webhook.service(notifications.notifier()));
    let listener = tokio::net::TcpListener::bind(&address).await?;
    println!("listening on http://{}/koppeltaal", listener.local_addr()?);
    let server = axum::serve(listener, application);

    let looks = async {
        loop {
            let reason = notifications.wait().await;
            // Here, claim messages until there are none: `koppeltaal_transport::Client::claim`.
            println!("look for messages ({reason:?})");
        }
    };
    tokio::select! {
        result = server => Ok(result?),
        () = looks => Ok(()),
    }
}
