//! Compressing (zstd) and encrypting (age) a payload, and the way back.
//!
//! Compressed first: what is encrypted does not compress. Both formats are open: `age --decrypt` and
//! `zstd --decompress` make the database of a payload without this program.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::Path;

use age::secrecy::SecretString;
use age::{Decryptor, Encryptor, Identity, IdentityFile, Recipient, scrypt, x25519};

use crate::control::{Control, Phase};
use crate::digest::{BUFFER_BYTES, Digests, Hashing, fill};
use crate::error::{At, Error, Result};
use crate::files::{self, Steady};
use crate::names::Form;

/// Whom a backup is encrypted for.
#[derive(Clone)]
pub enum Lock {
    /// Whoever knows this passphrase.
    Passphrase(SecretString),
    /// Whoever has the identity of one of these.
    Recipients(Vec<x25519::Recipient>),
}

/// What opens an encrypted backup.
pub enum Key {
    /// The passphrase it was made with.
    Passphrase(SecretString),
    /// Identities, of which one must be among its recipients.
    Identities(Vec<Box<dyn Identity + Send + Sync>>),
}

impl Lock {
    /// For the recipients named: `age1…`, as `age-keygen` prints them.
    ///
    /// # Errors
    /// [`Error::Usage`] with the one that is none.
    pub fn recipients<S: AsRef<str>>(names: &[S]) -> Result<Self> {
        let parse = |name: &S| {
            let name = name.as_ref();
            name.parse::<x25519::Recipient>().map_err(|what| {
                Error::usage(format!("{name} is not a recipient of age (age1…): {what}"))
            })
        };
        Ok(Self::Recipients(
            names.iter().map(parse).collect::<Result<_>>()?,
        ))
    }

    pub(crate) fn as_str(&self) -> &'static str {
        match self {
            Self::Passphrase(_) => "passphrase",
            Self::Recipients(_) => "recipients",
        }
    }

    fn encryptor(&self) -> std::result::Result<Encryptor, age::EncryptError> {
        match self {
            Self::Passphrase(passphrase) => Ok(Encryptor::with_user_passphrase(passphrase.clone())),
            Self::Recipients(all) => {
                Encryptor::with_recipients(all.iter().map(|it| it as &dyn Recipient))
            }
        }
    }
}

impl Key {
    /// The identities in a file as `age-keygen` writes it.
    ///
    /// # Errors
    /// [`Error::Key`], if it cannot be read or there is none in it.
    pub fn from_identity_file(path: &Path) -> Result<Self> {
        let unreadable = |what: String| Error::Key {
            what: format!(
                "{} has no identity that can be used: {what}",
                path.display()
            ),
        };
        File::open(path)
            .and_then(|file| IdentityFile::from_buffer(BufReader::new(file)))
            .map_err(|error| unreadable(error.to_string()))?
            .into_identities()
            .map(Self::Identities)
            .map_err(|error| unreadable(error.to_string()))
    }

    fn open<R: Read>(&self, sealed: R) -> std::result::Result<impl Read, age::DecryptError> {
        let decryptor = Decryptor::new(sealed)?;
        match self {
            Self::Passphrase(passphrase) => {
                let identity = scrypt::Identity::new(passphrase.clone());
                decryptor.decrypt(std::iter::once(&identity as &dyn Identity))
            }
            Self::Identities(all) => decryptor.decrypt(all.iter().map(|it| &**it as &dyn Identity)),
        }
    }
}

/// Writes `plain` to the new file `payload`, compressed and encrypted as asked for.
pub(crate) fn seal(
    plain: &Path,
    payload: &Path,
    level: Option<i32>,
    lock: Option<&Lock>,
    control: &Control,
) -> Result<Digests> {
    let total = files::size(plain)?;
    let mut from = File::open(plain).at("open", plain)?;
    let to = Hashing::new(Steady::new(files::create_private(payload)?));
    let (file, digests) = match lock {
        None => compress(&mut from, to, level, total, control, payload)?.finish(),
        Some(lock) => {
            let encryptor = lock.encryptor().map_err(|error| Error::Key {
                what: format!("cannot encrypt: {error}"),
            })?;
            let sealed = encryptor.wrap_output(to).at("write", payload)?;
            let sealed = compress(&mut from, sealed, level, total, control, payload)?;
            sealed.finish().at("write", payload)?.finish()
        }
    };
    file.sync_all().at("write to disk", payload)?;
    Ok(digests)
}

fn compress<W: Write>(
    from: &mut File,
    mut to: W,
    level: Option<i32>,
    total: u64,
    control: &Control,
    payload: &Path,
) -> Result<W> {
    match level {
        None => pump(from, &mut to, total, control, payload)?,
        Some(level) => {
            let mut encoder = zstd::Encoder::new(&mut to, level).at("compress", payload)?;
            encoder.include_checksum(true).at("compress", payload)?;
            pump(from, &mut encoder, total, control, payload)?;
            encoder.finish().at("write", payload)?;
        }
    }
    Ok(to)
}

/// Writes the database that `payload` holds to the new file `plain`, and takes the digests of both.
pub(crate) fn unseal(
    payload: &Path,
    plain: &Path,
    key: Option<&Key>,
    control: &Control,
) -> Result<(Digests, Digests)> {
    let total = files::size(payload)?;
    let form = Form::of(payload);
    let mut from = Hashing::new(File::open(payload).at("open", payload)?);
    let mut to = Hashing::new(Steady::new(files::create_private(plain)?));
    if form.encrypted {
        let key = key.ok_or_else(|| Error::Key {
            what: format!("{} is encrypted; a key is needed", payload.display()),
        })?;
        let mut opened = key
            .open(&mut from)
            .map_err(|error| key_error(payload, &error))?;
        decompress(&mut opened, &mut to, form, total, control, payload)?;
    } else {
        decompress(&mut from, &mut to, form, total, control, payload)?;
    }
    // What follows the end of the data is part of the file, and of its digest.
    io::copy(&mut from, &mut io::sink()).at("read", payload)?;
    let (_, sealed) = from.finish();
    let (file, opened) = to.finish();
    file.sync_all().at("write to disk", plain)?;
    Ok((sealed, opened))
}

fn key_error(payload: &Path, error: &age::DecryptError) -> Error {
    use age::DecryptError as E;
    match error {
        E::NoMatchingKeys | E::KeyDecryptionFailed | E::DecryptionFailed => Error::Key {
            what: format!("the key does not open {}: {error}", payload.display()),
        },
        _ => Error::invalid(payload, error.to_string()),
    }
}

fn decompress(
    from: &mut impl Read,
    to: &mut impl Write,
    form: Form,
    total: u64,
    control: &Control,
    payload: &Path,
) -> Result<()> {
    if !form.compressed {
        return pump(from, to, total, control, payload);
    }
    let mut decoder = zstd::Decoder::new(from).at("decompress", payload)?;
    pump(&mut decoder, to, 0, control, payload)
}

fn pump(
    from: &mut impl Read,
    to: &mut impl Write,
    total: u64,
    control: &Control,
    payload: &Path,
) -> Result<()> {
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut done = 0;
    loop {
        let count = fill(from, &mut buffer).map_err(|error| damaged(payload, error))?;
        let Some(read) = buffer.get(..count).filter(|it| !it.is_empty()) else {
            return Ok(());
        };
        to.write_all(read).at("write", payload)?;
        done += count as u64;
        control.step(Phase::Pack, done, total.max(done))?;
    }
}

/// What cannot be decompressed or decrypted is damaged; what the disk cannot give is not.
fn damaged(payload: &Path, error: io::Error) -> Error {
    if error.raw_os_error().is_some() {
        return Err::<(), _>(error)
            .at("read", payload)
            .err()
            .unwrap_or(Error::Cancelled);
    }
    Error::invalid(payload, error.to_string())
}
