//! What is found, beside what an exact search over all vectors finds.

use proptest::prelude::*;

use super::*;

/// A message as the oracle knows it.
#[derive(Debug)]
struct Known {
    message: Message,
    persona: bool,
    vectors: Vec<Vec<f32>>,
}

/// Numbers of a fixed sequence, between -1 and 1.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
    }

    fn vector(&mut self, dimension: usize) -> Vec<f32> {
        (0..dimension).map(|_| self.next()).collect()
    }

    /// Near one of the topics, which are themselves to one side, as embeddings are.
    fn near(&mut self, topics: &[Vec<f32>]) -> Vec<f32> {
        let topic = &topics[(self.0 >> 33) as usize % topics.len()];
        let numbers = topic.iter();
        numbers.map(|it| it + 0.3 + 0.6 * self.next()).collect()
    }
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let product = |a: &[f32], b: &[f32]| -> f64 {
        let pairs = a.iter().zip(b);
        pairs.map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
    };
    product(a, b) / (product(a, a) * product(b, b)).sqrt()
}

fn passes(known: &Known, filter: &Filter) -> bool {
    let Message {
        session_id,
        role,
        created_at,
        ..
    } = &known.message;
    (filter.sessions.as_ref()).is_none_or(|ids| ids.contains(session_id))
        && (filter.personas.is_none() || known.persona)
        && (filter.roles.as_ref()).is_none_or(|it| it.contains(role))
        && filter.after.is_none_or(|it| *created_at >= it)
        && filter.before.is_none_or(|it| *created_at < it)
}

/// The messages that an exact search finds, and the cosine of each.
fn exact(all: &[Known], query: &[f32], options: &NearestOptions) -> Vec<(MessageId, f64)> {
    let passing = all.iter().filter(|it| passes(it, &options.filter));
    let mut found: Vec<_> = passing
        .filter_map(|it| {
            let best = it.vectors.iter().map(|vector| cosine(query, vector));
            Some((it.message.id, best.max_by(f64::total_cmp)?))
        })
        .collect();
    found.sort_by(|a, b| b.1.total_cmp(&a.1));
    found
}

/// The same messages but where their cosines are alike to what f16 can tell, and the same cosines.
fn assert_found(found: &[Nearest], exact: &[(MessageId, f64)], options: &NearestOptions) {
    const ALIKE: f64 = 2e-3;
    let sure = exact
        .iter()
        .filter(|it| it.1 > options.threshold + ALIKE)
        .count();
    let possible = exact
        .iter()
        .filter(|it| it.1 > options.threshold - ALIKE)
        .count();
    assert!(
        found.len() >= sure.min(options.limit),
        "{} of {sure}",
        found.len()
    );
    assert!(found.len() <= possible.min(options.limit));
    for (one, (_, best)) in found.iter().zip(exact) {
        assert!(
            (one.similarity - best).abs() < ALIKE,
            "{} for {best}",
            one.similarity
        );
        let itself = exact.iter().find(|it| it.0 == one.message_id).unwrap();
        assert!((one.similarity - itself.1).abs() < ALIKE);
    }
    let mut ids: Vec<_> = found.iter().map(|it| it.message_id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), found.len(), "twice");
}

/// One message: in which session, whose, days after the one before, how many chunks.
type Draft = (usize, bool, i64, usize);

fn written(store: &TestStore, drafts: &[Draft], dimension: usize) -> Vec<Known> {
    let model = use_model(store, "any", u32::try_from(dimension).unwrap());
    let sessions: Vec<_> = (0..4).map(|it| store.session(&it.to_string()).id).collect();
    let persona = chatkeep_store::PersonaId::new("default-local");
    for session in &sessions[..2] {
        store
            .write(|tx| sessions::set_persona(tx, *session, Some(&persona)))
            .unwrap();
    }
    let mut numbers = Numbers(7);
    let topics: Vec<_> = (0..5).map(|_| numbers.vector(dimension)).collect();
    let one = |(session, is_user, days, chunks): &Draft| {
        store.clock.advance_ms(days * 86_400_000 + 1);
        let role = if *is_user {
            Role::User
        } else {
            Role::Assistant
        };
        let new = NewMessage::new(sessions[*session], role, "text");
        let message = store.write(|tx| messages::append(tx, &new)).unwrap().value;
        let vectors: Vec<_> = (0..*chunks).map(|_| numbers.near(&topics)).collect();
        let chunks: Vec<_> = vectors.iter().map(|it| chunk(it)).collect();
        assert!(put(store, &model, &message, &chunks));
        Known {
            message,
            persona: *session < 2,
            vectors,
        }
    };
    drafts.iter().map(one).collect()
}

fn filters() -> impl Strategy<Value = (Option<usize>, bool, Option<bool>, [Option<usize>; 2])> {
    let at = || prop::option::weighted(0.4, 0_usize..60);
    (
        prop::option::weighted(0.3, 0_usize..5),
        any::<bool>(),
        prop::option::weighted(0.4, any::<bool>()),
        [at(), at()],
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn whatever_is_asked_of_few_vectors_the_answer_is_that_of_an_exact_search(
        drafts in prop::collection::vec((0_usize..4, any::<bool>(), 0_i64..3, 0_usize..4), 0..60),
        dimension in prop_oneof![1_usize..5, 60_usize..70, Just(384)],
        asked in prop::collection::vec((filters(), 1_usize..30, -1.0..1.0), 1..8),
    ) {
        let store = TestStore::new();
        let all = written(&store, &drafts, dimension);
        let mut numbers = Numbers(99);
        for ((session, persona, is_user, [after, before]), limit, threshold) in asked {
            let time = |at: Option<usize>| Some(all.get(at?)?.message.created_at);
            let filter = Filter {
                sessions: session.and_then(|at| Some(vec![all.get(at)?.message.session_id])),
                personas: persona.then(|| vec![chatkeep_store::PersonaId::new("default-local")]),
                roles: is_user.map(|it| vec![if it { Role::User } else { Role::Assistant }]),
                after: time(after),
                before: time(before),
            };
            let options = NearestOptions { filter, limit, threshold };
            let mut query = numbers.vector(dimension);
            query[0] += 0.01;
            let found = nearest(&store, &query, &options);
            assert_found(&found, &exact(&all, &query, &options), &options);
        }
    }
}

/// So many that the codes have to choose. The numbers are always the same, and so is the recall.
#[test]
fn of_thousands_of_vectors_nearly_all_of_the_best_ten_are_found() {
    const DIMENSION: usize = 384;
    let store = TestStore::new();
    let model = use_model(&store, "large", 384);
    let session = store.session("Tea").id;
    let mut numbers = Numbers(1);
    let topics: Vec<_> = (0..40).map(|_| numbers.vector(DIMENSION)).collect();
    let texts: Vec<_> = (0..6000)
        .map(|it| NewMessage::user(session, it.to_string()))
        .collect();
    let mut all = Vec::new();
    store
        .write(|tx| messages::append_all(tx, session, &texts))
        .unwrap();
    loop {
        let batch = store.read(|tx| vectors::queued(tx, 1000)).unwrap();
        if batch.is_empty() {
            break;
        }
        store
            .write(|tx| {
                for it in &batch {
                    let vector = numbers.near(&topics);
                    let chunks = [chunk(&vector)];
                    vectors::put(tx, model.id, it.message_id, it.text.len(), &chunks)?;
                    all.push((it.message_id, vector));
                }
                Ok(())
            })
            .unwrap();
    }
    let (mut right, queries) = (0, 30);
    for _ in 0..queries {
        let query = numbers.near(&topics);
        let mut best: Vec<_> = all.iter().map(|it| (cosine(&query, &it.1), it.0)).collect();
        best.sort_by(|a, b| b.0.total_cmp(&a.0));
        let found = nearest(&store, &query, &NearestOptions::first(10));
        assert_eq!(found.len(), 10);
        let is_right = |it: &&Nearest| best[..10].iter().any(|best| best.1 == it.message_id);
        right += found.iter().filter(is_right).count();
    }
    assert!(
        right >= queries * 10 * 98 / 100,
        "{right} of {}",
        queries * 10
    );
    let check = store.read(vectors::check).unwrap();
    assert_eq!((check.rows, check.wrong), (6000, 0));
}
