//! A part of a test in a process of its own: the test program starts itself again, on just that
//! test, with the folder to work in as an environment variable.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

const FOLDER: &str = "CHATKEEP_TEST_FOLDER";
/// Begins the lines that are the child's and not the test runner's.
const MARK: &str = "child says: ";

/// The folder to work in, inside the child.
pub(crate) fn folder() -> Option<PathBuf> {
    env::var_os(FOLDER).map(PathBuf::from)
}

/// Tells the parent something, inside the child.
pub(crate) fn say(line: impl std::fmt::Display) {
    let mut out = std::io::stdout().lock();
    // The runner leaves its own line unfinished.
    writeln!(out, "\n{MARK}{line}").unwrap();
    out.flush().unwrap();
}

/// Stays until it is killed, or until its parent is gone.
pub(crate) fn stay() {
    let mut nothing = String::new();
    let _ = std::io::stdin().read_line(&mut nothing);
}

/// The command that runs the test called `test` as a child, by way of `wrapper` if there is one.
pub(crate) fn command(wrapper: &[&str], test: &str, folder: &Path) -> Command {
    let program = env::current_exe().unwrap();
    let mut command = match wrapper {
        [] => Command::new(program),
        [first, rest @ ..] => {
            let mut command = Command::new(first);
            command.args(rest).arg(program);
            command
        }
    };
    command
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder);
    command
}

/// What a child says until it ends; it must end well.
pub(crate) fn output(command: &mut Command) -> Vec<String> {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "the child failed: {text}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    text.lines()
        .filter_map(|line| line.strip_prefix(MARK))
        .map(str::to_owned)
        .collect()
}

/// A child that is still running.
pub(crate) struct Running {
    process: Child,
    out: BufReader<ChildStdout>,
}

impl Running {
    /// Starts the test called `test` as a child.
    pub(crate) fn start(test: &str, folder: &Path) -> Self {
        let mut process = command(&[], test, folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let out = BufReader::new(process.stdout.take().unwrap());
        Self { process, out }
    }

    /// The next thing that the child says.
    pub(crate) fn hear(&mut self) -> String {
        loop {
            let mut line = String::new();
            let bytes = self.out.read_line(&mut line).unwrap();
            assert!(bytes > 0, "the child ended without a word");
            if let Some(said) = line.trim_end().strip_prefix(MARK) {
                return said.to_owned();
            }
        }
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Ends it at once, as a power cut would, with no chance to tidy up.
    pub(crate) fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}
