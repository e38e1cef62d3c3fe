//! Arguments that both tools take, and how times, sizes and durations are written.

use std::path::PathBuf;
use std::time::Duration;

use chatkeep_backup::{Control, Place};
use chatkeep_store::{Timestamp, location};
use clap::Args;
use jiff::civil;
use jiff::tz::TimeZone;

use crate::output::Output;
use crate::progress::{self, ProgressMode};

/// Where the database and its backups are, and how it is told what happens.
#[derive(Debug, Clone, Args)]
pub struct Common {
    /// The database; without it, the app's own
    #[arg(long, value_name = "FILE", global = true)]
    pub db: Option<PathBuf>,
    /// The folder of backups; without it, `backups` beside the database
    #[arg(
        long,
        value_name = "FOLDER",
        global = true,
        env = "CHATKEEP_BACKUP_DIR"
    )]
    pub dir: Option<PathBuf>,
    /// Tell everything as JSON, one object a line
    #[arg(long, global = true)]
    pub json: bool,
    /// How to tell the progress
    #[arg(long, value_enum, default_value_t, global = true)]
    pub progress: ProgressMode,
    /// Give up after this long, such as 90s or 10m; 0 is never
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = parse_duration, global = true)]
    pub deadline: Duration,
}

impl Common {
    /// The database and its folder of backups.
    #[must_use]
    pub fn place(&self) -> Place {
        let mut place = match &self.db {
            None => Place::in_folder(&location::data_folder(None)),
            Some(file) => {
                let absolute = std::path::absolute(file).unwrap_or_else(|_| file.clone());
                let folder = absolute.parent().map(PathBuf::from).unwrap_or_default();
                Place {
                    database: absolute,
                    ..Place::in_folder(&folder)
                }
            }
        };
        if let Some(dir) = &self.dir {
            place.backups = std::path::absolute(dir).unwrap_or_else(|_| dir.clone());
        }
        place
    }

    /// How the operation is watched and stopped: its deadline, Ctrl-C, a progress bar.
    #[must_use]
    pub fn control(&self, output: Output) -> Control {
        let mut control = Control::default();
        if !self.deadline.is_zero() {
            control = control.within(self.deadline);
        }
        progress::watch(interruptible(control), self.progress, output)
    }

    /// The same once more, with all its time before it.
    #[must_use]
    pub fn control_again(&self, control: &Control) -> Control {
        if self.deadline.is_zero() {
            return control.clone();
        }
        control.clone().within(self.deadline)
    }

    /// Where it is told.
    #[must_use]
    pub fn output(&self) -> Output {
        Output { json: self.json }
    }
}

/// The first Ctrl-C (or TERM) stops cleanly, the second at once.
fn interruptible(control: Control) -> Control {
    use std::sync::atomic::Ordering;
    let cancel = control.cancel_flag();
    let installed = ctrlc::set_handler(move || {
        if cancel.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    });
    // Without a handler the process just ends, which leaves nothing that the next start does not
    // sweep.
    drop(installed);
    control
}

/// `90s`, `5m`, `2h 30m`; a bare 0 is none.
///
/// # Errors
/// What would be accepted.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let span: jiff::SignedDuration = text
        .parse()
        .map_err(|_| "write it as 90s, 5m or 2h 30m".to_owned())?;
    Duration::try_from(span).map_err(|_| "it must not be negative".to_owned())
}

/// Bytes as `500M`, `5G` or a plain number.
///
/// # Errors
/// What would be accepted.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let wrong = || "write it as 500M, 5G or a number of bytes".to_owned();
    let (digits, shift) = match text.chars().last() {
        Some('K' | 'k') => (&text[..text.len() - 1], 10),
        Some('M' | 'm') => (&text[..text.len() - 1], 20),
        Some('G' | 'g') => (&text[..text.len() - 1], 30),
        _ => (text, 0),
    };
    let count: u64 = digits.parse().map_err(|_| wrong())?;
    count.checked_mul(1 << shift).ok_or_else(wrong)
}

/// A moment: RFC 3339, or date and time as the clock on the wall shows them. A date alone is its
/// end.
///
/// # Errors
/// What would be accepted.
pub fn parse_moment(text: &str) -> Result<Timestamp, String> {
    let wrong = || "write it as 2026-11-20T18:30:00Z or \"2026-11-20 18:30\"".to_owned();
    if let Ok(moment) = text.parse::<jiff::Timestamp>() {
        return Ok(Timestamp::from_ms(moment.as_millisecond()));
    }
    let wall = match text.parse::<civil::Date>() {
        Ok(date) if text.len() <= "2026-11-20".len() => date.at(23, 59, 59, 999_000_000),
        _ => text.parse::<civil::DateTime>().map_err(|_| wrong())?,
    };
    let zoned = wall.to_zoned(TimeZone::system()).map_err(|_| wrong())?;
    Ok(Timestamp::from_ms(zoned.timestamp().as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes_are_read_as_people_write_them() {
        assert_eq!(parse_duration("5m"), Ok(Duration::from_secs(300)));
        assert_eq!(parse_duration("0"), Ok(Duration::ZERO));
        assert!(parse_duration("-5m").is_err());
        assert!(parse_duration("soon").is_err());
        assert_eq!(parse_size("5G"), Ok(5 << 30));
        assert_eq!(parse_size("77"), Ok(77));
        assert!(parse_size("5 apples").is_err());
        assert!(parse_size("99999999999G").is_err());
    }

    #[test]
    fn moments_are_read_with_and_without_a_zone() {
        let utc = parse_moment("2026-11-20T18:30:00Z").map(Timestamp::as_ms);
        assert_eq!(utc, Ok(1_795_199_400_000));
        assert!(parse_moment("2026-11-20 18:30").is_ok());
        let (start, end) = (parse_moment("2026-11-20 00:00"), parse_moment("2026-11-20"));
        assert!(end > start);
        assert!(parse_moment("yesterday").is_err());
    }
}
