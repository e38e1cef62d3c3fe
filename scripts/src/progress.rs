//! Progress: a bar on a terminal, lines or JSON where asked for, else nothing.

use std::io::{IsTerminal, stderr};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use chatkeep_backup::{Control, Progress};
use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use crate::output::Output;

const EVERY: Duration = Duration::from_millis(500);

/// How the progress is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum ProgressMode {
    /// A bar on a terminal, else nothing
    #[default]
    Auto,
    /// A line twice a second
    Plain,
    /// A JSON object twice a second
    Json,
    /// Nothing
    None,
}

/// Lets `control` tell its progress.
pub(crate) fn watch(control: Control, mode: ProgressMode, output: Output) -> Control {
    match mode {
        ProgressMode::Auto if stderr().is_terminal() && !output.json => bar(control),
        ProgressMode::Auto | ProgressMode::None => control,
        ProgressMode::Plain => lines(control, move |it| {
            output.note(&format!(
                "{}: {} of {}",
                it.phase.as_str(),
                it.done,
                it.total
            ));
        }),
        ProgressMode::Json => lines(control, |it| {
            Output { json: true }.line(&json!({
                "message_type": "status",
                "phase": it.phase.as_str(),
                "done": it.done,
                "total": it.total,
            }));
        }),
    }
}

fn bar(control: Control) -> Control {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{msg:10} {wide_bar} {percent:>3} %");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    control.watched(move |it| {
        bar.set_message(it.phase.as_str());
        bar.set_length(it.total.max(1));
        bar.set_position(it.done);
    })
}

fn lines(control: Control, tell: impl Fn(Progress) + Send + Sync + 'static) -> Control {
    let last = Mutex::new(None::<Instant>);
    control.watched(move |it| {
        let mut last = last
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if last.is_none_or(|at| at.elapsed() >= EVERY) {
            *last = Some(Instant::now());
            tell(it);
        }
    })
}
