//! Several rankings made one, by reciprocal rank: what stands high in any of them stands high, what
//! stands high in several stands higher. Scores are not compared, as those of words and of meaning
//! have nothing in common.

use std::collections::HashMap;

use crate::ids::MessageId;

/// Dampens the first ranks, so that one list's first is not above what both have second. The usual
/// value: Cormack and others, SIGIR 2009.
const DAMPING: f64 = 60.0;

/// A ranking.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ranked<'a> {
    /// How much it counts beside the others; one that counts nothing adds nothing.
    pub weight: f64,
    /// The best first; of one that stands there twice the first place counts.
    pub ids: &'a [MessageId],
}

/// A message in the ranking that was made.
#[derive(Debug, Clone, PartialEq)]
pub struct Fused {
    /// Which one.
    pub id: MessageId,
    /// The sum of weight / (60 + rank) over the lists.
    pub score: f64,
    /// Its place in each of the lists, from 1.
    pub ranks: Vec<Option<usize>>,
}

/// Makes one ranking of several, the best first, of two alike the newer; at most `limit`.
#[must_use]
pub fn fuse(lists: &[Ranked<'_>], limit: usize) -> Vec<Fused> {
    let mut ranks: HashMap<MessageId, Vec<Option<usize>>> = HashMap::new();
    for (number, list) in lists.iter().enumerate().filter(|(_, it)| it.weight > 0.0) {
        for (rank, id) in (1..).zip(list.ids) {
            let of_id = ranks.entry(*id).or_insert_with(|| vec![None; lists.len()]);
            of_id[number].get_or_insert(rank);
        }
    }
    let mut fused: Vec<Fused> = ranks
        .into_iter()
        .map(|(id, ranks)| Fused {
            id,
            score: score(lists, &ranks),
            ranks,
        })
        .collect();
    fused.sort_unstable_by(|a, b| b.score.total_cmp(&a.score).then(b.id.cmp(&a.id)));
    fused.truncate(limit);
    fused
}

#[expect(clippy::cast_precision_loss, reason = "ranks are small")]
fn score(lists: &[Ranked<'_>], ranks: &[Option<usize>]) -> f64 {
    let parts = lists.iter().zip(ranks);
    parts
        .filter_map(|(list, rank)| Some(list.weight / (DAMPING + (*rank)? as f64)))
        .sum()
}
