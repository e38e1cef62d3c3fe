//! Facts that a user states: what the rules find, and what they must not take for one.

use chatkeep_store::FactKind::{self, Decision, Fact, Preference, Remember};
use chatkeep_store::pins::facts;

/// Sentences that state something, and what.
const STATED: &[(&str, FactKind)] = &[
    ("Remember that the meeting is on Fridays.", Remember),
    ("Please remember that I am on call this week", Remember),
    ("remember: the wifi password is on the fridge", Remember),
    ("Remember my dog is scared of thunder.", Remember),
    ("Remember to answer in French.", Remember),
    ("Keep in mind that our budget is 400 euros.", Remember),
    ("Don't forget that the deploy is on Monday!", Remember),
    ("Ok, remember that if it rains we cancel.", Remember),
    (
        "For future reference, the server is called atlas.",
        Remember,
    ),
    ("I prefer tea over coffee.", Preference),
    ("I always prefer short answers", Preference),
    ("I really like spicy food.", Preference),
    ("I love hiking in the Alps!", Preference),
    ("I hate mushrooms.", Preference),
    ("I don't like semicolons in JavaScript.", Preference),
    ("I can't stand small talk.", Preference),
    ("Always answer in German.", Preference),
    ("Please always use metric units.", Preference),
    ("Never use emojis.", Preference),
    ("From now on, write in British English.", Preference),
    ("Call me Ada.", Preference),
    ("My favourite colour is green.", Preference),
    ("My preferred language is Rust.", Preference),
    ("Hi! My name is Ada Lovelace.", Fact),
    ("my name’s Jun", Fact),
    ("My birthday is on the 3rd of May.", Fact),
    ("My pronouns are they/them.", Fact),
    ("My wife's name is Ana.", Fact),
    ("My dog is called Rex.", Fact),
    ("I live in Lisbon.", Fact),
    ("I live in St. Gallen.", Fact),
    ("As I live in Norway, it gets dark early.", Fact),
    ("I’m from Nairobi.", Fact),
    ("I work at a hospital in Leeds.", Fact),
    ("I work as a nurse.", Fact),
    ("I'm a nurse, and I work nights.", Fact),
    ("I am an accountant.", Fact),
    ("I'm allergic to peanuts.", Fact),
    ("I'm vegan.", Fact),
    ("I am 34 years old.", Fact),
    ("I have two kids.", Fact),
    ("I have a seven-year-old daughter.", Fact),
    ("I have diabetes.", Fact),
    ("I don't eat pork.", Fact),
    ("I speak Portuguese and some Dutch.", Fact),
    ("I was born in 1988.", Fact),
    ("I grew up in a small village.", Fact),
    ("We decided to move the launch to June.", Decision),
    ("I've decided against buying a car.", Decision),
    ("Let's go with Postgres.", Decision),
    ("Ok, we'll go with the blue logo.", Decision),
    ("We agreed on weekly calls.", Decision),
    ("We settled on Svelte.", Decision),
];

/// What is like them, and states nothing that lasts.
const NOT_STATED: &[&str] = &[
    "",
    "How long does green tea steep?",
    "Do you remember my name?",
    "Remember when we talked about tea?",
    "I remember the first time I saw snow.",
    "I can't remember the name of the song.",
    "Remember the Alamo!",
    "I like it.",
    "I like this idea, go on.",
    "I love you.",
    "I love that!",
    "I hate when this happens.",
    "I'd like to know more.",
    "I don't want to do that.",
    "Would I prefer tea?",
    "If I live in Berlin, do I need a visa?",
    "Suppose I work at a bank.",
    "Imagine my name is Bond.",
    "Maybe I'm a morning person.",
    "I'm a bit confused.",
    "I'm a little lost here.",
    "I am not sure.",
    "I am trying to install Rust.",
    "I'm working on a parser.",
    "I live in fear of merge conflicts.",
    "I speak to customers every day.",
    "I have a question.",
    "I have an error in line 3.",
    "I have a problem with my code.",
    "Call me back tomorrow.",
    "Call me crazy, but I think it works.",
    "Is my name in the list?",
    "What is my favourite colour?",
    "The user said: I live in Berlin.",
    "She told me that I work at a bank.",
    "He asked \"I live in Rome\" of the narrator.",
    "The hero says “I am a king”.",
    "Translate to German: I live in Berlin.",
    "Translate to German. I live in Berlin.",
    "Please rewrite this. My name is Bob and I work at Initech.",
    "Write a story. I am a pirate.",
    "Act as a chef. I am a guest.",
    "> I live in Paris",
    "```\nmy name is root\n```",
    "`I prefer tabs` is what the file says",
    "We haven't decided on a name yet.",
    "I can't decide on a colour.",
    "Let's go with that.",
    "Let's go with option 2.",
    "We will see.",
    "Always.",
    "I prefer that one.",
    "Never mind.",
    "My name is missing from the list.",
    "The function I like returns early.",
    "I am an hour late.",
    "use the second one please",
    "Thanks, that works!",
    "My cat is sick.",
];

#[test]
fn what_a_user_states_is_found_as_what_it_is_in_the_users_own_words() {
    for (message, kind) in STATED {
        let found = facts(message);
        assert!(!found.is_empty(), "nothing was found in: {message}");
        assert!(
            found.iter().any(|it| it.kind == *kind),
            "{message}: {found:?}"
        );
        assert!(
            found.iter().all(|it| message.contains(&it.text)),
            "{message}: {found:?}"
        );
    }
}

#[test]
fn what_only_looks_like_it_is_not_taken_for_a_fact() {
    for message in NOT_STATED {
        assert_eq!(facts(message), [], "{message}");
    }
}

#[test]
fn each_sentence_is_a_fact_of_its_own_and_the_rest_of_the_message_is_none() {
    let message = "Hi there! My name is Ada. Could you help me with tea?\n\
                   I live in London, and I love Earl Grey. We decided to drink at five.";
    let found: Vec<_> = facts(message)
        .into_iter()
        .map(|it| (it.text, it.kind))
        .collect();
    let expected = [
        ("My name is Ada.", Fact),
        ("I live in London, and I love Earl Grey.", Fact),
        ("We decided to drink at five.", Decision),
    ];
    assert_eq!(found, expected.map(|(text, kind)| (text.to_owned(), kind)));
}

#[test]
fn a_text_of_any_kind_is_looked_through_without_harm() {
    for message in [
        "i'm ",
        "I'M",
        "é.é",
        "…",
        "I live in",
        "remember:",
        ". . .",
        "İ am a nurse.",
        "`",
    ] {
        assert!(facts(message).len() <= 1, "{message}");
    }
    assert!(facts(&"I live in Lisbon. ".repeat(1000)).len() <= 5);
    assert_eq!(facts(&format!("I live in {}.", "x".repeat(300))), []);
}
