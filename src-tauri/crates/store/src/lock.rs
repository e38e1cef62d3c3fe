//! The lock file beside the database: one opener a data folder, and its name for the next one.
//!
//! The operating system drops the lock with its process, however that ends, so a leftover file
//! never keeps anybody out.

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

use crate::error::OpenError;

/// A lock that is held as long as this lives.
#[derive(Debug)]
pub struct LockFile {
    file: File,
}

impl LockFile {
    /// Takes the lock at `path` for `holder`, which is what others are told who want it.
    ///
    /// # Errors
    /// [`OpenError::Locked`] with the holder, or that the file cannot be written.
    pub fn acquire(path: &Path, holder: &str) -> Result<Self, OpenError> {
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        match file.try_lock() {
            Ok(()) => {
                file.set_len(0)?;
                file.rewind()?;
                write!(file, "{holder} (process {})", std::process::id())?;
                Ok(Self { file })
            }
            Err(TryLockError::WouldBlock) => Err(OpenError::Locked {
                file: path.with_extension(""),
                holder: read_holder(&mut file),
            }),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }
}

impl Drop for LockFile {
    fn drop(&mut self) {
        // To close the file is not enough: a process that is being started by another thread has a
        // copy of it for a moment, and the lock with it.
        let _ = self.file.unlock();
    }
}

fn read_holder(file: &mut File) -> String {
    let mut holder = String::new();
    match file.take(200).read_to_string(&mut holder) {
        Ok(1..) => holder,
        _ => "another process".to_owned(),
    }
}
