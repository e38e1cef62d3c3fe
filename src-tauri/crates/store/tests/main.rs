//! The store through its public API: one file a module, and one for each promise that spans several.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test ends at the first thing that is not as claimed, in its helpers too"
)]

mod bad_days;
mod branches;
mod concurrency;
mod context;
mod drafts;
mod endpoints;
mod generations;
mod location;
mod locking;
mod messages;
mod migrations;
mod model;
mod opening;
mod personas;
mod pins;
mod query_plans;
mod sessions;
mod settings;
mod shelves;
mod summaries;
mod support;
