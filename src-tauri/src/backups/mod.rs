//! Backups: made by themselves, on request, and restored.

pub(crate) mod views;
