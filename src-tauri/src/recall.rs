//! Recall: what old messages say of the user's last one, found by its meaning before a request is
//! planned. A request never fails, and waits only so long, for want of it.

use std::time::Duration;

use chatkeep_store::context::Recalled;
use chatkeep_store::context::recall;
use chatkeep_store::{Context, Role, Session, Settings};
use tokio::time::timeout;

use crate::error::CommandError;
use crate::state::Backend;

/// The longest that a request waits for the vector of the user's message.
const PATIENCE: Duration = Duration::from_secs(3);

/// Puts what may be recalled into the context.
pub(crate) async fn recall(
    backend: &Backend,
    session: Session,
    mut context: Context,
    settings: &Settings,
) -> Result<Context, CommandError> {
    let from = settings.recall_from;
    let Some(vector) = vector_of_last(backend, &context, settings).await else {
        return Ok(context);
    };
    let find = backend.store.read(move |tx| {
        let found = recall::find(tx, &session, &context, &vector, from);
        Ok((context, found))
    });
    let found;
    (context, found) = find.await?;
    context.recalled = found.map_err(CommandError::from).unwrap_or_else(without);
    Ok(context)
}

fn without(error: CommandError) -> Vec<Recalled> {
    log::warn!("nothing is recalled: {}", error.message);
    Vec::new()
}

/// The vector of the user's last message; nothing where none is wanted, or to be had in time.
async fn vector_of_last(
    backend: &Backend,
    context: &Context,
    settings: &Settings,
) -> Option<Vec<f32>> {
    let mut messages = context.messages.iter();
    let asked = messages.rfind(|it| it.role == Role::User)?;
    if settings.recall_percent == 0 || asked.text.trim().is_empty() {
        return None;
    }
    let vector = backend.embedding.embed_query(backend, &asked.text);
    match timeout(PATIENCE, vector).await {
        Ok(Ok(vector)) => vector,
        Ok(Err(error)) => {
            log::info!("nothing is recalled: {}", error.message);
            None
        }
        Err(_) => {
            log::info!("nothing is recalled: the model that finds by meaning took too long");
            None
        }
    }
}
