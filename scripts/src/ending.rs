//! How a tool ends: what went wrong is told once, and the exit code says what kind it was.

use std::process::ExitCode;

use chatkeep_backup::{Error, with_causes};
use serde_json::json;

use crate::output::Output;

/// It was done, but something beside it was not.
const DONE_WITH_WARNING: u8 = 3;

/// How it went, if it went well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All of it was done.
    Done,
    /// What was asked for was done; something that follows from it was not, as was told.
    DoneWithWarning,
}

/// Why a tool failed.
pub enum Failure {
    /// As the library says.
    Backup(Error),
    /// Some of several failed; each was told.
    Several(u8),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Backup(error)
    }
}

/// Runs a tool and turns its outcome into an exit code.
pub fn run(output: Output, tool: impl FnOnce() -> Result<Outcome, Failure>) -> ExitCode {
    match tool() {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::DoneWithWarning) => ExitCode::from(DONE_WITH_WARNING),
        Err(Failure::Several(code)) => ExitCode::from(code),
        Err(Failure::Backup(error)) => {
            let (code, message, remedy) = (error.exit_code(), with_causes(&error), error.remedy());
            if output.json {
                output.line(&json!({
                    "message_type": "exit_error",
                    "code": code,
                    "message": message,
                    "remedy": remedy,
                }));
            }
            output.note(&format!("error: {message}\n{remedy}"));
            ExitCode::from(code)
        }
    }
}
