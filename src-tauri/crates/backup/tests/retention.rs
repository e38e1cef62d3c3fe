//! What is never removed, whatever the backups and the policy.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test has nothing else to do"
)]

mod common;

use chatkeep_backup::{Base, Kind, Level, Manifest, Policy, Reason, Verification, decide};
use chatkeep_store::Timestamp;
use common::{Chats, NOW_MS, now};
use proptest::collection::vec;
use proptest::prelude::*;
use uuid::Uuid;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// What distinguishes one backup from another here.
#[derive(Debug, Clone)]
struct Made {
    hours_ago: i64,
    verified: Option<bool>,
    pinned: bool,
    reason: usize,
    delta: bool,
    bytes: u64,
}

fn made() -> impl Strategy<Value = Made> {
    (
        -20..20_000_i64,
        prop_oneof![4 => Just(Some(true)), 1 => Just(Some(false)), 1 => Just(None)],
        prop::bool::weighted(0.1),
        0..Reason::ALL.len(),
        prop::bool::weighted(0.4),
        0..(2_u64 << 30),
    )
        .prop_map(|(hours_ago, verified, pinned, reason, delta, bytes)| Made {
            hours_ago,
            verified,
            pinned,
            reason,
            delta,
            bytes,
        })
}

fn policy() -> impl Strategy<Value = Policy> {
    (
        0..100_i64,
        0..4_u32,
        0..30_u32,
        0..20_u32,
        0..20_u32,
        0..20_u32,
        0..4_u32,
    )
        .prop_map(
            |(within, last, hourly, daily, weekly, monthly, fulls_min)| Policy {
                within_ms: within * HOUR_MS,
                last,
                hourly,
                daily,
                weekly,
                monthly,
                yearly: 1,
                fulls_min,
                size_max_bytes: (within % 2 == 0).then_some(3 << 30),
            },
        )
}

/// Manifests in the order in which they were made; a delta builds on the one before.
fn manifests(template: &Manifest, all: &[Made]) -> Vec<Manifest> {
    let mut manifests: Vec<Manifest> = Vec::new();
    for (number, made) in all.iter().enumerate() {
        let before = manifests.last().cloned();
        let mut it = template.clone();
        it.backup_id = Uuid::now_v7();
        it.sequence = number as u64 + 1;
        it.created_at_ms = NOW_MS - made.hours_ago * HOUR_MS;
        it.pinned = made.pinned;
        it.reason = Reason::ALL[made.reason].1;
        it.payload.digests.bytes = made.bytes;
        it.verification = made.verified.map(verification);
        if let Some(before) = before.filter(|_| made.delta) {
            it.kind = Kind::Delta;
            it.base = Some(Base {
                full_id: before.base.map_or(before.backup_id, |it| it.full_id),
                backup_id: before.backup_id,
                page_checksum: String::new(),
            });
        }
        manifests.push(it);
    }
    manifests
}

fn verification(ok: bool) -> Verification {
    Verification {
        at_ms: NOW_MS,
        level: Level::Standard,
        ok,
        what: None,
        duration_ms: 1,
        drilled_at_ms: None,
    }
}

fn template() -> Manifest {
    Chats::new().back_up().manifest().unwrap().clone()
}

fn kept(policy: &Policy, all: &[Manifest], at: Timestamp) -> Vec<Manifest> {
    let decisions = decide(policy, all, at).unwrap();
    let stays = |it: &&Manifest| {
        decisions
            .iter()
            .any(|decision| decision.id == it.backup_id && !decision.keep.is_empty())
    };
    all.iter().filter(stays).cloned().collect()
}

#[test]
fn what_matters_is_never_removed() {
    let template = template();
    proptest!(ProptestConfig::with_cases(512), |(all in vec(made(), 0..40), policy in policy())| {
        let all = manifests(&template, &all);
        let kept = kept(&policy, &all, now());
        let stays = |it: &Manifest| kept.contains(it);
        let is_sound = |it: &&Manifest| {
            it.kind == Kind::Full && it.is_verified() && it.created() <= now()
        };

        let newest = all.iter().rev().find(is_sound);
        prop_assert!(newest.is_none_or(stays), "the newest verified full");
        prop_assert!(all.iter().filter(|it| it.pinned).all(stays), "pinned");
        prop_assert!(all.iter().filter(|it| it.created() > now()).all(stays), "future-dated");
        let minimum = all.iter().rev().filter(is_sound).take(policy.fulls_min as usize);
        prop_assert!(minimum.into_iter().all(stays), "the minimum");
        let before_migrations = all.iter().rev().filter(|it| it.reason == Reason::PreMigration);
        prop_assert!(before_migrations.take(3).all(stays), "before migrations");
        for delta in kept.iter().filter_map(|it| it.base.as_ref()) {
            prop_assert!(kept.iter().any(|it| it.backup_id == delta.backup_id), "a base");
        }
        if policy.size_max_bytes.is_none() {
            let young = all.iter().filter(|it| NOW_MS - it.created_at_ms <= policy.within_ms);
            prop_assert!(young.into_iter().all(stays), "what is young");
        }
    });
}

#[test]
fn pruning_twice_removes_nothing_more() {
    let template = template();
    proptest!(|(all in vec(made(), 0..30), policy in policy())| {
        let once = kept(&policy, &manifests(&template, &all), now());
        let twice = kept(&policy, &once, now());
        prop_assert_eq!(once.len(), twice.len());
    });
}

#[test]
fn a_clock_that_was_set_back_removes_nothing() {
    let template = template();
    proptest!(|(all in vec(made(), 1..30), policy in policy())| {
        let all = manifests(&template, &all);
        let newest = all.last().unwrap().created_at_ms;
        let kept = kept(&policy, &all, Timestamp::from_ms(newest - 1));
        prop_assert_eq!(kept.len(), all.len());
    });
}

/// One full backup an hour for two years: the calendar of the default.
#[test]
fn the_default_keeps_48_hours_14_days_8_weeks_and_12_months() {
    let template = template();
    let hourly: Vec<_> = (0..2 * 365 * 24)
        .rev()
        .step_by(6)
        .map(|hours_ago| Made {
            hours_ago,
            verified: Some(true),
            pinned: false,
            reason: 1,
            delta: false,
            bytes: 1,
        })
        .collect();
    let kept = kept(&Policy::default(), &manifests(&template, &hourly), now());
    let older_than = |days: i64| {
        kept.iter()
            .filter(|it| NOW_MS - it.created_at_ms > days * DAY_MS)
            .count()
    };
    // 8 in 48 hours, 12 more days, about 6 more weeks and 10 more months.
    assert_eq!(kept.len() - older_than(2), 8);
    assert_eq!(older_than(2) - older_than(14), 12);
    assert!(
        (5..=7).contains(&(older_than(14) - older_than(60))),
        "{}",
        older_than(14) - older_than(60)
    );
    assert!((9..=11).contains(&older_than(60)), "{}", older_than(60));
    assert_eq!(older_than(366), 0);
}

#[test]
fn a_policy_that_keeps_nothing_is_refused() {
    let nothing = Policy {
        within_ms: 0,
        daily: 0,
        weekly: 0,
        monthly: 0,
        ..Policy::default()
    };
    assert_eq!(decide(&nothing, &[], now()).unwrap_err().exit_code(), 2);
}
