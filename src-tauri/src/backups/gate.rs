//! Standing still while `restore-db` replaces the database under the running app.

use std::path::Path;
use std::sync::{Arc, Weak};

use chatkeep_backup::{Gate, with_causes};
use chatkeep_store::{Store, WriteHold};

use crate::events::News;
use crate::opening;
use crate::replies::{Paused, Replies};
use crate::state::Tell;

/// As long as this lives, the app writes nothing.
struct Hold {
    store: Arc<Store>,
    writes: WriteHold,
    paused: Paused,
}

/// Opens the gate of a store. Without one, as in a folder whose path is too long for a socket, the
/// app has to be quit for a restore from outside.
pub(crate) fn open(
    store: &Arc<Store>,
    replies: &Replies,
    folder: &Path,
    tell: &Tell,
) -> Option<Gate> {
    let (store, replies) = (Arc::downgrade(store), replies.clone());
    let tell = Arc::clone(tell);
    let gate = Gate::open(
        folder,
        move |by| hold(&store, &replies, by),
        move |held, replaced| release(held, replaced, &tell),
    );
    gate.inspect_err(|error| log::warn!("no restore while the app runs: {}", with_causes(error)))
        .ok()
}

/// Ends the replies and holds the one writer.
fn hold(store: &Weak<Store>, replies: &Replies, by: &str) -> Result<Hold, String> {
    log::info!("{by} asks to replace the database");
    let store = store.upgrade().ok_or("it is ending")?;
    let paused = tauri::async_runtime::block_on(replies.pause());
    if !paused.all_ended {
        return Err("a reply is still being written; stop it, or wait until it has ended".into());
    }
    let writes = store
        .hold_writes()
        .map_err(|error| format!("another write goes on: {error}"))?;
    Ok(Hold {
        store,
        writes,
        paused,
    })
}

/// Goes on, with what is there now.
fn release(held: Hold, replaced: bool, tell: &Tell) {
    let Hold {
        store,
        writes,
        paused,
    } = held;
    if replaced {
        writes.replaced();
    } else {
        drop(writes);
    }
    // A reply that was asked for meanwhile was refused, and its row has no end.
    if let Err(error) = opening::recover(&store) {
        log::warn!("replies that were cut off could not be marked: {error}");
    }
    drop(paused);
    log::info!("the app goes on; the database was replaced: {replaced}");
    if replaced {
        tell(News::Reload);
        tell(News::Backups);
    }
}
