//! What the environment decides about backups, for people who set up the app from outside.
//!
//! - `CHATKEEP_BACKUP_INTERVAL`: minutes between two full backups; 0: the app makes none by itself.
//! - `CHATKEEP_BACKUP_DIR`: the folder of backups, for `backup-db` and `restore-db` too.
//! - `CHATKEEP_BACKUP_KEEP`: the newest so many full backups are kept, and no others.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use chatkeep_backup::{Place, Policy};
use chatkeep_store::BackupSettings;

use super::views::FixedSetting;

const INTERVAL: &str = "CHATKEEP_BACKUP_INTERVAL";
const FOLDER: &str = "CHATKEEP_BACKUP_DIR";
const KEEP: &str = "CHATKEEP_BACKUP_KEEP";
const HOUR_MS: i64 = 60 * 60 * 1000;
/// Full backups that are kept in any case, unless the environment wants fewer.
const FULLS_MIN: u32 = 3;

/// What the environment decides about backups.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Environment {
    interval_minutes: Option<u32>,
    folder: Option<PathBuf>,
    /// How many full backups are kept.
    pub(crate) keep: Option<u32>,
}

impl Environment {
    /// That of this process.
    pub(crate) fn of_process() -> Self {
        Self::read(|name| env::var_os(name))
    }

    /// A value that makes no sense is told, and passed over.
    pub(crate) fn read(get: impl Fn(&str) -> Option<OsString>) -> Self {
        let value = |name: &str| get(name).filter(|it| !it.is_empty());
        let number = |name: &str, least: u32| {
            let value = value(name)?;
            let number = value.to_str().and_then(|it| it.trim().parse().ok());
            let number = number.filter(|it| *it >= least);
            if number.is_none() {
                tell(&format!(
                    "{name}={} is passed over: a whole number from {least} on is meant",
                    value.display()
                ));
            }
            number
        };
        Self {
            interval_minutes: number(INTERVAL, 0),
            folder: value(FOLDER).map(|it| std::path::absolute(&it).unwrap_or_else(|_| it.into())),
            keep: number(KEEP, 1),
        }
    }

    /// The database in `folder`, and its folder of backups.
    pub(crate) fn place(&self, folder: &Path) -> Place {
        let mut place = Place::in_folder(folder);
        if let Some(folder) = &self.folder {
            place.backups.clone_from(folder);
        }
        place
    }

    /// The settings, as far as they are not decided here.
    pub(crate) fn apply(&self, saved: BackupSettings) -> BackupSettings {
        match self.interval_minutes {
            None => saved,
            Some(0) => BackupSettings {
                automatic: false,
                ..saved
            },
            Some(interval_minutes) => BackupSettings {
                automatic: true,
                interval_minutes,
                ..saved
            },
        }
    }

    /// What is kept by these settings.
    pub(crate) fn policy(&self, settings: &BackupSettings) -> Policy {
        let keep = &settings.keep;
        let by_age = Policy {
            within_ms: i64::from(keep.within_hours) * HOUR_MS,
            daily: keep.daily,
            weekly: keep.weekly,
            monthly: keep.monthly,
            fulls_min: FULLS_MIN,
            size_max_bytes: keep.max_bytes,
            ..Policy::default()
        };
        match self.keep {
            None => by_age,
            Some(last) => Policy {
                last,
                within_ms: 0,
                daily: 0,
                weekly: 0,
                monthly: 0,
                fulls_min: last.min(FULLS_MIN),
                ..by_age
            },
        }
    }

    /// The settings that are decided here.
    pub(crate) fn fixed(&self) -> Vec<FixedSetting> {
        let fixed = [
            (self.interval_minutes.is_some(), FixedSetting::Interval),
            (self.folder.is_some(), FixedSetting::Folder),
            (self.keep.is_some(), FixedSetting::Keep),
        ];
        let fixed = fixed.iter().filter(|(is_fixed, _)| *is_fixed);
        fixed.map(|(_, setting)| *setting).collect()
    }
}

/// On the terminal that the app was started from: the log is not open yet.
#[expect(
    clippy::print_stderr,
    reason = "the environment is read before the log is open"
)]
fn tell(problem: &str) {
    eprintln!("chatkeep: {problem}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &'static str, value: &'static str) -> Environment {
        Environment::read(move |asked| (asked == name).then(|| value.into()))
    }

    #[test]
    fn an_interval_sets_the_minutes_and_zero_turns_backups_off() {
        let saved = BackupSettings::default();
        assert_eq!(Environment::default().apply(saved), saved);
        let hourly = with(INTERVAL, "60").apply(saved);
        assert!(hourly.automatic);
        assert_eq!(hourly.interval_minutes, 60);
        assert!(!with(INTERVAL, "0").apply(saved).automatic);
        assert_eq!(with(INTERVAL, "60").fixed(), [FixedSetting::Interval]);
    }

    #[test]
    fn a_folder_takes_the_place_of_the_one_in_the_data_folder() {
        let chats = Path::new("/chats");
        let own = Environment::default().place(chats);
        assert_eq!(own.backups, chats.join("backups"));
        let other = with(FOLDER, "/media/disk").place(chats);
        assert_eq!(other.backups, Path::new("/media/disk"));
        assert_eq!(other.database, own.database);
    }

    #[test]
    fn a_count_keeps_the_newest_and_no_others() {
        let settings = BackupSettings::default();
        let policy = with(KEEP, "2").policy(&settings);
        assert_eq!((policy.last, policy.fulls_min), (2, 2));
        assert_eq!((policy.within_ms, policy.daily, policy.monthly), (0, 0, 0));
        let usual = Environment::default().policy(&settings);
        assert_eq!(usual, Policy::default());
    }

    #[test]
    fn what_makes_no_sense_is_passed_over() {
        for (name, value) in [
            (INTERVAL, "often"),
            (INTERVAL, "-1"),
            (KEEP, "0"),
            (FOLDER, ""),
        ] {
            assert_eq!(with(name, value), Environment::default(), "{name}={value}");
        }
    }
}
