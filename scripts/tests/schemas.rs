//! What the tools write is what `scripts/schemas` says, for whoever reads it with a program.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test has nothing else to do"
)]

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use common::{Chats, Run};
use jsonschema::Validator;
use serde_json::{Value, json};

/// A schema of `scripts/schemas`.
fn schema(name: &str) -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("schemas")
        .join(name);
    serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap()
}

/// One definition of the output's schema.
fn output(definition: &str) -> Validator {
    referring_to(&format!("output.schema.json#/$defs/{definition}"))
}

/// What a reference is to, with both schemas there.
fn referring_to(reference: &str) -> Validator {
    jsonschema::validator_for(&json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$ref": reference,
        "$defs": {
            "output": schema("output.schema.json"),
            "manifest": schema("manifest.schema.json"),
        },
    }))
    .unwrap()
}

#[track_caller]
fn assert_fits(validator: &Validator, value: &Value) {
    let errors: Vec<_> = validator
        .iter_errors(value)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{errors:#?} in {value:#}");
}

/// The definitions that the lines of a run fit, one after the other.
#[track_caller]
fn assert_lines(seen: &mut BTreeSet<&'static str>, run: &Run, definitions: &[&'static str]) {
    let lines: Vec<Value> = run
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|it: &Value| it["message_type"] != "status")
        .collect();
    assert_eq!(
        lines.len(),
        definitions.len(),
        "{}{}",
        run.stdout,
        run.stderr
    );
    for (line, definition) in lines.iter().zip(definitions) {
        assert_fits(&output(definition), line);
        assert_fits(&referring_to("output.schema.json"), line);
        seen.insert(definition);
    }
}

#[test]
fn every_line_of_the_output_is_as_its_schema_says() {
    let chats = Chats::new();
    let out = tempfile::tempdir().unwrap();
    let to = |name: &str| out.path().join(name).display().to_string();
    let mut seen = BTreeSet::new();
    let mut run = |tool: &str, arguments: &[&str], definitions: &[&'static str]| {
        let run = chats.run(tool, &[arguments, &["--json"]].concat());
        assert_lines(&mut seen, &run, definitions);
    };
    run("backup-db", &["list"], &["list"]);
    run("backup-db", &["doctor"], &["doctor"]);
    run("backup-db", &["--reason", "pre-import"], &["made"]);
    run("backup-db", &["--delta"], &["unchanged"]);
    chats.add("Coffee");
    run("backup-db", &["--delta"], &["made"]);
    let bare = chats
        .folder
        .path()
        .join("backups/chatkeep.db.2020-01-02_030405.bak");
    fs::copy(chats.folder.path().join("chatkeep.db"), bare).unwrap();
    run("backup-db", &["list"], &["list"]);
    run("backup-db", &["info", "1"], &["info"]);
    run("backup-db", &["verify", "1"], &["verified", "verify"]);
    run("backup-db", &["pin", "2"], &["pin"]);
    run("backup-db", &["prune", "--keep-last", "1"], &["prune"]);
    run(
        "backup-db",
        &["export", "1", "--to", &to("export.db")],
        &["export"],
    );
    run("backup-db", &["doctor"], &["doctor"]);
    run("restore-db", &["1", "--plan"], &["plan"]);
    run("restore-db", &["1", "--yes"], &["plan", "restored"]);
    run(
        "restore-db",
        &["1", "--to", &to("restored.db")],
        &["restored_to"],
    );
    let live = chats
        .folder
        .path()
        .join("chatkeep.db")
        .display()
        .to_string();
    run(
        "restore-db",
        &["salvage", &live, "--to", &to("salvaged.db")],
        &["salvage"],
    );
    run("backup-db", &["info", "99"], &["exit_error"]);

    let all = schema("output.schema.json")["$defs"]
        .as_object()
        .unwrap()
        .clone();
    let told: BTreeSet<_> = all.keys().map(String::as_str).collect();
    // A row of the list, which is part of a line, and the progress, which has a test of its own.
    let others = BTreeSet::from(["listed", "status"]);
    assert_eq!(told, &seen | &others);
}

#[test]
fn progress_is_as_its_schema_says() {
    let chats = Chats::new();
    let run = chats
        .run("backup-db", &["--json", "--progress", "json"])
        .ok();
    assert_fits(&output("status"), &run.message("status"));
}

#[test]
fn every_manifest_is_as_its_schema_says() {
    let chats = Chats::new();
    let secret = chats.folder.path().join("passphrase");
    fs::write(&secret, "seven green leaves\n").unwrap();
    let encrypt = [
        "--encrypt",
        "--passphrase-file",
        &secret.display().to_string(),
    ];
    for arguments in [&[][..], &["--delta"], &["--compress", "zstd"], &encrypt] {
        chats.add("Coffee");
        chats.run("backup-db", arguments).ok();
    }
    let schema = jsonschema::validator_for(&schema("manifest.schema.json")).unwrap();
    let mut count = 0;
    for backup in chats.backups() {
        let text = fs::read(format!("{}.json", backup.path.display())).unwrap();
        let mut manifest: Value = serde_json::from_slice(&text).unwrap();
        assert_fits(&schema, &manifest);
        for wrong in [
            json!({ "kind": "half" }),
            json!({ "base": "x" }),
            json!({ "more": 1 }),
        ] {
            let mut manifest = manifest.clone();
            manifest
                .as_object_mut()
                .unwrap()
                .extend(wrong.as_object().unwrap().clone());
            assert!(!schema.is_valid(&manifest), "{wrong}");
        }
        manifest.as_object_mut().unwrap().remove("timing");
        assert!(!schema.is_valid(&manifest));
        count += 1;
    }
    assert_eq!(count, 4);
}
