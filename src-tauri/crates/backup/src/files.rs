//! File operations that last: what they return after is on disk, also after a power cut.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::error::{At, Error, Result};

/// Left free beyond what an operation needs: a full disk harms more than a missing backup.
const SPACE_MARGIN_BYTES: u64 = 8 << 20;

/// Makes a folder, for its owner only. One that is there stays as it is.
pub(crate) fn create_private_folder(folder: &Path) -> Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).at("make the folder", folder)?;
    sync_folder_of(folder)
}

/// A new file that only its owner may read; one that is there is an error.
pub(crate) fn create_private(path: &Path) -> Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).at("create", path)
}

pub(crate) fn sync(path: &Path) -> Result<()> {
    let file = OpenOptions::new().read(true).write(true).open(path);
    file.and_then(|file| file.sync_all())
        .at("write to disk", path)
}

/// A name in a folder lasts only once the folder is on disk. Windows has no such call and needs none.
pub(crate) fn sync_folder(folder: &Path) -> Result<()> {
    if cfg!(unix) {
        let folder_file = File::open(folder);
        return folder_file
            .and_then(|file| file.sync_all())
            .at("write to disk", folder);
    }
    Ok(())
}

pub(crate) fn sync_folder_of(path: &Path) -> Result<()> {
    sync_folder(parent(path))
}

/// Moves a file within one file system; after this returns, it is at `to` for good.
pub(crate) fn rename(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to).at("rename", from)?;
    sync_folder_of(to)?;
    if parent(from) != parent(to) {
        sync_folder_of(from)?;
    }
    Ok(())
}

/// Writes a copy of a file to disk, under a name that nothing has. `wrote` hears how much there is.
pub(crate) fn copy(from: &Path, to: &Path, mut wrote: impl FnMut(u64) -> Result<()>) -> Result<()> {
    let mut source = File::open(from).at("read", from)?;
    let mut target = Steady::new(create_private(to)?);
    let mut buffer = vec![0; 1 << 20];
    let mut done = 0;
    loop {
        let count = source.read(&mut buffer).at("read", from)?;
        let Some(bytes) = buffer.get(..count).filter(|it| !it.is_empty()) else {
            return target.sync_all().at("write to disk", to);
        };
        target.write_all(bytes).at("write", to)?;
        done += count as u64;
        wrote(done)?;
    }
}

/// Gives a finished file its final name, which must be free: a backup is never overwritten.
pub(crate) fn publish(from: &Path, to: &Path) -> Result<()> {
    if to.try_exists().at("look at", to)? {
        return Err(Error::usage(format!("{} is there already", to.display())));
    }
    rename(from, to)
}

/// Writes a whole file under another name and puts it in place: readers see the old or the new one.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let unfinished = with_suffix(path, ".new");
    remove_if_there(&unfinished)?;
    let written = (|| {
        let mut file = create_private(&unfinished)?;
        file.write_all(bytes).at("write", &unfinished)?;
        file.sync_all().at("write to disk", &unfinished)?;
        rename(&unfinished, path)
    })();
    if written.is_err() {
        // The first error is the one to tell; a leftover .new is replaced the next time.
        let _ = fs::remove_file(&unfinished);
    }
    written
}

pub(crate) fn remove_if_there(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error).at("remove", path),
        _ => Ok(()),
    }
}

pub(crate) fn remove_tree(path: &Path) -> Result<()> {
    if path.is_dir() {
        return fs::remove_dir_all(path).at("remove", path);
    }
    remove_if_there(path)
}

pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name: OsString = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// The folder a path is in; of a bare name it is the current one.
pub(crate) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

pub(crate) fn size(path: &Path) -> Result<u64> {
    Ok(fs::metadata(path).at("look at", path)?.len())
}

pub(crate) fn require_space(folder: &Path, bytes: u64) -> Result<()> {
    let free = fs4::available_space(folder).at("measure the room in", folder)?;
    let needed = bytes.saturating_add(SPACE_MARGIN_BYTES);
    if free < needed {
        return Err(Error::NoSpace {
            folder: folder.to_owned(),
            needed_bytes: Some(needed - free),
        });
    }
    Ok(())
}

/// Bytes that may wait to be written to disk while a large copy is made.
const UNSYNCED_BYTES_MAX: u64 = 4 << 20;

/// A file that goes to disk as it is written. One great fsync at its end would hold up everybody
/// else's meanwhile, the app's commits first (measured: 2.9 s for 1.4 GiB).
pub(crate) struct Steady {
    file: File,
    unsynced_bytes: u64,
}

impl Steady {
    pub(crate) fn new(file: File) -> Self {
        Self {
            file,
            unsynced_bytes: 0,
        }
    }

    /// For a file that SQLite writes.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let file = OpenOptions::new().read(true).write(true).open(path);
        file.map(Self::new).at("open", path)
    }

    /// Notes that so much was written.
    pub(crate) fn wrote(&mut self, bytes: u64) -> io::Result<()> {
        self.unsynced_bytes += bytes;
        if self.unsynced_bytes >= UNSYNCED_BYTES_MAX {
            self.unsynced_bytes = 0;
            self.file.sync_data()?;
        }
        Ok(())
    }

    pub(crate) fn sync_all(&self) -> io::Result<()> {
        self.file.sync_all()
    }
}

impl Write for Steady {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.wrote(count as u64)?;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// A file, a database with what SQLite puts beside it, or a folder, that goes when this is dropped.
#[derive(Debug)]
pub(crate) struct WorkFile {
    pub(crate) path: PathBuf,
}

impl WorkFile {
    pub(crate) fn at(path: PathBuf) -> Self {
        Self { path }
    }
}

impl Drop for WorkFile {
    fn drop(&mut self) {
        if self.path.is_dir() {
            let _ = fs::remove_dir_all(&self.path);
            return;
        }
        for suffix in ["", "-journal", "-wal", "-shm"] {
            // What cannot be removed is found by the sweep at the next start.
            let _ = fs::remove_file(with_suffix(&self.path, suffix));
        }
    }
}
