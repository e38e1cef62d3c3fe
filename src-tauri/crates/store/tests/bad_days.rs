//! Bad days: a process that is killed, a folder that may not be written, a disk that is full.

use std::fs;
use std::path::{Path, PathBuf};

use chatkeep_store::{
    DATABASE_FILE, Error, NewMessage, NewSession, OpenError, Shelf, Store, messages, sessions,
};
use tempfile::tempdir;

use crate::support::folder::{contents, database, open, saved_folder};
use crate::support::{assert_sound, branch, child, shelf, texts};

#[test]
fn a_killed_process_loses_nothing_that_was_acknowledged_and_keeps_nothing_that_was_not() {
    if let Some(folder) = child::folder() {
        let store = open(&folder).unwrap();
        let id = shelf(&store, Shelf::Active, 10)[0].id;
        for text in ["one", "two"] {
            store
                .write(|tx| messages::append(tx, &NewMessage::user(id, text)))
                .unwrap();
        }
        store
            .write_redoable(|tx| messages::append(tx, &NewMessage::user(id, "three")))
            .unwrap();
        let _ = store.write(|tx| {
            messages::append(tx, &NewMessage::user(id, "never committed"))?;
            child::say("in the middle of a write");
            child::stay();
            Ok(())
        });
        return;
    }
    let folder = saved_folder();
    let test = "bad_days::a_killed_process_loses_nothing_that_was_acknowledged_and_keeps_nothing_\
                that_was_not";
    let mut process = child::Running::start(test, folder.path());
    process.hear();
    process.kill();
    assert!(!contents(folder.path())["chatkeep.db-wal"].is_empty());

    let store = open(folder.path()).unwrap();
    let id = shelf(&store, Shelf::Active, 10)[0].id;
    assert_eq!(
        texts(&branch(&store, id, 10)),
        ["How long?", "one", "two", "three"]
    );
    assert_sound(store.file());
}

#[cfg(target_os = "linux")]
mod without_rights {
    //! As a user who may not write. Root may write everywhere, so as root the test goes on as
    //! "nobody" in a process of its own.

    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
    use std::process::Command;

    use super::*;

    const NOBODY: u32 = 65_534;

    /// What opening the folder says to a user without special rights, who owns all of it.
    fn opened_by_a_user(test: &str, folder: &Path) -> Option<Vec<String>> {
        if fs::metadata("/proc/self").unwrap().uid() != 0 {
            return Some(child::output(&mut child::command(&[], test, folder)));
        }
        if Command::new("setpriv").arg("--version").output().is_err() {
            eprintln!("skipped: this runs as root and there is no setpriv to be a user with");
            return None;
        }
        for entry in fs::read_dir(folder).unwrap() {
            chown(entry.unwrap().path(), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        chown(folder, Some(NOBODY), Some(NOBODY)).unwrap();
        // "nobody" need not be able to reach the build folder.
        let bin = tempdir().unwrap();
        fs::set_permissions(bin.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let program = bin.path().join("test");
        fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
        let wrapper = [
            "setpriv",
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
            "sh",
            "-c",
            r#"shift; exec "$0" "$@""#,
            program.to_str().unwrap(),
        ];
        Some(child::output(&mut child::command(&wrapper, test, folder)))
    }

    /// In the child: what opening says.
    fn report(folder: &Path) {
        child::say(match open(folder) {
            Ok(_) => "open".to_owned(),
            Err(OpenError::NoPermission { .. }) => "no permission".to_owned(),
            Err(other) => format!("{other:?}"),
        });
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_folder_or_file_that_may_not_be_written_is_told_as_such_and_left_as_it_was() {
        if let Some(folder) = child::folder() {
            return report(&folder);
        }
        let test = "bad_days::without_rights::\
                    a_folder_or_file_that_may_not_be_written_is_told_as_such_and_left_as_it_was";
        for (folder_mode, file_mode, expected) in [
            (0o755, 0o644, "open"),
            (0o555, 0o644, "no permission"),
            (0o755, 0o444, "no permission"),
            (0o755, 0o000, "no permission"),
            (0o000, 0o644, "no permission"),
        ] {
            let folder = saved_folder();
            let before = contents(folder.path());
            set_mode(&database(&folder), file_mode);
            set_mode(folder.path(), folder_mode);
            let said = opened_by_a_user(test, folder.path());
            set_mode(folder.path(), 0o755);
            set_mode(&database(&folder), 0o644);
            let Some(said) = said else { return };
            assert_eq!(said, [expected], "{folder_mode:o} {file_mode:o}");
            assert!(contents(folder.path()) == before);
        }
    }

    #[test]
    fn a_folder_that_may_not_be_made_is_told_as_such() {
        if let Some(folder) = child::folder() {
            return report(&folder.join("chatkeep"));
        }
        let test = "bad_days::without_rights::a_folder_that_may_not_be_made_is_told_as_such";
        let home = tempdir().unwrap();
        set_mode(home.path(), 0o555);
        let said = opened_by_a_user(test, home.path());
        set_mode(home.path(), 0o755);
        let Some(said) = said else { return };
        assert_eq!(said, ["no permission"]);
        assert!(!home.path().join("chatkeep").exists());
    }
}

#[cfg(target_os = "linux")]
mod on_a_full_disk {
    //! On a small file system in memory, mounted in a namespace of the child's own.

    use std::process::Command;

    use super::*;

    /// What the child says on a file system of `size`; nothing where none can be mounted.
    fn output_on(size: &str, test: &str, folder: &Path) -> Option<Vec<String>> {
        let mount = format!(r#"mount -t tmpfs -o size={size} chatkeep "$CHATKEEP_TEST_FOLDER""#);
        let script = format!(r#"{mount} && exec "$0" "$@""#);
        let namespace = ["unshare", "--mount", "--map-root-user", "sh", "-c"];
        let possible = Command::new(namespace[0])
            .args(&namespace[1..])
            .arg(&mount)
            .env("CHATKEEP_TEST_FOLDER", folder)
            .status();
        if !possible.is_ok_and(|status| status.success()) {
            eprintln!("skipped: no file system can be mounted here");
            return None;
        }
        let wrapper: Vec<_> = namespace.into_iter().chain([script.as_str()]).collect();
        Some(child::output(&mut child::command(&wrapper, test, folder)))
    }

    /// Takes all the room that is left.
    fn fill(folder: &Path) -> PathBuf {
        let ballast = folder.join("ballast");
        let mut file = fs::File::create(&ballast).unwrap();
        while std::io::Write::write(&mut file, &[1; 512]).is_ok_and(|written| written > 0) {}
        ballast
    }

    /// Writes messages until there is no room, and returns how many went in.
    fn write_until_full(store: &Store, id: chatkeep_store::SessionId) -> u64 {
        let new = NewMessage::user(id, "x".repeat(3000));
        for acknowledged in 0..10_000 {
            match store.write(|tx| messages::append(tx, &new)) {
                Ok(_) => {}
                Err(Error::DiskFull) => return acknowledged,
                Err(other) => panic!("{other:?}"),
            }
        }
        panic!("the disk never filled up");
    }

    #[test]
    fn reading_goes_on_nothing_is_half_written_and_writing_goes_on_once_there_is_room() {
        if let Some(folder) = child::folder() {
            let ballast = folder.join("ballast");
            fs::write(&ballast, vec![1; 300_000]).unwrap();
            let store = open(&folder).unwrap();
            let id = store
                .write(|tx| sessions::insert(tx, &NewSession::named("Tea")))
                .unwrap()
                .id;
            let acknowledged = write_until_full(&store, id);
            assert!(acknowledged > 10, "{acknowledged}");
            let long = NewMessage::user(id, "x".repeat(20_000));
            for _ in 0..3 {
                assert_eq!(store.read(messages::count).unwrap(), acknowledged);
                let error = store.write(|tx| messages::append(tx, &long));
                assert!(matches!(error, Err(Error::DiskFull)), "{error:?}");
            }
            fs::remove_file(ballast).unwrap();
            store.write(|tx| sessions::rename(tx, id, "Room")).unwrap();
            drop(store);
            let store = open(&folder).unwrap();
            assert_eq!(store.read(messages::count).unwrap(), acknowledged);
            assert_eq!(shelf(&store, Shelf::Active, 10)[0].name, "Room");
            assert_sound(store.file());
            return child::say("done");
        }
        let test = "bad_days::on_a_full_disk::reading_goes_on_nothing_is_half_written_and_writing_\
                    goes_on_once_there_is_room";
        let folder = tempdir().unwrap();
        if let Some(said) = output_on("2m", test, folder.path()) {
            assert_eq!(said, ["done"]);
        }
    }

    #[test]
    fn a_first_start_without_room_says_so_and_the_next_one_with_room_works() {
        if let Some(folder) = child::folder() {
            for room in [0, 1, 5, 20] {
                let ballast = fill(&folder);
                let length = fs::metadata(&ballast).unwrap().len();
                let file = fs::File::options().write(true).open(&ballast).unwrap();
                file.set_len(length - room * 4096).unwrap();
                let error = open(&folder).err().unwrap();
                assert!(matches!(error, OpenError::DiskFull), "{room}: {error:?}");
                assert!(!folder.join(DATABASE_FILE).exists(), "{room}");
                fs::remove_file(ballast).unwrap();
            }
            let store = open(&folder).unwrap();
            assert_eq!(store.read(sessions::count).unwrap(), 0);
            return child::say("done");
        }
        let test = "bad_days::on_a_full_disk::\
                    a_first_start_without_room_says_so_and_the_next_one_with_room_works";
        let folder = tempdir().unwrap();
        if let Some(said) = output_on("1m", test, folder.path()) {
            assert_eq!(said, ["done"]);
        }
    }

    #[test]
    fn a_later_start_without_room_says_so_and_changes_nothing() {
        if let Some(folder) = child::folder() {
            let store = open(&folder).unwrap();
            store
                .write(|tx| sessions::insert(tx, &NewSession::named("Tea")))
                .unwrap();
            drop(store);
            fs::remove_file(folder.join("chatkeep.db.lock")).unwrap();
            let before = fs::read(folder.join(DATABASE_FILE)).unwrap();
            let ballast = fill(&folder);
            let error = open(&folder).err().unwrap();
            assert!(matches!(error, OpenError::DiskFull), "{error:?}");
            assert!(fs::read(folder.join(DATABASE_FILE)).unwrap() == before);
            fs::remove_file(ballast).unwrap();
            assert_eq!(
                shelf(&open(&folder).unwrap(), Shelf::Active, 10)[0].name,
                "Tea"
            );
            return child::say("done");
        }
        let test =
            "bad_days::on_a_full_disk::a_later_start_without_room_says_so_and_changes_nothing";
        let folder = tempdir().unwrap();
        if let Some(said) = output_on("1m", test, folder.path()) {
            assert_eq!(said, ["done"]);
        }
    }
}
