//! Which backups to keep: a pure function of their manifests and the time.
//!
//! The rules are restic's (<https://restic.readthedocs.io/en/stable/060_forget.html>): each `keep`
//! names backups on its own, and what none names goes. What must never go is decided first.

use jiff::tz::TimeZone;
use serde::Serialize;
use uuid::Uuid;

use chatkeep_store::Timestamp;

use crate::error::{Error, Result};
use crate::manifest::{Kind, Manifest, Reason};

const HOUR_MS: i64 = 60 * 60 * 1000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// Backups before a migration or a restore that are kept whatever the policy says.
const BEFORE_RISKS: usize = 3;
const PRE_RESTORE_MS: i64 = 30 * DAY_MS;

/// The number of the hour, day, … that a time in milliseconds is in.
type Bucket = fn(i64) -> i64;

/// How much to keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Everything younger than this, in milliseconds.
    pub within_ms: i64,
    /// The newest so many.
    pub last: u32,
    /// The newest of each of the last so many hours that have one, UTC.
    pub hourly: u32,
    /// The same of days.
    pub daily: u32,
    /// The same of weeks, from Monday.
    pub weekly: u32,
    /// The same of months.
    pub monthly: u32,
    /// The same of years.
    pub yearly: u32,
    /// Full backups that are kept in any case.
    pub fulls_min: u32,
    /// Beyond so many bytes the oldest go, of those that may.
    pub size_max_bytes: Option<u64>,
}

impl Default for Policy {
    /// Everything of 48 hours, 14 days, 8 weeks, 12 months, at most 5 GiB, at least 3.
    fn default() -> Self {
        Self {
            within_ms: 48 * HOUR_MS,
            last: 0,
            hourly: 0,
            daily: 14,
            weekly: 8,
            monthly: 12,
            yearly: 0,
            fulls_min: 3,
            size_max_bytes: Some(5 << 30),
        }
    }
}

impl Policy {
    fn is_empty(&self) -> bool {
        let counts = [
            self.last,
            self.hourly,
            self.daily,
            self.weekly,
            self.monthly,
            self.yearly,
        ];
        self.within_ms <= 0 && counts.iter().all(|&it| it == 0)
    }
}

/// What is decided about one backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// The backup.
    pub id: Uuid,
    /// Why it stays; empty: it goes.
    pub keep: Vec<&'static str>,
}

/// Decides about every backup, in the order given.
///
/// # Errors
/// [`Error::Usage`] for a policy that keeps nothing.
pub fn decide(policy: &Policy, backups: &[Manifest], now: Timestamp) -> Result<Vec<Decision>> {
    if policy.is_empty() {
        return Err(Error::usage(
            "this policy would keep no backup; name at least one --keep-…",
        ));
    }
    let mut newest_first: Vec<&Manifest> = backups.iter().collect();
    newest_first.sort_by_key(|it| std::cmp::Reverse(it.sequence));
    let mut ledger = Ledger::new(&newest_first);
    if newest_first.first().is_some_and(|it| it.created() > now) {
        // The clock was set back: by it, nothing can be said about any age.
        ledger.keep_all(&newest_first, "clock");
        return Ok(ledger.into_decisions(backups));
    }
    protect(&mut ledger, policy, &newest_first, now);
    let protected: Vec<Uuid> = ledger.kept();
    by_age(&mut ledger, policy, &newest_first, now);
    ledger.keep_bases(&newest_first);
    if let Some(limit) = policy.size_max_bytes {
        shrink(&mut ledger, &newest_first, &protected, limit);
    }
    Ok(ledger.into_decisions(backups))
}

/// What no policy and no size takes away.
fn protect(ledger: &mut Ledger, policy: &Policy, newest_first: &[&Manifest], now: Timestamp) {
    let sound = || newest_first.iter().filter(|it| is_sound_full(it, now));
    ledger.keep(sound().take(1), "newest verified");
    ledger.keep(sound().take(policy.fulls_min as usize), "minimum");
    ledger.keep(newest_first.iter().filter(|it| it.pinned), "pinned");
    ledger.keep(
        newest_first.iter().filter(|it| it.created() > now),
        "future-dated",
    );
    let of = |reason| newest_first.iter().filter(move |it| it.reason == reason);
    ledger.keep(of(Reason::PreMigration).take(BEFORE_RISKS), "pre-migration");
    let recent = |it: &&&Manifest| age_ms(it, now) <= PRE_RESTORE_MS;
    ledger.keep(
        of(Reason::PreRestore).take(BEFORE_RISKS).filter(recent),
        "pre-restore",
    );
}

fn by_age(ledger: &mut Ledger, policy: &Policy, newest_first: &[&Manifest], now: Timestamp) {
    let young = newest_first
        .iter()
        .filter(|it| age_ms(it, now) <= policy.within_ms);
    ledger.keep(young, "within");
    let sound = || newest_first.iter().filter(|it| is_sound_full(it, now));
    ledger.keep(sound().take(policy.last as usize), "last");
    let rules: [(u32, &'static str, Bucket); 5] = [
        (policy.hourly, "hourly", |ms| ms.div_euclid(HOUR_MS)),
        (policy.daily, "daily", |ms| ms.div_euclid(DAY_MS)),
        // The epoch was a Thursday.
        (policy.weekly, "weekly", |ms| {
            (ms.div_euclid(DAY_MS) + 3).div_euclid(7)
        }),
        (policy.monthly, "monthly", |ms| month_of(ms)),
        (policy.yearly, "yearly", |ms| month_of(ms).div_euclid(12)),
    ];
    for (count, name, bucket) in rules {
        let mut last = None;
        let newest_of_each = sound().filter(|it| {
            let this = Some(bucket(it.created_at_ms));
            std::mem::replace(&mut last, this) != this
        });
        ledger.keep(newest_of_each.take(count as usize), name);
    }
}

/// Takes away the oldest, each with what builds on it, until the rest fits.
fn shrink(ledger: &mut Ledger, newest_first: &[&Manifest], protected: &[Uuid], limit: u64) {
    for backup in newest_first.iter().rev() {
        let kept = newest_first
            .iter()
            .filter(|it| ledger.is_kept(it.backup_id));
        if kept.map(|it| it.payload.digests.bytes).sum::<u64>() <= limit {
            return;
        }
        let family = with_dependents(backup, newest_first);
        if !family.iter().any(|id| protected.contains(id)) {
            ledger.drop(&family);
        }
    }
}

fn with_dependents(backup: &Manifest, newest_first: &[&Manifest]) -> Vec<Uuid> {
    let mut family = vec![backup.backup_id];
    for it in newest_first.iter().rev() {
        if it
            .base
            .as_ref()
            .is_some_and(|base| family.contains(&base.backup_id))
        {
            family.push(it.backup_id);
        }
    }
    family
}

/// What was not found sound is no replacement for anything.
fn is_sound_full(backup: &Manifest, now: Timestamp) -> bool {
    backup.kind == Kind::Full && backup.is_verified() && backup.created() <= now
}

fn age_ms(backup: &Manifest, now: Timestamp) -> i64 {
    now.as_ms().saturating_sub(backup.created_at_ms)
}

/// Months since year 0.
fn month_of(ms: i64) -> i64 {
    let at = jiff::Timestamp::from_millisecond(ms).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let date = at.to_zoned(TimeZone::UTC);
    i64::from(date.year()) * 12 + i64::from(date.month()) - 1
}

/// Why each backup stays.
struct Ledger {
    decisions: Vec<Decision>,
}

impl Ledger {
    fn new(backups: &[&Manifest]) -> Self {
        let decisions = backups.iter().map(|it| Decision {
            id: it.backup_id,
            keep: Vec::new(),
        });
        Self {
            decisions: decisions.collect(),
        }
    }

    fn keep<'a>(&mut self, backups: impl Iterator<Item = &'a &'a Manifest>, why: &'static str) {
        for backup in backups {
            let decision = self
                .decisions
                .iter_mut()
                .find(|it| it.id == backup.backup_id);
            if let Some(decision) = decision.filter(|it| !it.keep.contains(&why)) {
                decision.keep.push(why);
            }
        }
    }

    fn keep_all<'a>(&mut self, backups: &'a [&'a Manifest], why: &'static str) {
        self.keep(backups.iter(), why);
    }

    /// A delta is nothing without what it builds on, and that is always older.
    fn keep_bases(&mut self, newest_first: &[&Manifest]) {
        for backup in newest_first {
            if let Some(base) = backup
                .base
                .as_ref()
                .filter(|_| self.is_kept(backup.backup_id))
            {
                let bases = newest_first
                    .iter()
                    .filter(|it| it.backup_id == base.backup_id);
                self.keep(bases, "base");
            }
        }
    }

    fn drop(&mut self, ids: &[Uuid]) {
        for decision in self.decisions.iter_mut().filter(|it| ids.contains(&it.id)) {
            decision.keep.clear();
        }
    }

    fn is_kept(&self, id: Uuid) -> bool {
        self.decisions
            .iter()
            .any(|it| it.id == id && !it.keep.is_empty())
    }

    fn kept(&self) -> Vec<Uuid> {
        let kept = self.decisions.iter().filter(|it| !it.keep.is_empty());
        kept.map(|it| it.id).collect()
    }

    fn into_decisions(self, order: &[Manifest]) -> Vec<Decision> {
        let place = |id: Uuid| order.iter().position(|it| it.backup_id == id);
        let mut decisions = self.decisions;
        decisions.sort_by_key(|it| place(it.id));
        decisions
    }
}
