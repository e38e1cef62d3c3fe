//! Digests of files, and the checksum of a database that does not depend on the order of its pages.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::control::{Control, Phase};
use crate::error::{At, Result};

/// Bytes read at a time.
pub(crate) const BUFFER_BYTES: usize = 1 << 20;

/// The length and two digests of a file: BLAKE3 for this program, SHA-256 for every other tool.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digests {
    /// Its length.
    pub bytes: u64,
    /// Its BLAKE3, in hex.
    pub blake3: String,
    /// Its SHA-256, in hex.
    pub sha256: String,
}

/// Takes a file's digests as its bytes pass.
#[derive(Default)]
pub(crate) struct Hasher {
    bytes: u64,
    blake3: blake3::Hasher,
    sha256: Sha256,
}

impl Hasher {
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        self.blake3.update(bytes);
        self.sha256.update(bytes);
    }

    pub(crate) fn finish(self) -> Digests {
        Digests {
            bytes: self.bytes,
            blake3: self.blake3.finalize().to_hex().to_string(),
            sha256: hex(&self.sha256.finalize()),
        }
    }
}

/// Hands on what is read or written, and takes its digests.
pub(crate) struct Hashing<T> {
    inner: T,
    hasher: Hasher,
}

impl<T> Hashing<T> {
    pub(crate) fn new(inner: T) -> Self {
        Self {
            inner,
            hasher: Hasher::default(),
        }
    }

    pub(crate) fn finish(self) -> (T, Digests) {
        (self.inner, self.hasher.finish())
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        if let Some(read) = buffer.get(..count) {
            self.hasher.update(read);
        }
        Ok(count)
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(buffer)?;
        if let Some(written) = buffer.get(..count) {
            self.hasher.update(written);
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// The XOR over all pages of a keyed hash of number and content: when a page changes, its old hash
/// is taken out and its new one put in, and no other page is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct PageChecksum(pub(crate) [u8; 32]);

/// The hash of one page.
pub(crate) type PageHash = [u8; 32];

/// Where the page at 1 GiB begins, which SQLite uses for locks and never writes.
const LOCK_BYTE: u64 = 1 << 30;

impl PageChecksum {
    pub(crate) fn toggle(&mut self, hash: &PageHash) {
        for (sum, byte) in self.0.iter_mut().zip(hash) {
            *sum ^= byte;
        }
    }

    pub(crate) fn to_hex(self) -> String {
        hex(&self.0)
    }
}

/// The hash of one page; of the one that SQLite locks on nothing but zeroes, which count for nothing.
pub(crate) fn page_hash(number: u32, page: &[u8]) -> PageHash {
    if is_lock_page(number, page.len() as u64) {
        return PageHash::default();
    }
    let key = blake3_key();
    let mut hasher = blake3::Hasher::new_keyed(&key);
    hasher.update(&number.to_le_bytes());
    hasher.update(page);
    *hasher.finalize().as_bytes()
}

/// Not a secret: it keeps these hashes apart from BLAKE3 of the same bytes for another purpose.
const fn blake3_key() -> [u8; 32] {
    *b"chatkeep page checksum version 1"
}

/// Whether a page is the one that SQLite locks on and that holds nothing.
pub(crate) fn is_lock_page(number: u32, page_size: u64) -> bool {
    LOCK_BYTE / page_size.max(1) + 1 == u64::from(number)
}

/// The digests of a database file, read once, and every page of it for `visit`. Only for copies: no
/// code but SQLite opens the live file.
pub(crate) fn digest_database(
    path: &Path,
    page_size: u32,
    control: &Control,
    mut visit: impl FnMut(u32, &[u8]) -> Result<()>,
) -> Result<Digests> {
    let mut number = 0;
    digest(path, control, page_size as usize, |page| {
        number += 1;
        visit(number, page)
    })
}

/// The digests of any file.
pub(crate) fn digest_file(path: &Path, control: &Control) -> Result<Digests> {
    digest(path, control, BUFFER_BYTES, |_| Ok(()))
}

fn digest(
    path: &Path,
    control: &Control,
    chunk_bytes: usize,
    mut visit: impl FnMut(&[u8]) -> Result<()>,
) -> Result<Digests> {
    let mut file = File::open(path).at("open", path)?;
    let total = file.metadata().at("look at", path)?.len();
    let mut hasher = Hasher::default();
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let count = fill(&mut file, &mut buffer).at("read", path)?;
        let Some(read) = buffer.get(..count).filter(|it| !it.is_empty()) else {
            return Ok(hasher.finish());
        };
        hasher.update(read);
        read.chunks(chunk_bytes).try_for_each(&mut visit)?;
        control.step(Phase::Read, hasher.bytes, total)?;
    }
}

/// Reads until the buffer is full or the file ends.
pub(crate) fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|it| !it.is_empty()) {
        match reader.read(rest) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
