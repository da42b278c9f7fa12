//! The same scenarios against the suite as one process over the embedded store, and as six over Postgres and Redis.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says what went wrong by failing")]

mod bad_input;
mod bank;
mod commands;
mod interruptions;
mod load;
mod persons;
mod refusal;
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
    persons:
        two_persons_become_one_with_both_histories,
        an_erased_person_is_gone_from_every_service;
    bad_input:
        bad_events_are_named_and_good_ones_are_taken,
        an_unknown_namespace_is_refused_and_an_event_with_it_is_set_aside,
        times_beyond_history_are_refused_everywhere,
        a_payload_of_ten_megabytes_is_refused_whole,
        rules_that_do_not_compile_are_not_stored,
        page_tokens_of_nobody_are_refused,
        what_is_not_there_is_said_to_be_missing,
        empty_ids_are_named;
    interruptions:
        killed_processes_lose_nothing_that_was_acknowledged,
        an_import_that_is_killed_and_sent_again_finds_the_same_persons,
        a_cache_that_loses_everything_changes_nothing,
        a_suite_that_is_stopped_ends_well_and_comes_back_with_everything;
    commands:
        any_method_is_called_with_json,
        a_smoke_test_decides_and_leaves_nothing_behind;
}
