//! When the app backs up by itself: a function of the time, the last backups and the settings.

use chatkeep_backup::Manifest;
use chatkeep_store::{BackupSettings, Timestamp};

const MINUTE_MS: i64 = 60 * 1000;
/// After an attempt that failed, the next one waits at most so long.
const RETRY_MS: i64 = 15 * MINUTE_MS;
/// How often an older backup is restored for a trial.
const DRILL_MS: i64 = 30 * 24 * 60 * MINUTE_MS;
/// A drill that much later than its backup is no longer the one that belongs to its making.
const MAKING_MS: i64 = 60 * MINUTE_MS;

/// Whether something was written since a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Changed {
    No,
    Yes,
    /// The app was started since.
    Unknown,
}

/// What the schedule looks at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) now: Timestamp,
    /// When the newest good full backup was made.
    pub(crate) last_full: Option<Timestamp>,
    /// When the newest backup of any kind was made.
    pub(crate) last_any: Option<Timestamp>,
    /// When the last attempt failed, if none has succeeded since.
    pub(crate) failed_at: Option<Timestamp>,
    pub(crate) since_full: Changed,
    pub(crate) since_any: Changed,
}

/// What is to be made now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    Nothing,
    /// A point in time. Where it is not known whether anything changed, making one finds out.
    Point,
    Full,
}

/// What is to be made now.
pub(crate) fn due(settings: &BackupSettings, moment: &Moment) -> Due {
    let interval_ms = i64::from(settings.interval_minutes) * MINUTE_MS;
    let point_ms = i64::from(settings.point_minutes) * MINUTE_MS;
    let is_over = |since: Option<Timestamp>, ms| is_over(since, ms, moment.now);
    let waits = moment.failed_at.is_some() && !is_over(moment.failed_at, RETRY_MS.min(interval_ms));
    if !settings.automatic || waits {
        return Due::Nothing;
    }
    let full_is_over = is_over(moment.last_full, interval_ms);
    let has_points = settings.point_minutes > 0;
    match (moment.last_full, moment.since_full) {
        (None, _) => Due::Full,
        (_, Changed::Yes) if full_is_over => Due::Full,
        (_, Changed::Unknown) if full_is_over && !has_points => Due::Full,
        _ if has_points
            && moment.since_any != Changed::No
            && is_over(moment.last_any, point_ms) =>
        {
            Due::Point
        }
        _ => Due::Nothing,
    }
}

/// Whether so much time has gone by since then. If the clock was set back, nobody knows: it has.
fn is_over(since: Option<Timestamp>, ms: i64, now: Timestamp) -> bool {
    since.is_none_or(|since| !(0..ms).contains(&(now.as_ms() - since.as_ms())))
}

/// The older backups of which one is to be restored for a trial now: a month after the last time, or
/// after the oldest was made.
pub(crate) fn due_for_drill<'a>(
    newest_first: &[&'a Manifest],
    now: Timestamp,
) -> Vec<&'a Manifest> {
    let candidates = newest_first.iter().skip(1).copied();
    let candidates = candidates.filter(|it| it.encryption.is_none() && !it.is_condemned());
    let candidates: Vec<_> = candidates.collect();
    let oldest = newest_first.iter().map(|it| it.created_at_ms).min();
    let last = newest_first
        .iter()
        .filter_map(|it| later_drill_ms(it))
        .max();
    match last.or(oldest) {
        Some(since) if is_over(Some(Timestamp::from_ms(since)), DRILL_MS, now) => candidates,
        _ => Vec::new(),
    }
}

/// When a backup was last drilled, if not only when it was made.
fn later_drill_ms(manifest: &Manifest) -> Option<i64> {
    let at = manifest.verification.as_ref()?.drilled_at_ms?;
    (at - manifest.created_at_ms > MAKING_MS).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_ms(1_795_219_200_000).plus_ms(minutes * MINUTE_MS)
    }

    /// A full backup at 0, a point at `point`, something written since both.
    fn moment(now: i64, point: i64) -> Moment {
        Moment {
            now: at(now),
            last_full: Some(at(0)),
            last_any: Some(at(point)),
            failed_at: None,
            since_full: Changed::Yes,
            since_any: Changed::Yes,
        }
    }

    fn due_at(now: i64, point: i64) -> Due {
        due(&BackupSettings::default(), &moment(now, point))
    }

    #[test]
    fn points_come_every_quarter_of_an_hour_and_full_backups_every_half() {
        assert_eq!(due_at(14, 0), Due::Nothing);
        assert_eq!(due_at(15, 0), Due::Point);
        assert_eq!(due_at(29, 15), Due::Nothing);
        assert_eq!(due_at(30, 15), Due::Full);
        assert_eq!(due_at(600, 15), Due::Full);
    }

    #[test]
    fn the_first_backup_waits_for_nothing() {
        let none = Moment {
            last_full: None,
            since_full: Changed::Unknown,
            ..moment(0, 0)
        };
        assert_eq!(due(&BackupSettings::default(), &none), Due::Full);
    }

    #[test]
    fn nothing_is_made_while_nothing_changes() {
        let still = Moment {
            since_full: Changed::No,
            since_any: Changed::No,
            ..moment(600, 0)
        };
        assert_eq!(due(&BackupSettings::default(), &still), Due::Nothing);
        // All that was written is in the points.
        let in_points = Moment {
            since_any: Changed::No,
            ..moment(20, 2)
        };
        assert_eq!(due(&BackupSettings::default(), &in_points), Due::Nothing);
    }

    #[test]
    fn after_a_start_a_point_finds_out_whether_anything_changed() {
        let started = Moment {
            since_full: Changed::Unknown,
            since_any: Changed::Unknown,
            ..moment(600, 0)
        };
        assert_eq!(due(&BackupSettings::default(), &started), Due::Point);
        let no_points = BackupSettings {
            point_minutes: 0,
            ..BackupSettings::default()
        };
        assert_eq!(due(&no_points, &started), Due::Full);
    }

    #[test]
    fn an_attempt_that_failed_is_not_repeated_every_minute() {
        let failed = |now| Moment {
            failed_at: Some(at(30)),
            ..moment(now, 0)
        };
        let settings = BackupSettings::default();
        assert_eq!(due(&settings, &failed(31)), Due::Nothing);
        assert_eq!(due(&settings, &failed(45)), Due::Full);
    }

    #[test]
    fn a_clock_that_was_set_back_stops_no_backup() {
        assert_eq!(due_at(-600, 0), Due::Full);
    }

    #[test]
    fn off_is_off() {
        let off = BackupSettings {
            automatic: false,
            ..BackupSettings::default()
        };
        assert_eq!(due(&off, &moment(600, 0)), Due::Nothing);
    }
}
