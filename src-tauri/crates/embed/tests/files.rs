//! Models that are missing or damaged are said to be so, by name.

#![allow(clippy::expect_used)]

mod common;

use std::fs;
use std::path::Path;

use chatkeep_embed::{EmbedError, Model};

const FILES: [&str; 2] = ["model.safetensors", "tokenizer.json"];

/// A folder with the model's files in it, but for `broken`, which is changed by `change`.
fn with_broken(broken: &str, change: impl Fn(&Path)) -> EmbedError {
    let folder = tempfile::tempdir().expect("a folder");
    let (from, to) = (common::models().join(NAME), folder.path().join(NAME));
    fs::create_dir(&to).expect("a folder");
    for file in FILES {
        fs::copy(from.join(file), to.join(file)).expect("scripts/lib/fetch-models was run");
    }
    change(&to.join(broken));
    let loaded = Model::MiniLm.load(&[folder.path().to_owned()]);
    loaded.err().expect("a broken model does not load")
}

const NAME: &str = "all-MiniLM-L6-v2";

#[test]
fn a_model_that_is_nowhere_is_missing() {
    let folders = ["/nowhere/models".into(), "/nor/here".into()];
    assert!(!Model::MiniLm.is_installed(&folders));
    let error = Model::MiniLm.load(&folders).err().expect("an error");
    assert!(matches!(error, EmbedError::Missing { model: NAME, .. }));
    assert_eq!(
        error.to_string(),
        "the model all-MiniLM-L6-v2 is not installed: it is in none of /nowhere/models, /nor/here"
    );
}

#[test]
fn the_first_folder_that_has_the_model_is_used() {
    let folders = ["/nowhere".into(), common::models()];
    assert!(Model::MiniLm.is_installed(&folders));
    let embedder = Model::MiniLm.load(&folders).expect("the model");
    assert_eq!((embedder.name(), embedder.dimension()), (NAME, 384));
}

#[test]
fn a_file_that_is_gone_is_named() {
    for file in FILES {
        let error = with_broken(file, |path| fs::remove_file(path).expect("removed"));
        assert!(
            matches!(&error, EmbedError::Unreadable { file: found, .. } if found.ends_with(file)),
            "{error:?}"
        );
    }
}

#[test]
fn a_file_that_was_changed_or_cut_is_damaged() {
    for file in FILES {
        let flip = |path: &Path| {
            let mut bytes = fs::read(path).expect("read");
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            fs::write(path, bytes).expect("written");
        };
        let cut = |path: &Path| {
            let bytes = fs::read(path).expect("read");
            fs::write(path, &bytes[..bytes.len() / 2]).expect("written");
        };
        for error in [with_broken(file, flip), with_broken(file, cut)] {
            assert!(
                matches!(&error, EmbedError::Damaged { file: found, .. } if found.ends_with(file)),
                "{error:?}"
            );
        }
    }
}
