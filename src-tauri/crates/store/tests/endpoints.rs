//! Endpoints: their ids, their limits, and that a session keeps the name of a deleted one's model.

use chatkeep_store::testing::TestStore;
use chatkeep_store::{
    Endpoint, EndpointId, EndpointUpdate, Entity, Error, NewEndpoint, Result, WriteTx, endpoints,
    sessions,
};
use serde_json::json;

use crate::support::{assert_invalid, assert_missing, changes, refused, touched};

fn new(name: &str) -> NewEndpoint {
    NewEndpoint {
        kind: "openai_compatible".to_owned(),
        name: name.to_owned(),
        base_url: "http://127.0.0.1:8080/v1".to_owned(),
    }
}

fn insert(store: &TestStore, name: &str) -> Endpoint {
    store
        .write(|tx| endpoints::insert(tx, &new(name)))
        .unwrap()
        .value
}

fn ghost() -> EndpointId {
    EndpointId::new("ghost")
}

fn update(name: &str, base_url: &str) -> EndpointUpdate {
    EndpointUpdate {
        name: name.to_owned(),
        base_url: base_url.to_owned(),
    }
}

#[test]
fn an_endpoint_of_every_kind_is_read_back() {
    let store = TestStore::new();
    let mut made = Vec::new();
    for kind in [
        "ollama",
        "openai_compatible",
        "openai",
        "anthropic",
        "gemini",
    ] {
        let new = NewEndpoint {
            kind: kind.to_owned(),
            ..new("  Mine ")
        };
        let committed = store.write(|tx| endpoints::insert(tx, &new)).unwrap();
        assert_eq!(
            changes(&committed),
            [touched(Entity::Endpoint, &committed.id)]
        );
        assert_eq!(committed.kind, kind);
        assert_eq!(committed.name, "Mine");
        let read = store.read(|tx| endpoints::get(tx, &committed.id)).unwrap();
        assert_eq!(read, committed.value);
        made.push(read);
        store.clock.advance_ms(1);
    }
    assert_eq!(store.read(endpoints::list).unwrap(), made, "oldest first");
}

#[test]
fn a_kind_that_the_table_does_not_know_is_refused() {
    let store = TestStore::new();
    let unknown = NewEndpoint {
        kind: "telegraph".to_owned(),
        ..new("Mine")
    };
    let error = refused(&store, |tx| endpoints::insert(tx, &unknown));
    assert!(matches!(error, Error::Sqlite(_)), "{error:?}");
}

#[test]
fn an_id_is_made_of_the_name_and_a_number_where_it_is_taken() {
    let store = TestStore::new();
    for (name, id) in [
        ("Ollama", "ollama"),
        ("ollama", "ollama-2"),
        ("  My  Server! ", "my-server"),
        ("LM Studio (9)", "lm-studio-9"),
        ("日本語", "provider"),
        ("🍵", "provider-2"),
        ("a/b", "a-b"),
        ("Café", "caf"),
    ] {
        assert_eq!(insert(&store, name).id.as_str(), id, "{name}");
    }
    store
        .write(|tx| endpoints::delete(tx, &EndpointId::new("ollama")))
        .unwrap();
    assert_eq!(insert(&store, "Ollama").id.as_str(), "ollama");
}

#[test]
fn a_hundred_endpoints_of_one_name_are_enough() {
    let store = TestStore::new();
    store
        .write(|tx| {
            for _ in 0..100 {
                endpoints::insert(tx, &new("Mine"))?;
            }
            Ok(())
        })
        .unwrap();
    let error = refused(&store, |tx| endpoints::insert(tx, &new("mine")));
    assert_invalid(&error, "name", "100 providers have this name already");
    assert_eq!(store.read(endpoints::list).unwrap().len(), 100);
}

#[test]
fn an_update_changes_name_and_address_and_keeps_the_id() {
    let store = TestStore::new();
    let before = insert(&store, "Mine");
    let other = insert(&store, "Other");
    let committed = store
        .write(|tx| endpoints::update(tx, &before.id, &update(" Ours ", "http://10.0.0.2")))
        .unwrap();
    let expected = Endpoint {
        name: "Ours".to_owned(),
        base_url: "http://10.0.0.2".to_owned(),
        ..before
    };
    assert_eq!(committed.value, expected);
    assert_eq!(
        changes(&committed),
        [touched(Entity::Endpoint, &expected.id)]
    );
    assert_eq!(store.read(endpoints::list).unwrap(), [expected, other]);
}

#[test]
fn names_and_addresses_have_limits() {
    let store = TestStore::new();
    let id = insert(&store, "Mine").id;
    let url = "http://127.0.0.1";
    let longest = "u".repeat(2048);
    store
        .write(|tx| endpoints::update(tx, &id, &update(&"n".repeat(200), &longest)))
        .unwrap();
    for (name, base_url, field, limit) in [
        ("", url, "name", "must not be empty"),
        (
            "a\nb",
            url,
            "name",
            "must be one line without control characters",
        ),
        (
            &"n".repeat(201),
            url,
            "name",
            "at most 200 characters are possible, these are 201",
        ),
        ("n", " ", "address", "must not be empty"),
        (
            "n",
            &"u".repeat(2049),
            "address",
            "at most 2 KiB are possible, this is 3 KiB",
        ),
        (
            "n",
            "http://\0",
            "address",
            "holds a NUL character (byte 7); remove it and try again",
        ),
    ] {
        let error = refused(&store, |tx| {
            endpoints::update(tx, &id, &update(name, base_url))
        });
        assert_invalid(&error, field, limit);
        let new = NewEndpoint {
            base_url: base_url.to_owned(),
            ..new(name)
        };
        let error = refused(&store, |tx| endpoints::insert(tx, &new));
        assert_invalid(&error, field, limit);
    }
}

#[test]
fn every_verb_on_a_missing_endpoint_is_not_found() {
    let store = TestStore::new();
    let verbs: [fn(&WriteTx<'_>) -> Result<()>; 3] = [
        |tx| endpoints::get(tx, &ghost()).map(drop),
        |tx| endpoints::update(tx, &ghost(), &update("New", "http://a")).map(drop),
        |tx| endpoints::delete(tx, &ghost()),
    ];
    for verb in verbs {
        let error = refused(&store, verb);
        assert_missing(&error, Entity::Endpoint, ghost());
        assert_eq!(
            error.to_string(),
            "there is no provider with the id ghost",
            "in the words of the window"
        );
    }
}

#[test]
fn a_session_keeps_the_name_of_a_deleted_endpoints_model() {
    let store = TestStore::new();
    let endpoint = insert(&store, "Mine");
    let session = store.session("Tea");
    store
        .write(|tx| sessions::set_model(tx, session.id, Some("mine/qwen3")))
        .unwrap();
    let committed = store
        .write(|tx| endpoints::delete(tx, &endpoint.id))
        .unwrap();
    assert_eq!(
        changes(&committed),
        [touched(Entity::Endpoint, &endpoint.id)]
    );
    assert_eq!(store.read(endpoints::list).unwrap(), []);
    let session = store.read(|tx| sessions::get(tx, session.id)).unwrap();
    assert_eq!(session.model.as_deref(), Some("mine/qwen3"));
}

#[test]
fn json_has_the_names_of_the_bindings() {
    let store = TestStore::new();
    let endpoint = insert(&store, "Mine");
    assert_eq!(
        serde_json::to_value(&endpoint).unwrap(),
        json!({
            "id": "mine", "kind": "openai_compatible", "name": "Mine",
            "baseUrl": "http://127.0.0.1:8080/v1", "createdAt": endpoint.created_at.as_ms(),
        })
    );
    let update: EndpointUpdate =
        serde_json::from_value(json!({ "name": "Ours", "baseUrl": "http://a" })).unwrap();
    assert_eq!(update.base_url, "http://a");
}
