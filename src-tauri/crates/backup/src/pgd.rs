//! Page deltas: the pages of a database that differ from an earlier copy of it.
//!
//! ```text
//! header   "CHKPPGD1", page size u32, base id 16, own id 16, base checksum 32
//! record   page number u32 (ascending, not 0), length u32, the page as one zstd frame
//! end      0 u32, number of records u32, pages after u32, checksum after 32
//! trailer  BLAKE3 of every byte before it, 32
//! ```
//! Numbers are little-endian. Pages beyond the number of pages after are gone.

use std::io::{self, Read, Write};

use uuid::Uuid;

use crate::digest::PageChecksum;

const MAGIC: &[u8; 8] = b"CHKPPGD1";
const COMPRESSION_LEVEL: i32 = 3;
const PAGE_SIZE_MAX: u32 = 65_536;

/// What a delta builds on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) page_size: u32,
    pub(crate) base_id: Uuid,
    pub(crate) id: Uuid,
    pub(crate) base_checksum: PageChecksum,
}

/// What comes out of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) page_count: u32,
    pub(crate) checksum: PageChecksum,
}

/// Writes a delta.
pub(crate) struct Writer<W: Write> {
    to: Tee<W>,
    count: u32,
}

impl<W: Write> Writer<W> {
    pub(crate) fn new(to: W, header: &Header) -> io::Result<Self> {
        let mut to = Tee::new(to);
        to.write_all(MAGIC)?;
        to.write_all(&header.page_size.to_le_bytes())?;
        to.write_all(header.base_id.as_bytes())?;
        to.write_all(header.id.as_bytes())?;
        to.write_all(&header.base_checksum.0)?;
        Ok(Self { to, count: 0 })
    }

    pub(crate) fn page(&mut self, number: u32, page: &[u8]) -> io::Result<()> {
        let packed = zstd::bulk::compress(page, COMPRESSION_LEVEL)?;
        let length = u32::try_from(packed.len()).map_err(io::Error::other)?;
        self.to.write_all(&number.to_le_bytes())?;
        self.to.write_all(&length.to_le_bytes())?;
        self.to.write_all(&packed)?;
        self.count += 1;
        Ok(())
    }

    pub(crate) fn finish(mut self, end: &End) -> io::Result<W> {
        self.to.write_all(&0_u32.to_le_bytes())?;
        self.to.write_all(&self.count.to_le_bytes())?;
        self.to.write_all(&end.page_count.to_le_bytes())?;
        self.to.write_all(&end.checksum.0)?;
        let hash = self.to.hasher.finalize();
        let mut to = self.to.inner;
        to.write_all(hash.as_bytes())?;
        to.flush()?;
        Ok(to)
    }
}

/// Reads a delta: hands every page to `visit`, and only then knows whether all of it was sound. What
/// is wrong is told in words.
pub(crate) fn read(
    from: impl Read,
    mut visit: impl FnMut(u32, &[u8]) -> crate::error::Result<()>,
) -> Result<(Header, End), ReadError> {
    let mut from = Tee::new(from);
    if from.array::<8>()? != *MAGIC {
        return Err(ReadError::Damaged("it is no page delta"));
    }
    let header = Header {
        page_size: from.number()?,
        base_id: Uuid::from_bytes(from.array()?),
        id: Uuid::from_bytes(from.array()?),
        base_checksum: PageChecksum(from.array()?),
    };
    if !header.page_size.is_power_of_two() || header.page_size > PAGE_SIZE_MAX {
        return Err(ReadError::Damaged("its page size is none"));
    }
    let mut last = 0;
    let mut count = 0;
    loop {
        let number = from.number()?;
        if number == 0 {
            break;
        }
        if number <= last {
            return Err(ReadError::Damaged("its pages are out of order"));
        }
        visit(number, &from.page(header.page_size)?).map_err(ReadError::Visit)?;
        last = number;
        count += 1;
    }
    if from.number()? != count {
        return Err(ReadError::Damaged("pages are missing from it"));
    }
    let end = End {
        page_count: from.number()?,
        checksum: PageChecksum(from.array()?),
    };
    let expected = from.hasher.finalize();
    if from.array::<32>()? != *expected.as_bytes() {
        return Err(ReadError::Damaged("its checksum does not fit"));
    }
    Ok((header, end))
}

/// Why a delta was not read to its end.
pub(crate) enum ReadError {
    Damaged(&'static str),
    Io(io::Error),
    Visit(crate::error::Error),
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Damaged("it ends too early"),
            io::ErrorKind::InvalidData => Self::Damaged("a page of it cannot be decompressed"),
            _ => Self::Io(error),
        }
    }
}

/// Hashes what passes.
struct Tee<T> {
    inner: T,
    hasher: blake3::Hasher,
}

impl<T> Tee<T> {
    fn new(inner: T) -> Self {
        Self {
            inner,
            hasher: blake3::Hasher::new(),
        }
    }
}

impl<W: Write> Tee<W> {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hasher.update(bytes);
        self.inner.write_all(bytes)
    }
}

impl<R: Read> Tee<R> {
    fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.inner.read_exact(&mut bytes)?;
        self.hasher.update(&bytes);
        Ok(bytes)
    }

    fn number(&mut self) -> io::Result<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn page(&mut self, page_size: u32) -> io::Result<Vec<u8>> {
        let invalid = || io::Error::from(io::ErrorKind::InvalidData);
        let length = self.number()?;
        // Compression makes nothing larger than this.
        if length > 2 * page_size + 64 {
            return Err(invalid());
        }
        let mut packed = vec![0; length as usize];
        self.inner.read_exact(&mut packed)?;
        self.hasher.update(&packed);
        let page = zstd::bulk::decompress(&packed, page_size as usize).map_err(|_| invalid())?;
        if page.len() == page_size as usize {
            Ok(page)
        } else {
            Err(invalid())
        }
    }
}
