//! Personas: their limits, the default of each category, and the sessions they leave behind.

use chatkeep_store::testing::TestStore;
use chatkeep_store::{
    Entity, NewSession, Persona, PersonaCategory, PersonaFields, PersonaId, Result, WriteTx,
    personas, sessions,
};
use serde_json::json;

use crate::support::{
    assert_invalid, assert_missing, assert_sound, changes, intruder, refused, touched,
};

fn plain(name: &str) -> PersonaFields {
    PersonaFields {
        name: name.to_owned(),
        prompt: String::new(),
        description: String::new(),
        icon: String::new(),
        category: PersonaCategory::Local,
        default_model: None,
        suggested_models: Vec::new(),
        temperature: None,
        max_tokens: None,
        top_p: None,
        repeat_penalty: None,
        stop_sequences: Vec::new(),
    }
}

fn full() -> PersonaFields {
    PersonaFields {
        name: "Poet".to_owned(),
        prompt: "Answer in verse.\nAlways.".to_owned(),
        description: "For evenings".to_owned(),
        icon: "🪶".to_owned(),
        category: PersonaCategory::Cloud,
        default_model: Some("openai/gpt-5".to_owned()),
        suggested_models: vec!["a/b".to_owned(), "c/\"d\"".to_owned()],
        temperature: Some(2.0),
        max_tokens: Some(10_000_000),
        top_p: Some(0.0),
        repeat_penalty: Some(1.1),
        stop_sequences: vec!["\n".to_owned(), "</s>".to_owned(), "\\\"".to_owned()],
    }
}

fn insert(store: &TestStore, fields: &PersonaFields) -> Persona {
    store
        .write(|tx| personas::insert(tx, fields))
        .unwrap()
        .value
}

fn default_of(store: &TestStore, category: PersonaCategory) -> Option<String> {
    let id = store.read(|tx| personas::default_of(tx, category)).unwrap();
    id.map(|it| it.to_string())
}

fn ids(store: &TestStore) -> Vec<String> {
    let all = store.read(personas::list).unwrap();
    all.iter().map(|it| it.id.to_string()).collect()
}

#[test]
fn a_fresh_database_has_a_default_for_each_category() {
    let store = TestStore::new();
    assert_eq!(ids(&store), ["default-cloud", "default-local"]);
    for (category, id) in [
        (PersonaCategory::Cloud, "default-cloud"),
        (PersonaCategory::Local, "default-local"),
    ] {
        assert_eq!(default_of(&store, category).as_deref(), Some(id));
        let persona = store
            .read(|tx| personas::get(tx, &PersonaId::new(id)))
            .unwrap();
        assert!(persona.is_default && !persona.fields.prompt.is_empty());
        assert_eq!(persona.fields.category, category);
        // What is seeded passes the checks that a person's own personas must pass.
        let kept = store.write(|tx| personas::update(tx, &persona.id, &persona.fields));
        assert_eq!(kept.unwrap().value.fields, persona.fields);
    }
}

#[test]
fn every_field_is_read_back_as_it_was_given() {
    let store = TestStore::new();
    for fields in [plain("Plain"), full()] {
        let committed = store.write(|tx| personas::insert(tx, &fields)).unwrap();
        let persona = committed.value.clone();
        assert_eq!(changes(&committed), [touched(Entity::Persona, &persona.id)]);
        assert_eq!(persona.fields, fields);
        assert!(!persona.is_default);
        assert_eq!(persona.created_at, persona.updated_at);
        let read = store.read(|tx| personas::get(tx, &persona.id)).unwrap();
        assert_eq!(read, persona);
    }
}

#[test]
fn an_update_sets_every_field_and_the_time_of_change() {
    let store = TestStore::new();
    let before = insert(&store, &plain("Plain"));
    store.clock.advance_ms(40);
    let committed = store
        .write(|tx| personas::update(tx, &before.id, &full()))
        .unwrap();
    let expected = Persona {
        fields: full(),
        updated_at: before.updated_at.plus_ms(40),
        ..before
    };
    assert_eq!(committed.value, expected);
    assert_eq!(
        changes(&committed),
        [touched(Entity::Persona, &expected.id)]
    );
    let back = store
        .write(|tx| personas::update(tx, &expected.id, &plain("Plain")))
        .unwrap();
    assert_eq!(back.fields, plain("Plain"));
}

#[test]
fn values_at_their_limits_are_taken() {
    let store = TestStore::new();
    for (temperature, top_p, repeat_penalty, max_tokens) in
        [(0.0, 0.0, 0.0, 1), (2.0, 1.0, 2.0, 10_000_000)]
    {
        let fields = PersonaFields {
            temperature: Some(temperature),
            top_p: Some(top_p),
            repeat_penalty: Some(repeat_penalty),
            max_tokens: Some(max_tokens),
            name: "n".repeat(200),
            prompt: "p".repeat(256 * 1024),
            icon: "i".repeat(64),
            stop_sequences: vec!["s".repeat(1024); 20],
            suggested_models: vec!["a/b".to_owned(); 20],
            ..plain("")
        };
        assert_eq!(insert(&store, &fields).fields, fields);
    }
}

type Spoil = fn(&mut PersonaFields);

const REFERENCE: &str = "must be \"provider/model\"";
const NUL: &str = "holds a NUL character (byte 1); remove it and try again";

/// How a good persona is spoiled, the field that is then named, and the limit that is told.
const SPOILED: [(Spoil, &str, &str); 24] = [
    (|it| it.name.clear(), "name", "must not be empty"),
    (
        |it| it.name = "n".repeat(201),
        "name",
        "at most 200 characters are possible, these are 201",
    ),
    (
        |it| it.name = "a\nb".to_owned(),
        "name",
        "must be one line without control characters",
    ),
    (
        |it| it.prompt = "p".repeat(256 * 1024 + 1),
        "prompt",
        "at most 256 KiB are possible, this is 257 KiB",
    ),
    (|it| it.prompt = "p\0".to_owned(), "prompt", NUL),
    (
        |it| it.description = "p".repeat(256 * 1024 + 1),
        "description",
        "at most 256 KiB are possible, this is 257 KiB",
    ),
    (
        |it| it.icon = "i".repeat(65),
        "icon",
        "at most 64 bytes are possible, this is 65 bytes",
    ),
    (
        |it| it.default_model = Some("gpt".to_owned()),
        "model",
        REFERENCE,
    ),
    (
        |it| it.suggested_models = vec!["gpt".to_owned()],
        "model",
        REFERENCE,
    ),
    (
        |it| it.suggested_models = vec![String::new()],
        "suggested models",
        "must not be empty",
    ),
    (
        |it| it.suggested_models = vec!["a/b".to_owned(); 21],
        "suggested models",
        "at most 20 are possible, these are 21",
    ),
    (
        |it| it.temperature = Some(-0.1),
        "temperature",
        "must be between 0 and 2, not -0.1",
    ),
    (
        |it| it.temperature = Some(2.1),
        "temperature",
        "must be between 0 and 2, not 2.1",
    ),
    (
        |it| it.temperature = Some(f64::NAN),
        "temperature",
        "must be between 0 and 2, not NaN",
    ),
    (
        |it| it.temperature = Some(f64::INFINITY),
        "temperature",
        "must be between 0 and 2, not inf",
    ),
    (
        |it| it.max_tokens = Some(0),
        "max tokens",
        "must be between 1 and 10000000, not 0",
    ),
    (
        |it| it.max_tokens = Some(10_000_001),
        "max tokens",
        "must be between 1 and 10000000, not 10000001",
    ),
    (
        |it| it.top_p = Some(1.01),
        "top-p",
        "must be between 0 and 1, not 1.01",
    ),
    (
        |it| it.top_p = Some(-1.0),
        "top-p",
        "must be between 0 and 1, not -1",
    ),
    (
        |it| it.repeat_penalty = Some(2.5),
        "repeat penalty",
        "must be between 0 and 2, not 2.5",
    ),
    (
        |it| it.stop_sequences = vec![String::new()],
        "stop sequences",
        "must not be empty",
    ),
    (
        |it| it.stop_sequences = vec!["s\0".to_owned()],
        "stop sequences",
        NUL,
    ),
    (
        |it| it.stop_sequences = vec!["s".repeat(1025)],
        "stop sequences",
        "at most 1 KiB are possible, this is 2 KiB",
    ),
    (
        |it| it.stop_sequences = vec!["s".to_owned(); 21],
        "stop sequences",
        "at most 20 are possible, these are 21",
    ),
];

#[test]
fn values_out_of_their_limits_are_refused_by_name() {
    let store = TestStore::new();
    let known = insert(&store, &full()).id;
    for (spoil, field, limit) in SPOILED {
        let mut fields = full();
        spoil(&mut fields);
        let error = refused(&store, |tx| personas::insert(tx, &fields));
        assert_invalid(&error, field, limit);
        let error = refused(&store, |tx| personas::update(tx, &known, &fields));
        assert_invalid(&error, field, limit);
    }
}

#[test]
fn every_verb_on_a_missing_persona_is_not_found() {
    let store = TestStore::new();
    let ghost = PersonaId::new("ghost");
    let verbs: [fn(&WriteTx<'_>) -> Result<()>; 4] = [
        |tx| personas::get(tx, &PersonaId::new("ghost")).map(drop),
        |tx| personas::update(tx, &PersonaId::new("ghost"), &plain("New")).map(drop),
        |tx| personas::set_default(tx, &PersonaId::new("ghost")).map(drop),
        |tx| personas::delete(tx, &PersonaId::new("ghost")),
    ];
    for verb in verbs {
        assert_missing(&refused(&store, verb), Entity::Persona, &ghost);
    }
}

#[test]
fn a_new_default_takes_the_place_of_the_former_of_its_category_alone() {
    let store = TestStore::new();
    let persona = insert(&store, &plain("Mine"));
    let committed = store
        .write(|tx| personas::set_default(tx, &persona.id))
        .unwrap();
    assert!(committed.is_default);
    assert_eq!(
        changes(&committed),
        [
            touched(Entity::Persona, "default-local"),
            touched(Entity::Persona, &persona.id),
        ]
    );
    let local = default_of(&store, PersonaCategory::Local);
    assert_eq!(local, Some(persona.id.to_string()));
    let cloud = default_of(&store, PersonaCategory::Cloud);
    assert_eq!(cloud.as_deref(), Some("default-cloud"));

    let again = store
        .write(|tx| personas::set_default(tx, &persona.id))
        .unwrap();
    assert!(again.is_default);
    assert_eq!(changes(&again), [touched(Entity::Persona, &persona.id)]);
}

#[test]
fn a_default_that_changes_its_category_is_no_default_there() {
    let store = TestStore::new();
    let id = PersonaId::new("default-local");
    let moved = PersonaFields {
        category: PersonaCategory::Cloud,
        ..plain("Moved")
    };
    let persona = store
        .write(|tx| personas::update(tx, &id, &moved))
        .unwrap()
        .value;
    assert!(!persona.is_default);
    assert_eq!(default_of(&store, PersonaCategory::Local), None);
    let cloud = default_of(&store, PersonaCategory::Cloud);
    assert_eq!(cloud.as_deref(), Some("default-cloud"));
}

#[test]
fn the_file_itself_refuses_a_second_default_and_values_out_of_range() {
    let store = TestStore::new();
    insert(&store, &plain("Mine"));
    let raw = intruder(store.file());
    for sql in [
        "UPDATE personas SET is_default = 1",
        "UPDATE personas SET category = 'edge'",
        "UPDATE personas SET temperature = 2.5",
        "UPDATE personas SET top_p = -1",
        "UPDATE personas SET max_tokens = 0",
        "UPDATE personas SET stop_sequences = '{}'",
        "UPDATE personas SET name = ''",
    ] {
        let error = raw.execute(sql, []).unwrap_err();
        assert_eq!(
            error.sqlite_error_code(),
            Some(rusqlite::ErrorCode::ConstraintViolation),
            "{sql}"
        );
    }
}

#[test]
fn personas_are_listed_defaults_first_and_then_by_name_whatever_its_case() {
    let store = TestStore::new();
    for name in ["beta", "Alpha", "alpha two", "Zeta"] {
        insert(&store, &plain(name));
    }
    let all = store.read(personas::list).unwrap();
    let names: Vec<_> = all.iter().map(|it| it.fields.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "Assistant",
            "Local assistant",
            "Alpha",
            "alpha two",
            "beta",
            "Zeta"
        ]
    );
}

#[test]
fn deleting_a_persona_leaves_its_sessions_with_none_and_names_them() {
    let store = TestStore::new();
    let persona = insert(&store, &plain("Mine"));
    let with = |id: &PersonaId| {
        let new = NewSession {
            persona_id: Some(id.clone()),
            ..NewSession::named("Tea")
        };
        store.write(|tx| sessions::insert(tx, &new)).unwrap().value
    };
    let (mine, other) = (with(&persona.id), with(&PersonaId::new("default-cloud")));

    let committed = store.write(|tx| personas::delete(tx, &persona.id)).unwrap();

    assert_eq!(
        changes(&committed),
        [
            touched(Entity::Persona, &persona.id),
            touched(Entity::Session, mine.id),
        ]
    );
    let after = store.read(|tx| sessions::get(tx, mine.id)).unwrap();
    let expected = chatkeep_store::Session {
        persona_id: None,
        ..mine
    };
    assert_eq!(after, expected);
    assert_eq!(store.read(|tx| sessions::get(tx, other.id)).unwrap(), other);
    assert_eq!(ids(&store), ["default-cloud", "default-local"]);
    assert_sound(store.file());
}

#[test]
fn the_seeded_personas_can_be_deleted_and_stay_so() {
    let store = TestStore::new();
    for id in ["default-cloud", "default-local"] {
        store
            .write(|tx| personas::delete(tx, &PersonaId::new(id)))
            .unwrap();
    }
    let store = store.reopened();
    assert_eq!(ids(&store), [""; 0]);
    assert_eq!(default_of(&store, PersonaCategory::Cloud), None);
}

#[test]
fn json_has_the_names_of_the_bindings() {
    let store = TestStore::new();
    let persona = insert(&store, &full());
    let value = serde_json::to_value(&persona).unwrap();
    assert_eq!(
        value,
        json!({
            "id": persona.id.as_str(), "name": "Poet", "prompt": "Answer in verse.\nAlways.",
            "description": "For evenings", "icon": "🪶", "category": "cloud",
            "defaultModel": "openai/gpt-5", "suggestedModels": ["a/b", "c/\"d\""],
            "temperature": 2.0, "maxTokens": 10_000_000, "topP": 0.0, "repeatPenalty": 1.1,
            "stopSequences": ["\n", "</s>", "\\\""], "isDefault": false,
            "createdAt": persona.created_at.as_ms(), "updatedAt": persona.updated_at.as_ms(),
        })
    );
    assert_eq!(serde_json::from_value::<Persona>(value).unwrap(), persona);
    assert!(serde_json::from_value::<PersonaCategory>(json!("edge")).is_err());
    let mut fields = serde_json::to_value(full()).unwrap();
    fields["maxTokens"] = json!(-1);
    assert!(serde_json::from_value::<PersonaFields>(fields).is_err());
}
