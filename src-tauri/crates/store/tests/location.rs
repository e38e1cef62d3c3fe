//! Where the data folder is found, and which folders are refused.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use chatkeep_store::location::{self, DATA_DIR_VARIABLE};
use chatkeep_store::{DATABASE_FILE, OpenError, OpenOptions};
use tempfile::tempdir;

use crate::support::child;

/// What the folder is said to lie in, if it is refused.
fn refused(folder: &Path) -> Option<String> {
    match location::refuse_synced(folder) {
        Ok(()) => None,
        Err(OpenError::SyncedFolder {
            folder: named,
            place,
        }) => {
            assert_eq!(named, folder);
            Some(place)
        }
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn folders_of_sync_programs_are_known_by_name_wherever_they_are_in_the_path() {
    for (path, place) in [
        ("/nowhere/me/Dropbox", "a Dropbox folder"),
        ("/nowhere/me/Dropbox/apps/chatkeep", "a Dropbox folder"),
        ("/nowhere/me/Dropbox (Personal)/x", "a Dropbox folder"),
        ("/nowhere/me/OneDrive", "a OneDrive folder"),
        ("/nowhere/me/OneDrive - Contoso/x", "a OneDrive folder"),
        ("/nowhere/me/ONEDRIVE/x", "a OneDrive folder"),
        (
            "/nowhere/me/Library/Mobile Documents/com~apple~CloudDocs/x",
            "an iCloud folder",
        ),
        ("/nowhere/me/iCloud Drive/x", "an iCloud folder"),
        ("/nowhere/me/iCloudDrive/x", "an iCloud folder"),
        ("/nowhere/me/Google Drive/x", "a Google Drive folder"),
        ("/nowhere/me/GoogleDrive/x", "a Google Drive folder"),
        (
            "/nowhere/me/Library/CloudStorage/Box-Box/x",
            "a cloud storage folder",
        ),
        ("/nowhere/me/Nextcloud/x", "a Nextcloud folder"),
        ("/nowhere/me/ownCloud/x", "an ownCloud folder"),
        ("/nowhere/me/pCloudDrive/x", "a pCloud folder"),
        ("/nowhere/me/WPS Cloud Files/x", "a WPS cloud folder"),
    ] {
        assert_eq!(refused(Path::new(path)).as_deref(), Some(place), "{path}");
    }
}

#[test]
fn folders_that_are_only_called_much_the_same_are_accepted() {
    for path in [
        "/nowhere/me/dropboxes/chatkeep",
        "/nowhere/me/my-onedrive-notes/chatkeep",
        "/nowhere/me/nextcloud-notes/chatkeep",
        "/nowhere/me/Old Dropbox/chatkeep",
        "/nowhere/me/onedriver/chatkeep",
        "/nowhere/me/nextclouds/chatkeep",
        "/nowhere/me/google/drive/chatkeep",
        "/nowhere/me/.local/share/chatkeep",
        "/nowhere/me/icloud/chatkeep",
    ] {
        assert_eq!(refused(Path::new(path)), None, "{path}");
    }
}

#[test]
fn synced_folders_of_any_name_are_known_by_what_their_program_leaves_there() {
    for (marker, place) in [
        (".dropbox", "a Dropbox folder"),
        (".dropbox.cache", "a Dropbox folder"),
        (".stfolder", "a Syncthing folder"),
        (".owncloudsync.log", "an ownCloud or Nextcloud folder"),
    ] {
        let folder = tempdir().unwrap();
        let inside = folder.path().join("shared/chats/chatkeep");
        assert_eq!(refused(&inside), None);
        fs::create_dir(folder.path().join("shared")).unwrap();
        fs::write(folder.path().join("shared").join(marker), "").unwrap();
        assert_eq!(refused(&inside).as_deref(), Some(place), "{marker}");
        let beside = folder.path().join("beside/chatkeep");
        assert_eq!(refused(&beside), None, "{marker}");
    }
}

#[cfg(unix)]
#[test]
fn a_link_into_a_synced_folder_is_followed() {
    let folder = tempdir().unwrap();
    let synced = folder.path().join("Dropbox/chats");
    fs::create_dir_all(&synced).unwrap();
    let link = folder.path().join("innocent");
    std::os::unix::fs::symlink(&synced, &link).unwrap();
    for path in [link.clone(), link.join("not/there/yet")] {
        assert_eq!(refused(&path).as_deref(), Some("a Dropbox folder"));
    }
    // The other way round, a name alone that leads out of it.
    let plain = folder.path().join("plain");
    fs::create_dir(&plain).unwrap();
    let out = folder.path().join("OneDrive");
    std::os::unix::fs::symlink(&plain, &out).unwrap();
    assert_eq!(refused(&out.join("chatkeep")), None);
}

#[test]
fn a_store_is_not_opened_in_a_synced_folder_and_nothing_is_made_there() {
    let folder = tempdir().unwrap();
    let synced = folder.path().join("Dropbox");
    let asked = synced.join("chatkeep");
    let error = OpenOptions::new(&asked).open().err().unwrap();
    let expected = format!(
        "the data folder {} lies in a Dropbox folder",
        asked.display()
    );
    assert_eq!(error.to_string(), expected);
    assert!(!synced.exists());
}

/// What a child sees: each step's answer of `data_folder`, or the file it wrote.
fn report_folders(home: &Path) {
    child::say(location::data_folder(None).display());
    let asked = Some(PathBuf::from("/asked"));
    child::say(location::data_folder(asked).display());
    if let Some(choice) = std::env::var_os("CHATKEEP_TEST_CHOICE") {
        location::remember(Path::new(&choice)).unwrap();
        child::say(location::data_folder(None).display());
    }
    assert!(location::data_folder(None) != home);
}

/// A child with a home of its own, in which only `variables` are set beside it.
fn folders_with(home: &Path, variables: &[(&str, &str)]) -> Vec<String> {
    let test = "location::the_command_line_goes_before_the_variable_the_choice_and_the_default";
    let mut command: Command = child::command(&[], test, home);
    for name in ["XDG_DATA_HOME", "XDG_CONFIG_HOME", DATA_DIR_VARIABLE] {
        command.env_remove(name);
    }
    command.env("HOME", home);
    command.envs(variables.iter().copied());
    child::output(&mut command)
}

#[cfg(target_os = "linux")]
#[test]
fn the_command_line_goes_before_the_variable_the_choice_and_the_default() {
    if let Some(home) = child::folder() {
        return report_folders(&home);
    }
    let home = tempdir().unwrap();
    let default = home.path().join(".local/share/chatkeep");
    let default = default.to_str().unwrap();

    assert_eq!(folders_with(home.path(), &[]), [default, "/asked"]);
    let data_home = ("XDG_DATA_HOME", "/data");
    assert_eq!(
        folders_with(home.path(), &[data_home]),
        ["/data/chatkeep", "/asked"]
    );
    let variable = (DATA_DIR_VARIABLE, "/variable");
    assert_eq!(
        folders_with(home.path(), &[data_home, variable]),
        ["/variable", "/asked"]
    );
    assert_eq!(
        folders_with(home.path(), &[(DATA_DIR_VARIABLE, "")]),
        [default, "/asked"],
        "an empty variable is none"
    );

    let choice = ("CHATKEEP_TEST_CHOICE", "/my chats/ü");
    assert_eq!(
        folders_with(home.path(), &[choice]),
        [default, "/asked", "/my chats/ü"]
    );
    assert_eq!(
        folders_with(home.path(), &[]),
        ["/my chats/ü", "/asked"],
        "also at the next start"
    );
    assert_eq!(
        folders_with(home.path(), &[variable]),
        ["/variable", "/asked"]
    );
    let second = ("CHATKEEP_TEST_CHOICE", "/elsewhere");
    assert_eq!(
        folders_with(home.path(), &[second]),
        ["/my chats/ü", "/asked", "/elsewhere"]
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_choice_that_could_not_be_read_back_is_refused() {
    use std::os::unix::ffi::OsStringExt;
    let unreadable = PathBuf::from(OsString::from_vec(b"/chats/\xff".to_vec()));
    let error = location::remember(&unreadable).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
}

#[test]
fn the_database_has_the_documented_name() {
    let folder = tempdir().unwrap();
    let store = OpenOptions::new(folder.path()).open().unwrap();
    assert_eq!(store.file(), folder.path().join("chatkeep.db"));
    assert_eq!(DATABASE_FILE, "chatkeep.db");
}
