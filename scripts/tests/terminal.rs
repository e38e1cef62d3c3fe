//! The two tools on a terminal, as a person sits before one: script(1) gives them a real one.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test has nothing else to do"
)]

mod common;

use std::fs;
use std::io::{Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use common::{Chats, tool};

const CTRL_C: &str = "\u{3}";

/// A tool on a terminal.
struct Terminal {
    child: Child,
    keyboard: ChildStdin,
    screen: ChildStdout,
    seen: String,
}

impl Terminal {
    fn start(chats: &Chats, name: &str, arguments: &str) -> Self {
        let data = chats.folder.path();
        let program = tool(data, name).get_program().to_owned();
        let line = format!("'{}' {arguments}", program.display());
        let mut child = Command::new("script")
            .args([
                "--quiet",
                "--return",
                "--flush",
                "--command",
                &line,
                "/dev/null",
            ])
            .env("CHATKEEP_DATA_DIR", data)
            .env_remove("CHATKEEP_BACKUP_DIR")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            keyboard: child.stdin.take().unwrap(),
            screen: child.stdout.take().unwrap(),
            seen: String::new(),
            child,
        }
    }

    /// Reads the screen until `text` is on it.
    fn expect(&mut self, text: &str) -> &mut Self {
        let mut bytes = [0; 4096];
        while !self.seen.contains(text) {
            let count = self.screen.read(&mut bytes).unwrap();
            assert!(count > 0, "{text:?} did not come: {}", self.seen);
            self.seen
                .push_str(&String::from_utf8_lossy(&bytes[..count]));
        }
        self
    }

    fn press(&mut self, keys: &str) -> &mut Self {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
        self
    }

    /// Waits until the terminal no longer shows what is typed: the question comes a moment before.
    fn expect_hidden(&mut self) -> &mut Self {
        let script = self.child.id();
        let children = format!("/proc/{script}/task/{script}/children");
        let of_tool = fs::read_to_string(children).unwrap();
        let device = fs::read_link(format!("/proc/{}/fd/0", of_tool.trim())).unwrap();
        let is_shown = || {
            let stty = Command::new("stty").arg("-aF").arg(&device).output();
            let told = String::from_utf8(stty.unwrap().stdout).unwrap();
            !told.split_whitespace().any(|word| word == "-echo")
        };
        while is_shown() {
            assert!(self.child.try_wait().unwrap().is_none(), "{}", self.seen);
        }
        self
    }

    /// Its exit code and all that was on the screen.
    fn end(mut self) -> (Option<i32>, String) {
        let mut rest = Vec::new();
        self.screen.read_to_end(&mut rest).unwrap();
        self.seen.push_str(&String::from_utf8_lossy(&rest));
        (self.child.wait().unwrap().code(), self.seen)
    }
}

/// Two sessions, and a backup of the first.
fn chats() -> Chats {
    let chats = Chats::new();
    chats.run("backup-db", &[]).ok();
    chats.add("Coffee");
    chats
}

fn assert_nothing_half_made(chats: &Chats) {
    let work = fs::read_dir(chats.place().backups.join(".work")).unwrap();
    let left = work.filter(|it| {
        let name = it.as_ref().unwrap().file_name();
        name.to_string_lossy().starts_with("tmp-")
    });
    assert_eq!(left.count(), 0);
}

#[test]
fn a_backup_is_chosen_by_its_number_and_restored_after_a_yes() {
    let chats = chats();
    let mut terminal = Terminal::start(&chats, "restore-db", "");
    terminal
        .expect("sessions  messages")
        .expect("  1  20")
        .expect("Which one?");
    terminal
        .press("1\n")
        .expect("1 fewer")
        .expect("Restore it?");
    terminal.press("yes\n").expect("Restored.");
    assert_eq!(terminal.end().0, Some(0));
    assert_eq!(chats.names(), ["Tea"]);
}

#[test]
fn no_number_and_no_yes_change_nothing() {
    let chats = chats();
    let mut terminal = Terminal::start(&chats, "restore-db", "");
    terminal.expect("Which one?").press("\n");
    assert_eq!(terminal.end().0, Some(130));
    let mut terminal = Terminal::start(&chats, "restore-db", "latest");
    terminal.expect("Restore it?").press("no\n");
    assert_eq!(terminal.end().0, Some(130));
    assert_eq!(chats.names(), ["Coffee", "Tea"]);
    assert_nothing_half_made(&chats);
}

/// It went unnoticed there until a key was pressed, and pressed twice it left the stage behind.
#[test]
fn ctrl_c_at_a_question_ends_it_at_once_and_leaves_nothing() {
    let chats = chats();
    for (arguments, question) in [("", "Which one?"), ("latest", "Restore it?")] {
        let mut terminal = Terminal::start(&chats, "restore-db", arguments);
        terminal.expect(question).press(CTRL_C);
        assert_eq!(terminal.end().0, Some(130), "{question}");
        assert_eq!(chats.names(), ["Coffee", "Tea"]);
        assert_nothing_half_made(&chats);
    }
}

#[test]
fn progress_is_shown_on_a_terminal_only() {
    let chats = Chats::new();
    let (code, seen) = Terminal::start(&chats, "backup-db", "").end();
    assert_eq!(code, Some(0));
    assert!(seen.contains(" %"), "{seen}");
    assert_eq!(chats.run("backup-db", &[]).ok().stderr, "");
}

#[test]
fn a_passphrase_is_asked_for_and_never_shown() {
    let chats = Chats::new();
    let secret = "seven green leaves\n";
    let mut terminal = Terminal::start(&chats, "backup-db", "--encrypt");
    terminal
        .expect("Passphrase for the backup:")
        .expect_hidden()
        .press(secret);
    terminal.expect("Once more:").expect_hidden().press(secret);
    let (code, made) = terminal.end();
    assert_eq!(code, Some(0), "{made}");
    chats.add("Coffee");
    let mut terminal = Terminal::start(&chats, "restore-db", "latest --yes");
    terminal.expect("Passphrase:").expect_hidden().press(secret);
    let (code, restored) = terminal.end();
    assert_eq!(code, Some(0), "{restored}");
    assert_eq!(chats.names(), ["Tea"]);
    assert!(!made.contains("green") && !restored.contains("green"));
}
