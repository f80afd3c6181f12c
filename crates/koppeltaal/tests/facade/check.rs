//! A readiness probe: whether the server can be reached and takes the credentials.

use std::time::Duration;

use koppeltaal::transport::{Credentials, Error, Format};
use koppeltaal_sandbox::{Fault, FaultKind};

use crate::world::{LONG, Result, World, connector_at, queue};

#[tokio::test]
async fn a_check_says_yes_and_changes_nothing() -> Result {
    for format in [Format::Json, Format::Xml] {
        let world = World::start(format).await?;
        world.send_patient("1").await?;
        let before = queue(&world.game).await?;
        world.game.check(LONG).await?;
        assert_eq!(queue(&world.game).await?, before);
    }
    Ok(())
}

#[tokio::test]
async fn a_check_says_why_not() -> Result {
    let world = World::start(Format::Json).await?;
    let stranger = world.game.with_credentials(Credentials::basic("game", "wrong")?);
    let error = stranger.check(LONG).await.expect_err("a wrong password");
    assert!(matches!(error, Error::Authentication { .. }), "{error:?}");

    world.sandbox.set_faults([Fault::new(FaultKind::Latency { pause: LONG * 10 })]);
    let limit = Duration::from_millis(100);
    let error = world.game.check(limit).await.expect_err("no answer");
    assert!(matches!(error, Error::Timeout { limit: reached } if reached == limit), "{error:?}");

    let nobody = connector_at("http://127.0.0.1:1", "game")?;
    let error = nobody.check(LONG).await.expect_err("nobody listens");
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
    Ok(())
}
