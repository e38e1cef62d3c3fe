//! The two tools as a person and a script use them.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test has nothing else to do"
)]

mod common;

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use common::{Chats, Mounted, tool};

#[test]
fn a_backup_without_arguments_is_found_by_a_restore_without_configuration() {
    let chats = Chats::new();
    chats.run("backup-db", &[]).ok();
    chats.add("Coffee");
    let run = chats.run("restore-db", &["latest", "--yes"]).ok();
    assert!(run.stdout.contains("1 fewer"), "{}", run.stdout);
    assert_eq!(chats.names(), ["Tea"]);
    chats.run("restore-db", &["undo", "--yes"]).ok();
    assert_eq!(chats.names(), ["Coffee", "Tea"]);
}

#[test]
fn everything_is_told_as_json_too() {
    let chats = Chats::new();
    let made = chats
        .run("backup-db", &["--json", "--pin", "--reason", "pre-import"])
        .ok();
    let made = made.message("summary");
    assert_eq!(made["manifest"]["reason"], "pre-import");
    assert_eq!(made["manifest"]["verification"]["level"], "drill");

    let list = chats
        .run("backup-db", &["list", "--json"])
        .ok()
        .message("summary");
    assert_eq!(list["status"]["code"], 0);
    let id = made["manifest"]["backup_id"].as_str().unwrap();
    assert_eq!(list["backups"][0]["id"], id);
    assert_eq!(list["backups"][0]["pinned"], true);

    let info = chats
        .run("backup-db", &["info", &id[..13], "--json"])
        .ok()
        .message("summary");
    assert_eq!(info["manifest"]["backup_id"], id);
    let verify = chats.run("backup-db", &["verify", "--all", "--json"]).ok();
    assert_eq!(verify.message("summary")["ok"], true);
    let plan = chats
        .run("restore-db", &["1", "--plan", "--json"])
        .ok()
        .message("verbose");
    assert_eq!(plan["plan"]["live"]["state"], "readable");
    let missing = chats.run("restore-db", &["nothing", "--json"]);
    assert_eq!(missing.code, Some(10));
    assert_eq!(missing.message("exit_error")["code"], 10);
}

#[test]
fn a_script_must_say_yes() {
    let chats = Chats::new();
    chats.run("backup-db", &[]).ok();
    chats.add("Coffee");
    assert_eq!(chats.run("restore-db", &["latest"]).code, Some(2));
    assert_eq!(chats.run("restore-db", &[]).code, Some(2));
    assert_eq!(
        chats
            .run("restore-db", &["latest", "--no-safety-backup", "--yes"])
            .code,
        Some(2)
    );
    assert_eq!(chats.names(), ["Coffee", "Tea"]);
}

#[test]
fn a_moment_is_restored_from_the_points_before_it() {
    let chats = Chats::new();
    chats.run("backup-db", &["--delta"]).ok();
    chats.add("Coffee");
    let point = chats
        .run("backup-db", &["--delta", "--json"])
        .ok()
        .message("summary");
    assert_eq!(point["manifest"]["kind"], "delta");
    let again = chats
        .run("backup-db", &["--delta", "--json"])
        .ok()
        .message("summary");
    assert_eq!(again["unchanged"], true);
    chats.add("Water");
    let moment = point["manifest"]["created_at"].as_str().unwrap();
    let run = chats.run("restore-db", &["--at", moment, "--yes"]).ok();
    assert!(run.stderr.contains(".pgd"), "{}", run.stderr);
    assert_eq!(chats.names(), ["Coffee", "Tea"]);
    assert_eq!(
        chats
            .run("restore-db", &["--at", "2001-01-01", "--yes"])
            .code,
        Some(10)
    );
}

#[test]
fn a_passphrase_comes_from_a_file() {
    let chats = Chats::new();
    let file = chats.folder.path().join("passphrase");
    fs::write(&file, "seven green leaves\n").unwrap();
    let passphrase = ["--passphrase-file", file.to_str().unwrap()];
    let sealed = [&["--encrypt", "--compress", "zstd"], &passphrase[..]].concat();
    chats.run("backup-db", &sealed).ok();
    chats.add("Coffee");
    assert_eq!(chats.run("restore-db", &["latest", "--yes"]).code, Some(12));
    chats
        .run(
            "restore-db",
            &[&["latest", "--yes"], &passphrase[..]].concat(),
        )
        .ok();
    assert_eq!(chats.names(), ["Tea"]);
}

#[test]
fn rules_decide_what_stays() {
    let chats = Chats::new();
    for _ in 0..4 {
        chats
            .run("backup-db", &["--no-prune", "--verify", "standard"])
            .ok();
    }
    let dry = chats
        .run("backup-db", &["prune", "--keep-last", "1", "--dry-run"])
        .ok();
    assert_eq!(
        dry.stdout.matches("would be removed").count(),
        1,
        "{}",
        dry.stdout
    );
    chats.run("backup-db", &["prune", "--keep-last", "1"]).ok();
    assert_eq!(chats.backups().len(), 3, "the minimum");
}

#[test]
fn a_damaged_database_ends_with_20_and_the_doctor_with_1() {
    let chats = Chats::new();
    chats.run("backup-db", &[]).ok();
    fs::write(
        chats.place().database,
        b"not a database, but long enough to be looked at",
    )
    .unwrap();
    let run = chats.run("backup-db", &["--json"]);
    assert_eq!(run.code, Some(20));
    assert!(
        run.message("exit_error")["remedy"]
            .as_str()
            .unwrap()
            .contains("restore-db")
    );
    assert_eq!(chats.run("backup-db", &["doctor"]).code, Some(1));
    chats.run("restore-db", &["latest", "--yes"]).ok();
    assert_eq!(chats.names(), ["Tea"]);
}

#[test]
fn a_database_that_the_app_has_open_is_backed_up_but_not_replaced_behind_its_back() {
    let chats = Chats::new();
    let store = chats.open();
    chats.run("backup-db", &[]).ok();
    let run = chats.run("restore-db", &["latest", "--yes"]);
    assert_eq!(run.code, Some(11));
    assert!(
        run.stderr.contains(&std::process::id().to_string()),
        "{}",
        run.stderr
    );
    drop(store);
}

#[test]
fn ctrl_c_leaves_nothing_half_made() {
    let chats = Chats::new();
    let store = chats.open();
    for number in 0..60 {
        common::add(&store, &format!("Session {number}"), 300);
    }
    drop(store);
    let child = tool(chats.folder.path(), "backup-db")
        .args(["--max-mbps", "1"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let work = chats.place().backups.join(".work");
    let is_copying = || {
        let entries = fs::read_dir(&work).into_iter().flatten().flatten();
        entries
            .into_iter()
            .any(|it| it.metadata().is_ok_and(|it| it.len() > 1 << 20))
    };
    while !is_copying() {
        std::thread::sleep(Duration::from_millis(5));
    }
    let interrupt = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(interrupt.unwrap().success());
    let mut child = child;
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(chats.backups().is_empty());
    let left = fs::read_dir(&work)
        .unwrap()
        .flatten()
        .filter(|it| it.file_name().to_string_lossy().starts_with("tmp-"));
    assert_eq!(left.count(), 0);
}

/// From an empty disk to a full one.
#[test]
fn a_full_disk_is_said_and_leaves_nothing() {
    let Some(folder) = Mounted::new(&["-t", "tmpfs", "-o", "size=14m", "tmpfs"]) else {
        return common::skip::skip("a full disk, which needs root to mount one");
    };
    let data = folder.path().join("data");
    fs::create_dir(&data).unwrap();
    let store = chatkeep_store::OpenOptions::new(&data).open().unwrap();
    for number in 0..10 {
        common::add(&store, &format!("Session {number}"), 300);
    }
    drop(store);
    let mut refused = 0;
    for ballast_kib in (0..14_000).step_by(500) {
        fs::write(folder.path().join("ballast"), vec![1; ballast_kib << 10]).ok();
        let run = common::run(&data, "backup-db", &["--no-prune"]);
        match run.code {
            Some(0) => {}
            Some(13) => refused += 1,
            code => panic!("{ballast_kib} KiB: {code:?} {}", run.stderr),
        }
        for backup in common::backups(&data) {
            assert!(
                backup
                    .manifest()
                    .is_some_and(chatkeep_backup::Manifest::is_verified),
                "{}",
                backup.name()
            );
        }
        fs::remove_dir_all(data.join("backups")).unwrap();
    }
    fs::remove_file(folder.path().join("ballast")).unwrap();
    assert!(refused > 0);
    common::run(&data, "backup-db", &[]).ok();
}

/// As a backup on a disk that was taken out of a drawer, write-protected.
#[test]
fn a_read_only_disk_is_restored_from_and_not_backed_up_to() {
    let Some(disk) = Mounted::new(&["-t", "tmpfs", "tmpfs"]) else {
        return common::skip::skip("a read-only disk, which needs root to mount one");
    };
    let chats = Chats::new();
    let from = ["--dir", disk.path().to_str().unwrap()];
    chats.run("backup-db", &from).ok();
    chats.add("Coffee");
    disk.make_read_only();
    let refused = chats.run("backup-db", &from);
    assert_eq!(refused.code, Some(1), "{}", refused.stderr);
    assert!(
        refused.stderr.contains("Read-only file system"),
        "{}",
        refused.stderr
    );
    chats
        .run("restore-db", &[&["latest", "--yes"], &from[..]].concat())
        .ok();
    assert_eq!(chats.names(), ["Tea"]);
    drop(disk);
    chats.run("restore-db", &["undo", "--yes"]).ok();
    assert_eq!(chats.names(), ["Coffee", "Tea"]);
}

#[test]
fn a_folder_that_may_only_be_read_is_said() {
    let chats = Chats::new();
    let folder = chats.folder.path().join("elsewhere");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, Permissions::from_mode(0o500)).unwrap();
    if fs::create_dir(folder.join("probe")).is_ok() {
        return common::skip::skip(
            "a folder that may only be read, which root may write all the same",
        );
    }
    let run = chats.run("backup-db", &["--dir", folder.to_str().unwrap()]);
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    assert!(run.stderr.contains("Permission denied"), "{}", run.stderr);
}

#[test]
fn a_folder_whose_name_is_no_text_is_backed_up_and_restored() {
    let chats = Chats::new();
    let data = chats.folder.path().join(OsStr::from_bytes(b"dat\xff a"));
    fs::create_dir(&data).unwrap();
    common::add(&common::open(&data), "Tea", 3);
    for arguments in [&[][..], &["--delta"], &["--compress", "zstd"]] {
        common::run(&data, "backup-db", arguments).ok();
    }
    common::run(&data, "backup-db", &["--json"])
        .ok()
        .message("summary");
    common::add(&common::open(&data), "Coffee", 3);
    common::run(&data, "restore-db", &["latest", "--yes"]).ok();
    assert_eq!(common::names(&data), ["Tea"]);
}

/// Whoever has the file and the key needs nothing of ours.
#[test]
fn the_ordinary_age_and_zstd_open_an_encrypted_backup() {
    let chats = Chats::new();
    let identity = chats.folder.path().join("identity");
    let made = Command::new("age-keygen")
        .arg("-o")
        .arg(&identity)
        .output()
        .expect("the Debian package age");
    let told = String::from_utf8(made.stderr).unwrap();
    let recipient = told.trim().rsplit(' ').next().unwrap();
    chats
        .run(
            "backup-db",
            &["--compress", "zstd", "--recipient", recipient],
        )
        .ok();
    let sealed = &chats.backups()[0].path;
    let opened = chats.folder.path().join("opened.db");
    let status = Command::new("sh")
        .args(["-c", "age -d -i \"$1\" \"$2\" | zstd -dq -o \"$3\"", "sh"])
        .args([&identity, sealed, &opened])
        .status();
    assert!(status.unwrap().success());
    let counted = Command::new("sqlite3")
        .arg(&opened)
        .arg("SELECT count(*) FROM messages")
        .output()
        .expect("the Debian package sqlite3");
    assert_eq!(String::from_utf8_lossy(&counted.stdout), "3\n");
}

/// As the earlier scripts made one, with the SQLite of the system and nothing beside it.
#[test]
fn a_bare_bak_of_the_earlier_scripts_restores_and_says_what_was_not_compared() {
    let chats = Chats::new();
    let bare = chats
        .place()
        .backups
        .join("chatkeep.db.2025-10-06_180932.bak");
    fs::create_dir(chats.place().backups).unwrap();
    let made = Command::new("sqlite3")
        .arg(chats.place().database)
        .arg(format!(".backup '{}'", bare.display()))
        .output()
        .expect("the Debian package sqlite3");
    assert!(made.status.success());
    chats.add("Coffee");
    let list = chats.run("backup-db", &["list"]).ok();
    assert!(list.stdout.contains("(no manifest)"), "{}", list.stdout);
    let run = chats.run("restore-db", &["1", "--yes"]).ok();
    assert!(
        run.stderr
            .contains("no manifest: its digests and row counts were not compared"),
        "{}",
        run.stderr
    );
    assert_eq!(chats.names(), ["Tea"]);
}

#[test]
fn pages_and_completions_are_written() {
    let chats = Chats::new();
    for name in ["backup-db", "restore-db"] {
        let folder = chats.folder.path().join(name);
        chats
            .run(name, &["generate", folder.to_str().unwrap()])
            .ok();
        assert!(folder.join(format!("chatkeep-{name}.1")).exists());
        assert!(folder.join(format!("chatkeep-{name}.bash")).exists());
        let help = chats.run(name, &["--help"]).ok();
        assert!(help.stdout.contains("Examples:"), "{}", help.stdout);
    }
}
