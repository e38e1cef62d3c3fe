//! Backups as a table, in detail, and as JSON in the shape of `pgbackrest info`.

use chatkeep_backup::{Backup, Kind, Manifest, State, display_utc};
use chatkeep_store::Timestamp;
use serde_json::{Value, json};

use crate::output::{age, bytes};

/// The backups for people, numbered as `restore-db` takes them.
#[must_use]
pub fn list_text(backups: &[Backup], now: Timestamp) -> String {
    let mut text = format!(
        "{:>3}  {:<19}  {:<13}  {:>9}  {:>8}  {:>8}  {:<13}  file",
        "no", "time (UTC)", "age", "size", "sessions", "messages", "verified"
    );
    for (index, backup) in backups.iter().enumerate() {
        text.push('\n');
        text.push_str(&row(index + 1, backup, now));
    }
    text
}

fn row(number: usize, backup: &Backup, now: Timestamp) -> String {
    let manifest = match &backup.state {
        State::Managed(manifest) => manifest,
        State::Unmanaged => return format!("{number:>3}  (no manifest)  {}", backup.name()),
        State::Damaged(what) => return format!("{number:>3}  DAMAGED: {what}  {}", backup.name()),
    };
    let rows = |table: &str| manifest.content.get(table).map_or(0, |it| it.rows);
    format!(
        "{number:>3}  {:<19}  {:<13}  {:>9}  {:>8}  {:>8}  {:<13}  {}{}",
        display_utc(manifest.created()),
        age(now.as_ms() - manifest.created_at_ms),
        bytes(manifest.payload.digests.bytes),
        rows("sessions"),
        rows("messages"),
        verified(manifest, now),
        backup.name(),
        if manifest.pinned { "  (pinned)" } else { "" },
    )
}

fn verified(manifest: &Manifest, now: Timestamp) -> String {
    match &manifest.verification {
        None => "no".to_owned(),
        Some(it) if !it.ok => "FAILED".to_owned(),
        Some(it) => age(now.as_ms() - it.at_ms),
    }
}

/// The backups for programs.
#[must_use]
pub fn list_json(backups: &[Backup]) -> Value {
    let good = backups
        .iter()
        .any(|it| it.manifest().is_some_and(Manifest::is_verified));
    let (code, message) = match (backups.is_empty(), good) {
        (_, true) => (0, "ok"),
        (true, _) => (1, "no backups"),
        (false, _) => (2, "no verified backup"),
    };
    json!({
        "message_type": "summary",
        "status": { "code": code, "message": message },
        "backups": backups.iter().map(entry).collect::<Vec<_>>(),
        "pitr": windows(backups),
    })
}

fn entry(backup: &Backup) -> Value {
    let Some(manifest) = backup.manifest() else {
        let what = match &backup.state {
            State::Damaged(what) => what.as_str(),
            _ => "no manifest",
        };
        return json!({ "file": backup.name(), "managed": false, "what": what });
    };
    json!({
        "file": backup.name(),
        "managed": true,
        "id": manifest.backup_id,
        "sequence": manifest.sequence,
        "kind": manifest.kind,
        "prior": manifest.base.as_ref().map(|it| it.backup_id),
        "reference": manifest.base.iter().map(|it| it.full_id).collect::<Vec<_>>(),
        "reason": manifest.reason,
        "pinned": manifest.pinned,
        "timestamp": { "created_at_ms": manifest.created_at_ms, "created_at": manifest.created_at },
        "size": manifest.uncompressed.bytes,
        "delta": manifest.payload.digests.bytes,
        "verified": manifest.verification,
        "rows": manifest.content.iter().map(|(table, it)| (table.clone(), it.rows.into()))
            .collect::<serde_json::Map<_, _>>(),
    })
}

/// From each full backup to the last delta on it: the times in between that can be restored to.
fn windows(backups: &[Backup]) -> Vec<Value> {
    let manifests: Vec<_> = backups.iter().filter_map(Backup::manifest).collect();
    let fulls = manifests.iter().filter(|it| it.kind == Kind::Full);
    fulls
        .map(|full| {
            let on_it = |it: &&&Manifest| {
                it.base
                    .as_ref()
                    .is_some_and(|it| it.full_id == full.backup_id)
            };
            let max = manifests
                .iter()
                .filter(on_it)
                .map(|it| it.created_at_ms)
                .max();
            json!({ "min": full.created_at_ms, "max": max.unwrap_or(full.created_at_ms) })
        })
        .collect()
}

/// One backup in detail, for people.
#[must_use]
pub fn manifest_text(backup: &Backup, now: Timestamp) -> String {
    let Some(manifest) = backup.manifest() else {
        return row(1, backup, now).trim_start().to_owned();
    };
    let mut text = format!(
        "file       {}\nid         {}\nmade       {} UTC, {} ({})\nsize       {} ({} as a database)\n\
         schema     {}\nverified   {}\nsha256     {}\n",
        backup.path.display(),
        manifest.backup_id,
        display_utc(manifest.created()),
        age(now.as_ms() - manifest.created_at_ms),
        manifest.reason.as_str(),
        bytes(manifest.payload.digests.bytes),
        bytes(manifest.uncompressed.bytes),
        manifest.database.user_version,
        proof(manifest, now),
        manifest.payload.digests.sha256,
    );
    for (table, content) in &manifest.content {
        text.push_str(&format!("{table:<24} {:>10} rows\n", content.rows));
    }
    text.trim_end().to_owned()
}

fn proof(manifest: &Manifest, now: Timestamp) -> String {
    let level = manifest
        .verification
        .as_ref()
        .map_or("", |it| it.level.as_str());
    let drilled = manifest
        .verification
        .as_ref()
        .and_then(|it| it.drilled_at_ms);
    let drilled = drilled.map_or("never".to_owned(), |at| age(now.as_ms() - at));
    format!(
        "{} {level}; last proven restore: {drilled}",
        verified(manifest, now)
    )
}
