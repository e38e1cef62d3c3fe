//! The database of Chatkeep: sessions, messages, personas, summaries and pins in one SQLite file.
//!
//! No Tauri, no network, and no clock but the one handed in. Every function of an entity takes the
//! transaction it runs in, so that several make one commit; only [`Store::read`], [`Store::write`]
//! and [`Store::write_redoable`] begin one.
//!
//! ```
//! use chatkeep_store::{NewMessage, NewSession, OpenOptions, messages, sessions};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let folder = folder.path();
//! let store = OpenOptions::new(folder).open()?;
//!
//! let session = store.write(|tx| {
//!     let session = sessions::insert(tx, &NewSession::named("Tea"))?;
//!     messages::append(tx, &NewMessage::user(session.id, "How long does green tea steep?"))?;
//!     messages::append(tx, &NewMessage::assistant(session.id, "Two minutes, at 80 °C."))?;
//!     Ok(session)
//! })?;
//! assert_eq!(session.changes.len(), 3); // one session, two messages
//!
//! let page = store.read(|tx| messages::list(tx, session.value.id, None, 50))?;
//! let texts: Vec<_> = page.items.iter().map(|message| message.text.as_str()).collect();
//! assert_eq!(texts, ["How long does green tea steep?", "Two minutes, at 80 °C."]);
//! # Ok(())
//! # }
//! ```

pub mod backup_settings;
pub mod branches;
mod change;
mod connection;
pub mod context;
pub mod drafts;
pub mod endpoints;
mod error;
pub mod fusion;
pub mod generations;
mod ids;
mod limits;
pub mod location;
mod lock;
pub mod messages;
pub mod models;
mod page;
pub mod personas;
pub mod pins;
pub mod rescue;
mod row;
mod schema;
pub mod search;
pub mod sessions;
pub mod settings;
mod store;
pub mod summaries;
#[cfg(feature = "testing")]
pub mod testing;
mod time;
mod transaction;
pub mod trash;
pub mod upkeep;
pub mod vectors;

pub use backup_settings::{BackupKeep, BackupSettings};
pub use branches::Siblings;
pub use change::{Change, Committed, Entity};
pub use context::{Context, ContextItem, ContextLimits, ContextPlan, Exclusion};
pub use endpoints::{Endpoint, EndpointUpdate, NewEndpoint};
pub use error::{Error, OpenError, Result};
pub use generations::{Generation, GenerationStatus, NewGeneration, Purpose};
pub use ids::{EndpointId, MessageId, MessageUid, PersonaId, PinId, SessionId, SummaryId};
pub use limits::{
    MESSAGE_BYTES_MAX, NAME_CHARS_MAX, NOTE_BYTES_MAX, PAGE_LIMIT_MAX, PROMPT_BYTES_MAX, Score,
};
pub use messages::{Message, MessageStatus, NewMessage, Parent, Role};
pub use models::ModelProfile;
pub use page::Page;
pub use personas::{Persona, PersonaCategory, PersonaFields};
pub use pins::{Fact, FactKind, NewPin, Pin, PinScope, PinSource, PinType, PinUpdate};
pub use search::{SearchRequest, SearchResults};
pub use sessions::{NewSession, Session, SessionCursor, Shelf};
pub use settings::{AutoPins, Settings, Theme};
pub use store::{OpenOptions, Store, WriteHold};
pub use summaries::{Backlog, NewSummary, Summary, SummaryOrigin, SummaryUpdate, Wording};
pub use time::{Clock, SystemClock, Timestamp};
pub use transaction::{ReadTx, WriteTx};
pub use trash::{Purged, TrashedBranch};

/// The file that holds everything, inside the data folder.
pub const DATABASE_FILE: &str = "chatkeep.db";

/// The version of the SQLite that is built in.
#[must_use]
pub fn sqlite_version() -> &'static str {
    rusqlite::version()
}
