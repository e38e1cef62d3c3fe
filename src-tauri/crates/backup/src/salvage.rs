//! Reading what is left of a damaged database into a new, sound one.
//!
//! SQLite stops at the first page that makes no sense; this goes round it. The tables are walked
//! from their roots; if a part of one is cut off, every page that nothing leads to is looked at too,
//! and its rows go to the table that they fit. Deleted rows in free pages stay deleted.

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use chatkeep_store::Timestamp;
use chatkeep_store::rescue::Rescue;
use chatkeep_store::upkeep::{LockFile, lock_path};
use rusqlite::types::Value;
use serde::Serialize;
use uuid::Uuid;

use crate::check::{self, FullText};
use crate::control::{Control, Phase};
use crate::database;
use crate::error::{At, Error, Result};
use crate::files::{self, WorkFile};
use crate::folder::Place;
use crate::pages::{Pages, Row};
use crate::restore::{self, Mode, Restored};
use crate::swap;

/// What was read of one table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SalvagedTable {
    /// The table.
    pub table: String,
    /// Rows that are in the new database.
    pub rows: u64,
    /// Rows that were read but are none of this table.
    pub refused: u64,
}

/// What was read, and what could not be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Salvaged {
    /// Every table of the new database.
    pub tables: Vec<SalvagedTable>,
    /// Pages that belong to a table and make no sense.
    pub pages_lost: u64,
    /// Rows of readable pages that make no sense.
    pub rows_lost: u64,
    /// What else should be known.
    pub notes: Vec<String>,
}

impl Salvaged {
    /// Whether nothing was found to be missing.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.pages_lost == 0 && self.rows_lost == 0 && self.notes.is_empty()
    }
}

/// Reads what can be read of the database `from`, with the log beside it, into the new file `to`.
/// `from` is only read, and by nobody else meanwhile.
///
/// # Errors
/// [`Error::Busy`], if the app has it open; [`Error::Usage`], if `to` is there already.
pub fn salvage(from: &Path, to: &Path, control: &Control) -> Result<Salvaged> {
    if to.try_exists().at("look at", to)? {
        return Err(Error::usage(format!("{} is there already", to.display())));
    }
    let lock = lock_path(from);
    let _lock = match lock.exists() {
        true => Some(LockFile::acquire(&lock, "restore-db salvage").at("lock", &lock)?),
        false => None,
    };
    let name = |what: &str| {
        let name = format!(".chatkeep-salvage-{}-{what}", Uuid::now_v7().simple());
        WorkFile::at(files::parent(to).join(name))
    };
    let (damaged, fresh) = (name("damaged"), name("new"));
    let mut report = Salvaged::default();
    copy_with_log(from, &damaged.path, &mut report, control)?;
    let file = File::open(&damaged.path).at("open", &damaged.path)?;
    let pages = Pages::open(file).at("read", &damaged.path)?;
    drop(files::create_private(&fresh.path)?);
    let rescue = Rescue::create(&fresh.path, pages.user_version).at("make", &fresh.path)?;
    Walk::new(pages, &rescue).run(&mut report, control)?;
    report
        .notes
        .extend(rescue.finish().at("finish", &fresh.path)?);
    let facts = check::check(&fresh.path, FullText::Words, control)?;
    for table in &mut report.tables {
        table.rows = facts.content.get(&table.table).map_or(0, |it| it.rows);
    }
    files::sync(&fresh.path)?;
    files::publish(&fresh.path, to)?;
    Ok(report)
}

/// Puts `file`, a database that was salvaged, in the live one's place. The former files are kept;
/// returns where.
///
/// # Errors
/// [`Error::Busy`], if another program has the database; why `file` cannot be used.
pub fn put_in_place(
    place: &Place,
    file: &Path,
    now: Timestamp,
    control: &Control,
) -> Result<PathBuf> {
    swap::finish_interrupted(place, control)?;
    let _place_lock = place.lock("restore-db", control)?;
    let _store_lock = place.store_lock(control)?;
    check::check(file, FullText::Ids, control)?;
    let incoming = swap::incoming(place)?;
    files::create_private_folder(&incoming)?;
    files::rename(file, &swap::set_in(&incoming))?;
    let replaced = swap::replace(place, &incoming);
    if replaced.is_err() && !place.journal().exists() {
        // Not begun: what was salvaged stays where it was, out of reach of any sweep.
        files::rename(&swap::set_in(&incoming), file)?;
    }
    let former = replaced?;
    restore::record(
        place,
        &Restored {
            at_ms: now.as_ms(),
            from: file.display().to_string(),
            mode: Mode::Offline,
            safety_backup: None,
            former: Some(former.display().to_string()),
        },
    )?;
    Ok(former)
}

/// What is only in the log is brought into the copy, if SQLite can still do that.
fn copy_with_log(from: &Path, to: &Path, report: &mut Salvaged, control: &Control) -> Result<()> {
    copy(from, to)?;
    let log = files::with_suffix(from, "-wal");
    if files::size(&log).unwrap_or(0) == 0 {
        return Ok(());
    }
    copy(&log, &files::with_suffix(to, "-wal"))?;
    let applied = database::open_copy(to, control).and_then(|connection| {
        let busy: i64 = connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
            .at("read the log of", to)?;
        Ok(busy == 0)
    });
    if !matches!(applied, Ok(true)) {
        report
            .notes
            .push("the write-ahead log could not be read: the newest changes are missing".into());
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    let mut source = File::open(from).at("read", from)?;
    let mut target = files::create_private(to)?;
    std::io::copy(&mut source, &mut target)
        .map(drop)
        .at("copy", from)
}

/// A walk over every page of a damaged file.
struct Walk<'a> {
    pages: Pages,
    rescue: &'a Rescue,
    seen: Vec<bool>,
    refused: HashMap<String, u64>,
}

impl<'a> Walk<'a> {
    fn new(pages: Pages, rescue: &'a Rescue) -> Self {
        let count = pages.count as usize + 1;
        Self {
            pages,
            rescue,
            seen: vec![false; count],
            refused: HashMap::new(),
        }
    }

    fn run(mut self, report: &mut Salvaged, control: &Control) -> Result<()> {
        let mut roots = HashMap::new();
        self.table(1, report, control, &mut |_, values| {
            if let Some((name, root)) = root_of(values) {
                roots.insert(name, root);
            }
            true
        })?;
        let tables: Vec<String> = self.rescue.tables().map(str::to_owned).collect();
        let mut is_torn = report.pages_lost + report.rows_lost > 0;
        for name in &tables {
            let Some(&root) = roots.get(name) else {
                is_torn |= roots.is_empty();
                continue;
            };
            let rescue = self.rescue;
            let refused = self.table(root, report, control, &mut |id, values| {
                rescue.insert(name, id, values)
            })?;
            self.refused.insert(name.clone(), refused);
        }
        if is_torn || report.pages_lost > 0 {
            self.loose_pages(report, control)?;
        }
        report.tables = tables
            .into_iter()
            .map(|table| SalvagedTable {
                refused: self.refused.get(&table).copied().unwrap_or(0),
                table,
                rows: 0,
            })
            .collect();
        Ok(())
    }

    /// Visits every row that can be reached from `root`; tells how many were refused.
    fn table(
        &mut self,
        root: u32,
        report: &mut Salvaged,
        control: &Control,
        visit: &mut dyn FnMut(i64, &[Value]) -> bool,
    ) -> Result<u64> {
        let mut refused = 0;
        let mut waiting = vec![root];
        while let Some(number) = waiting.pop() {
            control.step(Phase::Read, u64::from(number), u64::from(self.pages.count))?;
            // A page has one place in one tree; met again, the way to it is damaged.
            if self.seen.get(number as usize).copied().unwrap_or(true) {
                report.pages_lost += 1;
                continue;
            }
            let Some(page) = self.pages.table_page(number) else {
                report.pages_lost += 1;
                continue;
            };
            self.mark(number);
            report.rows_lost += page.rows_lost;
            let is_refused = |row: &&Row| !visit(row.id, &row.values);
            refused += page.rows.iter().filter(is_refused).count() as u64;
            waiting.extend(page.below.into_iter().rev());
        }
        Ok(refused)
    }

    /// Looks at every page that nothing leads to and that is not free.
    fn loose_pages(&mut self, report: &mut Salvaged, control: &Control) -> Result<()> {
        for number in self.pages.free() {
            self.mark(number);
        }
        let mut found = 0;
        for number in 1..=self.pages.count {
            control.step(Phase::Read, u64::from(number), u64::from(self.pages.count))?;
            if self.seen.get(number as usize).copied().unwrap_or(true) {
                continue;
            }
            // An index holds keys, which look like rows and are none.
            let page = self.pages.table_page(number).filter(|it| it.has_rowids);
            let rows = page.map(|it| it.rows).unwrap_or_default();
            let fits = |it: &&Row| self.rescue.insert_anywhere(it.id, &it.values).is_some();
            found += rows.iter().filter(fits).count();
        }
        if found > 0 {
            report.notes.push(format!(
                "{found} rows were found in pages that nothing led to"
            ));
        }
        Ok(())
    }

    fn mark(&mut self, number: u32) {
        if let Some(seen) = self.seen.get_mut(number as usize) {
            *seen = true;
        }
    }
}

/// A table's name and first page, from its row in the schema.
fn root_of(values: &[Value]) -> Option<(String, u32)> {
    match values {
        [
            Value::Text(kind),
            Value::Text(name),
            _,
            Value::Integer(root),
            ..,
        ] if kind == "table" => Some((name.clone(), u32::try_from(*root).ok()?)),
        _ => None,
    }
}
