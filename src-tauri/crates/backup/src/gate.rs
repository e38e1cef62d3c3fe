//! How `restore-db` asks a running app to hold its writes while the database is replaced.
//!
//! One JSON object a line, over a local socket in the data folder (a named pipe on Windows):
//! the tool says `hold`, the app stops writing and says `held` or `refused`; the tool says
//! `release` when it is done and the app goes on. A tool that ends early releases by that.

use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use interprocess::local_socket::prelude::*;
use interprocess::local_socket::{ListenerOptions, Name, Stream};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::{At, Error, Result};

/// How long the app may take to finish its writes, and a tool to restore.
const HOLD_TIMEOUT: Duration = Duration::from_secs(30);
const RELEASE_TIMEOUT: Duration = Duration::from_secs(15 * 60);
const LINE_BYTES_MAX: u64 = 4096;

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "snake_case")]
enum Request {
    Hold { by: String },
    Release { replaced: bool },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "snake_case")]
enum Reply {
    Held,
    Refused { why: String },
    Released,
}

/// The app's side. Dropping it closes the gate; a restore that is under way meanwhile is not waited
/// for.
pub struct Gate {
    path: PathBuf,
    closed: Arc<AtomicBool>,
    serving: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Gate {
    /// Opens the gate of the store in `data_folder`. `hold` hears who asks, stops every write and
    /// returns what undoes that, or says why it cannot; `release` gets it back, and whether the
    /// database was replaced, so that everything has to be read anew. Both run on the gate's thread.
    ///
    /// # Errors
    /// What the system says, such as that the path is too long for a socket.
    pub fn open<H>(
        data_folder: &Path,
        hold: impl Fn(&str) -> std::result::Result<H, String> + Send + 'static,
        release: impl Fn(H, bool) + Send + 'static,
    ) -> Result<Self> {
        let path = socket_path(data_folder);
        let listener = name(&path)
            .and_then(|name| {
                ListenerOptions::new()
                    .name(name)
                    .try_overwrite(true)
                    .create_sync()
            })
            .at("open the gate", &path)?;
        let closed = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&closed);
        let serving = Arc::new(AtomicBool::new(false));
        let busy = Arc::clone(&serving);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                busy.store(true, Ordering::SeqCst);
                if seen.load(Ordering::SeqCst) {
                    return;
                }
                // A tool that breaks off is answered by the release that `serve` ends with.
                let _ = stream.and_then(|stream| serve(stream, &hold, &release));
                busy.store(false, Ordering::SeqCst);
                if seen.load(Ordering::SeqCst) {
                    return;
                }
            }
        });
        Ok(Self {
            path,
            closed,
            serving,
            thread: Some(thread),
        })
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.closed.store(true, Ordering::SeqCst);
        if self.serving.load(Ordering::SeqCst) {
            // The app ends, and with it the hold; the tool sees that and needs no answer.
            return;
        }
        // Wakes the thread, which waits for a connection.
        let woken = name(&self.path).and_then(Stream::connect);
        if let (Ok(_), Some(thread)) = (woken, self.thread.take()) {
            let _ = thread.join();
        }
    }
}

fn serve<H>(
    stream: Stream,
    hold: &impl Fn(&str) -> std::result::Result<H, String>,
    release: &impl Fn(H, bool),
) -> io::Result<()> {
    let mut line = BufReader::new(stream);
    line.get_ref().set_recv_timeout(Some(HOLD_TIMEOUT))?;
    let Request::Hold { by } = receive(&mut line)? else {
        return Ok(());
    };
    let held = match hold(&by) {
        Ok(held) => held,
        Err(why) => return send(&mut line, &Reply::Refused { why }),
    };
    let request = send(&mut line, &Reply::Held)
        .and_then(|()| line.get_ref().set_recv_timeout(Some(RELEASE_TIMEOUT)))
        .and_then(|()| receive(&mut line));
    // Not told: it may have been replaced just before the tool ended, so everything is read anew.
    let replaced = !matches!(request, Ok(Request::Release { replaced: false }));
    release(held, replaced);
    request?;
    send(&mut line, &Reply::Released)
}

/// The tool's side: as long as this lives, the app writes nothing.
pub(crate) struct Held {
    line: BufReader<Stream>,
}

impl Held {
    /// Asks the app that has the store in `data_folder` open. `None`: nobody answers there.
    pub(crate) fn ask(data_folder: &Path) -> Result<Option<Self>> {
        let path = socket_path(data_folder);
        let Ok(stream) = name(&path).and_then(Stream::connect) else {
            return Ok(None);
        };
        let mut line = BufReader::new(stream);
        let by = format!("restore-db (process {})", std::process::id());
        let reply = line
            .get_ref()
            .set_recv_timeout(Some(HOLD_TIMEOUT))
            .and_then(|()| send(&mut line, &Request::Hold { by }))
            .and_then(|()| receive(&mut line))
            .at("ask the app at", &path)?;
        match reply {
            Reply::Held => Ok(Some(Self { line })),
            Reply::Refused { why } => Err(Error::Busy {
                file: path,
                holder: format!("Chatkeep, which cannot stop writing now: {why}"),
            }),
            Reply::Released => Ok(None),
        }
    }

    /// Lets the app go on. It has read everything anew when this returns.
    pub(crate) fn release(mut self, replaced: bool) {
        // Should the app be gone by now, it reads everything at its next start.
        let _ = send(&mut self.line, &Request::Release { replaced })
            .and_then(|()| receive::<Reply>(&mut self.line));
    }
}

fn send(line: &mut BufReader<Stream>, message: &impl Serialize) -> io::Result<()> {
    let mut text = serde_json::to_vec(message)?;
    text.push(b'\n');
    line.get_mut().write_all(&text)
}

fn receive<T: DeserializeOwned>(line: &mut BufReader<Stream>) -> io::Result<T> {
    let mut text = String::new();
    io::Read::take(&mut *line, LINE_BYTES_MAX).read_line(&mut text)?;
    Ok(serde_json::from_str(&text)?)
}

fn socket_path(data_folder: &Path) -> PathBuf {
    data_folder.join("chatkeep.gate")
}

#[cfg(unix)]
fn name(path: &Path) -> io::Result<Name<'_>> {
    use interprocess::local_socket::{GenericFilePath, ToFsName};
    path.to_fs_name::<GenericFilePath>()
}

/// Named pipes have a space of names of their own.
#[cfg(windows)]
fn name(path: &Path) -> io::Result<Name<'_>> {
    use interprocess::local_socket::{GenericNamespaced, ToNsName};
    let hash = blake3::hash(path.as_os_str().as_encoded_bytes()).to_hex();
    format!("chatkeep-{hash}").to_ns_name::<GenericNamespaced>()
}
