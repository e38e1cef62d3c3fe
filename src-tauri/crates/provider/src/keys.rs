//! API keys: in the operating system's keychain, or in memory where there is none.
//!
//! A key is kept under the address of its endpoint, so that it never goes to another server: an
//! endpoint whose address is changed has no key until it is given one. Every call of the keychain
//! runs on a thread of its own with a limit, because the system may put a question to the user
//! first, and because its D-Bus library must not run inside an async runtime.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use keyring::Entry;
use serde::{Deserialize, Serialize};

use crate::address::key_account;
use crate::{ApiKey, ProviderError};

/// The name under which the keychain shows every key of ours.
const SERVICE: &str = "chatkeep";

/// Long enough to type the password of a locked keychain.
const USE_LIMIT: Duration = Duration::from_secs(30);

/// For a look that nobody waits for.
const LOOK_LIMIT: Duration = Duration::from_secs(5);

/// Where a key is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(rename_all = "snake_case")]
pub enum KeyPlace {
    /// In the operating system's keychain.
    Keychain,
    /// In memory, until the program ends.
    ThisRun,
}

/// The keys of all endpoints. Have one for the whole program: it is what remembers the keys of
/// this run.
#[derive(Debug, Default)]
pub struct KeyStore {
    this_run: Mutex<HashMap<String, ApiKey>>,
}

impl KeyStore {
    /// An empty store; the keychain is not touched yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether there is a keychain. Takes at most 5 seconds.
    pub async fn available(&self) -> bool {
        // Any name will do: a keychain that says "no such entry" is there.
        let looked = in_keychain("available", LOOK_LIMIT, Entry::get_password).await;
        matches!(looked, Ok(_) | Err(Trouble::NoEntry))
    }

    /// Keeps a key for an address and says where. A keychain that is missing or fails means
    /// [`KeyPlace::ThisRun`].
    ///
    /// # Errors
    /// [`ProviderError::InvalidUrl`] if the address is none.
    pub async fn set(&self, base_url: &str, key: ApiKey) -> Result<KeyPlace, ProviderError> {
        let account = key_account(base_url)?;
        let secret = key.clone();
        let kept = in_keychain(&account, USE_LIMIT, move |entry| {
            entry.set_password(secret.reveal())
        });
        if kept.await.is_ok() {
            self.remembered().remove(&account);
            return Ok(KeyPlace::Keychain);
        }
        self.remembered().insert(account, key);
        Ok(KeyPlace::ThisRun)
    }

    /// The key for an address.
    ///
    /// # Errors
    /// [`ProviderError::Keychain`] if the keychain is there but does not answer, for example
    /// because it stays locked; [`ProviderError::InvalidUrl`] if the address is none.
    pub async fn get(&self, base_url: &str) -> Result<Option<ApiKey>, ProviderError> {
        let account = key_account(base_url)?;
        Ok(self.look_up(&account, USE_LIMIT).await?.map(|(_, key)| key))
    }

    /// Where the key for an address is kept; `None` if there is none or it cannot be told. Takes
    /// at most 5 seconds.
    pub async fn place(&self, base_url: &str) -> Option<KeyPlace> {
        let account = key_account(base_url).ok()?;
        self.look_up(&account, LOOK_LIMIT)
            .await
            .ok()?
            .map(|(place, _)| place)
    }

    /// Forgets the key for an address; one that was never there is no error.
    ///
    /// # Errors
    /// [`ProviderError::Keychain`] if the key may still be in the keychain;
    /// [`ProviderError::InvalidUrl`] if the address is none.
    pub async fn clear(&self, base_url: &str) -> Result<(), ProviderError> {
        let account = key_account(base_url)?;
        self.remembered().remove(&account);
        match in_keychain(&account, USE_LIMIT, Entry::delete_credential).await {
            Ok(()) | Err(Trouble::NoEntry | Trouble::NoKeychain) => Ok(()),
            Err(Trouble::Failed(problem)) => Err(ProviderError::Keychain { problem }),
        }
    }

    /// This run's key first: it is there because the keychain would not take it.
    async fn look_up(
        &self,
        account: &str,
        limit: Duration,
    ) -> Result<Option<(KeyPlace, ApiKey)>, ProviderError> {
        if let Some(key) = self.remembered().get(account) {
            return Ok(Some((KeyPlace::ThisRun, key.clone())));
        }
        match in_keychain(account, limit, Entry::get_password).await {
            Ok(secret) => Ok(Some((KeyPlace::Keychain, ApiKey::parse(&secret)?))),
            Err(Trouble::NoEntry | Trouble::NoKeychain) => Ok(None),
            Err(Trouble::Failed(problem)) => Err(ProviderError::Keychain { problem }),
        }
    }

    fn remembered(&self) -> MutexGuard<'_, HashMap<String, ApiKey>> {
        self.this_run.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why the keychain did not do what was asked.
enum Trouble {
    NoKeychain,
    NoEntry,
    Failed(&'static str),
}

impl From<keyring::Error> for Trouble {
    // The text of these errors is not used: some of them hold the secret.
    fn from(error: keyring::Error) -> Self {
        match error {
            keyring::Error::NoEntry => Self::NoEntry,
            keyring::Error::NoDefaultStore => Self::NoKeychain,
            keyring::Error::NoStorageAccess(_) => Self::Failed("it is locked"),
            keyring::Error::PlatformFailure(_) => Self::Failed("it reported an error"),
            _ => Self::Failed("what it holds for this address is not one key"),
        }
    }
}

async fn in_keychain<T: Send + 'static>(
    account: &str,
    limit: Duration,
    work: impl FnOnce(&Entry) -> keyring::Result<T> + Send + 'static,
) -> Result<T, Trouble> {
    let (answer, answered) = tokio::sync::oneshot::channel();
    let account = account.to_owned();
    let thread = std::thread::Builder::new().name("keychain".to_owned());
    let started = thread.spawn(move || {
        let result = Entry::new(SERVICE, &account).and_then(|entry| work(&entry));
        // Nobody listens any more once the limit has passed.
        let _ = answer.send(result);
    });
    if started.is_err() {
        return Err(Trouble::Failed("no thread could be started for it"));
    }
    match tokio::time::timeout(limit, answered).await {
        Ok(Ok(result)) => result.map_err(Trouble::from),
        Ok(Err(_)) => Err(Trouble::Failed("it stopped half-way")),
        Err(_) => Err(Trouble::Failed("it did not answer in time")),
    }
}
