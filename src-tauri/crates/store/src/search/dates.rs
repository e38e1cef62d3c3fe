//! Dates as they are typed in a query, and months for the facets, in the user's own time zone.

use time::{Date, Month, OffsetDateTime, UtcOffset};

use crate::time::Timestamp;

/// What day it is, and where.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Calendar {
    now: Timestamp,
    offset: UtcOffset,
}

impl Calendar {
    /// The calendar at `now`, so many minutes east of Greenwich; an offset that there is not is none.
    pub(crate) fn new(now: Timestamp, utc_offset_minutes: i32) -> Self {
        let seconds = utc_offset_minutes.saturating_mul(60);
        let offset = UtcOffset::from_whole_seconds(seconds).unwrap_or(UtcOffset::UTC);
        Self { now, offset }
    }

    fn local(self, at: Timestamp) -> Option<OffsetDateTime> {
        let utc = OffsetDateTime::from_unix_timestamp(at.as_ms().div_euclid(1000)).ok()?;
        utc.checked_to_offset(self.offset)
    }

    /// The month of a point in time, as "2026-11".
    pub(crate) fn month(self, at: Timestamp) -> Option<String> {
        let local = self.local(at)?;
        Some(format!(
            "{:04}-{:02}",
            local.year(),
            u8::from(local.month())
        ))
    }

    fn start_of(self, day: Date) -> Timestamp {
        let start = day.midnight().assume_offset(self.offset);
        Timestamp::from_ms(start.unix_timestamp().saturating_mul(1000))
    }

    fn today(self) -> Option<Date> {
        self.local(self.now).map(OffsetDateTime::date)
    }
}

/// The start of the day, month or year that is typed.
pub(crate) fn parse(text: &str, calendar: Calendar) -> Option<Timestamp> {
    let text = text.to_ascii_lowercase();
    let day = match text.as_str() {
        "today" => calendar.today()?,
        "yesterday" => calendar.today()?.previous_day()?,
        _ => ago(&text, calendar).or_else(|| date(&text))?,
    };
    Some(calendar.start_of(day))
}

/// "7d", "2w", "3m", "1y": so long ago.
fn ago(text: &str, calendar: Calendar) -> Option<Date> {
    let unit = text.chars().last()?;
    let count: i64 = text
        .strip_suffix(unit)?
        .parse()
        .ok()
        .filter(|it| *it >= 0)?;
    let days = match unit {
        'd' => 1,
        'w' => 7,
        'm' => 30,
        'y' => 365,
        _ => return None,
    };
    let days = time::Duration::days(count.checked_mul(days).filter(|it| *it < 1_000_000)?);
    calendar.today()?.checked_sub(days)
}

/// "2026-11-21", "2026-11" or "2026".
fn date(text: &str) -> Option<Date> {
    let mut parts = text.split('-');
    let year = parts.next().filter(|it| it.len() == 4)?.parse().ok()?;
    let month: u8 = parts.next().map_or(Some(1), |it| it.parse().ok())?;
    let day = parts.next().map_or(Some(1), |it| it.parse().ok())?;
    if parts.next().is_some() {
        return None;
    }
    Date::from_calendar_date(year, Month::try_from(month).ok()?, day).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_the_start_of_its_day_where_the_user_is() {
        let noon = Timestamp::from_ms(1_795_262_400_000); // 2026-11-21 12:00 UTC
        let tokyo = Calendar::new(noon, 9 * 60);
        let ms = |text| parse(text, tokyo).map(Timestamp::as_ms);
        let day = 86_400_000;
        let today = 1_795_219_200_000 - 9 * 3_600_000;
        assert_eq!(ms("2026-11-21"), Some(today));
        assert_eq!(ms("Today"), Some(today));
        assert_eq!(ms("yesterday"), Some(today - day));
        assert_eq!(ms("2w"), Some(today - 14 * day));
        assert_eq!(ms("2026-11"), Some(today - 20 * day));
        assert_eq!(ms("2026"), Some(today - 324 * day));
        for wrong in [
            "",
            "26",
            "2026-13",
            "2026-02-30",
            "2026-1-1-1",
            "-3d",
            "9999999999y",
            "é",
        ] {
            assert_eq!(ms(wrong), None, "{wrong}");
        }
        assert_eq!(tokyo.month(noon).as_deref(), Some("2026-11"));
        let late = Timestamp::from_ms(today + 10 * day);
        assert_eq!(tokyo.month(late).as_deref(), Some("2026-12"));
    }
}
