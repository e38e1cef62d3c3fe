//! Vectors as they are held in memory: one bit a number, and what a filter asks for.
//!
//! A vector `d` is kept as the signs of its residual `r = d - mean`, with two numbers beside them: how
//! much a sign counts, and `<mean, d>`. A query is cut to four bits a number, so that its product with
//! the signs is counted in bits. That estimates `<q, d>` well enough that the best ten are nearly
//! always among the best two hundred, whose rows then tell. Measured on 2026-11-21: without the mean,
//! or with one bit of the query, the recall falls below 0.95.
//!
//! A vector of 384 numbers takes 62 bytes: 48 of signs, 2 and 2 of numbers, 4 of id, 4 of session and
//! role, 2 of date.

use crate::ids::SessionId;
use crate::messages::Role;
use crate::time::Timestamp;

use super::scan::Planes;

/// Vectors in one block, so that what grows is never copied as a whole.
const BLOCK: usize = 8192;
/// The most that the second number can be: no residual of a unit vector is longer.
const WEIGHT_MAX: f32 = 2.0;
const ROLE_BITS: u32 = 2;
const DAY_MS: i64 = 86_400_000;

/// A vector and what a filter asks of its message.
pub(crate) struct Entry<'a> {
    pub(crate) id: i64,
    pub(crate) session_id: SessionId,
    pub(crate) role: Role,
    pub(crate) created_at: Timestamp,
    pub(crate) vector: &'a [f32],
}

/// The codes of the vectors of one model.
#[derive(Debug, Default)]
pub(crate) struct Codes {
    mean: Vec<f32>,
    blocks: Vec<Block>,
    sessions: Sessions,
}

/// One code as it can be compared with another.
#[derive(Debug, PartialEq)]
struct Code<'a> {
    id: i64,
    signs: &'a [u64],
    weight: u16,
    offset: i16,
    session_id: Option<SessionId>,
    role: u32,
    day: u16,
}

/// Codes with ascending ids.
#[derive(Debug, Default)]
struct Block {
    first_id: i64,
    /// To be added to the first.
    ids: Vec<u32>,
    signs: Vec<u64>,
    weights: Vec<u16>,
    offsets: Vec<i16>,
    /// The number of the session, and in the lowest bits the role.
    places: Vec<u32>,
    days: Vec<u16>,
}

/// Sessions have numbers here, in the order in which they were met.
#[derive(Debug, Default)]
struct Sessions {
    /// Sorted by id.
    numbers: Vec<(SessionId, u32)>,
}

impl Sessions {
    fn find(&self, id: SessionId) -> Option<u32> {
        let at = self.numbers.binary_search_by_key(&id, |(id, _)| *id);
        at.ok().and_then(|at| self.numbers.get(at)).map(|it| it.1)
    }

    fn by_number(&self) -> Vec<SessionId> {
        let mut sessions = self.numbers.clone();
        sessions.sort_unstable_by_key(|(_, number)| *number);
        sessions.into_iter().map(|(id, _)| id).collect()
    }

    fn number_of(&mut self, id: SessionId) -> u32 {
        match self.numbers.binary_search_by_key(&id, |(id, _)| *id) {
            Ok(at) => self.numbers[at].1,
            Err(at) => {
                let number = u32::try_from(self.numbers.len()).unwrap_or(u32::MAX);
                self.numbers.insert(at, (id, number));
                number
            }
        }
    }
}

/// Which codes a scan looks at; coarser than the rows' own filter, never finer.
#[derive(Debug)]
pub(crate) struct Allowed {
    /// By the number of the session; one that is not in it: `other_sessions`.
    sessions: Vec<bool>,
    other_sessions: bool,
    /// By the number of the role.
    roles: [bool; 4],
    days: std::ops::RangeInclusive<u16>,
}

impl Allowed {
    fn passes(&self, place: u32, day: u16) -> bool {
        let session = (place >> ROLE_BITS) as usize;
        let session = self.sessions.get(session).copied();
        session.unwrap_or(self.other_sessions)
            && self.roles[(place & 3) as usize]
            && self.days.contains(&day)
    }
}

/// Which sessions a scan looks at.
pub(crate) enum Among {
    /// All but these.
    AllBut(Vec<SessionId>),
    /// These alone.
    Only(Vec<SessionId>),
}

impl Codes {
    /// No codes yet, for vectors with this mean.
    pub(crate) fn about(mean: Vec<f32>) -> Self {
        Self {
            mean,
            ..Self::default()
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.blocks.iter().map(|block| block.ids.len()).sum()
    }

    pub(crate) fn mean(&self) -> &[f32] {
        &self.mean
    }

    /// How many codes there are in one alone, or are not the same in both.
    pub(crate) fn differences(&self, other: &Self) -> usize {
        let (ours, theirs) = (self.sessions.by_number(), other.sessions.by_number());
        let mut theirs = other.codes(&theirs).peekable();
        let mut differences = 0;
        for code in self.codes(&ours) {
            while theirs.next_if(|it| it.id < code.id).is_some() {
                differences += 1;
            }
            let same = theirs.next_if(|it| it.id == code.id);
            differences += usize::from(same.is_none_or(|it| it != code));
        }
        differences + theirs.count()
    }

    fn codes<'a>(&'a self, sessions: &'a [SessionId]) -> impl Iterator<Item = Code<'a>> {
        let words = self.words();
        self.blocks.iter().flat_map(move |block| {
            let signs = block.signs.chunks(words.max(1));
            let codes = block.ids.iter().zip(signs).enumerate();
            codes.map(move |(at, (ahead, signs))| Code {
                id: block.first_id + i64::from(*ahead),
                signs,
                weight: block.weights[at],
                offset: block.offsets[at],
                session_id: sessions
                    .get((block.places[at] >> ROLE_BITS) as usize)
                    .copied(),
                role: block.places[at] & 3,
                day: block.days[at],
            })
        })
    }

    fn words(&self) -> usize {
        self.mean.len().div_ceil(64)
    }

    /// Adds a vector, whose id is above all that are there.
    pub(crate) fn push(&mut self, entry: &Entry<'_>) {
        let place = self.sessions.number_of(entry.session_id) << ROLE_BITS | role(entry.role);
        let fits = |block: &Block| {
            block.ids.len() < BLOCK && u32::try_from(entry.id - block.first_id).is_ok()
        };
        if !self.blocks.last().is_some_and(fits) {
            self.blocks.last_mut().map(Block::shrink);
            self.blocks.push(Block::from(entry.id));
        }
        if let Some(block) = self.blocks.last_mut() {
            let ahead = u32::try_from(entry.id - block.first_id).unwrap_or_default();
            block.grow(self.mean.len().div_ceil(64));
            block.ids.push(ahead);
            block.places.push(place);
            block.days.push(day(entry.created_at));
            block.push_code(&self.mean, entry.vector);
        }
    }

    /// Drops the codes whose ids are not in this ascending list.
    pub(crate) fn retain(&mut self, ids: &[i64]) {
        let words = self.words();
        let mut ids = ids.iter().copied().peekable();
        for block in &mut self.blocks {
            let first_id = block.first_id;
            let kept: Vec<bool> = (block.ids.iter())
                .map(|ahead| {
                    let id = first_id + i64::from(*ahead);
                    while ids.next_if(|it| *it < id).is_some() {}
                    ids.peek() == Some(&id)
                })
                .collect();
            block.retain(&kept, words);
        }
        self.blocks.retain(|block| !block.ids.is_empty());
    }

    /// What a filter allows, in terms of these codes.
    pub(crate) fn allow(
        &self,
        among: &Among,
        of: Option<&[Role]>,
        from: Option<Timestamp>,
        before: Option<Timestamp>,
    ) -> Allowed {
        let (listed, other_sessions) = match among {
            Among::AllBut(sessions) => (sessions, true),
            Among::Only(sessions) => (sessions, false),
        };
        let mut sessions = vec![other_sessions; self.sessions.numbers.len()];
        for number in listed.iter().filter_map(|id| self.sessions.find(*id)) {
            if let Some(session) = sessions.get_mut(number as usize) {
                *session = !other_sessions;
            }
        }
        let mut roles = [of.is_none(); 4];
        for of in of.into_iter().flatten() {
            roles[role(*of) as usize] = true;
        }
        Allowed {
            sessions,
            other_sessions,
            roles,
            days: from.map_or(0, day)..=before.map_or(u16::MAX, day),
        }
    }

    /// The ids of the codes that are likely to be nearest to a query, the likeliest first, at most
    /// `limit`.
    pub(crate) fn scan(&self, query: &[f32], limit: usize, allowed: &Allowed) -> Vec<i64> {
        let centred: Vec<f32> = query.iter().zip(&self.mean).map(|(q, m)| q - m).collect();
        let planes = Planes::of(&centred);
        let mut best = Best::new(limit);
        let mut estimates = Vec::with_capacity(BLOCK);
        for block in &self.blocks {
            planes.estimate(&block.signs, &block.weights, &block.offsets, &mut estimates);
            for (at, estimate) in estimates.iter().enumerate() {
                if *estimate > best.least && allowed.passes(block.places[at], block.days[at]) {
                    best.take(*estimate, block.first_id + i64::from(block.ids[at]));
                }
            }
        }
        best.finish()
    }

    /// Bytes that the codes take.
    pub(crate) fn bytes(&self) -> usize {
        let sessions = self.sessions.numbers.capacity() * size_of::<(SessionId, u32)>();
        sessions + self.blocks.iter().map(Block::bytes).sum::<usize>()
    }
}

impl Block {
    fn from(first_id: i64) -> Self {
        Self {
            first_id,
            ..Self::default()
        }
    }

    fn push_code(&mut self, mean: &[f32], vector: &[f32]) {
        let (mut length, mut sum, mut offset) = (0.0, 0.0, 0.0);
        for (numbers, means) in vector.chunks(64).zip(mean.chunks(64)) {
            let mut word = 0;
            for (bit, (number, mean)) in numbers.iter().zip(means).enumerate() {
                let residual = number - mean;
                word |= u64::from(residual > 0.0) << bit;
                length += residual * residual;
                sum += residual.abs();
                offset += number * mean;
            }
            self.signs.push(word);
        }
        let weight = if sum > 0.0 { length / sum } else { 0.0 };
        self.weights.push(fixed_weight(weight));
        self.offsets.push(fixed_offset(offset));
    }

    fn retain(&mut self, kept: &[bool], words: usize) {
        if kept.iter().all(|kept| *kept) {
            return;
        }
        keep(&mut self.ids, kept, 1);
        keep(&mut self.signs, kept, words);
        keep(&mut self.weights, kept, 1);
        keep(&mut self.offsets, kept, 1);
        keep(&mut self.places, kept, 1);
        keep(&mut self.days, kept, 1);
    }

    /// Makes room for one more, and a few: `Vec` by itself would make twice of what is there.
    fn grow(&mut self, words: usize) {
        if self.ids.len() == self.ids.capacity() {
            let more = self.ids.len() / 8 + 64;
            self.ids.reserve_exact(more);
            self.signs.reserve_exact(more * words);
            self.weights.reserve_exact(more);
            self.offsets.reserve_exact(more);
            self.places.reserve_exact(more);
            self.days.reserve_exact(more);
        }
    }

    /// Gives back the room that it grew by and did not need.
    fn shrink(&mut self) {
        self.ids.shrink_to_fit();
        self.signs.shrink_to_fit();
        self.weights.shrink_to_fit();
        self.offsets.shrink_to_fit();
        self.places.shrink_to_fit();
        self.days.shrink_to_fit();
    }

    fn bytes(&self) -> usize {
        self.ids.capacity() * 4
            + self.signs.capacity() * 8
            + self.weights.capacity() * 2
            + self.offsets.capacity() * 2
            + self.places.capacity() * 4
            + self.days.capacity() * 2
    }
}

/// Keeps those items, of `width` values each, that `kept` says.
fn keep<T>(values: &mut Vec<T>, kept: &[bool], width: usize) {
    let mut at = 0;
    values.retain(|_| {
        let keep = kept[at / width];
        at += 1;
        keep
    });
}

const fn role(role: Role) -> u32 {
    match role {
        Role::System => 0,
        Role::User => 1,
        Role::Assistant => 2,
        Role::Tool => 3,
    }
}

/// Days since the epoch; before and after what two bytes hold, the nearest that they do.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped before"
)]
fn day(at: Timestamp) -> u16 {
    (at.as_ms().div_euclid(DAY_MS)).clamp(0, i64::from(u16::MAX)) as u16
}

/// Weights in steps that two bytes hold.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float is cut at the ends when it is cast"
)]
fn fixed_weight(weight: f32) -> u16 {
    (weight / WEIGHT_STEP).round() as u16
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a float is cut at the ends when it is cast"
)]
fn fixed_offset(offset: f32) -> i16 {
    (offset / OFFSET_STEP).round() as i16
}

/// What a weight counts.
pub(super) const WEIGHT_STEP: f32 = WEIGHT_MAX / 65_535.0;
/// What an offset counts: a product of unit vectors is between -1 and 1.
pub(super) const OFFSET_STEP: f32 = 1.0 / 32_767.0;

/// The best of what was seen, collected in twice the room and cut to it when that is full.
struct Best {
    limit: usize,
    found: Vec<(f32, i64)>,
    least: f32,
}

impl Best {
    fn new(limit: usize) -> Self {
        Self {
            limit,
            found: Vec::with_capacity(limit.saturating_mul(2).min(1 << 16)),
            least: f32::NEG_INFINITY,
        }
    }

    fn take(&mut self, estimate: f32, id: i64) {
        self.found.push((estimate, id));
        if self.found.len() >= self.limit.saturating_mul(2) {
            self.cut();
        }
    }

    /// Of two alike the newer.
    fn order(a: &(f32, i64), b: &(f32, i64)) -> std::cmp::Ordering {
        b.0.total_cmp(&a.0).then(b.1.cmp(&a.1))
    }

    fn cut(&mut self) {
        if self.limit < self.found.len() {
            self.found.select_nth_unstable_by(self.limit, Self::order);
            self.found.truncate(self.limit);
            let least = self.found.iter().map(|it| it.0).min_by(f32::total_cmp);
            self.least = least.unwrap_or(f32::NEG_INFINITY);
        }
    }

    fn finish(mut self) -> Vec<i64> {
        self.cut();
        self.found.sort_unstable_by(Self::order);
        self.found.into_iter().map(|(_, id)| id).collect()
    }
}
