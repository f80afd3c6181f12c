//! The outbox against a sandbox over real sockets, in every database that can hold it.

mod promises;
#[cfg(feature = "postgresql")]
#[path = "../support/mod.rs"]
mod support;
mod world;

/// The same test for each database.
macro_rules! in_every_database {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() -> crate::world::Result {
                crate::promises::$name(crate::world::World::start(crate::world::Database::sqlite()?).await?).await
            })*
        }

        #[cfg(feature = "postgresql")]
        mod postgresql {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            #[ignore = "needs a PostgreSQL server: cargo xtask interop postgresql"]
            async fn $name() -> crate::world::Result {
                let pool = crate::support::fresh_schema().await;
                crate::promises::$name(crate::world::World::start(crate::world::Database::Postgresql(pool)).await?).await
            })*
        }
    };
}

in_every_database! {
    what_a_transaction_hands_over_is_sent_in_order_per_resource,
    what_a_transaction_takes_back_is_not_sent,
    a_message_is_handed_over_once_however_often_that_is_said,
    a_conflict_waits_for_a_decision_and_holds_up_nobody_else,
    a_refused_message_that_is_given_up_lets_the_next_one_pass,
    a_version_that_the_application_insists_on_is_not_replaced,
    a_server_that_is_away_costs_nothing_but_time,
    wrong_credentials_refuse_nothing,
    a_message_whose_answer_was_lost_is_not_posted_again,
    a_message_that_never_arrived_is_posted_again_after_the_settle_time,
    nobody_takes_over_from_a_dispatcher_that_may_be_alive,
    a_dispatcher_that_was_cut_off_is_taken_over,
    several_dispatchers_keep_the_order,
    a_running_dispatcher_sends_what_it_is_told_of_and_stops_when_asked,
    versions_that_cannot_be_kept_keep_the_next_message_waiting,
    what_is_over_can_be_forgotten,
    what_is_shown_names_nobody,
}
