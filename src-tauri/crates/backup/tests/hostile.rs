//! Manifests, deltas and databases as nobody of good will wrote them: flipped, cut, spliced, and with
//! their digests made to fit again. What comes of each is a typed error or exactly what was backed
//! up; never a panic, and never a change of the live database.
//!
//! `PROPTEST_CASES` says how many of each (256), `PROPTEST_RNG_SEED` which; `scripts/lib/backup-soak`
//! runs many.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test has nothing else to do"
)]

mod common;

use std::fs;
use std::path::Path;

use chatkeep_backup::{
    Backup, BackupFolder, Check, Error, Level, Manifest, Place, Policy, Prune, create_delta,
    doctor, prepare, prune, salvage, verify,
};
use common::{Chats, copy_tree, now, options, quiet, restoring, seal, with_suffix};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};
use sha2::Digest;

/// One thing done to a file's bytes.
#[derive(Debug, Clone)]
enum Damage {
    Flip(Index, u8),
    Cut(Index),
    Insert(Index, Vec<u8>),
    /// Some bytes of the file over others of it.
    Splice(Index, Index, usize),
    /// A number, as they stand in headers.
    Number(Index, u32),
}

fn damage() -> impl Strategy<Value = Damage> {
    let number = prop_oneof![
        Just(0),
        Just(1),
        Just(u32::MAX),
        Just(1 << 31),
        any::<u32>()
    ];
    prop_oneof![
        4 => (any::<Index>(), 1..=u8::MAX).prop_map(|(at, bits)| Damage::Flip(at, bits)),
        1 => any::<Index>().prop_map(Damage::Cut),
        1 => (any::<Index>(), vec(any::<u8>(), 1..40)).prop_map(|(at, bytes)| Damage::Insert(at, bytes)),
        2 => (any::<Index>(), any::<Index>(), 1..5000_usize)
            .prop_map(|(from, to, length)| Damage::Splice(from, to, length)),
        2 => (any::<Index>(), number).prop_map(|(at, number)| Damage::Number(at, number)),
    ]
}

fn apply(bytes: &mut Vec<u8>, damage: &Damage) {
    if bytes.is_empty() {
        return;
    }
    let end = bytes.len();
    match damage {
        Damage::Flip(at, bits) => bytes[at.index(end)] ^= bits,
        Damage::Cut(at) => bytes.truncate(at.index(end)),
        Damage::Insert(at, more) => {
            let at = at.index(end);
            bytes.splice(at..at, more.iter().copied());
        }
        Damage::Splice(from, to, length) => {
            let (from, to) = (from.index(end), to.index(end));
            let length = (*length).min(end - from).min(end - to);
            bytes.copy_within(from..from + length, to);
        }
        Damage::Number(at, number) => {
            let at = at.index(end);
            let length = 4.min(end - at);
            bytes[at..at + length].copy_from_slice(&number.to_le_bytes()[..length]);
        }
    }
}

/// A data folder with a full backup of two sessions and a delta of a third.
struct Fixture {
    chats: Chats,
    full: String,
    delta: String,
}

impl Fixture {
    fn new() -> Self {
        let chats = Chats::new();
        chats.add("Coffee", 4);
        let full = chats.back_up().name();
        chats.add("Water", 2);
        let delta = create_delta(&chats.place, &options(now()), &quiet());
        let delta = delta.unwrap().unwrap().name();
        Self { chats, full, delta }
    }

    fn trial(&self) -> Trial {
        let folder = common::memory_folder();
        copy_tree(self.chats.folder.path(), folder.path());
        Trial {
            place: Place::in_folder(folder.path()),
            live: fs::read(self.chats.database()).unwrap(),
            folder,
        }
    }
}

/// A copy of the fixture to do harm to.
struct Trial {
    folder: tempfile::TempDir,
    place: Place,
    live: Vec<u8>,
}

impl Trial {
    fn backup(&self, name: &str) -> Backup {
        Backup::at(&self.place.backups.join(name)).unwrap()
    }

    /// Rows now and in the backup, if it would be restored.
    fn prepare(&self, backup: &Backup) -> Result<Vec<(u64, u64)>, Error> {
        let prepared = prepare(&self.place, backup, restoring(), &quiet())?;
        let tables = &prepared.plan().tables;
        Ok(tables.iter().map(|it| (it.now.unwrap(), it.then)).collect())
    }

    fn assert_live_untouched(&self) {
        assert_eq!(fs::read(&self.place.database).unwrap(), self.live);
    }

    fn manifest_of(&self, name: &str) -> Value {
        let text = fs::read(self.place.backups.join(format!("{name}.json"))).unwrap();
        serde_json::from_slice(&text).unwrap()
    }

    /// Writes a delta with a manifest whose digests fit it.
    fn forge_delta(&self, name: &str, bytes: &[u8]) {
        let path = self.place.backups.join(name);
        let mut manifest = self.manifest_of(name);
        fs::write(path, bytes).unwrap();
        manifest["payload"]["bytes"] = bytes.len().into();
        manifest["payload"]["blake3"] = blake3::hash(bytes).to_hex().as_str().into();
        manifest["payload"]["sha256"] = sha256(bytes).into();
        self.write_sealed(name, &manifest);
    }

    fn write_sealed(&self, name: &str, manifest: &Value) {
        let path = self.place.backups.join(format!("{name}.json"));
        fs::write(path, seal(manifest)).unwrap();
    }
}

/// Header and record of a delta, as `pgd.rs` lays them out.
const HEADER_BYTES: usize = 76;

/// The delta with `from` replaced by `to`, which is as long, in whichever page it is, and everything
/// around it made to fit.
fn with_other_text(delta: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let (header, mut rest) = delta.split_at(HEADER_BYTES);
    let mut forged = header.to_vec();
    while rest[..4] != [0; 4] {
        let length = u32::from_le_bytes(rest[4..8].try_into().unwrap()) as usize;
        let mut page = zstd::bulk::decompress(&rest[8..8 + length], 65_536).unwrap();
        for at in 0..page.len() - from.len() {
            if page[at..].starts_with(from) {
                page[at..at + to.len()].copy_from_slice(to);
            }
        }
        let packed = zstd::bulk::compress(&page, 3).unwrap();
        forged.extend(&rest[..4]);
        forged.extend(u32::try_from(packed.len()).unwrap().to_le_bytes());
        forged.extend(packed);
        rest = &rest[8 + length..];
    }
    forged.extend(&rest[..rest.len() - 32]);
    let trailer = blake3::hash(&forged);
    forged.extend(trailer.as_bytes());
    forged
}

/// Its pages make a sound database with as many rows, only not the one that was backed up.
#[test]
fn a_delta_with_other_words_in_it_is_refused() {
    let fixture = Fixture::new();
    let trial = fixture.trial();
    let good = fs::read(trial.place.backups.join(&fixture.delta)).unwrap();
    trial.forge_delta(
        &fixture.delta,
        &with_other_text(&good, b"Water 0", b"Water 0"),
    );
    trial.prepare(&trial.backup(&fixture.delta)).unwrap();
    trial.forge_delta(
        &fixture.delta,
        &with_other_text(&good, b"Water 0", b"Wader 0"),
    );
    let error = trial.prepare(&trial.backup(&fixture.delta)).unwrap_err();
    assert_refused(&error, &[21]);
    trial.assert_live_untouched();
}

fn assert_refused(error: &Error, codes: &[u8]) {
    assert!(codes.contains(&error.exit_code()), "{error:?}");
}

#[test]
fn a_changed_manifest_is_refused() {
    let fixture = Fixture::new();
    let path = fixture.chats.place.backups.join(&fixture.full);
    let good = fs::read(with_suffix(&path, ".json")).unwrap();
    proptest!(|(damages in vec(damage(), 1..5))| {
        let mut bytes = good.clone();
        damages.iter().for_each(|it| apply(&mut bytes, it));
        if let Ok(manifest) = Manifest::parse(&bytes) {
            prop_assert_eq!(Ok(manifest), Manifest::parse(&good));
        }
    });
}

/// A value that a field of a manifest may be given by someone who can also seal it.
fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        prop_oneof![
            Just(0),
            Just(-1),
            Just(i64::MAX),
            Just(i64::MIN),
            any::<i64>()
        ]
        .prop_map(Value::from),
        Just(Value::from(u64::MAX)),
        "[a-z/.]{0,12}".prop_map(Value::from),
        Just(json!("../../../etc/passwd")),
        Just(json!([])),
        Just(json!({})),
    ]
}

/// The paths to every value in it that holds no others.
fn leaves(value: &Value, at: &str) -> Vec<String> {
    match value {
        Value::Object(map) if !map.is_empty() => map
            .iter()
            .flat_map(|(key, it)| leaves(it, &format!("{at}/{key}")))
            .collect(),
        Value::Array(all) if !all.is_empty() => all
            .iter()
            .enumerate()
            .flat_map(|(index, it)| leaves(it, &format!("{at}/{index}")))
            .collect(),
        _ => vec![at.to_owned()],
    }
}

#[test]
fn a_forged_manifest_does_no_harm() {
    let fixture = Fixture::new();
    proptest!(|(changes in vec((any::<Index>(), value()), 1..3), of_delta in any::<bool>())| {
        let trial = fixture.trial();
        let name = if of_delta { &fixture.delta } else { &fixture.full };
        let mut manifest = trial.manifest_of(name);
        for (which, value) in changes {
            let paths = leaves(&manifest, "");
            if let Some(leaf) = manifest.pointer_mut(which.get::<String>(&paths)) {
                *leaf = value;
            }
        }
        trial.write_sealed(name, &manifest);
        for backup in BackupFolder::open(&trial.place.backups).unwrap().list().unwrap() {
            match trial.prepare(&backup) {
                // The full one lacks the newest session.
                Ok(rows) if backup.name() == fixture.delta => {
                    prop_assert!(rows.iter().all(|(now, then)| now == then));
                }
                Ok(_) => {}
                Err(error) => assert_refused(&error, &[12, 13, 21, 22, 23]),
            }
        }
        trial.assert_live_untouched();
        use_everything(&trial);
        trial.assert_live_untouched();
    });
}

/// Whatever else reads manifests. What it says is not looked at, only that it ends.
fn use_everything(trial: &Trial) {
    let folder = BackupFolder::open(&trial.place.backups).unwrap();
    let _ = doctor(&trial.place, now(), &quiet());
    let _ = folder.find("latest");
    let _ = folder.find_at(now());
    for backup in folder.list().unwrap() {
        let check = Check {
            level: Level::Standard,
            key: None,
            now: now(),
        };
        let _ = verify(&trial.place, backup, &check, &quiet());
    }
    let _ = create_delta(&trial.place, &options(now()), &quiet());
    let _ = chatkeep_backup::create(&trial.place, &options(now()), &quiet());
    let _ = prune(&folder, &Policy::default(), Prune::Remove, now(), &quiet());
}

#[test]
fn a_forged_delta_does_no_harm() {
    let fixture = Fixture::new();
    proptest!(|(damages in vec(damage(), 1..4), fit in any::<bool>())| {
        let trial = fixture.trial();
        let path = trial.place.backups.join(&fixture.delta);
        let good = fs::read(&path).unwrap();
        let mut bytes = good[..good.len() - 32].to_vec();
        damages.iter().for_each(|it| apply(&mut bytes, it));
        let trailer = if fit { *blake3::hash(&bytes).as_bytes() } else { [7; 32] };
        bytes.extend(trailer);
        trial.forge_delta(&fixture.delta, &bytes);
        match trial.prepare(&trial.backup(&fixture.delta)) {
            Ok(rows) => prop_assert!(rows.iter().all(|(now, then)| now == then)),
            Err(error) => assert_refused(&error, &[21]),
        }
        trial.assert_live_untouched();
    });
}

fn sha256(bytes: &[u8]) -> String {
    let hash = sha2::Sha256::digest(bytes);
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Without a manifest nothing says what was in it; what is let through must still be sound.
#[test]
fn a_forged_database_does_no_harm() {
    let fixture = Fixture::new();
    let good = fs::read(fixture.chats.place.backups.join(&fixture.full)).unwrap();
    proptest!(|(damages in vec(damage(), 1..4))| {
        let trial = fixture.trial();
        let mut bytes = good.clone();
        damages.iter().for_each(|it| apply(&mut bytes, it));
        let file = trial.folder.path().join("chatkeep.db.forged.bak");
        fs::write(&file, &bytes).unwrap();
        if let Err(error) = trial.prepare(&Backup::at(&file).unwrap()) {
            assert_refused(&error, &[21, 22, 23]);
        }
        trial.assert_live_untouched();
        let managed = trial.place.backups.join(&fixture.full);
        fs::write(managed, &bytes).unwrap();
        let outcome = trial.prepare(&trial.backup(&fixture.full));
        prop_assert_eq!(outcome.is_ok(), bytes == good);
        trial.assert_live_untouched();
        assert_salvage_ends(&file);
    });
}

fn assert_salvage_ends(file: &Path) {
    let to = with_suffix(file, ".salvaged");
    if salvage(file, &to, &quiet()).is_ok() {
        let connection = rusqlite::Connection::open(&to).unwrap();
        let verdict: String = connection
            .pragma_query_value(None, "integrity_check", |row| row.get(0))
            .unwrap();
        assert_eq!(verdict, "ok");
    }
}
