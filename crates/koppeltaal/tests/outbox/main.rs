//! The outbox against a sandbox over real sockets, in every database that can hold it.

mod failures;
mod promises;
#[cfg(feature = "postgresql")]
#[path = "../support/mod.rs"]
mod support;
mod trouble;
mod world;

/// The same test for each database.
macro_rules! in_every_database {
    ($($module:ident::$name:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() -> crate::world::Result {
                crate::$module::$name(crate::world::World::start(crate::world::Database::sqlite()?).await?).await
            })*
        }

        #[cfg(feature = "postgresql")]
        mod postgresql {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            #[ignore = "needs a PostgreSQL server: cargo xtask interop postgresql"]
            async fn $name() -> crate::world::Result {
                let pool = crate::support::fresh_schema().await;
                crate::$module::$name(crate::world::World::start(crate::world::Database::Postgresql(pool)).await?).await
            })*
        }
    };
}

in_every_database! {
    promises::what_a_transaction_hands_over_is_sent_in_order_per_resource,
    promises::what_a_transaction_takes_back_is_not_sent,
    promises::a_message_is_handed_over_once_however_often_that_is_said,
    promises::a_conflict_waits_for_a_decision_and_holds_up_nobody_else,
    promises::a_refused_message_that_is_given_up_lets_the_next_one_pass,
    promises::a_version_that_the_application_insists_on_is_not_replaced,
    promises::a_server_that_is_away_costs_nothing_but_time,
    promises::wrong_credentials_refuse_nothing,
    promises::a_message_whose_answer_was_lost_is_not_posted_again,
    promises::a_message_that_never_arrived_is_posted_again_after_the_settle_time,
    promises::nobody_takes_over_from_a_dispatcher_that_may_be_alive,
    promises::a_dispatcher_that_was_cut_off_is_taken_over,
    promises::several_dispatchers_keep_the_order,
    promises::a_running_dispatcher_sends_what_it_is_told_of_and_stops_when_asked,
    promises::versions_that_cannot_be_kept_keep_the_next_message_waiting,
    promises::what_is_over_can_be_forgotten,
    promises::what_is_shown_names_nobody,
    trouble::a_refusal_in_words_that_a_database_cannot_hold_is_written_down,
    trouble::what_the_database_will_never_take_holds_up_nobody_else,
    trouble::a_message_that_was_never_settled_is_not_posted_for_ever,
    trouble::a_server_that_fails_at_work_refuses_nothing,
    trouble::a_callback_that_panics_does_not_end_the_dispatcher,
    failures::a_message_at_which_the_server_always_fails_is_refused_while_others_go_on,
    failures::a_server_that_fails_at_everything_refuses_nothing,
    failures::a_message_that_was_not_tried_yet_comes_before_one_that_is_tried_again,
    failures::a_message_that_failed_for_a_day_is_refused_after_few_failures,
    trouble::another_applications_message_of_the_same_identifier_is_not_taken_for_ours,
}

#[cfg(feature = "postgresql")]
mod isolation {
    use koppeltaal::OutboxError;

    use crate::world::{Database, Result, World};

    /// Every level that a database can have by default.
    const LEVELS: [&str; 3] = ["read committed", "repeatable read", "serializable"];

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[ignore = "needs a PostgreSQL server: cargo xtask interop postgresql"]
    async fn dispatchers_do_not_depend_on_the_isolation_that_the_database_has_by_default() -> Result {
        for level in LEVELS {
            let pool = crate::support::fresh_schema_with(level).await;
            let world = World::start(Database::Postgresql(pool)).await?;
            crate::promises::several_dispatchers_keep_the_order(world).await?;
        }
        Ok(())
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[ignore = "needs a PostgreSQL server: cargo xtask interop postgresql"]
    async fn a_transaction_that_another_one_was_in_the_way_of_is_to_be_run_again() -> Result {
        let pool = crate::support::fresh_schema_with("repeatable read").await;
        let world = World::start(Database::Postgresql(pool.clone())).await?;
        let message = world.outgoing("1", "Mees")?;
        let mut client = pool.get().await?;
        let transaction = client.transaction().await?;
        // It sees what is committed now, and nothing later.
        transaction.query("SELECT 1 FROM koppeltaal_outbox", &[]).await?;
        world.database.put(&[&message], true).await?;
        let error = message.put_postgresql(&*transaction).await;
        assert!(matches!(error, Err(OutboxError::InTheWay { .. })), "{error:?}");
        transaction.rollback().await?;

        let transaction = client.transaction().await?;
        message.put_postgresql(&*transaction).await?;
        transaction.commit().await?;
        assert_eq!(world.outbox.summary().await?.waiting, 1);
        Ok(())
    }
}
