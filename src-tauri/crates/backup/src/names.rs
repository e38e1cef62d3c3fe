//! The names of backups: `chatkeep.db.2026-11-21_180932.bak`, with what was done to it after.
//!
//! The time in a name is UTC and for people; the order of backups is that of their manifests.

use std::path::Path;

use chatkeep_store::{DATABASE_FILE, Timestamp};
use jiff::tz::TimeZone;

/// Follows the name of a payload; the file that makes it a backup.
pub(crate) const MANIFEST_SUFFIX: &str = ".json";

/// How a payload is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Form {
    pub(crate) compressed: bool,
    pub(crate) encrypted: bool,
}

impl Form {
    /// The form that a file's name tells.
    pub(crate) fn of(path: &Path) -> Self {
        let name = path.to_string_lossy();
        let encrypted = name.ends_with(".age");
        let name = name.strip_suffix(".age").unwrap_or(&name);
        Self {
            compressed: name.ends_with(".zst"),
            encrypted,
        }
    }

    /// Whether the payload is the database file itself.
    pub(crate) fn is_plain(self) -> bool {
        !self.compressed && !self.encrypted
    }

    fn suffix(self) -> &'static str {
        match (self.compressed, self.encrypted) {
            (false, false) => "",
            (true, false) => ".zst",
            (false, true) => ".age",
            (true, true) => ".zst.age",
        }
    }
}

/// The name of a full backup made at `at`; `nth` tells apart what was made in the same second.
pub(crate) fn full(at: Timestamp, nth: u32, form: Form) -> String {
    format!("{}{}.bak{}", stamped(at), nth_suffix(nth), form.suffix())
}

/// The name of a page delta: from the base's time to its own.
pub(crate) fn delta(base: Timestamp, at: Timestamp, nth: u32, encrypted: bool) -> String {
    let form = Form {
        compressed: false,
        encrypted,
    };
    let to = civil(at, "%Y-%m-%d_%H%M%S");
    format!(
        "{}_to_{to}{}.pgd{}",
        stamped(base),
        nth_suffix(nth),
        form.suffix()
    )
}

/// Whether a file's name is one that a payload has, managed or not.
pub(crate) fn is_payload(name: &str) -> bool {
    let name = name.strip_suffix(".age").unwrap_or(name);
    let name = name.strip_suffix(".zst").unwrap_or(name);
    name.starts_with(DATABASE_FILE) && (name.ends_with(".bak") || name.ends_with(".pgd"))
}

/// The time as people read it, UTC.
#[must_use]
pub fn display_utc(at: Timestamp) -> String {
    civil(at, "%Y-%m-%d %H:%M:%S")
}

fn stamped(at: Timestamp) -> String {
    format!("{DATABASE_FILE}.{}", civil(at, "%Y-%m-%d_%H%M%S"))
}

fn nth_suffix(nth: u32) -> String {
    if nth < 2 {
        String::new()
    } else {
        format!("-{nth}")
    }
}

fn civil(at: Timestamp, format: &str) -> String {
    let at = jiff::Timestamp::from_millisecond(at.as_ms()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    at.to_zoned(TimeZone::UTC).strftime(format).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_the_time_and_the_form() {
        let at = Timestamp::from_ms(1_759_774_172_999);
        let form = |name: &str| Form::of(Path::new(name));
        let plain = form("x.bak");
        assert_eq!(full(at, 1, plain), "chatkeep.db.2025-10-06_180932.bak");
        assert_eq!(full(at, 2, plain), "chatkeep.db.2025-10-06_180932-2.bak");
        let both = form("x.bak.zst.age");
        assert_eq!(
            full(at, 1, both),
            "chatkeep.db.2025-10-06_180932.bak.zst.age"
        );
        assert_eq!(
            delta(at, at.plus_ms(60_000), 1, false),
            "chatkeep.db.2025-10-06_180932_to_2025-10-06_181032.pgd"
        );
    }

    #[test]
    fn only_payloads_are_taken_for_payloads() {
        for name in [
            "chatkeep.db.2025-10-06_180932.bak",
            "chatkeep.db.x.bak.zst.age",
        ] {
            assert!(is_payload(name), "{name}");
        }
        for name in [
            "chatkeep.db.x.bak.json",
            "notes.bak",
            "chatkeep.db",
            "chatkeep.db.x.bak.new",
        ] {
            assert!(!is_payload(name), "{name}");
        }
    }
}
