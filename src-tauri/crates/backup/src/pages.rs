//! Reading a database file page by page, as <https://sqlite.org/fileformat2.html> lays it out, and
//! believing nothing in it: for what SQLite no longer reads.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use rusqlite::types::Value;

const HEADER_BYTES: usize = 100;
const TABLE_INTERIOR: u8 = 0x05;
const TABLE_LEAF: u8 = 0x0d;
/// Of indexes, and of tables without row ids.
const KEY_INTERIOR: u8 = 0x02;
const KEY_LEAF: u8 = 0x0a;
/// The size that this app's databases have, for a file whose header is gone.
const PAGE_SIZE_DEFAULT: usize = 4096;
/// A value longer than SQLite itself allows is damage.
const PAYLOAD_BYTES_MAX: u64 = 1_000_000_000;

/// A row as it lies in the file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub(crate) id: i64,
    pub(crate) values: Vec<Value>,
}

/// A page that holds a part of a table.
#[derive(Default)]
pub(crate) struct Page {
    /// The pages below it.
    pub(crate) below: Vec<u32>,
    /// Its rows.
    pub(crate) rows: Vec<Row>,
    /// How many of its rows could not be read.
    pub(crate) rows_lost: u64,
    /// Whether its rows have a row id.
    pub(crate) has_rowids: bool,
}

/// A database file, open to be read page by page.
pub(crate) struct Pages {
    file: File,
    size: usize,
    /// Bytes of a page that are used; the rest is reserved for others.
    usable: usize,
    pub(crate) count: u32,
    pub(crate) user_version: u32,
    freelist: u32,
}

impl Pages {
    pub(crate) fn open(mut file: File) -> std::io::Result<Self> {
        let bytes = file.metadata()?.len();
        let mut header = [0; HEADER_BYTES];
        crate::digest::fill(&mut file, &mut header)?;
        let size = match u16_at(&header, 16) {
            Some(1) => 65_536,
            Some(size) if size.is_power_of_two() && size >= 512 => usize::from(size),
            _ => PAGE_SIZE_DEFAULT,
        };
        let reserved = usize::from(header[20]);
        let usable = if reserved <= 32 {
            size - reserved
        } else {
            size
        };
        Ok(Self {
            file,
            size,
            usable,
            count: u32::try_from(bytes.div_ceil(size as u64)).unwrap_or(u32::MAX),
            user_version: u32_at(&header, 60).unwrap_or(0),
            freelist: u32_at(&header, 32).unwrap_or(0),
        })
    }

    /// A part of a table; `None`, if the page is something else or makes no sense.
    pub(crate) fn table_page(&mut self, number: u32) -> Option<Page> {
        let page = self.read(number)?;
        let start = if number == 1 { HEADER_BYTES } else { 0 };
        let kind = *page.get(start)?;
        let cells = usize::from(u16_at(&page, start + 3)?);
        let is_interior = matches!(kind, TABLE_INTERIOR | KEY_INTERIOR);
        let pointers = start + if is_interior { 12 } else { 8 };
        if !is_interior && !matches!(kind, TABLE_LEAF | KEY_LEAF) {
            return None;
        }
        let mut part = Page {
            has_rowids: matches!(kind, TABLE_INTERIOR | TABLE_LEAF),
            ..Page::default()
        };
        for cell in 0..cells {
            let mut at = usize::from(u16_at(&page, pointers + 2 * cell)?);
            if is_interior {
                part.below.extend(u32_at(&page, at));
                at += 4;
            }
            if kind != TABLE_INTERIOR {
                let row = self.row(&page, at, part.has_rowids);
                part.rows_lost += u64::from(row.is_none());
                part.rows.extend(row);
            }
        }
        if is_interior {
            part.below.push(u32_at(&page, start + 8)?);
        }
        Some(part)
    }

    /// The pages that hold nothing any more: what is in them was deleted.
    pub(crate) fn free(&mut self) -> Vec<u32> {
        let mut free = Vec::new();
        let mut trunk = self.freelist;
        while trunk != 0 && !free.contains(&trunk) && free.len() < self.count as usize {
            free.push(trunk);
            let Some(page) = self.read(trunk) else {
                break;
            };
            let leaves = u32_at(&page, 4).unwrap_or(0) as usize;
            free.extend((0..leaves.min(self.size / 4)).filter_map(|it| u32_at(&page, 8 + 4 * it)));
            trunk = u32_at(&page, 0).unwrap_or(0);
        }
        free
    }

    fn read(&mut self, number: u32) -> Option<Vec<u8>> {
        if number == 0 || number > self.count {
            return None;
        }
        let start = u64::from(number - 1) * self.size as u64;
        self.file.seek(SeekFrom::Start(start)).ok()?;
        let mut page = Vec::with_capacity(self.size);
        (&self.file)
            .take(self.size as u64)
            .read_to_end(&mut page)
            .ok()?;
        page.resize(self.size, 0);
        Some(page)
    }

    fn row(&mut self, page: &[u8], at: usize, has_rowid: bool) -> Option<Row> {
        let (length, mut at) = varint(page, at)?;
        let mut id = 0;
        if has_rowid {
            (id, at) = varint(page, at)?;
        }
        let payload = self.payload(page, at, length, has_rowid)?;
        Some(Row {
            id: id.cast_signed(),
            values: record(&payload)?,
        })
    }

    /// A row's bytes: what is in its page, and what went over into others.
    fn payload(&mut self, page: &[u8], at: usize, length: u64, has_rowid: bool) -> Option<Vec<u8>> {
        if length > PAYLOAD_BYTES_MAX || length > u64::from(self.count) * self.size as u64 {
            return None;
        }
        let length = usize::try_from(length).ok()?;
        let local = local_bytes(length, self.usable, has_rowid);
        let mut payload = page.get(at..at + local)?.to_vec();
        let mut next = if local < length {
            u32_at(page, at + local)?
        } else {
            0
        };
        while payload.len() < length {
            let more = self.read(next)?;
            next = u32_at(&more, 0)?;
            let take = (length - payload.len()).min(self.usable - 4);
            payload.extend_from_slice(more.get(4..4 + take)?);
        }
        Some(payload)
    }
}

fn local_bytes(length: usize, usable: usize, has_rowid: bool) -> usize {
    let max = match has_rowid {
        true => usable - 35,
        false => (usable - 12) * 64 / 255 - 23,
    };
    if length <= max {
        return length;
    }
    let min = (usable - 12) * 32 / 255 - 23;
    let fitting = min + (length - min) % (usable - 4);
    if fitting <= max { fitting } else { min }
}

/// The values of a row: first the type of each, then each.
fn record(payload: &[u8]) -> Option<Vec<Value>> {
    let (header, mut at) = varint(payload, 0)?;
    let header = usize::try_from(header).ok()?;
    let mut values = Vec::new();
    let mut body = header;
    while at < header {
        let (kind, next) = varint(payload, at)?;
        at = next;
        let (value, end) = value(payload, body, kind)?;
        body = end;
        values.push(value);
    }
    // What is left over or missing was not written by SQLite.
    (at == header && body == payload.len()).then_some(values)
}

fn value(payload: &[u8], at: usize, kind: u64) -> Option<(Value, usize)> {
    let length = match kind {
        0 | 8 | 9 => 0,
        1..=4 => usize::try_from(kind).ok()?,
        5 => 6,
        6 | 7 => 8,
        10 | 11 => return None,
        _ => usize::try_from((kind - 12) / 2).ok()?,
    };
    let end = at.checked_add(length)?;
    let bytes = payload.get(at..end)?;
    let value = match kind {
        0 => Value::Null,
        1..=6 => Value::Integer(integer(bytes)),
        7 => Value::Real(f64::from_be_bytes(bytes.try_into().ok()?)),
        8 => Value::Integer(0),
        9 => Value::Integer(1),
        _ if kind.is_multiple_of(2) => Value::Blob(bytes.to_vec()),
        _ => Value::Text(String::from_utf8(bytes.to_vec()).ok()?),
    };
    Some((value, end))
}

/// Two's complement, the highest byte first.
fn integer(bytes: &[u8]) -> i64 {
    let start = match bytes.first() {
        Some(byte) if byte & 0x80 != 0 => -1,
        _ => 0,
    };
    bytes
        .iter()
        .fold(start, |value, &byte| (value << 8) | i64::from(byte))
}

/// SQLite's numbers of one to nine bytes.
fn varint(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
    let mut value = 0;
    for offset in 0..8 {
        let byte = *bytes.get(at + offset)?;
        value = (value << 7) | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((value, at + offset + 1));
        }
    }
    Some(((value << 8) | u64::from(*bytes.get(at + 8)?), at + 9))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rusqlite::Connection;

    fn rows_of(path: &std::path::Path, root: u32) -> Vec<Row> {
        let mut pages = Pages::open(File::open(path).unwrap()).unwrap();
        let mut rows = Vec::new();
        let mut waiting = vec![root];
        while let Some(number) = waiting.pop() {
            let page = pages.table_page(number).unwrap();
            assert_eq!(page.rows_lost, 0);
            waiting.extend(page.below.into_iter().rev());
            rows.extend(page.rows);
        }
        rows
    }

    fn any_value() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            any::<i64>().prop_map(Value::Integer),
            (-300..300_i64).prop_map(Value::Integer),
            any::<f64>()
                .prop_filter("NaN is NULL", |it| !it.is_nan())
                .prop_map(Value::Real),
            ".{0,40}".prop_map(Value::Text),
            (0..30_000_usize).prop_map(|length| Value::Text("é".repeat(length))),
            prop::collection::vec(any::<u8>(), 0..300).prop_map(Value::Blob),
        ]
    }

    /// SQLite writes, this reads.
    #[test]
    fn what_sqlite_wrote_is_read_as_it_was() {
        let rows = prop::collection::vec((any::<i64>(), any_value(), any_value()), 0..60);
        let sizes = prop::sample::select(vec![512, 1024, 4096, 65536]);
        proptest!(ProptestConfig::with_cases(60), |(rows in rows, page_size in sizes)| {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("x.db");
            let connection = Connection::open(&path).unwrap();
            connection.pragma_update(None, "page_size", page_size).unwrap();
            connection.pragma_update(None, "synchronous", "OFF").unwrap();
            connection.execute_batch("CREATE TABLE t (a, b); BEGIN").unwrap();
            for (id, a, b) in &rows {
                connection
                    .execute("INSERT OR REPLACE INTO t (rowid, a, b) VALUES (?1, ?2, ?3)", (id, a, b))
                    .unwrap();
            }
            connection.execute_batch("COMMIT").unwrap();
            let root: u32 = connection
                .query_row("SELECT rootpage FROM sqlite_schema", [], |row| row.get(0))
                .unwrap();
            let mut statement = connection.prepare("SELECT rowid, a, b FROM t ORDER BY rowid").unwrap();
            let expected: Vec<Row> = statement
                .query_map([], |row| Ok(Row { id: row.get(0)?, values: vec![row.get(1)?, row.get(2)?] }))
                .unwrap()
                .map(Result::unwrap)
                .collect();
            let mut found = rows_of(&path, root);
            // A whole number is kept as an integer, whatever it was given as.
            for row in &mut found {
                row.values.truncate(2);
            }
            let same = |a: &Value, b: &Value| match (a, b) {
                (Value::Real(a), Value::Integer(b)) | (Value::Integer(b), Value::Real(a)) => *a == *b as f64,
                (a, b) => a == b,
            };
            prop_assert_eq!(found.len(), expected.len());
            for (found, expected) in found.iter().zip(&expected) {
                prop_assert_eq!(found.id, expected.id);
                prop_assert!(found.values.iter().zip(&expected.values).all(|(a, b)| same(a, b)));
            }
        });
    }

    #[test]
    fn garbage_is_not_believed_and_ends() {
        proptest!(|(bytes in prop::collection::vec(any::<u8>(), 0..20_000))| {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("x.db");
            std::fs::write(&path, bytes).unwrap();
            let mut pages = Pages::open(File::open(&path).unwrap()).unwrap();
            for number in 0..=pages.count + 1 {
                let _ = pages.table_page(number);
            }
            let _ = pages.free();
        });
    }
}
