//! The store through its public API: one file a module, and one for each promise that spans several.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test ends at the first thing that is not as claimed, in its helpers too"
)]

mod backup_settings;
mod bad_days;
mod branches;
mod concurrency;
mod context;
mod drafts;
mod endpoints;
mod facts;
mod fork;
mod fusion;
mod generations;
mod importance;
mod location;
mod locking;
mod memory;
mod messages;
mod migrations;
mod model;
mod models;
mod opening;
mod personas;
mod pins;
mod plan;
mod query_plans;
mod recall;
mod replacing;
mod search;
mod search_meaning;
mod sessions;
mod settings;
mod shelves;
mod summaries;
mod support;
mod trash;
mod vectors;
