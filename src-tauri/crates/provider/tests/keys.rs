//! Where keys are kept: in a keychain where there is one, otherwise for this run.
//!
//! One scenario, run three times: as this machine is; in a process of its own without a keychain;
//! and in one with a keychain that is started for it. Each says which it met.

#![allow(clippy::expect_used, clippy::print_stdout)] // Says what it met.

use chatkeep_provider::{ApiKey, KeyPlace, KeyStore, ProviderError};

/// What the scenario has to meet: `keychain` or `none`. Unset: either.
const EXPECTED: &str = "CHATKEEP_TEST_KEYCHAIN";

fn key(text: &str) -> ApiKey {
    ApiKey::parse(text).expect("a key")
}

#[tokio::test]
async fn keys_are_kept_where_this_machine_allows() {
    let keys = KeyStore::new();
    let available = keys.available().await;
    println!("met: {}", if available { "keychain" } else { "none" });
    if let Ok(expected) = std::env::var(EXPECTED) {
        assert_eq!(available, expected == "keychain", "expected: {expected}");
    }
    let place = if available {
        KeyPlace::Keychain
    } else {
        KeyPlace::ThisRun
    };
    let url = format!("https://keys-{}.invalid/v1", std::process::id());
    let url = url.as_str();

    assert_eq!(keys.get(url).await, Ok(None));
    assert_eq!(keys.place(url).await, None);
    assert_eq!(keys.clear(url).await, Ok(()), "one that was never there");

    assert_eq!(keys.set(url, key("sk-first")).await, Ok(place));
    assert_eq!(keys.set(url, key("sk-second")).await, Ok(place));
    assert_eq!(keys.get(url).await, Ok(Some(key("sk-second"))));
    assert_eq!(keys.place(url).await, Some(place));

    let same = url.trim_end_matches("/v1").to_uppercase();
    assert_eq!(
        keys.get(&same).await,
        Ok(Some(key("sk-second"))),
        "the same server"
    );
    let other = url.replace("/v1", "/other");
    assert_eq!(
        keys.get(&other).await,
        Ok(None),
        "another address never gets the key"
    );

    let next_run = KeyStore::new().get(url).await;
    assert_eq!(next_run, Ok(available.then(|| key("sk-second"))));

    assert_eq!(keys.clear(url).await, Ok(()));
    assert_eq!(keys.get(url).await, Ok(None));
    assert_eq!(keys.place(url).await, None);
}

#[tokio::test]
async fn an_address_that_is_none_has_no_key() {
    let keys = KeyStore::new();
    assert!(matches!(
        keys.get("host").await,
        Err(ProviderError::InvalidUrl { .. })
    ));
    assert!(matches!(
        keys.clear("host").await,
        Err(ProviderError::InvalidUrl { .. })
    ));
    let set = keys.set("host", key("sk-secret")).await;
    assert!(matches!(set, Err(ProviderError::InvalidUrl { .. })));
    assert_eq!(keys.place("host").await, None);
}

#[test]
fn what_cannot_be_a_key_is_refused() {
    for text in ["", "  ", "two words", "line\nbreak", "schlüssel", "nul\0"] {
        assert_eq!(
            ApiKey::parse(text),
            Err(ProviderError::InvalidKey),
            "{text:?}"
        );
    }
    assert_eq!(ApiKey::parse(" sk-pasted\n"), Ok(key("sk-pasted")));
}

#[test]
fn a_key_is_never_shown() {
    let key = key("sk-secret");
    assert!(!format!("{key} {key:?} {key:#?}").contains("secret"));
}

#[cfg(target_os = "linux")]
mod in_a_process_of_its_own {
    use std::path::PathBuf;
    use std::process::{Command, Output};

    use super::EXPECTED;

    const SCENARIO: [&str; 3] = [
        "--exact",
        "keys_are_kept_where_this_machine_allows",
        "--nocapture",
    ];

    fn this_program() -> PathBuf {
        std::env::current_exe().expect("the test program")
    }

    fn assert_met(output: &Output, met: &str) {
        let out = String::from_utf8_lossy(&output.stdout);
        let err = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && out.contains(met), "{out}\n{err}");
        println!("in a process of its own {met}");
    }

    #[test]
    fn without_a_keychain_keys_are_kept_for_this_run() {
        let output = Command::new(this_program())
            .args(SCENARIO)
            .env(EXPECTED, "none")
            .env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent")
            .output()
            .expect("the scenario runs");
        assert_met(&output, "met: none");
    }

    #[test]
    fn with_a_keychain_keys_are_kept_in_it() {
        if !(installed("dbus-run-session") && installed("gnome-keyring-daemon")) {
            println!("dbus-run-session or gnome-keyring-daemon is missing: no keychain was met");
            return;
        }
        let home = std::env::temp_dir().join(format!("chatkeep-keys-{}", std::process::id()));
        std::fs::create_dir_all(&home).expect("a home");
        let unlocked = "printf password | gnome-keyring-daemon --unlock --components=secrets \
                        > /dev/null && exec \"$@\"";
        let output = Command::new("dbus-run-session")
            .args(["--", "sh", "-c", unlocked, "sh"])
            .arg(this_program())
            .args(SCENARIO)
            .env(EXPECTED, "keychain")
            .env("HOME", &home)
            .env("XDG_RUNTIME_DIR", &home)
            .env_remove("XDG_DATA_HOME")
            .env_remove("GNOME_KEYRING_CONTROL")
            .output()
            .expect("the scenario runs");
        std::fs::remove_dir_all(&home).expect("the home is removed");
        assert_met(&output, "met: keychain");
    }

    fn installed(program: &str) -> bool {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
    }
}
