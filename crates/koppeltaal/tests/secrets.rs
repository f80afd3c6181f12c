//! What a connector at work leaves in logs. In a process of its own: `tracing` remembers for the whole process which places
//! nobody listened to when they were first reached.

#[allow(dead_code, reason = "the other tests use the rest of it")]
#[path = "facade/world.rs"]
mod world;

use std::io::Write;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use koppeltaal::HandlerError;
use koppeltaal::messaging::ProcessingStatus::{Failed, Success};
use koppeltaal::messaging::profiles::{CarePlan, Patient};
use koppeltaal::transport::{ClientAuthentication, Format};
use koppeltaal::{Launch, MergeLimits};
use koppeltaal_sandbox::{Fault, FaultKind};
use tokio::sync::{Notify, oneshot};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::util::SubscriberInitExt as _;

use world::{
    ACTIVITY, REDIRECT_URI, Result, World, await_queue, browse, patient, patient_url, plan, plan_draft,
};

/// `portal:secret` and `game:secret` as Basic authentication writes them.
const PORTAL: &str = "cG9ydGFsOnNlY3JldA";
const GAME: &str = "Z2FtZTpzZWNyZXQ";

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("the log").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Sends, merges, launches and receives, well and badly.
async fn work(world: &World) -> Result {
    let wait = Duration::from_millis(10);
    let portal = world.portal.clone().merge_limits(MergeLimits { wait, ..MergeLimits::default() });
    portal.send(plan_draft(&portal, plan(&portal)?)?).await?;
    world.send_patient("3007").await?;
    let stale = world.connector("portal")?.merge_limits(MergeLimits { wait, ..MergeLimits::default() });
    assert!(stale.send(stale.draft("3007", patient("Mees"))?).await.is_err());
    assert!(stale.send_with_merge(stale.draft("3007", patient("Mees"))?, async |_| None).await.is_err());
    assert!(portal.send(portal.draft("3007", Patient::default())?).await.is_err());

    let launch = Launch::of_application("game", patient_url(&portal)?, ACTIVITY);
    let page = portal.launch_url(&launch, &patient_url(&portal)?).await?;
    let launches = world.game.launches(ClientAuthentication::basic("game", "game")?, REDIRECT_URI);
    let (authorize, pending) = launches.begin(page.as_str()).await?;
    let session = launches.finish(&pending, &browse(&authorize).await?).await?;
    assert!(session.connector().receive().await?.is_some());

    let hiccup = Fault::new(FaultKind::Status { status: 503, html: true }).path("_search").times(1);
    world.sandbox.set_faults([hiccup]);
    let tried = AtomicU32::new(0);
    let soon = Duration::from_millis(10);
    let troubled = Arc::new(Notify::new());
    let trouble = Arc::clone(&troubled);
    let (stop, stopped) = oneshot::channel::<()>();
    let worker = world
        .game
        .worker()
        .retry_pauses(soon..=soon)
        .on(|plan: CarePlan, _| async move { Err(HandlerError::failed(format!("Mees: {plan:?}"))) })
        .on(move |patient: Patient, _| {
            let attempt = tried.fetch_add(1, Ordering::Relaxed);
            async move {
                match attempt {
                    0 => Err(HandlerError::later(format!("{patient:?}"))),
                    _ => Ok(()),
                }
            }
        })
        .on_trouble(move |_| trouble.notify_one())
        .run_until(stopped);
    let check = async {
        // The hiccup is the worker's, not the check's.
        troubled.notified().await;
        let result = await_queue(&world.game, &[Failed, Success]).await;
        drop(stop);
        result
    };
    let (report, checked) = tokio::join!(worker, check);
    report?;
    checked
}

#[tokio::test]
async fn logs_at_trace_level_tell_no_secret_and_nothing_of_patients() -> Result {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_span_events(FmtSpan::FULL)
        .with_ansi(false)
        .without_time()
        .with_writer(log.clone())
        .finish();
    let guard = subscriber.set_default();
    let world = World::start(Format::Json).await?;
    work(&world).await?;
    drop(guard);
    let text = String::from_utf8(log.0.lock().expect("the log").clone())?;
    for expected in
        ["the message cannot be handled now", "the message is wrong for good", "koppeltaal_message"]
    {
        assert!(text.contains(expected), "nothing was heard of: {expected}");
    }
    for secret in ["Mees", "Duinroos", "Patient/3007", "Patient%2F3007", "secret", PORTAL, GAME, ACTIVITY] {
        let told = text.lines().find(|line| line.contains(secret));
        assert!(told.is_none(), "{secret} in {told:?}");
    }
    Ok(())
}
