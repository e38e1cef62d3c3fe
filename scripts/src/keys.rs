//! Passphrases, recipients and identities. None is ever an argument of its own: arguments can be
//! seen by others on the computer.

use std::fs;
use std::io::{IsTerminal, stdin};
use std::path::{Path, PathBuf};

use chatkeep_backup::{Backup, Error, Key, Lock};
use clap::Args;

/// Whom a new backup is encrypted for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct LockArguments {
    /// Encrypt with a passphrase, which is asked for or read from --passphrase-file
    #[arg(long)]
    pub encrypt: bool,
    /// Encrypt for this recipient of age (age1…); may be given several times
    #[arg(long, value_name = "RECIPIENT", conflicts_with = "encrypt")]
    pub recipient: Vec<String>,
}

/// What opens an encrypted backup.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct KeyArguments {
    /// The file with the identity of age that opens an encrypted backup
    #[arg(long, value_name = "FILE")]
    pub identity: Option<PathBuf>,
    /// The file whose first line is the passphrase
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
}

impl LockArguments {
    /// The lock, if there is to be one.
    ///
    /// # Errors
    /// A recipient that is none, or no passphrase to be had.
    pub fn lock(&self, keys: &KeyArguments) -> Result<Option<Lock>, Error> {
        if !self.recipient.is_empty() {
            return Lock::recipients(&self.recipient).map(Some);
        }
        if !self.encrypt {
            return Ok(None);
        }
        let passphrase = match &keys.passphrase_file {
            Some(file) => first_line(file)?,
            None => ask_twice()?,
        };
        Ok(Some(Lock::Passphrase(passphrase.into())))
    }
}

impl KeyArguments {
    /// What opens `backup`; nothing, if it is not encrypted.
    ///
    /// # Errors
    /// It is encrypted and there is no key to be had.
    pub fn key(&self, backup: &Backup) -> Result<Option<Key>, Error> {
        self.key_of_all(std::slice::from_ref(backup))
    }

    /// What opens all of `backups`, asked for once; nothing, if none is encrypted.
    ///
    /// # Errors
    /// As [`Self::key`].
    pub fn key_of_all(&self, backups: &[Backup]) -> Result<Option<Key>, Error> {
        let is_encrypted = |it: &Backup| it.path.extension().is_some_and(|it| it == "age");
        match (&self.identity, &self.passphrase_file) {
            _ if !backups.iter().any(is_encrypted) => Ok(None),
            (Some(file), _) => Key::from_identity_file(file).map(Some),
            (None, Some(file)) => Ok(Some(Key::Passphrase(first_line(file)?.into()))),
            (None, None) => ask("Passphrase: ").map(|it| Some(Key::Passphrase(it.into()))),
        }
    }
}

fn first_line(file: &Path) -> Result<String, Error> {
    let text = fs::read_to_string(file).map_err(|error| Error::Key {
        what: format!("cannot read the passphrase in {}: {error}", file.display()),
    })?;
    match text.lines().next() {
        Some(line) if !line.is_empty() => Ok(line.to_owned()),
        _ => Err(Error::Key {
            what: format!("the first line of {} is empty", file.display()),
        }),
    }
}

fn ask(prompt: &str) -> Result<String, Error> {
    if !stdin().is_terminal() {
        return Err(Error::Key {
            what: "a key is needed: give --identity or --passphrase-file".into(),
        });
    }
    rpassword::prompt_password(prompt).map_err(|error| Error::Key {
        what: format!("cannot read the passphrase: {error}"),
    })
}

fn ask_twice() -> Result<String, Error> {
    let first = ask("Passphrase for the backup: ")?;
    if first.is_empty() || first != ask("Once more: ")? {
        return Err(Error::Key {
            what: "the two passphrases differ or are empty".into(),
        });
    }
    Ok(first)
}
