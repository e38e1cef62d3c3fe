//! Several rankings made one: what holds of any.

use std::collections::HashSet;

use chatkeep_store::MessageId;
use chatkeep_store::fusion::{Fused, Ranked, fuse};
use proptest::prelude::*;

fn ids(numbers: &[i64]) -> Vec<MessageId> {
    numbers.iter().map(|id| MessageId::new(*id)).collect()
}

fn order(fused: &[Fused]) -> Vec<i64> {
    fused.iter().map(|it| it.id.get()).collect()
}

#[test]
fn what_stands_high_in_both_is_above_what_is_first_in_one() {
    let (words, meaning) = (ids(&[1, 2, 3]), ids(&[4, 2, 5]));
    let lists = [&words, &meaning].map(|ids| Ranked { weight: 1.0, ids });
    let fused = fuse(&lists, 10);
    assert_eq!(order(&fused), [2, 4, 1, 5, 3]);
    assert_eq!(fused[0].ranks, [Some(2), Some(2)]);
    assert!((fused[0].score - 2.0 / 62.0).abs() < 1e-12);
    assert_eq!(fused[1].ranks, [None, Some(1)]);
    assert_eq!(order(&fuse(&lists, 2)), [2, 4]);
}

#[test]
fn a_list_that_counts_nothing_adds_nothing() {
    let (words, meaning) = (ids(&[1, 2]), ids(&[3]));
    let lists = [
        Ranked {
            weight: 0.0,
            ids: &words,
        },
        Ranked {
            weight: 0.5,
            ids: &meaning,
        },
    ];
    assert_eq!(order(&fuse(&lists, 10)), [3]);
    assert_eq!(fuse(&[], 10), []);
}

fn lists() -> impl Strategy<Value = Vec<(f64, Vec<MessageId>)>> {
    let list = prop::collection::vec(0_i64..30, 0..20).prop_map(|numbers| ids(&numbers));
    prop::collection::vec((0.0..3.0, list), 0..4)
}

fn ranked(lists: &[(f64, Vec<MessageId>)]) -> Vec<Ranked<'_>> {
    let lists = lists.iter();
    lists
        .map(|(weight, ids)| Ranked {
            weight: *weight,
            ids,
        })
        .collect()
}

proptest! {
    #[test]
    fn it_holds_what_the_lists_hold_once_each_by_score(lists in lists(), limit in 0_usize..40) {
        let fused = fuse(&ranked(&lists), limit);
        let counting = lists.iter().filter(|it| it.0 > 0.0);
        let all: HashSet<MessageId> = counting.flat_map(|it| it.1.clone()).collect();
        prop_assert_eq!(fused.len(), all.len().min(limit));
        let ids: HashSet<MessageId> = fused.iter().map(|it| it.id).collect();
        prop_assert_eq!(ids.len(), fused.len());
        prop_assert!(ids.is_subset(&all));
        for pair in fused.windows(2) {
            let falls = pair[0].score > pair[1].score;
            prop_assert!(falls || (pair[0].score == pair[1].score && pair[0].id > pair[1].id));
        }
        for one in &fused {
            let parts = lists.iter().zip(&one.ranks).filter_map(|((weight, list), rank)| {
                assert_eq!(*rank, list.iter().position(|id| *id == one.id).filter(|_| *weight > 0.0).map(|at| at + 1));
                Some(weight / (60.0 + (*rank)? as f64))
            });
            prop_assert!((one.score - parts.sum::<f64>()).abs() < 1e-12);
        }
        prop_assert_eq!(fuse(&ranked(&lists), limit), fused);
    }

    #[test]
    fn one_list_alone_keeps_its_order(list in prop::collection::hash_set(0_i64..99, 0..30)) {
        let list: Vec<i64> = list.into_iter().collect();
        let ids = ids(&list);
        let fused = fuse(&[Ranked { weight: 0.7, ids: &ids }], 100);
        prop_assert_eq!(order(&fused), list);
    }

    #[test]
    fn to_stand_higher_in_a_list_never_makes_it_stand_lower(
        lists in lists(),
        at in any::<(prop::sample::Index, prop::sample::Index)>(),
    ) {
        let Some(list) = lists.get(at.0.index(lists.len().max(1))) else { return Ok(()) };
        if list.1.len() < 2 { return Ok(()) }
        let place = 1 + at.1.index(list.1.len() - 1);
        let id = list.1[place];
        let mut raised = lists.clone();
        raised[at.0.index(lists.len())].1.swap(place, place - 1);
        let stands = |lists: &[(f64, Vec<MessageId>)]| {
            fuse(&ranked(lists), 100).iter().position(|it| it.id == id)
        };
        // Of those that are there twice the first place counts, which the swap may give to the other.
        let twice = list.1.iter().filter(|it| **it == list.1[place - 1]).count() > 1;
        prop_assert!(twice || stands(&raised) <= stands(&lists));
    }
}
