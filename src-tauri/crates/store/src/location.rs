//! Where the data folder is, and where it must not be.
//!
//! The app and its tools find the same folder by the same rule: what was asked for on the command
//! line, then `CHATKEEP_DATA_DIR`, then the folder that was chosen in the app, then `chatkeep` in
//! the platform's folder for app data.

use std::env;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::error::OpenError;

/// The environment variable that names the data folder.
pub const DATA_DIR_VARIABLE: &str = "CHATKEEP_DATA_DIR";

const APP_FOLDER: &str = "chatkeep";

/// The data folder; `asked` is what the command line says, if it says anything.
#[must_use]
pub fn data_folder(asked: Option<PathBuf>) -> PathBuf {
    asked
        .or_else(|| {
            env::var_os(DATA_DIR_VARIABLE)
                .filter(|it| !it.is_empty())
                .map(PathBuf::from)
        })
        .or_else(chosen_folder)
        .unwrap_or_else(default_folder)
}

/// Notes that `folder` was chosen in the app, for the next start.
///
/// # Errors
/// Whatever the file system says; the former choice then stays.
pub fn remember(folder: &Path) -> io::Result<()> {
    let text = folder.to_str().ok_or_else(|| {
        let why = "the folder's name is not Unicode; choose another";
        io::Error::new(io::ErrorKind::InvalidInput, why)
    })?;
    let file = choice_file().ok_or_else(|| io::Error::other("there is no folder for settings"))?;
    if let Some(parent) = file.parent() {
        fs::create_dir_all(parent)?;
    }
    let unfinished = file.with_extension("new");
    fs::write(&unfinished, text)?;
    fs::rename(unfinished, file)
}

/// Refuses a folder that a sync program or a network file system keeps: the one copies a database
/// while it is being written, the other does not keep locks, and either way chats are lost.
///
/// # Errors
/// [`OpenError::SyncedFolder`] with what the folder lies in.
pub fn refuse_synced(folder: &Path) -> Result<(), OpenError> {
    let real = real_path(folder);
    match synced_place(&real).or_else(|| network_place(&real)) {
        Some(place) => Err(OpenError::SyncedFolder {
            folder: folder.to_owned(),
            place,
        }),
        None => Ok(()),
    }
}

fn default_folder() -> PathBuf {
    dirs::data_dir()
        .unwrap_or_else(env::temp_dir)
        .join(APP_FOLDER)
}

fn choice_file() -> Option<PathBuf> {
    Some(dirs::config_dir()?.join(APP_FOLDER).join("data-folder"))
}

fn chosen_folder() -> Option<PathBuf> {
    let text = fs::read_to_string(choice_file()?).ok()?;
    (!text.is_empty()).then(|| text.into())
}

/// The path without links, as far as it exists.
fn real_path(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    absolute
        .ancestors()
        .find_map(|ancestor| {
            let real = ancestor.canonicalize().ok()?;
            Some(real.join(absolute.strip_prefix(ancestor).ok()?))
        })
        .unwrap_or(absolute)
}

/// Folder names that sync programs use, in lower case, and what they are called.
const SYNCED_NAMES: &[(&str, &str)] = &[
    ("onedrive", "a OneDrive folder"),
    ("dropbox", "a Dropbox folder"),
    ("icloud drive", "an iCloud folder"),
    ("iclouddrive", "an iCloud folder"),
    ("mobile documents", "an iCloud folder"),
    ("google drive", "a Google Drive folder"),
    ("googledrive", "a Google Drive folder"),
    ("cloudstorage", "a cloud storage folder"),
    ("nextcloud", "a Nextcloud folder"),
    ("owncloud", "an ownCloud folder"),
    ("pclouddrive", "a pCloud folder"),
    ("wps cloud files", "a WPS cloud folder"),
];

/// Files and folders that sync programs leave at the top of what they keep.
const SYNC_MARKERS: &[(&str, &str)] = &[
    (".dropbox", "a Dropbox folder"),
    (".dropbox.cache", "a Dropbox folder"),
    (".stfolder", "a Syncthing folder"),
    (".owncloudsync.log", "an ownCloud or Nextcloud folder"),
];

fn synced_place(real: &Path) -> Option<String> {
    let by_name = real.components().find_map(|component| match component {
        Component::Normal(name) => known_name(&name.to_string_lossy().to_lowercase()),
        _ => None,
    });
    let by_marker = || {
        let home = dirs::home_dir();
        real.ancestors()
            // ~/.dropbox is that program's settings, not a mark of a synced home.
            .filter(|ancestor| home.as_deref() != Some(ancestor))
            .find_map(|ancestor| {
                let (_, place) = SYNC_MARKERS
                    .iter()
                    .find(|(marker, _)| ancestor.join(marker).exists())?;
                Some(*place)
            })
    };
    by_name.or_else(by_marker).map(str::to_owned)
}

/// Also "OneDrive - Contoso" and "Dropbox (Personal)".
fn known_name(name: &str) -> Option<&'static str> {
    SYNCED_NAMES.iter().find_map(|&(known, place)| {
        let rest = name.strip_prefix(known)?;
        (rest.is_empty() || rest.starts_with([' ', '('])).then_some(place)
    })
}

/// What kind of network file system holds the path, by Linux's table of mounts.
fn network_place(real: &Path) -> Option<String> {
    let mounts = fs::read_to_string("/proc/self/mounts").ok()?;
    let kind = file_system_of(&mounts, real)?;
    is_network(kind).then(|| format!("a network folder ({kind})"))
}

/// The kind of the deepest mount that holds the path. <https://man7.org/linux/man-pages/man5/fstab.5.html>
fn file_system_of<'a>(mounts: &'a str, path: &Path) -> Option<&'a str> {
    mounts
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(' ').skip(1);
            Some((unescape(fields.next()?), fields.next()?))
        })
        .filter(|(mount, _)| path.starts_with(mount))
        .max_by_key(|(mount, _)| mount.as_os_str().len())
        .map(|(_, kind)| kind)
}

fn unescape(mount: &str) -> PathBuf {
    mount
        .replace("\\040", " ")
        .replace("\\011", "\t")
        .replace("\\134", "\\")
        .into()
}

fn is_network(kind: &str) -> bool {
    const KINDS: &[&str] = &[
        "nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ncpfs", "9p", "ceph", "davfs",
    ];
    const FUSE: &[&str] = &[
        "sshfs",
        "rclone",
        "davfs2",
        "gvfsd-fuse",
        "s3fs",
        "glusterfs",
        "onedriver",
    ];
    KINDS.contains(&kind)
        || kind
            .strip_prefix("fuse.")
            .is_some_and(|kind| FUSE.contains(&kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
/dev/sda1 / ext4 rw 0 0
server:/export /mnt/team nfs4 rw 0 0
//nas/me /mnt/my\\040share cifs rw 0 0
host: /home/me/far fuse.sshfs rw 0 0
/dev/sdb1 /mnt/team/local ext4 rw 0 0
";

    #[test]
    fn the_deepest_mount_decides() {
        let kind = |path: &str| file_system_of(MOUNTS, Path::new(path));
        assert_eq!(kind("/home/me/chats"), Some("ext4"));
        assert_eq!(kind("/mnt/team/chats"), Some("nfs4"));
        assert_eq!(kind("/mnt/team/local/chats"), Some("ext4"));
        assert_eq!(kind("/mnt/my share/chats"), Some("cifs"));
        assert_eq!(kind("/home/me/far/chats"), Some("fuse.sshfs"));
        assert_eq!(kind("/home/me/farther"), Some("ext4"));
    }

    #[test]
    fn network_file_systems_are_known_and_local_ones_are_not() {
        for kind in ["nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "fuse.rclone"] {
            assert!(is_network(kind), "{kind}");
        }
        for kind in [
            "ext4",
            "btrfs",
            "tmpfs",
            "fuse.ntfs-3g",
            "fuseblk",
            "overlay",
        ] {
            assert!(!is_network(kind), "{kind}");
        }
    }
}
