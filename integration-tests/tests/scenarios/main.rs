//! The same scenarios against the suite as one process over the embedded store, and as six over Postgres and Redis.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says what went wrong by failing")]

mod bank;
mod the_loop;

use attune_integration_tests::Suite;

/// Each scenario against both forms of the suite.
macro_rules! scenarios {
    ($($module:ident: $($name:ident),+ $(,)?;)+) => {
        mod all_in_one {
            $($(#[tokio::test] async fn $name() { crate::$module::$name(super::Suite::all_in_one().await).await; })+)+
        }
        mod six_processes {
            $($(#[tokio::test] async fn $name() {
                if let Some(suite) = super::Suite::six_processes().await {
                    crate::$module::$name(suite).await;
                }
            })+)+
        }
    };
}

scenarios! {
    the_loop:
        devices_of_a_customer_become_one_person,
        a_decision_is_explained_and_learns_from_its_answers,
        an_abandoned_form_leads_to_one_message,
        a_cap_of_one_holds_the_second_message_back;
}
