//! Cutting a long text into overlapping passages.

use std::ops::Range;

/// A token of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Its bytes in the text.
    pub bytes: Range<usize>,
    /// Whether a word begins with it.
    pub begins_word: bool,
}

/// Cuts a text, given as its tokens, into passages of at most `limit` tokens, each beginning with a word
/// among the last `overlap` tokens (at most half a passage) of the one before, if one begins there; and
/// ending between words, if one begins in its second half. Returns their bytes in the text, in order;
/// every token is in at least one. None if there are no tokens.
///
/// # Examples
/// ```
/// use chatkeep_embed::{Piece, cut};
///
/// let piece = |bytes, begins_word| Piece { bytes, begins_word };
/// // "to embed it too" in five tokens.
/// let pieces = [
///     piece(0..2, true), piece(3..5, true), piece(5..8, false), piece(9..11, true),
///     piece(12..15, true),
/// ];
/// // "to embed it", "it too"
/// assert_eq!(cut(&pieces, 4, 2), [0..11, 9..15]);
/// ```
#[must_use]
pub fn cut(pieces: &[Piece], limit: usize, overlap: usize) -> Vec<Range<usize>> {
    let limit = limit.max(1);
    // An end is past the middle of its passage: with no more than half, every passage gets further.
    let overlap = overlap.min(limit / 2);
    let mut passages = Vec::new();
    let mut start = 0;
    while start < pieces.len() {
        let end = end_of(pieces, start, limit);
        passages.extend(bytes(pieces, start..end));
        if end == pieces.len() {
            break;
        }
        start = next_start(pieces, start, end, overlap);
    }
    passages
}

fn end_of(pieces: &[Piece], start: usize, limit: usize) -> usize {
    let furthest = start + limit;
    if furthest >= pieces.len() {
        return pieces.len();
    }
    let word = (start + limit / 2 + 1..=furthest)
        .rev()
        .find(|at| begins_word(pieces, *at));
    word.unwrap_or(furthest)
}

fn next_start(pieces: &[Piece], start: usize, end: usize, overlap: usize) -> usize {
    let earliest = end.saturating_sub(overlap).max(start + 1);
    let word = (earliest..end).find(|at| begins_word(pieces, *at));
    word.unwrap_or(end)
}

fn begins_word(pieces: &[Piece], at: usize) -> bool {
    pieces.get(at).is_some_and(|piece| piece.begins_word)
}

fn bytes(pieces: &[Piece], range: Range<usize>) -> Option<Range<usize>> {
    let passage = pieces.get(range)?;
    Some(passage.first()?.bytes.start..passage.last()?.bytes.end)
}
