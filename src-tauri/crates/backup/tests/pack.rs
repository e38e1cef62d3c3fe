//! Compressed and encrypted backups, and the keys to them.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test has nothing else to do"
)]

mod common;

use std::fs;
use std::path::Path;

use chatkeep_backup::{
    Backup, Check, CreateOptions, Error, Key, Kind, Level, Lock, RestoreOptions, create,
    create_delta, prepare, verify,
};
use common::{Chats, now, options, quiet, restoring};

/// Made with age-keygen; opens nothing but these tests' backups.
struct Identity {
    recipient: String,
    file: std::path::PathBuf,
}

fn identity(folder: &Path, name: &str) -> Identity {
    use age::secrecy::ExposeSecret;
    let identity = age::x25519::Identity::generate();
    let file = folder.join(name);
    fs::write(
        &file,
        format!("# test\n{}\n", identity.to_string().expose_secret()),
    )
    .unwrap();
    Identity {
        recipient: identity.to_public().to_string(),
        file,
    }
}

fn packed(chats: &Chats, compress: Option<i32>, encrypt: Option<Lock>) -> Backup {
    let options = CreateOptions {
        compress,
        encrypt,
        ..options(now())
    };
    create(&chats.place, &options, &quiet()).unwrap()
}

fn restore(chats: &Chats, backup: &Backup, key: Option<&Key>) -> Result<(), Error> {
    let options = RestoreOptions { key, ..restoring() };
    prepare(&chats.place, backup, options, &quiet())?
        .apply(&quiet())
        .map(drop)
}

#[test]
fn a_compressed_backup_is_smaller_and_restores() {
    let chats = Chats::new();
    let plain = packed(&chats, None, None);
    let backup = packed(&chats, Some(3), None);
    assert!(backup.name().ends_with(".bak.zst"));
    let size = |it: &Backup| fs::metadata(&it.path).unwrap().len();
    assert!(size(&backup) * 3 < size(&plain));
    chats.add("Coffee", 1);
    restore(&chats, &backup, None).unwrap();
    assert_eq!(chats.names(), ["Tea"]);
}

#[test]
fn zstds_own_decoder_opens_it() {
    let chats = Chats::new();
    let (plain, backup) = (packed(&chats, None, None), packed(&chats, Some(19), None));
    let decoded = zstd::decode_all(fs::File::open(&backup.path).unwrap()).unwrap();
    assert_eq!(decoded, fs::read(&plain.path).unwrap());
}

#[test]
fn only_the_right_identity_opens_an_encrypted_backup() {
    let chats = Chats::new();
    let (right, wrong) = (
        identity(chats.folder.path(), "right"),
        identity(chats.folder.path(), "wrong"),
    );
    let lock = Lock::recipients(&[&right.recipient]).unwrap();
    let backup = packed(&chats, Some(3), Some(lock));
    assert!(backup.name().ends_with(".bak.zst.age"));
    let bytes = fs::read(&backup.path).unwrap();
    assert!(bytes.starts_with(b"age-encryption.org/v1\n"));
    chats.add("Coffee", 1);
    let before = chats.bytes();

    let wrong = Key::from_identity_file(&wrong.file).unwrap();
    assert_eq!(
        restore(&chats, &backup, Some(&wrong))
            .unwrap_err()
            .exit_code(),
        12
    );
    assert_eq!(restore(&chats, &backup, None).unwrap_err().exit_code(), 12);
    assert_eq!(chats.bytes(), before);

    let right = Key::from_identity_file(&right.file).unwrap();
    let check = Check {
        level: Level::Drill,
        key: Some(&right),
        now: now(),
    };
    let backup = verify(&chats.place, backup, &check, &quiet()).unwrap();
    restore(&chats, &backup, Some(&right)).unwrap();
    assert_eq!(chats.names(), ["Tea"]);
}

#[test]
fn a_passphrase_opens_what_it_closed() {
    let chats = Chats::new();
    let backup = packed(
        &chats,
        None,
        Some(Lock::Passphrase("seven green leaves".to_owned().into())),
    );
    chats.add("Coffee", 1);
    let key = |text: &str| Key::Passphrase(text.to_owned().into());
    assert_eq!(
        restore(&chats, &backup, Some(&key("leaves")))
            .unwrap_err()
            .exit_code(),
        12
    );
    restore(&chats, &backup, Some(&key("seven green leaves"))).unwrap();
    assert_eq!(chats.names(), ["Tea"]);
}

#[test]
fn a_cut_or_changed_payload_is_damage_and_not_a_wrong_key() {
    let chats = Chats::new();
    let id = identity(chats.folder.path(), "id");
    let key = Key::from_identity_file(&id.file).unwrap();
    for lock in [None, Some(Lock::recipients(&[&id.recipient]).unwrap())] {
        let backup = packed(&chats, Some(3), lock);
        let good = fs::read(&backup.path).unwrap();
        fs::write(&backup.path, &good[..good.len() - 1]).unwrap();
        assert_eq!(
            restore(&chats, &backup, Some(&key))
                .unwrap_err()
                .exit_code(),
            21
        );
        for at in (good.len() / 2..good.len()).step_by(211) {
            fs::write(&backup.path, &good).unwrap();
            common::flip(&backup.path, at);
            assert_eq!(
                restore(&chats, &backup, Some(&key))
                    .unwrap_err()
                    .exit_code(),
                21,
                "byte {at}"
            );
        }
        fs::write(&backup.path, [good.as_slice(), b"more"].concat()).unwrap();
        assert_eq!(
            restore(&chats, &backup, Some(&key))
                .unwrap_err()
                .exit_code(),
            21
        );
    }
}

#[test]
fn points_on_an_encrypted_backup_are_encrypted() {
    let chats = Chats::new();
    let id = identity(chats.folder.path(), "id");
    let lock = Lock::recipients(&[&id.recipient]).unwrap();
    let options = CreateOptions {
        encrypt: Some(lock),
        ..options(now())
    };
    let first = create_delta(&chats.place, &options, &quiet())
        .unwrap()
        .unwrap();
    chats.add("Coffee", 1);
    let second = create_delta(&chats.place, &options, &quiet())
        .unwrap()
        .unwrap();
    chats.add("Water", 1);
    let third = create_delta(&chats.place, &options, &quiet())
        .unwrap()
        .unwrap();
    let kinds = [&first, &second, &third].map(|it| it.manifest().unwrap().kind);
    // Nobody here can open the full one: the hashes of its pages are enough.
    assert_eq!(kinds, [Kind::Full, Kind::Delta, Kind::Delta]);
    for point in [&first, &second, &third] {
        assert!(point.name().ends_with(".age"), "{}", point.name());
    }
    let key = Key::from_identity_file(&id.file).unwrap();
    restore(&chats, &second, Some(&key)).unwrap();
    assert_eq!(chats.names(), ["Coffee", "Tea"]);
}

#[test]
fn what_is_no_recipient_is_said() {
    let error = Lock::recipients(&["bob"]).map(drop).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert!(error.to_string().contains("bob"));
}
