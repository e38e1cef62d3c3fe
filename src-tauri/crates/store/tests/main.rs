//! The store through its public API: one file a module, and one for each promise that spans several.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test ends at the first thing that is not as claimed, in its helpers too"
)]

mod messages;
mod sessions;
mod support;
