//! What a disk may hold after a power cut, worked out from what a tool did to its files.
//!
//! The model is harsher than most file systems: of what was written to a file since its last fsync,
//! each write is there, missing, or garbage; of the names made, changed and removed in a folder
//! since its last fsync, the first few are there.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test has nothing else to do"
)]
#![allow(unreachable_pub, reason = "a module of a test")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// One operation of a traced run.
#[derive(Debug, Clone)]
pub struct Op {
    kind: u8,
    path: PathBuf,
    other: PathBuf,
    at: usize,
    data: Vec<u8>,
}

impl Op {
    /// Whether it is an fsync, which alone makes anything last.
    pub fn is_sync(&self) -> bool {
        self.kind == b's'
    }

    /// What was done to what.
    pub fn describe(&self) -> String {
        format!("{} {}", char::from(self.kind), self.path.display())
    }
}

/// Reads a trace as `faults.c` writes it, with paths relative to `root`.
pub fn read_trace(file: &Path, root: &Path) -> Vec<Op> {
    let bytes = fs::read(file).unwrap();
    let mut rest = bytes.as_slice();
    let mut ops = Vec::new();
    while let Some((&kind, after)) = rest.split_first() {
        rest = after;
        let path = text(&mut rest, root);
        let other = text(&mut rest, root);
        let at = number(&mut rest);
        let length = number(&mut rest);
        let (data, after) = rest.split_at(length);
        rest = after;
        ops.push(Op {
            kind,
            path,
            other,
            at,
            data: data.to_vec(),
        });
    }
    ops
}

fn number(rest: &mut &[u8]) -> usize {
    let (bytes, after) = rest.split_at(8);
    *rest = after;
    u64::from_ne_bytes(bytes.try_into().unwrap()) as usize
}

fn text(rest: &mut &[u8], root: &Path) -> PathBuf {
    let length = number(rest);
    let (bytes, after) = rest.split_at(length);
    *rest = after;
    let path = PathBuf::from(std::str::from_utf8(bytes).unwrap());
    path.strip_prefix(root).map(Path::to_owned).unwrap_or(path)
}

/// Numbers that look random and come again with the same seed (SplitMix64).
pub struct Random(pub u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}

#[derive(Debug, Clone)]
enum Change {
    Write(usize, Vec<u8>),
    Length(usize),
}

#[derive(Debug, Clone, Default)]
struct Content {
    lasting: Vec<u8>,
    pending: Vec<Change>,
}

#[derive(Debug, Clone)]
enum Naming {
    Name(PathBuf, usize),
    /// Of a file, or of a folder with all that is in it: which contents, from where, to where.
    Rename(PathBuf, PathBuf, Vec<(usize, PathBuf, PathBuf)>),
    Remove(PathBuf),
    Folder(PathBuf),
}

impl Naming {
    fn folder(&self) -> &Path {
        let path = match self {
            Self::Name(path, _)
            | Self::Rename(_, path, _)
            | Self::Remove(path)
            | Self::Folder(path) => path,
        };
        path.parent().unwrap_or(Path::new(""))
    }

    fn touches(&self, folder: &Path) -> bool {
        let from = match self {
            Self::Rename(from, ..) => from.parent(),
            _ => None,
        };
        self.folder() == folder || from == Some(folder)
    }
}

/// A disk on which a run takes place.
#[derive(Debug, Clone)]
pub struct Disk {
    contents: Vec<Content>,
    /// The names as the running tool sees them, and as they are on disk.
    names: BTreeMap<PathBuf, usize>,
    lasting: BTreeMap<PathBuf, usize>,
    folders: Vec<PathBuf>,
    pending: Vec<Naming>,
}

impl Disk {
    /// A disk that holds the folder `from`, safely.
    pub fn holding(from: &Path) -> Self {
        let mut disk = Self {
            contents: Vec::new(),
            names: BTreeMap::new(),
            lasting: BTreeMap::new(),
            folders: Vec::new(),
            pending: Vec::new(),
        };
        disk.take(from, Path::new(""));
        disk.lasting.clone_from(&disk.names);
        disk
    }

    fn take(&mut self, root: &Path, folder: &Path) {
        self.folders.push(folder.to_owned());
        for entry in fs::read_dir(root.join(folder)).unwrap() {
            let entry = entry.unwrap();
            let path = folder.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                self.take(root, &path);
            } else if let Ok(lasting) = fs::read(entry.path()) {
                self.names.insert(path, self.contents.len());
                self.contents.push(Content {
                    lasting,
                    pending: Vec::new(),
                });
            }
        }
    }

    /// Does one operation.
    pub fn apply(&mut self, op: &Op) {
        match op.kind {
            b'w' => self.change(&op.path, Change::Write(op.at, op.data.clone())),
            b't' => self.change(&op.path, Change::Length(op.at)),
            b'c' => {
                self.names.insert(op.path.clone(), self.contents.len());
                self.pending
                    .push(Naming::Name(op.path.clone(), self.contents.len()));
                self.contents.push(Content::default());
            }
            b'r' => {
                let moves = moves(&self.names, &op.path, &op.other);
                rename(&mut self.names, &moves);
                self.pending
                    .push(Naming::Rename(op.path.clone(), op.other.clone(), moves));
            }
            b'u' => {
                self.names.remove(&op.path);
                self.pending.push(Naming::Remove(op.path.clone()));
            }
            b'm' => self.pending.push(Naming::Folder(op.path.clone())),
            b's' => self.sync(&op.path),
            _ => {}
        }
    }

    fn change(&mut self, path: &Path, change: Change) {
        if let Some(&id) = self.names.get(path) {
            self.contents[id].pending.push(change);
        }
    }

    fn sync(&mut self, path: &Path) {
        if let Some(&id) = self.names.get(path) {
            let content = &mut self.contents[id];
            for change in std::mem::take(&mut content.pending) {
                write(&mut content.lasting, &change);
            }
            return;
        }
        let pending = std::mem::take(&mut self.pending);
        for naming in pending {
            match naming.touches(path) {
                true => self.last(&naming),
                false => self.pending.push(naming),
            }
        }
    }

    fn last(&mut self, naming: &Naming) {
        match naming {
            Naming::Name(path, id) => drop(self.lasting.insert(path.clone(), *id)),
            Naming::Rename(_, _, moves) => rename(&mut self.lasting, moves),
            Naming::Remove(path) => drop(self.lasting.remove(path)),
            Naming::Folder(path) => self.folders.push(path.clone()),
        }
    }

    /// Cuts the power and writes what is then on the disk to `to`.
    pub fn cut(mut self, random: &mut Random, to: &Path) {
        let mut folders: Vec<PathBuf> = self
            .pending
            .iter()
            .map(|it| it.folder().to_owned())
            .collect();
        folders.sort();
        folders.dedup();
        for folder in folders {
            let of_it: Vec<_> = self
                .pending
                .iter()
                .filter(|it| it.folder() == folder)
                .cloned()
                .collect();
            let first = random.below(of_it.len() + 1);
            for naming in of_it.into_iter().take(first) {
                self.last(&naming);
            }
        }
        for folder in &self.folders {
            fs::create_dir_all(to.join(folder)).unwrap();
        }
        for (path, &id) in &self.lasting {
            // SQLite makes it anew after a power cut, and maps it, which no trace shows.
            if path.extension().is_some_and(|it| it == "db-shm") {
                continue;
            }
            let bytes = survive(&self.contents[id], random);
            let file = to.join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, bytes).unwrap();
        }
    }
}

fn moves(
    names: &BTreeMap<PathBuf, usize>,
    from: &Path,
    to: &Path,
) -> Vec<(usize, PathBuf, PathBuf)> {
    let inside = names.iter().filter_map(|(path, &id)| {
        let rest = path.strip_prefix(from).ok()?;
        let target = if rest == Path::new("") {
            to.to_owned()
        } else {
            to.join(rest)
        };
        Some((id, path.clone(), target))
    });
    inside.collect()
}

/// A file that has its new name on disk is there, even if its first name never was.
fn rename(names: &mut BTreeMap<PathBuf, usize>, moves: &[(usize, PathBuf, PathBuf)]) {
    for (id, from, to) in moves {
        if names.get(from) == Some(id) {
            names.remove(from);
        }
        names.insert(to.clone(), *id);
    }
}

fn survive(content: &Content, random: &mut Random) -> Vec<u8> {
    let mut bytes = content.lasting.clone();
    for change in &content.pending {
        match (random.below(3), change) {
            (0, _) => {}
            (1, Change::Write(at, data)) => {
                let garbage = data.iter().map(|byte| byte ^ 0x5a).collect();
                write(&mut bytes, &Change::Write(*at, garbage));
            }
            _ => write(&mut bytes, change),
        }
    }
    bytes
}

fn write(bytes: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Length(length) => bytes.resize(*length, 0),
        Change::Write(at, data) => {
            let end = at + data.len();
            if bytes.len() < end {
                bytes.resize(end, 0);
            }
            bytes[*at..end].copy_from_slice(data);
        }
    }
}
