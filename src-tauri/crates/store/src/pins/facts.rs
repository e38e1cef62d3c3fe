//! Facts that a user states, found by rules.
//!
//! The rules are for English, and rather miss a fact than take something for one: a pin that is wrong
//! is worse than none. A sentence counts if a clause of it begins with one of the phrases below and
//! does not go on with a word that makes it something else ("I live in fear"). What is asked, supposed,
//! quoted, code, or given to be translated or rewritten says nothing about the user.

use crate::row::word_enum;

word_enum! {
    /// What a fact is.
    FactKind {
        /// The user asked for it to be remembered.
        Remember = "remember",
        /// How the user wants things to be.
        Preference = "preference",
        /// Something about the user.
        Fact = "fact",
        /// What was decided.
        Decision = "decision",
    }
}

impl FactKind {
    /// How much a pin of this kind matters, 0 to 1.
    #[must_use]
    pub const fn importance(self) -> f64 {
        match self {
            Self::Remember => 0.9,
            Self::Preference => 0.75,
            Self::Fact | Self::Decision => 0.7,
        }
    }
}

/// Something that the user stated, worth to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// The user's own words.
    pub text: String,
    /// What it is.
    pub kind: FactKind,
}

/// The most facts of one message: who states more at once has pasted something.
const FACTS_MAX: usize = 5;
/// The longest sentence, in characters.
const SENTENCE_CHARS_MAX: usize = 240;

/// A clause that begins with one of the phrases is of this kind, unless it goes on with one of the
/// words, or ends there.
struct Rule {
    kind: FactKind,
    phrases: &'static [&'static str],
    not_before: &'static [&'static str],
}

/// What points at something else, so that the sentence does not stand on its own.
const POINTING: &[&str] = &[
    "it", "this", "that", "these", "those", "the", "your", "you", "how", "what", "where", "when",
    "which", "who", "him", "her", "them", "to", "if", "one", "option", "number", "both", "either",
];

/// In this order: the first that holds tells the kind. Contractions are written out.
const RULES: &[Rule] = &[
    Rule {
        kind: FactKind::Remember,
        phrases: &[
            "remember that",
            "remember: ",
            "remember, ",
            "remember my",
            "remember i",
            "remember we",
            "remember our",
            "remember to",
            "keep in mind that",
            "keep in mind: ",
            "bear in mind that",
            "do not forget that",
            "do not forget: ",
            "never forget that",
            "for future reference, ",
            "for future reference: ",
            "make a note that",
            "take note that",
            "note for later: ",
        ],
        not_before: &["time", "day", "night", "one"],
    },
    Rule {
        kind: FactKind::Preference,
        phrases: &[
            "i prefer",
            "i always prefer",
            "i usually prefer",
            "i generally prefer",
            "i would always prefer",
            "i like",
            "i really like",
            "i love",
            "i really love",
            "i hate",
            "i really hate",
            "i dislike",
            "i cannot stand",
            "i do not like",
            "i do not want",
        ],
        not_before: POINTING,
    },
    Rule {
        kind: FactKind::Preference,
        phrases: &[
            "always answer",
            "always reply",
            "always respond",
            "always use",
            "always write",
            "always give",
            "always keep",
            "always format",
            "always include",
            "always explain",
            "always show",
            "always address me",
            "never answer",
            "never reply",
            "never respond",
            "never use",
            "never write",
            "never include",
            "never suggest",
            "never call me",
            "from now on, ",
            "from now on",
            "in future, ",
            "in the future, ",
            "whenever you answer",
            "whenever you write",
            "my favorite",
            "my favourite",
            "my preferred",
        ],
        not_before: &["i", "we", "is"],
    },
    Rule {
        kind: FactKind::Preference,
        phrases: &["call me", "address me as"],
        not_before: &[
            "back",
            "when",
            "if",
            "at",
            "on",
            "tomorrow",
            "later",
            "crazy",
            "old",
            "old-fashioned",
            "a",
            "an",
            "stupid",
            "names",
            "again",
            "tonight",
            "today",
            "now",
            "anytime",
            "by",
            "paranoid",
        ],
    },
    Rule {
        kind: FactKind::Fact,
        phrases: &[
            "my name is",
            "my full name is",
            "my birthday is",
            "my pronouns are",
            "my email is",
            "my email address is",
            "my phone number is",
            "my address is",
            "my time zone is",
            "my timezone is",
            "my native language is",
            "my mother tongue is",
            "my job is",
            "my job title is",
            "my profession is",
            "my hometown is",
            "my blood type is",
            "my operating system is",
            "my editor is",
            "my employer is",
            "my company is called",
            "my wife is called",
            "my husband is called",
            "my partner is called",
            "my son is called",
            "my daughter is called",
            "my dog is called",
            "my cat is called",
            "my dog is named",
            "my cat is named",
            "my wife's name is",
            "my husband's name is",
            "my partner's name is",
            "my son's name is",
            "my daughter's name is",
            "my dog's name is",
            "my cat's name is",
            "i am called",
            "i was born in",
            "i was born on",
            "i grew up in",
            "i come from",
            "i am allergic to",
            "i am intolerant to",
            "i do not eat",
            "i do not drink",
            "i do not smoke",
        ],
        not_before: &[
            "it", "this", "that", "these", "those", "what", "wrong", "missing", "gone", "not",
        ],
    },
    Rule {
        kind: FactKind::Fact,
        phrases: &[
            "i live in",
            "i live near",
            "i live with",
            "i am from",
            "i moved to",
        ],
        not_before: &[
            "fear", "hope", "constant", "a", "an", "it", "this", "that", "now", "what", "denial",
            "it,",
        ],
    },
    Rule {
        kind: FactKind::Fact,
        phrases: &[
            "i work at",
            "i work for",
            "i work as",
            "i study at",
            "i teach at",
            "i am employed at",
        ],
        not_before: &[
            "it", "this", "that", "home,", "night", "me", "you", "them", "least", "hours", "what",
        ],
    },
    Rule {
        kind: FactKind::Fact,
        phrases: &["i am a", "i am an"],
        not_before: &[
            "bit", "little", "lot", "tad", "few", "couple", "mess", "fool", "idiot", "huge", "big",
            "hundred", "hour", "complete", "total", "sucker", "bot", "robot", "little,", "step",
        ],
    },
    Rule {
        kind: FactKind::Fact,
        phrases: &["i speak"],
        not_before: &[
            "to", "with", "for", "from", "as", "of", "about", "at", "up", "too", "in",
        ],
    },
    Rule {
        kind: FactKind::Decision,
        phrases: &[
            "we decided to",
            "we decided on",
            "we decided that",
            "we decided against",
            "we have decided to",
            "we have decided on",
            "we have decided that",
            "we have decided against",
            "i decided to",
            "i decided on",
            "i decided that",
            "i decided against",
            "i have decided to",
            "i have decided on",
            "i have decided that",
            "i have decided against",
            "we agreed to",
            "we agreed on",
            "we agreed that",
            "we have agreed to",
            "we have agreed on",
            "we have agreed that",
            "we settled on",
            "i settled on",
            "we have settled on",
            "i have settled on",
            "let us go with",
            "we will go with",
            "i will go with",
            "we are going with",
            "i am going with",
            "the decision is to",
            "decision: ",
        ],
        not_before: &[
            "it", "this", "that", "these", "those", "your", "option", "number", "both", "either",
            "disagree", "ask", "try", "see",
        ],
    },
];

/// Words after "I am" that say something lasting by themselves.
const LASTING: &[&str] = &[
    "vegetarian",
    "vegan",
    "pescatarian",
    "diabetic",
    "left-handed",
    "colour-blind",
    "color-blind",
    "colourblind",
    "colorblind",
    "deaf",
    "dyslexic",
    "lactose",
    "married",
    "divorced",
    "retired",
    "gluten",
];
/// What one can have for long.
const HAD: &[&str] = &[
    "child",
    "children",
    "kid",
    "kids",
    "daughter",
    "daughters",
    "son",
    "sons",
    "dog",
    "dogs",
    "cat",
    "cats",
    "brother",
    "brothers",
    "sister",
    "sisters",
    "siblings",
    "twins",
    "diabetes",
    "asthma",
    "adhd",
    "dyslexia",
    "epilepsy",
    "allergy",
    "wife",
    "husband",
    "grandchildren",
];

/// Words that a clause can begin with, and that say nothing.
const FILLERS: &[&str] = &[
    "please", "also", "and", "but", "so", "ok", "okay", "hey", "hi", "hello", "well", "oh", "btw",
    "fyi", "actually", "just", "yes", "no", "thanks", "because", "since", "as", "though", "while",
    "great", "then", "right", "perfect", "alright", "by", "way",
];
/// Words that make a sentence one that is supposed, or about something else.
const SUPPOSING: &[&str] = &[
    "if",
    "suppose",
    "imagine",
    "assume",
    "assuming",
    "pretend",
    "maybe",
    "perhaps",
    "hypothetically",
    "wish",
    "example",
    "e.g",
    "unless",
    "would",
    "might",
    "wonder",
];
/// How a message begins whose text is to be worked on, or that gives the model a part to play.
const TASKS: &[&str] = &[
    "translate",
    "rewrite",
    "rephrase",
    "paraphrase",
    "proofread",
    "correct",
    "summarize",
    "summarise",
    "fix",
    "improve",
    "edit",
    "shorten",
    "write",
    "compose",
    "draft",
    "act as",
    "you are",
    "pretend",
    "imagine",
    "roleplay",
    "role-play",
    "generate",
    "complete the",
    "continue the",
    "analyze",
    "analyse",
];

/// The facts that a user states in a message, in the user's own words.
#[must_use]
pub fn facts(message: &str) -> Vec<Fact> {
    let prose = prose(message);
    let beginning = plain(prose.trim_start());
    let beginning = beginning
        .trim_start_matches("please ")
        .trim_start_matches("can you ");
    if TASKS.iter().any(|task| begins_with(beginning, task)) {
        return Vec::new();
    }
    let mut found: Vec<Fact> = Vec::new();
    for sentence in sentences(&prose) {
        if let Some(kind) = kind_of(sentence)
            && found.iter().all(|it| it.text != sentence)
        {
            let text = sentence.to_owned();
            found.push(Fact { text, kind });
        }
    }
    found.truncate(FACTS_MAX);
    found
}

/// The text without code and without what is quoted line by line.
fn prose(message: &str) -> String {
    let outside = message.split("```").step_by(2);
    let lines = outside.flat_map(str::lines);
    let lines =
        lines.filter(|line| !line.trim_start().starts_with(['>', '|']) && !line.contains('`'));
    lines.collect::<Vec<_>>().join("\n")
}

/// The sentences of a text, each trimmed.
fn sentences(text: &str) -> Vec<&str> {
    let mut sentences = Vec::new();
    let mut rest = text;
    while let Some(end) = end_of_sentence(rest) {
        let (sentence, next) = rest.split_at(end);
        sentences.push(sentence);
        rest = next;
    }
    sentences.push(rest);
    let trimmed = sentences
        .into_iter()
        .map(|it| it.trim().trim_start_matches(['-', '*', '•']).trim());
    trimmed.filter(|it| !it.is_empty()).collect()
}

fn end_of_sentence(text: &str) -> Option<usize> {
    let marks = text.match_indices(['.', '!', '?', '\n']);
    let mut ends = marks.filter(|(at, mark)| {
        let next = text[at + 1..].chars().next();
        *mark == "\n" || (next.is_none_or(char::is_whitespace) && !is_abbreviated(&text[..*at]))
    });
    ends.next().map(|(at, mark)| at + mark.len())
}

/// "St." and "e.g." end no sentence.
fn is_abbreviated(before: &str) -> bool {
    let word = before
        .rsplit(char::is_whitespace)
        .next()
        .unwrap_or_default();
    let word = word.to_lowercase();
    matches!(
        word.as_str(),
        "st" | "dr" | "mr" | "mrs" | "ms" | "e.g" | "i.e" | "etc" | "vs" | "approx"
    )
}

/// Lower case, contractions written out, one kind of apostrophe, one space between words.
fn plain(text: &str) -> String {
    let text = text.to_lowercase().replace('’', "'");
    let long = [
        ("i'm ", "i am "),
        ("i've ", "i have "),
        ("i'd ", "i would "),
        ("i'll ", "i will "),
        ("we're ", "we are "),
        ("we've ", "we have "),
        ("we'll ", "we will "),
        ("don't ", "do not "),
        ("can't ", "cannot "),
        ("let's ", "let us "),
        ("name's ", "name is "),
        ("haven't ", "have not "),
    ];
    let spaced = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let spaced = format!("{spaced} ");
    long.iter()
        .fold(spaced, |text, (short, long)| text.replace(short, long))
}

fn kind_of(sentence: &str) -> Option<FactKind> {
    let text = plain(sentence);
    let is_quoted = text.contains(['"', '“', '„', '«']) || text.contains(" '");
    if text.trim_end().ends_with('?') || is_quoted || sentence.chars().count() > SENTENCE_CHARS_MAX
    {
        return None;
    }
    let kind = clauses(&text).find_map(|clause| {
        let rule = RULES.iter().find(|rule| rule.holds(clause));
        rule.map(|it| it.kind)
            .or_else(|| is_lasting(clause).then_some(FactKind::Fact))
    })?;
    // Who asks to remember means what follows, whatever that is.
    let words = || text.split(|c: char| !c.is_alphanumeric() && c != '.');
    let is_supposed = words().any(|word| SUPPOSING.contains(&word.trim_matches('.')));
    (kind == FactKind::Remember || !is_supposed).then_some(kind)
}

/// Where a clause begins: at the beginning, after a comma or semicolon, after "and" and the like; words
/// that say nothing are passed over.
fn clauses(text: &str) -> impl Iterator<Item = &str> {
    let mut is_start = true;
    let mut at = 0;
    let starts = text.split_inclusive(' ').filter_map(move |word| {
        let begins = at;
        at += word.len();
        let bare = word.trim().trim_end_matches([',', ';', '!', '.', ':']);
        let is_filler = FILLERS.contains(&bare);
        let starts_here = is_start && !is_filler;
        is_start = is_filler && (is_start || is_joining(bare)) || word.trim().ends_with([',', ';']);
        starts_here.then_some(begins)
    });
    starts.filter_map(|at| text.get(at..))
}

fn is_joining(word: &str) -> bool {
    matches!(
        word,
        "and" | "but" | "because" | "since" | "so" | "as" | "though"
    )
}

impl Rule {
    fn holds(&self, clause: &str) -> bool {
        self.phrases.iter().any(|phrase| {
            begins_with(clause, phrase) && {
                let rest = clause.get(phrase.len()..).unwrap_or_default().trim();
                let next = rest.split(' ').next().unwrap_or_default();
                let bare = next.trim_end_matches([',', '.', '!', ';', ':']);
                !bare.is_empty() && !self.not_before.contains(&bare)
            }
        })
    }
}

/// Whether a text begins with a phrase, and not in the middle of a word.
fn begins_with(text: &str, phrase: &str) -> bool {
    let rest = text.strip_prefix(phrase);
    rest.is_some_and(|rest| phrase.ends_with(' ') || !rest.starts_with(char::is_alphanumeric))
}

/// "I am vegan", "I am 34 years old", "I have two kids".
fn is_lasting(clause: &str) -> bool {
    let mut words = clause
        .split_whitespace()
        .map(|it| it.trim_end_matches([',', '.', '!', ';']));
    match (words.next(), words.next()) {
        (Some("i"), Some("am")) => {
            let next = words.next().unwrap_or_default();
            LASTING.contains(&next) || (next.parse::<u8>().is_ok() && words.next() == Some("years"))
        }
        (Some("i"), Some("have")) => words.take(3).any(|word| HAD.contains(&word)),
        _ => false,
    }
}
