//! What is printed: results on standard output, all else on standard error.

use std::io::Write;

use serde_json::Value;

/// Where and how it is told.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    /// As JSON, one object a line.
    pub json: bool,
}

impl Output {
    /// A result, for people; nothing when it is told as JSON.
    pub fn text(self, text: &str) {
        if !self.json {
            print(text);
        }
    }

    /// A result, for programs; nothing when it is told to people.
    pub fn line(self, value: &Value) {
        if self.json {
            print(&value.to_string());
        }
    }

    /// What is not a result.
    pub fn note(self, text: &str) {
        // Nobody is left to be told when this fails.
        let _ = writeln!(std::io::stderr(), "{text}");
    }
}

fn print(text: &str) {
    // The reader of a pipe may have seen enough; that is no failure of what was done.
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// A size for people.
#[must_use]
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 4] = ["B", "KiB", "MiB", "GiB"];
    #[expect(
        clippy::cast_precision_loss,
        reason = "one digit after the point is shown"
    )]
    let mut value = count as f64;
    let mut unit = UNITS[0];
    for larger in &UNITS[1..] {
        if value < 1024.0 {
            break;
        }
        value /= 1024.0;
        unit = larger;
    }
    if unit == UNITS[0] {
        return format!("{count} B");
    }
    format!("{value:.1} {unit}")
}

/// An age for people, in the largest unit that is not zero.
#[must_use]
pub fn age(ms: i64) -> String {
    let minutes = ms / 60_000;
    match minutes {
        ..0 => "in the future".to_owned(),
        0 => "just now".to_owned(),
        1..120 => format!("{minutes} min ago"),
        120..2880 => format!("{} h ago", minutes / 60),
        _ => format!("{} days ago", minutes / 1440),
    }
}
