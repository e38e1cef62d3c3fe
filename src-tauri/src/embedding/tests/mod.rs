//! The work from a message to its being found, on a real database with the real model.

mod finding;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chatkeep_store::vectors::{self, NearestOptions};
use chatkeep_store::{MessageId, NewMessage, NewSession, messages, sessions};
use tauri::async_runtime::block_on;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::{EmbeddingState, EmbeddingStatus};
use crate::backups::environment::Environment;
use crate::error::ErrorKind;
use crate::state::AppState;

/// Where `scripts/lib/fetch-models` lays the models.
fn models() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let workspace = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    target.unwrap_or(workspace.join("target")).join("models")
}

struct App {
    state: AppState,
    replies: watch::Sender<usize>,
    told: Arc<Mutex<Vec<EmbeddingStatus>>>,
}

impl App {
    fn open(folder: &Path, models: PathBuf) -> Self {
        let app = Self {
            state: AppState::open(folder.to_owned(), Environment::default(), |_| {}),
            replies: watch::Sender::new(0),
            told: Arc::default(),
        };
        let told = Arc::clone(&app.told);
        app.state.embedding.start(
            app.state.backend(),
            vec![models],
            app.replies.subscribe(),
            move |status| told.lock().unwrap().push(status),
        );
        app
    }

    async fn say(&self, texts: &[&str]) -> Vec<MessageId> {
        let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        let say = move |tx: &chatkeep_store::WriteTx<'_>| {
            let session = sessions::insert(tx, &NewSession::named("A session"))?;
            let mut ids = Vec::new();
            for text in &texts {
                ids.push(messages::append(tx, &NewMessage::user(session.id, text))?.id);
            }
            Ok(ids)
        };
        self.state.write(say).await.unwrap()
    }

    async fn status(&self) -> EmbeddingStatus {
        let backend = self.state.backend();
        self.state.embedding.status(&backend).await.unwrap()
    }

    /// Waits for a status; a machine under load may take long.
    async fn until(&self, wanted: impl Fn(&EmbeddingStatus) -> bool) -> EmbeddingStatus {
        let look = async {
            loop {
                let status = self.status().await;
                if wanted(&status) {
                    return status;
                }
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(Duration::from_secs(120), look).await.unwrap()
    }

    async fn nearest(&self, text: &str) -> Option<MessageId> {
        let backend = self.state.backend();
        let query = self.state.embedding.embed_query(&backend, text);
        let query = query.await.unwrap()?;
        let nearest = move |tx: &chatkeep_store::ReadTx<'_>| {
            vectors::nearest(tx, &query, &NearestOptions::first(1))
        };
        let nearest = self.state.read(nearest).await.unwrap();
        nearest.first().map(|nearest| nearest.message_id)
    }
}

fn is_done(status: &EmbeddingStatus) -> bool {
    status.state == EmbeddingState::Done && status.queued == 0 && status.serving.is_some()
}

#[test]
fn what_is_said_is_found_by_its_meaning_soon_after() {
    let folder = tempfile::tempdir().unwrap();
    block_on(async {
        let app = App::open(folder.path(), models());
        app.until(is_done).await;
        let long = format!(
            "{} My kitten is called Mimi.",
            "Of taxes and forms. ".repeat(400)
        );
        let said = app
            .say(&["The rent is due on Monday.", &long, "", "We cook rice."])
            .await;
        app.until(is_done).await;
        assert_eq!(
            app.nearest("When do I pay my landlord?").await,
            Some(said[0])
        );
        assert_eq!(
            app.nearest("What is the name of the cat?").await,
            Some(said[1])
        );
        assert!(
            app.told.lock().unwrap().iter().any(is_done),
            "the window was told"
        );
    });
}

#[test]
fn work_that_was_cut_off_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    block_on(async {
        let app = App::open(folder.path(), models());
        app.until(is_done).await;
        // Nothing is embedded while a reply streams, nor when the app is gone.
        app.replies.send_replace(1);
        app.say(&["The rent is due on Monday.", "We cook rice."])
            .await;
        app.until(|status| status.state == EmbeddingState::Waiting)
            .await;
        assert_eq!(app.status().await.queued, 2);
        app.state.close().await;

        let again = App::open(folder.path(), models());
        again.until(is_done).await;
        assert!(again.nearest("paying for the flat").await.is_some());
    });
}

#[test]
fn it_rests_while_it_is_paused_and_goes_on_after_that() {
    let folder = tempfile::tempdir().unwrap();
    block_on(async {
        let app = App::open(folder.path(), models());
        app.until(is_done).await;
        app.state.embedding.set_paused(true);
        app.say(&["We cook rice."]).await;
        app.until(|status| status.state == EmbeddingState::Paused)
            .await;
        assert_eq!(app.status().await.queued, 1);
        app.state.embedding.set_paused(false);
        app.until(is_done).await;
    });
}

#[test]
fn it_rests_while_the_user_types_and_goes_on_after_that() {
    let folder = tempfile::tempdir().unwrap();
    block_on(async {
        let app = App::open(folder.path(), models());
        app.until(is_done).await;
        app.state.embedding.typed();
        app.say(&["We cook rice."]).await;
        let waits = |status: &EmbeddingStatus| {
            app.state.embedding.typed();
            status.state == EmbeddingState::Waiting
        };
        assert_eq!(app.until(waits).await.queued, 1);
        app.until(is_done).await;
    });
}

/// The folder that the child of a test works in.
const CHILD_FOLDER: &str = "CHATKEEP_TEST_FOLDER";
const MANY: usize = 200;

/// Embeds until it is killed, and says when the first are.
#[allow(clippy::print_stdout, reason = "so its parent hears of it")]
async fn embed_until_killed(folder: &Path) {
    let app = App::open(folder, models());
    app.until(|status| status.serving.is_some()).await;
    let texts: Vec<String> = (0..MANY).map(|at| format!("Rice, pot {at}.")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    app.say(&texts).await;
    app.until(|status| 0 < status.queued && status.queued < status.messages)
        .await;
    // The runner leaves its own line unfinished.
    println!("\nsome are embedded");
    app.until(|_| false).await;
}

#[test]
fn work_whose_process_is_killed_goes_on_where_it_was() {
    if let Some(folder) = std::env::var_os(CHILD_FOLDER) {
        return block_on(embed_until_killed(Path::new(&folder)));
    }
    let folder = tempfile::tempdir().unwrap();
    let test = "embedding::tests::work_whose_process_is_killed_goes_on_where_it_was";
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(CHILD_FOLDER, folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap() == "some are embedded"));
    child.kill().unwrap();
    child.wait().unwrap();

    block_on(async {
        let app = App::open(folder.path(), models());
        app.until(is_done).await;
        let check = app.state.read(vectors::check).await.unwrap();
        assert_eq!((check.rows, check.in_memory, check.wrong), (MANY, MANY, 0));
    });
}

#[test]
fn without_the_model_it_says_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    block_on(async {
        let app = App::open(folder.path(), "/nowhere/models".into());
        let status = app
            .until(|status| status.state == EmbeddingState::Failed)
            .await;
        let problem = status.problem.unwrap();
        assert_eq!(problem.kind, ErrorKind::EmbeddingModel);
        assert!(
            problem
                .message
                .contains("all-MiniLM-L6-v2 is not installed")
        );
        assert!(status.local_models.iter().all(|model| !model.installed));
        assert_eq!(app.nearest("anything").await, None);

        // Laid into the data folder, it is found; a choice wakes the work.
        let name = "all-MiniLM-L6-v2";
        let to = folder.path().join("models").join(name);
        std::fs::create_dir_all(&to).unwrap();
        for file in ["model.safetensors", "tokenizer.json"] {
            std::fs::copy(models().join(name).join(file), to.join(file)).unwrap();
        }
        app.state.embedding.wake();
        app.until(is_done).await;
    });
}

#[test]
fn another_model_serves_when_all_is_embedded_with_it_and_none_when_it_is_off() {
    let folder = tempfile::tempdir().unwrap();
    block_on(async {
        let app = App::open(folder.path(), models());
        app.until(is_done).await;
        let said = app.say(&["Die Katze schläft auf dem Sofa."]).await;
        app.until(is_done).await;
        let backend = app.state.backend();
        let e5 = "multilingual-e5-small-q4";
        let choice = app.state.embedding.choose(&backend, Some(e5.to_owned()));
        assert_eq!(choice.await.unwrap().model.as_deref(), Some(e5));
        let status = app.until(|status| is_done(status) && status.serving.as_deref() == Some(e5));
        assert_eq!(status.await.queued, 0);
        assert_eq!(app.nearest("猫").await, Some(said[0]));

        let unknown = app
            .state
            .embedding
            .choose(&backend, Some("no-such".to_owned()));
        assert!(unknown.await.is_err());
        assert_eq!(app.status().await.model.as_deref(), Some(e5));

        app.state.embedding.choose(&backend, None).await.unwrap();
        app.until(|status| status.serving.is_none()).await;
        assert_eq!(app.nearest("猫").await, None);
    });
}
