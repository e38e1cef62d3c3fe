//! The hash of every page of the newest backup, so that the next delta is found by reading the live
//! database once, and no copy of the last one. It is only a shortcut: it is made again when it is
//! missing, and checked against the manifest when it is there.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use uuid::Uuid;

use crate::control::{Control, Phase};
use crate::digest::{PageChecksum, PageHash, fill, page_hash};
use crate::error::{At, Result};
use crate::files::{self, WorkFile};
use crate::folder::BackupFolder;

const PREFIX: &str = "pages-";

/// The list of the backup `id`.
pub(crate) fn path(folder: &BackupFolder, id: Uuid) -> Result<PathBuf> {
    Ok(folder.work()?.join(format!("{PREFIX}{}", id.simple())))
}

/// Keeps `list` as that of the newest backup, `id`, in the place of every other. Without it the next
/// delta takes longer, which is no reason to fail a backup that was made.
pub(crate) fn adopt(folder: &BackupFolder, list: &WorkFile, id: Uuid) {
    let _ = path(folder, id).and_then(|kept| {
        files::rename(&list.path, &kept)?;
        remove_all_but(folder, &kept)
    });
}

fn remove_all_but(folder: &BackupFolder, kept: &Path) -> Result<()> {
    let work = folder.work()?;
    for entry in std::fs::read_dir(&work).at("list", &work)? {
        let entry = entry.at("list", &work)?.path();
        let name = entry.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with(PREFIX) && entry != kept {
            files::remove_if_there(&entry)?;
        }
    }
    Ok(())
}

/// Writes the list of the database file `database`, which is a copy of our own.
pub(crate) fn make(
    database: &Path,
    page_size: u32,
    to: &Path,
    control: &Control,
) -> Result<PageChecksum> {
    let mut file = BufReader::new(File::open(database).at("open", database)?);
    let total = files::size(database)?;
    let mut list = Writer::create(to)?;
    let mut page = vec![0; page_size as usize];
    let mut number = 0;
    while fill(&mut file, &mut page).at("read", database)? == page.len() {
        number += 1;
        list.push(number, &page)?;
        if number.is_multiple_of(1024) {
            control.step(Phase::Read, u64::from(number) * u64::from(page_size), total)?;
        }
    }
    list.finish()
}

/// Writes a list page by page, from the first.
pub(crate) struct Writer {
    file: BufWriter<File>,
    path: PathBuf,
    checksum: PageChecksum,
}

impl Writer {
    pub(crate) fn create(path: &Path) -> Result<Self> {
        files::remove_if_there(path)?;
        Ok(Self {
            file: BufWriter::new(files::create_private(path)?),
            path: path.to_owned(),
            checksum: PageChecksum::default(),
        })
    }

    /// Takes the next page in and returns its hash.
    pub(crate) fn push(&mut self, number: u32, page: &[u8]) -> Result<PageHash> {
        let hash = page_hash(number, page);
        self.checksum.toggle(&hash);
        self.file.write_all(&hash).at("write", &self.path)?;
        Ok(hash)
    }

    pub(crate) fn finish(mut self) -> Result<PageChecksum> {
        self.file.flush().at("write", &self.path)?;
        Ok(self.checksum)
    }
}

/// Reads a list page by page, from the first.
pub(crate) struct Reader {
    file: BufReader<File>,
    path: PathBuf,
    pub(crate) checksum: PageChecksum,
}

impl Reader {
    pub(crate) fn open(path: &Path) -> Result<Self> {
        Ok(Self {
            file: BufReader::new(File::open(path).at("open", path)?),
            path: path.to_owned(),
            checksum: PageChecksum::default(),
        })
    }

    /// The hash of the next page; `None` after the last.
    pub(crate) fn next(&mut self) -> Result<Option<PageHash>> {
        let mut hash = PageHash::default();
        let count = self.file.read(&mut hash).at("read", &self.path)?;
        if count == 0 {
            return Ok(None);
        }
        if let Some(rest) = hash.get_mut(count..) {
            self.file.read_exact(rest).at("read", &self.path)?;
        }
        self.checksum.toggle(&hash);
        Ok(Some(hash))
    }
}
