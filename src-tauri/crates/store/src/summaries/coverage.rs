//! Which messages of a branch a summary covers, and which the next one is to cover.

use std::collections::HashSet;

use rusqlite::named_params;

use super::{NewSummary, Summary};
use crate::change::Entity;
use crate::error::{Error, Result};
use crate::ids::{MessageId, SessionId, SummaryId};
use crate::messages::{Message, MessageStatus, visible};
use crate::row::from_row;
use crate::transaction::{ReadTx, WriteTx};
use crate::{messages, sessions};

/// Bytes of a text that are taken for a token where it was not counted.
const BYTES_PER_TOKEN: u32 = 3;

/// A message of a branch, as far as it matters here.
pub(crate) struct Place {
    id: MessageId,
    parent_id: Option<MessageId>,
    status: MessageStatus,
    token_count: Option<u32>,
    bytes: u32,
}

from_row!(Place {
    id,
    parent_id,
    status,
    token_count,
    bytes,
});

impl Place {
    fn tokens(&self) -> u32 {
        self.token_count.unwrap_or(self.bytes / BYTES_PER_TOKEN)
    }
}

struct Range {
    start_message_id: MessageId,
    end_message_id: MessageId,
}

from_row!(Range {
    start_message_id,
    end_message_id,
});

/// A branch, oldest first, and of each message whether a summary covers it.
struct Branch {
    places: Vec<Place>,
    covered: Vec<bool>,
}

impl Branch {
    fn read(tx: &ReadTx<'_>, session_id: SessionId, end: Option<MessageId>) -> Result<Self> {
        let places = places(tx, session_id, end)?;
        let mut covered = vec![false; places.len()];
        let position = |id: MessageId| places.binary_search_by_key(&id, |it| it.id).ok();
        for range in whole_ranges(tx, session_id)? {
            // The range of a whole summary is on every branch that holds its end.
            if let (Some(start), Some(end)) = (
                position(range.start_message_id),
                position(range.end_message_id),
            ) && let Some(part) = covered.get_mut(start..=end)
            {
                part.fill(true);
            }
        }
        Ok(Self { places, covered })
    }

    fn position(&self, id: MessageId) -> Option<usize> {
        self.places.binary_search_by_key(&id, |it| it.id).ok()
    }

    fn first_uncovered(&self) -> Option<usize> {
        self.covered.iter().position(|covered| !covered)
    }

    fn ids(&self, from: usize, to: usize) -> Vec<MessageId> {
        let places = self.places.get(from..=to).unwrap_or_default();
        places.iter().map(|it| it.id).collect()
    }
}

/// The branch that ends in `end`, oldest first.
fn places(tx: &ReadTx<'_>, session_id: SessionId, end: Option<MessageId>) -> Result<Vec<Place>> {
    let mut places: Vec<Place> = Vec::new();
    let mut wanted = end;
    while let Some(from) = wanted {
        let found = places.len();
        tx.scan(
            "SELECT id, parent_id, status, token_count, octet_length(text) AS bytes
             FROM messages
             WHERE session_id = ?1 AND id <= ?2
             ORDER BY id DESC",
            (session_id, from),
            |place: Place| {
                let on_branch = wanted == Some(place.id);
                if on_branch {
                    wanted = place.parent_id;
                    places.push(place);
                }
                on_branch && wanted.is_some()
            },
        )?;
        if places.len() == found {
            return Err(Error::not_found(Entity::Message, from));
        }
    }
    places.reverse();
    Ok(places)
}

fn whole_ranges(tx: &ReadTx<'_>, session_id: SessionId) -> Result<Vec<Range>> {
    tx.list(
        "SELECT start_message_id, end_message_id
         FROM conversation_summaries
         WHERE session_id = ?1 AND whole = 1",
        [session_id],
    )
}

/// What no summary covers on the branch on show.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Backlog {
    /// How many messages the branch has.
    pub branch_messages: u32,
    /// Their tokens, by the o200k vocabulary.
    pub branch_tokens: u32,
    /// The first message of the branch that no summary covers.
    pub first: Option<MessageId>,
    /// How many such messages there are before the context.
    pub messages: u32,
    /// Their tokens.
    pub tokens: u32,
    /// Whether a summary stands after some of them.
    pub has_hole: bool,
    /// What the next summary is to cover: its first and its last message.
    pub next: Option<(MessageId, MessageId)>,
}

/// Finds what no summary covers on the branch on show, before the message `before`, and what of it the
/// next summary is to cover: from the first on, as much as has `tokens_max` tokens, or goes up to the
/// next summary.
///
/// # Errors
/// [`Error::NotFound`] if there is no such session.
pub fn backlog(
    tx: &ReadTx<'_>,
    session_id: SessionId,
    before: Option<MessageId>,
    tokens_max: u32,
) -> Result<Backlog> {
    let head = sessions::get(tx, session_id)?.head_id;
    let branch = Branch::read(tx, session_id, head)?;
    let whole = Backlog {
        branch_messages: branch.places.len().try_into().unwrap_or(u32::MAX),
        branch_tokens: tokens_of(branch.places.iter()),
        ..Backlog::default()
    };
    let Some(first) = branch.first_uncovered() else {
        return Ok(whole);
    };
    let limit = before
        .and_then(|id| branch.position(id))
        .unwrap_or(branch.places.len());
    let open = branch.places.iter().zip(&branch.covered).take(limit);
    let open = open.filter(|(_, covered)| !**covered);
    let open: Vec<_> = open.map(|(place, _)| place).collect();
    let next = next_end(tx, session_id, &branch, first, limit, tokens_max)?;
    Ok(Backlog {
        first: branch.places.get(first).map(|it| it.id),
        messages: open.len().try_into().unwrap_or(u32::MAX),
        tokens: tokens_of(open.into_iter()),
        has_hole: branch.covered.iter().skip(first).any(|covered| *covered),
        next: next.and_then(|end| Some((branch.places.get(first)?.id, branch.places.get(end)?.id))),
        ..whole
    })
}

fn tokens_of<'a>(places: impl Iterator<Item = &'a Place>) -> u32 {
    places.map(Place::tokens).fold(0, u32::saturating_add)
}

/// Where the summary that begins at `first` ends: as near below `tokens_max` as it can, else as near
/// above.
fn next_end(
    tx: &ReadTx<'_>,
    session_id: SessionId,
    branch: &Branch,
    first: usize,
    limit: usize,
    tokens_max: u32,
) -> Result<Option<usize>> {
    let mut no_end = covered_elsewhere(tx, session_id, branch)?;
    no_end.extend(before_tools(tx, session_id)?);
    let mut best = None;
    let mut tokens = 0_u32;
    for (at, place) in branch.places.iter().enumerate().take(limit).skip(first) {
        tokens = tokens.saturating_add(place.tokens());
        let is_open = branch.covered.get(at) == Some(&false);
        if !is_open || place.status == MessageStatus::Streaming {
            break;
        }
        if tokens > tokens_max && best.is_some() {
            break;
        }
        if !no_end.contains(&place.id) {
            best = Some(at);
        }
    }
    Ok(best)
}

struct Asking {
    id: MessageId,
}

from_row!(Asking { id });

/// Messages that a tool's answer follows on some branch: it would be parted from what asked for it.
fn before_tools(tx: &ReadTx<'_>, session_id: SessionId) -> Result<impl Iterator<Item = MessageId>> {
    let asking: Vec<Asking> = tx.list(
        "SELECT parent_id AS id
         FROM messages
         WHERE session_id = ?1 AND role = 'tool' AND parent_id IS NOT NULL
             AND deleted_at IS NULL",
        [session_id],
    )?;
    Ok(asking.into_iter().map(|it| it.id))
}

/// Messages of this branch that are covered by a summary of another: one that ended there would count
/// on that branch too, and cover them twice.
fn covered_elsewhere(
    tx: &ReadTx<'_>,
    session_id: SessionId,
    branch: &Branch,
) -> Result<HashSet<MessageId>> {
    let mut elsewhere = HashSet::new();
    for range in whole_ranges(tx, session_id)? {
        if branch.position(range.end_message_id).is_some() {
            continue;
        }
        let Some(start) = branch.position(range.start_message_id) else {
            continue;
        };
        // Both branches are one up to where they part.
        let others = places(tx, session_id, Some(range.end_message_id))?;
        let shared = others.iter().zip(&branch.places);
        let shared = shared.take_while(|(a, b)| a.id == b.id).skip(start);
        elsewhere.extend(shared.map(|(_, place)| place.id));
    }
    Ok(elsewhere)
}

/// The messages of a range, if it is the next that a summary of its branch can cover.
pub(super) fn next_on_branch(tx: &WriteTx<'_>, new: &NewSummary) -> Result<Vec<MessageId>> {
    let refuse = |limit: &str| Err(Error::invalid("range", limit));
    let end = visible(messages::get(tx, new.end_message_id)?)?;
    let branch = Branch::read(tx, new.session_id, Some(end.id))?;
    let last = branch.places.len() - 1;
    let Some(start) = branch.position(new.start_message_id) else {
        return refuse("must begin and end on the same branch");
    };
    match branch.first_uncovered() {
        None => return refuse("is covered by other summaries already"),
        Some(first) if first != start => {
            let first = branch.places.get(first).map_or(0, |it| it.id.get());
            return refuse(&format!(
                "must begin with the first message that no summary covers, which is {first}"
            ));
        }
        Some(_) => {}
    }
    if branch.covered.iter().skip(start).any(|covered| *covered)
        || covered_elsewhere_at(tx, end.id)?
    {
        return refuse("must not hold a message that another summary covers");
    }
    if followed_by_tool(tx, end.id)? {
        return refuse("must not end between a request to a tool and what it answered");
    }
    supersede(tx, new.session_id, &branch, start)?;
    Ok(branch.ids(start, last))
}

/// The same, if the range is on the branch on show, and nothing if it is not the next.
pub(super) fn next_on_show(tx: &WriteTx<'_>, new: &NewSummary) -> Result<Option<Vec<MessageId>>> {
    let session = match sessions::get(tx, new.session_id) {
        Err(Error::NotFound { .. }) => return Ok(None),
        found => found?,
    };
    let shown = places(tx, session.id, session.head_id)?;
    if shown
        .binary_search_by_key(&new.end_message_id, |it| it.id)
        .is_err()
    {
        return Ok(None);
    }
    match next_on_branch(tx, new) {
        Err(Error::Invalid { .. }) => Ok(None),
        found => found.map(Some),
    }
}

fn covered_elsewhere_at(tx: &ReadTx<'_>, id: MessageId) -> Result<bool> {
    let found: Option<bool> = tx.value(
        "SELECT 1
         FROM summary_messages
         JOIN conversation_summaries ON conversation_summaries.id = summary_id
         WHERE message_id = ?1 AND whole = 1",
        [id],
    )?;
    Ok(found.is_some())
}

fn followed_by_tool(tx: &ReadTx<'_>, id: MessageId) -> Result<bool> {
    let found: Option<bool> = tx.value(
        "SELECT 1
         FROM messages
         WHERE parent_id = ?1 AND role = 'tool' AND deleted_at IS NULL",
        [id],
    )?;
    Ok(found.is_some())
}

struct Superseded {
    id: SummaryId,
    end_message_id: MessageId,
    covers_end: bool,
}

from_row!(Superseded {
    id,
    end_message_id,
    covers_end,
});

/// Summaries that are not whole, and would cover messages of the new one too if they came to be.
fn supersede(tx: &WriteTx<'_>, session_id: SessionId, branch: &Branch, start: usize) -> Result<()> {
    let end = branch.places.last().map(|it| it.id);
    let broken: Vec<Superseded> = tx.list(
        "SELECT id, end_message_id,
             EXISTS (SELECT 1
                     FROM summary_messages
                     WHERE summary_id = id AND message_id = ?2) AS covers_end
         FROM conversation_summaries
         WHERE session_id = ?1 AND whole = 0",
        (session_id, end),
    )?;
    for summary in broken {
        let at = branch.position(summary.end_message_id);
        if summary.covers_end || at.is_some_and(|at| at >= start) {
            super::delete(tx, summary.id)?;
        }
    }
    Ok(())
}

/// Notes which messages a summary covers.
pub(crate) fn note(
    tx: &WriteTx<'_>,
    id: SummaryId,
    covered: impl Iterator<Item = MessageId>,
) -> Result<()> {
    for message in covered {
        tx.execute(
            "INSERT INTO summary_messages (summary_id, message_id) VALUES (?1, ?2)",
            (id, message),
        )?;
    }
    Ok(())
}

/// Finds out anew which summaries of a session are whole, as messages went to the trash or came back.
pub(crate) fn recheck(tx: &WriteTx<'_>, session_id: SessionId) -> Result<()> {
    tx.execute_noting::<SummaryId>(
        Entity::Summary,
        "UPDATE conversation_summaries
         SET whole = 1 - whole
         WHERE session_id = ?1
             AND whole <> (SELECT count(*) > 0 AND max(deleted_at) IS NULL
                               AND count(*) = max(depth) - min(depth) + 1
                           FROM summary_messages
                           JOIN messages ON messages.id = message_id
                           WHERE summary_id = conversation_summaries.id)
         RETURNING id",
        [session_id],
    )?;
    Ok(())
}

/// The summaries that count on the branch whose newest messages these are, oldest first; of the
/// newest messages first, at most `limit`.
///
/// Going back along the branch, a summary leads from its last message to what is before its first.
/// So where one follows the other nothing between is read.
pub(crate) fn on_branch(tx: &ReadTx<'_>, newest: &[Message], limit: usize) -> Result<Vec<Summary>> {
    let (Some(oldest), Some(head)) = (newest.first(), newest.last()) else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    let mut walk = Walk {
        tx,
        newest,
        at: Some(head.id),
        session_id: oldest.session_id,
    };
    let mut failed = Ok(());
    tx.scan(
        "SELECT id, session_id, summary, message_count, start_message_id, end_message_id,
             importance_score, origin, model_id, whole, created_at
         FROM conversation_summaries
         WHERE session_id = ?1 AND whole = 1 AND end_message_id <= ?2
         ORDER BY end_message_id DESC",
        (oldest.session_id, head.id),
        |summary: Summary| {
            match walk.passes(&summary) {
                Ok(true) => found.push(summary),
                Ok(false) => {}
                Err(error) => failed = Err(error),
            }
            failed.is_ok() && found.len() < limit && walk.at.is_some()
        },
    )?;
    failed.map(|()| found)
}

/// A walk back along a branch, from summary to summary.
struct Walk<'a> {
    tx: &'a ReadTx<'a>,
    newest: &'a [Message],
    session_id: SessionId,
    /// The message of the branch that is next; nothing before its first.
    at: Option<MessageId>,
}

impl Walk<'_> {
    /// Whether the branch, from here back, holds the summary's range; if so, goes on before it.
    fn passes(&mut self, summary: &Summary) -> Result<bool> {
        self.go_back_to(summary.end_message_id)?;
        if self.at != Some(summary.end_message_id) {
            return Ok(false);
        }
        self.at = messages::get(self.tx, summary.start_message_id)?.parent_id;
        Ok(true)
    }

    /// To this message, or the first of the branch before it.
    fn go_back_to(&mut self, id: MessageId) -> Result<()> {
        if let Some(oldest) = self.newest.first()
            && self.at >= Some(oldest.id)
        {
            let before = self.newest.partition_point(|it| it.id <= id);
            let at = before.checked_sub(1).and_then(|it| self.newest.get(it));
            self.at = at.map_or(oldest.parent_id, |it| Some(it.id)).min(self.at);
        }
        while let Some(from) = self.at.filter(|at| *at > id) {
            let mut wanted = Some(from);
            self.tx.scan(
                "SELECT id, parent_id
                 FROM messages
                 WHERE session_id = :session_id AND id <= :from AND id > :to
                 ORDER BY id DESC",
                named_params! { ":session_id": self.session_id, ":from": from, ":to": id },
                |step: Step| {
                    let on_branch = wanted == Some(step.id);
                    if on_branch {
                        wanted = step.parent_id;
                    }
                    on_branch
                },
            )?;
            if wanted == Some(from) {
                return Err(Error::not_found(Entity::Message, from));
            }
            self.at = wanted;
        }
        Ok(())
    }
}

struct Step {
    id: MessageId,
    parent_id: Option<MessageId>,
}

from_row!(Step { id, parent_id });
