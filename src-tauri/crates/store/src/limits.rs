//! What is accepted as a name, a text or a score. Every text is checked before it is written, so
//! that what comes out is what went in and any SQLite tool can read it.

use rusqlite::types::{FromSql, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The longest name, in characters.
pub const NAME_CHARS_MAX: usize = 200;
/// The largest message, in bytes of UTF-8.
pub const MESSAGE_BYTES_MAX: usize = 10 * 1024 * 1024;
/// The largest summary or pin, in bytes of UTF-8.
pub const NOTE_BYTES_MAX: usize = 256 * 1024;
/// The largest persona prompt or description, in bytes of UTF-8.
pub const PROMPT_BYTES_MAX: usize = 256 * 1024;
/// The most rows in one page.
pub const PAGE_LIMIT_MAX: usize = 1000;

/// How much something matters: 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
// A plain f64 would come out as `number | null`, for the infinities that a score cannot be.
#[cfg_attr(feature = "specta", derive(specta::Type), specta(type = specta_typescript::Number))]
pub struct Score(f64);

impl Score {
    /// What a message has before anything marks it; the default of its column too.
    pub(crate) const DEFAULT_MESSAGE: Self = Self(0.5);

    /// The score with this value.
    ///
    /// # Errors
    /// [`Error::Invalid`] unless it is between 0 and 1.
    pub fn new(value: f64) -> Result<Self> {
        if (0.0..=1.0).contains(&value) {
            Ok(Self(value))
        } else {
            Err(Error::invalid(
                "importance",
                format!("must be between 0 and 1, not {value}"),
            ))
        }
    }

    /// The value, between 0 and 1.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Score {
    type Error = Error;

    fn try_from(value: f64) -> Result<Self> {
        Self::new(value)
    }
}

impl From<Score> for f64 {
    fn from(score: Score) -> Self {
        score.0
    }
}

impl ToSql for Score {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(self.0))
    }
}

impl FromSql for Score {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_f64().map(Self)
    }
}

/// A name: trimmed, one line, 1 to [`NAME_CHARS_MAX`] characters.
pub(crate) fn name<'a>(field: &'static str, value: &'a str) -> Result<&'a str> {
    let value = value.trim();
    let chars = value.chars().count();
    if chars == 0 {
        Err(Error::invalid(field, "must not be empty"))
    } else if chars > NAME_CHARS_MAX {
        let limit = format!("at most {NAME_CHARS_MAX} characters are possible, these are {chars}");
        Err(Error::invalid(field, limit))
    } else if value.chars().any(char::is_control) {
        Err(Error::invalid(
            field,
            "must be one line without control characters",
        ))
    } else {
        Ok(value)
    }
}

/// A text of at most `bytes_max` bytes without NUL, which many tools take for the end of a text.
pub(crate) fn text(field: &'static str, value: &str, bytes_max: usize) -> Result<()> {
    if value.len() > bytes_max {
        return Err(too_long(field, value.len(), bytes_max));
    }
    match value.as_bytes().iter().position(|&byte| byte == 0) {
        Some(at) => Err(Error::invalid(
            field,
            format!("holds a NUL character (byte {at}); remove it and try again"),
        )),
        None => Ok(()),
    }
}

/// The error for a text of `bytes` where `bytes_max` are possible.
pub(crate) fn too_long(field: &'static str, bytes: usize, bytes_max: usize) -> Error {
    Error::invalid(
        field,
        format!(
            "at most {} are possible, this is {}",
            size(bytes_max),
            size(bytes)
        ),
    )
}

/// A text that must say something.
pub(crate) fn filled_text(field: &'static str, value: &str, bytes_max: usize) -> Result<()> {
    if value.trim().is_empty() {
        return Err(Error::invalid(field, "must not be empty"));
    }
    text(field, value, bytes_max)
}

/// A number that must lie in a range, where there is one.
pub(crate) fn range(field: &'static str, value: Option<f64>, min: f64, max: f64) -> Result<()> {
    match value {
        Some(value) if !(min..=max).contains(&value) => Err(Error::invalid(
            field,
            format!("must be between {min} and {max}, not {value}"),
        )),
        _ => Ok(()),
    }
}

/// How many rows a page may have.
pub(crate) fn page_limit(limit: usize) -> Result<usize> {
    if (1..=PAGE_LIMIT_MAX).contains(&limit) {
        Ok(limit)
    } else {
        let range = format!("a page has 1 to {PAGE_LIMIT_MAX} rows, not {limit}");
        Err(Error::invalid("limit", range))
    }
}

fn size(bytes: usize) -> String {
    const KIB: usize = 1024;
    const MIB: usize = 1024 * KIB;
    if bytes >= MIB {
        #[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
        let mib = bytes as f64 / MIB as f64;
        format!("{mib:.1} MiB")
    } else if bytes >= KIB {
        format!("{} KiB", bytes.div_ceil(KIB))
    } else {
        format!("{bytes} bytes")
    }
}
