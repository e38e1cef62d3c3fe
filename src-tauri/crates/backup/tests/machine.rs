//! Any order of writing, backing up, damaging, pruning, restoring and undoing, beside a model of what
//! each backup holds: what is restored is exactly that or an error, and what must stay stays.
//!
//! `PROPTEST_CASES` says how many orders (256 stands for 32 of them), `PROPTEST_RNG_SEED` which.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test has nothing else to do"
)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use chatkeep_backup::{
    Backup, BackupFolder, Check, Kind, Level, Manifest, Policy, Prune, Reason, create,
    create_delta, delete, finish_interrupted, prepare, prune, set_pinned, undo_backup, verify,
};
use chatkeep_store::Timestamp;
use common::{Chats, NOW_MS, flip, options, quiet, restoring};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use uuid::Uuid;

const HOUR_MS: i64 = 3_600_000;

#[derive(Debug, Clone)]
enum Op {
    Write,
    Full,
    Point,
    Wait(i64),
    SetClockBack(i64),
    Damage(Index, Index),
    Verify(Index),
    Pin(Index, bool),
    Delete(Index),
    Prune(Policy),
    Look(Index),
    Restore(Index),
    Undo,
}

fn op() -> impl Strategy<Value = Op> {
    let which = || any::<Index>();
    prop_oneof![
        4 => Just(Op::Write),
        3 => Just(Op::Full),
        5 => Just(Op::Point),
        3 => (1..1000_i64).prop_map(Op::Wait),
        1 => (1..100_i64).prop_map(Op::SetClockBack),
        1 => (which(), which()).prop_map(|(it, at)| Op::Damage(it, at)),
        1 => which().prop_map(Op::Verify),
        1 => (which(), any::<bool>()).prop_map(|(it, pinned)| Op::Pin(it, pinned)),
        1 => which().prop_map(Op::Delete),
        3 => policy().prop_map(Op::Prune),
        1 => which().prop_map(Op::Look),
        3 => which().prop_map(Op::Restore),
        1 => Just(Op::Undo),
    ]
}

fn policy() -> impl Strategy<Value = Policy> {
    (0..3_u32, 0..3_u32, 0..2_u32, any::<bool>()).prop_map(|(last, daily, fulls_min, is_small)| {
        Policy {
            within_ms: HOUR_MS,
            last,
            daily,
            weekly: 0,
            monthly: 0,
            fulls_min,
            size_max_bytes: is_small.then_some(300 << 10),
            ..Policy::default()
        }
    })
}

/// What is in a store: the names of its sessions.
type Names = Vec<String>;

/// The real folder, and what must be in it.
struct World {
    chats: Chats,
    now_ms: i64,
    live: Names,
    known: BTreeMap<Uuid, Names>,
    /// The bytes that differ from what was written.
    flipped: BTreeMap<Uuid, BTreeSet<usize>>,
    before_restore: Option<Names>,
}

impl World {
    fn new() -> Self {
        let chats = Chats::new();
        fs::create_dir_all(&chats.place.backups).unwrap();
        fs::write(chats.place.backups.join("notes.txt"), "mine").unwrap();
        Self {
            chats,
            now_ms: NOW_MS,
            live: vec!["Tea".to_owned()],
            known: BTreeMap::new(),
            flipped: BTreeMap::new(),
            before_restore: None,
        }
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_ms(self.now_ms)
    }

    fn folder(&self) -> BackupFolder {
        BackupFolder::open(&self.chats.place.backups).unwrap()
    }

    fn list(&self) -> Vec<Backup> {
        self.folder().list().unwrap()
    }

    fn pick(&self, which: &Index) -> Option<Backup> {
        let all = self.list();
        (!all.is_empty()).then(|| which.get(&all).clone())
    }

    fn step(&mut self, op: &Op) {
        match op {
            Op::Write => self.write(),
            Op::Full => self.full(),
            Op::Point => self.point(),
            Op::Wait(hours) => self.now_ms += hours * HOUR_MS,
            Op::SetClockBack(hours) => self.now_ms -= hours * HOUR_MS,
            Op::Prune(policy) => self.prune(policy),
            Op::Undo => self.undo(),
            Op::Damage(which, _)
            | Op::Verify(which)
            | Op::Pin(which, _)
            | Op::Delete(which)
            | Op::Look(which)
            | Op::Restore(which) => {
                if let Some(backup) = self.pick(which) {
                    self.step_with(op, &backup);
                }
            }
        }
    }

    fn step_with(&mut self, op: &Op, backup: &Backup) {
        let folder = self.folder();
        match op {
            Op::Damage(_, at) => self.damage(backup, at),
            Op::Verify(_) => self.verify(backup),
            Op::Pin(_, pinned) => drop(set_pinned(&folder, backup, *pinned, &quiet()).unwrap()),
            Op::Delete(_) => self.delete(backup),
            Op::Look(_) => drop(prepare(&self.chats.place, backup, restoring(), &quiet())),
            _ => self.restore(backup),
        }
    }

    fn write(&mut self) {
        let name = format!("Session {}", self.live.len());
        self.chats.add(&name, 3);
        self.live.push(name);
        self.live.sort();
    }

    fn full(&mut self) {
        let backup = create(&self.chats.place, &options(self.now()), &quiet()).unwrap();
        self.know(&backup);
    }

    fn point(&mut self) {
        let newest = self.list().first().map(id);
        match create_delta(&self.chats.place, &options(self.now()), &quiet()).unwrap() {
            Some(backup) => self.know(&backup),
            None => assert_eq!(self.known[&newest.unwrap()], self.live, "it had changed"),
        }
    }

    fn know(&mut self, backup: &Backup) {
        self.known.insert(id(backup), self.live.clone());
    }

    fn damage(&mut self, backup: &Backup, at: &Index) {
        let size = fs::metadata(&backup.path).unwrap().len() as usize;
        let at = at.index(size);
        flip(&backup.path, at);
        let flipped = self.flipped.entry(id(backup)).or_default();
        if !flipped.insert(at) {
            flipped.remove(&at);
        }
    }

    fn is_damaged(&self, id: Uuid) -> bool {
        self.flipped.get(&id).is_some_and(|it| !it.is_empty())
    }

    /// Whether a backup and all that it builds on are as they were written.
    fn is_whole(&self, backup: &Backup) -> bool {
        let all = self.list();
        let mut next = Some(id(backup));
        while let Some(at) = next {
            if self.is_damaged(at) {
                return false;
            }
            let found = all.iter().filter_map(Backup::manifest);
            let found = found.clone().find(|it| it.backup_id == at);
            next = found.unwrap().base.as_ref().map(|it| it.backup_id);
        }
        true
    }

    fn verify(&self, backup: &Backup) {
        let check = Check {
            level: Level::Standard,
            key: None,
            now: self.now(),
        };
        let outcome = verify(&self.chats.place, backup.clone(), &check, &quiet());
        assert_eq!(outcome.is_ok(), self.is_whole(backup), "{}", backup.name());
    }

    fn delete(&mut self, backup: &Backup) {
        let builds_on = |it: &Backup| {
            let base = it.manifest().unwrap().base.as_ref();
            base.is_some_and(|base| base.backup_id == id(backup))
        };
        let may = !backup.manifest().unwrap().pinned && !self.list().iter().any(builds_on);
        let outcome = delete(&self.folder(), backup, &quiet());
        assert_eq!(outcome.is_ok(), may);
    }

    fn prune(&self, policy: &Policy) {
        let before = self.list();
        if prune(&self.folder(), policy, Prune::Remove, self.now(), &quiet()).is_err() {
            assert_eq!(self.list(), before, "a policy that was refused");
            return;
        }
        let kept: BTreeSet<Uuid> = self.list().iter().map(id).collect();
        let manifests = before.iter().filter_map(Backup::manifest);
        let is_past = |it: &Manifest| it.created() <= self.now();
        let mut sound = manifests
            .clone()
            .filter(|it| it.kind == Kind::Full && it.is_verified() && is_past(it));
        if let Some(newest) = sound.next() {
            assert!(kept.contains(&newest.backup_id), "the newest verified full");
        }
        let of = |reason| manifests.clone().filter(move |it| it.reason == reason);
        let pinned = manifests.clone().filter(|it| it.pinned);
        let future = manifests.clone().filter(|it| !is_past(it));
        for exempt in pinned.chain(future).chain(of(Reason::PreMigration).take(3)) {
            assert!(kept.contains(&exempt.backup_id), "{exempt:?}");
        }
        if before
            .first()
            .and_then(Backup::manifest)
            .is_some_and(|it| !is_past(it))
        {
            assert_eq!(kept.len(), before.len(), "the clock was set back");
        }
    }

    fn restore(&mut self, backup: &Backup) {
        let was = self.live.clone();
        let known: BTreeSet<Uuid> = self.list().iter().map(id).collect();
        let outcome = prepare(&self.chats.place, backup, restoring(), &quiet())
            .and_then(|it| it.apply(&quiet()));
        assert_eq!(
            outcome.is_ok(),
            self.is_whole(backup),
            "{:?}",
            outcome.err()
        );
        if outcome.is_err() {
            return;
        }
        for new in self.list().iter().filter(|it| !known.contains(&id(it))) {
            assert_eq!(new.manifest().unwrap().reason, Reason::PreRestore);
            self.known.insert(id(new), was.clone());
        }
        self.live = self.known[&id(backup)].clone();
        self.before_restore = Some(was);
    }

    fn undo(&mut self) {
        // What takes it back may have been removed meanwhile, by a person or after thirty days.
        if let Ok(backup) = undo_backup(&self.chats.place) {
            assert_eq!(
                Some(&self.known[&id(&backup)]),
                self.before_restore.as_ref()
            );
            self.restore(&backup);
        }
    }

    /// What holds after every step.
    fn assert_whole(&self) {
        let all = self.list();
        let ids: BTreeSet<Uuid> = all.iter().map(id).collect();
        for manifest in all.iter().filter_map(Backup::manifest) {
            let base = manifest.base.as_ref().map(|it| it.backup_id);
            assert!(base.is_none_or(|it| ids.contains(&it)), "a base is gone");
        }
        assert!(self.chats.place.backups.join("notes.txt").exists());
        self.chats.assert_nothing_half_made();
        assert!(!finish_interrupted(&self.chats.place, &quiet()).unwrap());
    }

    /// At the end: everything that is whole gives back what it was made of.
    fn assert_all_restore(&mut self) {
        assert_eq!(self.chats.names(), self.live);
        for backup in self.list() {
            self.restore(&backup);
            assert_eq!(self.chats.names(), self.live, "{}", backup.name());
        }
    }
}

fn id(backup: &Backup) -> Uuid {
    backup.manifest().unwrap().backup_id
}

#[test]
fn any_order_of_everything_keeps_every_promise() {
    let config = ProptestConfig::default();
    let config = ProptestConfig {
        cases: config.cases.div_ceil(8),
        ..config
    };
    proptest!(config, |(ops in vec(op(), 1..30))| {
        let mut world = World::new();
        for op in &ops {
            world.step(op);
            world.assert_whole();
        }
        world.assert_all_restore();
    });
}
