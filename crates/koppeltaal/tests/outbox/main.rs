//! The outbox against a sandbox over real sockets, in every database that can hold it.

mod failures;
mod faults;
mod operations;
mod promises;
#[cfg(feature = "postgresql")]
#[path = "../support/schema.rs"]
mod support;
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
    promises::messages_of_a_transaction_are_sent_in_order_per_resource,
    promises::messages_of_a_transaction_that_is_rolled_back_are_not_sent,
    promises::a_message_that_is_handed_over_several_times_is_sent_once,
    promises::a_conflict_waits_for_a_decision_and_delays_no_other_resource,
    promises::a_refused_message_that_is_given_up_lets_the_next_one_pass,
    promises::a_version_that_the_application_insists_on_is_not_replaced,
    promises::a_server_that_is_not_available_only_delays_messages,
    promises::wrong_credentials_refuse_nothing,
    promises::a_message_whose_answer_was_lost_is_not_posted_again,
    promises::a_message_that_never_arrived_is_posted_again_after_the_settle_time,
    promises::nobody_takes_over_from_a_dispatcher_that_may_be_alive,
    promises::a_dispatcher_that_was_cut_off_is_taken_over,
    promises::several_dispatchers_keep_the_order,
    promises::a_running_dispatcher_sends_what_it_is_woken_for_and_stops_when_asked,
    promises::the_next_message_waits_until_the_versions_are_recorded,
    promises::closed_entries_can_be_forgotten,
    promises::debug_output_names_no_patient,
    faults::a_refusal_with_a_character_that_the_database_cannot_store_is_recorded,
    faults::a_result_that_the_database_never_accepts_delays_no_other_resource,
    faults::a_message_that_is_never_settled_is_refused_in_the_end,
    faults::a_server_that_fails_at_work_refuses_nothing,
    faults::an_observer_that_panics_does_not_end_the_dispatcher,
    failures::a_message_at_which_the_server_always_fails_is_refused_while_others_go_on,
    failures::a_server_that_fails_at_everything_refuses_nothing,
    failures::a_message_that_was_not_tried_yet_comes_before_one_that_is_tried_again,
    failures::a_message_that_failed_for_a_day_is_refused_after_few_failures,
    faults::another_applications_message_with_the_same_identifier_is_not_taken_for_ours,
    operations::entries_are_listed_by_state_domain_and_event_and_page_by_page,
    operations::a_message_can_be_read_until_the_server_has_it,
    operations::a_summary_counts_each_domain,
    operations::messages_are_given_up_or_retried_by_a_filter,
    operations::a_dispatcher_forgets_old_entries_of_its_domain,
    operations::a_dispatcher_reports_a_backlog,
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
    async fn a_serialization_failure_asks_for_the_transaction_to_be_run_again() -> Result {
        let pool = crate::support::fresh_schema_with("repeatable read").await;
        let world = World::start(Database::Postgresql(pool.clone())).await?;
        let message = world.outgoing("1", "Mees")?;
        let mut client = pool.get().await?;
        let transaction = client.transaction().await?;
        // Its snapshot is taken now.
        transaction.query("SELECT 1 FROM koppeltaal_outbox", &[]).await?;
        world.database.put(&[&message], true).await?;
        let error = message.put_postgresql(&transaction).await;
        assert!(matches!(error, Err(OutboxError::Contention { .. })), "{error:?}");
        transaction.rollback().await?;

        let transaction = client.transaction().await?;
        message.put_postgresql(&transaction).await?;
        transaction.commit().await?;
        assert_eq!(world.outbox.summary().await?.waiting, 1);
        Ok(())
    }
}
