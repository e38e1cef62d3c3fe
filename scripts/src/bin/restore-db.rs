//! restore-db: brings chats back from a backup, also while the app runs.

use std::io::{IsTerminal, stdin};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use chatkeep_backup::{
    Backup, BackupFolder, Control, Error, Live, Mode, Place, Plan, RestoreOptions, Restored,
    finish_interrupted, prepare, restore_to, salvage, undo_backup,
};
use chatkeep_scripts::{
    Common, Failure, KeyArguments, Outcome, Output, age, generate, list_text, parse_moment, run,
};
use chatkeep_store::{Clock, SystemClock, Timestamp};
use clap::{Args, CommandFactory, Parser, Subcommand};
use serde_json::json;

/// Bring your chats back from a backup.
///
/// Without a backup named, it lists them and asks for one. The backup is checked in full before
/// anything is changed, what is there now is backed up first, and `chatkeep-restore-db undo` takes
/// it back. The app may run.
#[derive(Parser)]
#[command(name = "restore-db", version, after_help = EXAMPLES)]
struct Cli {
    #[command(flatten)]
    common: Common,
    /// The backup: its number in the list, file, id, or `latest`
    #[arg(value_name = "BACKUP")]
    backup: Option<String>,
    /// The newest backup from this moment or before, such as "2026-11-20 18:30"
    #[arg(long, value_name = "TIME", value_parser = parse_moment, conflicts_with = "backup")]
    at: Option<Timestamp>,
    /// Write the database to this new file and leave the app's alone
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    /// Replace the database in one transaction; the app may run (the default for a sound one)
    #[arg(long, conflicts_with = "offline")]
    online: bool,
    /// Put another file in its place; the app must not run (the default for a damaged one)
    #[arg(long)]
    offline: bool,
    /// Do not back up what is there now; needs --force
    #[arg(long, requires = "force")]
    no_safety_backup: bool,
    /// Yes, without a backup of what is there now
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    how: How,
    #[command(subcommand)]
    command: Option<Command>,
}

const EXAMPLES: &str = "\
Examples:
  chatkeep-restore-db                              choose from a list
  chatkeep-restore-db latest --plan                what would change
  chatkeep-restore-db latest --yes                 without a question
  chatkeep-restore-db --at \"2026-11-20 18:30\"      as it was then
  chatkeep-restore-db latest --to copy.db          to another file
  chatkeep-restore-db undo                         take the last restore back
  chatkeep-restore-db salvage                      read what is left of a damaged database

Exit codes:
  0 done; 1 error; 2 wrong use; 10 not found; 11 in use or too slow; 12 wrong key; 13 no room; 21 the
  backup is damaged; 22 it is another person's; 23 it is from a newer version; 24 failed, everything
  is as before; 25 failed, and a person must choose (the files are named); 130 interrupted";

#[derive(Args, Clone)]
struct How {
    /// Only say what would change
    #[arg(long, global = true)]
    plan: bool,
    /// Do not ask
    #[arg(long, short, global = true)]
    yes: bool,
    /// Restore even the backup of another store
    #[arg(long, global = true)]
    allow_foreign: bool,
    #[command(flatten)]
    keys: KeyArguments,
}

#[derive(Subcommand)]
enum Command {
    /// Take the last restore back
    Undo,
    /// Read what can be read of a damaged database into a new one
    Salvage {
        /// The damaged database; without it, the app's own
        file: Option<PathBuf>,
        /// The new database
        #[arg(long, value_name = "FILE")]
        to: Option<PathBuf>,
    },
    /// Write manual pages and shell completions to a folder
    #[command(hide = true)]
    Generate { folder: PathBuf },
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let output = cli.common.output();
    run(output, || match &cli.command {
        None => restore(&cli, output),
        Some(Command::Undo) => undo(&cli, output),
        Some(Command::Salvage { file, to }) => rescue(&cli, file.as_ref(), to.as_ref(), output),
        Some(Command::Generate { folder }) => pages(folder),
    })
}

fn restore(cli: &Cli, output: Output) -> Result<Outcome, Failure> {
    let place = cli.common.place();
    finish_interrupted(&place, &Control::default())?;
    let backup = choose(cli, &place, output)?;
    if cli.at.is_some() {
        output.note(&format!("Taking {}.", backup.name()));
    }
    match &cli.to {
        None => apply(cli, &place, &backup, output),
        Some(to) => {
            let key = cli.how.keys.key(&backup)?;
            let control = cli.common.control(output);
            restore_to(&backup, to, &options(cli, key.as_ref()), &control)?;
            output.text(&format!("{}", to.display()));
            output.line(&json!({
                "message_type": "summary",
                "from": backup.name(),
                "to": to.to_string_lossy(),
            }));
            Ok(Outcome::Done)
        }
    }
}

fn undo(cli: &Cli, output: Output) -> Result<Outcome, Failure> {
    let place = cli.common.place();
    finish_interrupted(&place, &Control::default())?;
    let backup = undo_backup(&place)?;
    apply(cli, &place, &backup, output)
}

fn apply(cli: &Cli, place: &Place, backup: &Backup, output: Output) -> Result<Outcome, Failure> {
    let key = cli.how.keys.key(backup)?;
    // After the passphrase, which is asked for with the terminal's echo off: until here, Ctrl-C just
    // ends the tool, and the shell puts its terminal right.
    let control = cli.common.control(output);
    let prepared = prepare(place, backup, options(cli, key.as_ref()), &control)?;
    tell_plan(prepared.plan(), output);
    if cli.how.plan {
        return Ok(Outcome::Done);
    }
    agree(cli, &control)?;
    // The time for an answer is not the restore's.
    let restored = prepared.apply(&cli.common.control_again(&control))?;
    tell_restored(&restored, output);
    Ok(Outcome::Done)
}

fn options<'a>(cli: &Cli, key: Option<&'a chatkeep_backup::Key>) -> RestoreOptions<'a> {
    RestoreOptions {
        key,
        allow_foreign: cli.how.allow_foreign,
        safety_backup: !cli.no_safety_backup,
        mode: match (cli.online, cli.offline) {
            (true, _) => Mode::Online,
            (_, true) => Mode::Offline,
            _ => Mode::Auto,
        },
        now: SystemClock.now(),
    }
}

fn choose(cli: &Cli, place: &Place, output: Output) -> Result<Backup, Error> {
    let wanted = match (&cli.backup, cli.at) {
        (Some(wanted), _) if std::path::Path::new(wanted).components().count() > 1 => {
            return Backup::at(wanted.as_ref());
        }
        (Some(wanted), _) => wanted.clone(),
        (None, Some(moment)) => return BackupFolder::open(&place.backups)?.find_at(moment),
        (None, None) => ask_which(place, output)?,
    };
    match BackupFolder::open(&place.backups) {
        Err(Error::NotFound { .. }) => Backup::at(wanted.as_ref()),
        folder => folder?.find(&wanted),
    }
}

fn ask_which(place: &Place, output: Output) -> Result<String, Error> {
    if !stdin().is_terminal() {
        return Err(Error::Usage {
            what: "say which backup: `chatkeep-restore-db latest`, or a number of `chatkeep-backup-db list`".into(),
        });
    }
    let backups = BackupFolder::open(&place.backups)?.list()?;
    output.note(&list_text(&backups, SystemClock.now()));
    output.note("Which one? Its number, or Enter for none:");
    match read_line(&Control::default())? {
        line if line.is_empty() => Err(Error::Cancelled),
        line => Ok(line),
    }
}

fn agree(cli: &Cli, control: &Control) -> Result<(), Error> {
    if cli.how.yes {
        return Ok(());
    }
    if !stdin().is_terminal() {
        return Err(Error::Usage {
            what: "nobody can be asked here: say --yes, or --plan to only look".into(),
        });
    }
    cli.common.output().note("Restore it? Write yes:");
    match read_line(control)?.as_str() {
        "yes" | "y" => Ok(()),
        _ => Err(Error::Cancelled),
    }
}

/// Reads an answer on a thread of its own: Ctrl-C does not end the wait for one, and what was staged
/// has to go before the tool does.
fn read_line(control: &Control) -> Result<String, Error> {
    let (sender, answer) = mpsc::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        // Nobody hears it when the tool was stopped meanwhile.
        let _ = sender.send(stdin().read_line(&mut line).map(|_| line));
    });
    let cancel = control.cancel_flag();
    loop {
        return match answer.recv_timeout(Duration::from_millis(50)) {
            Err(RecvTimeoutError::Timeout) if !cancel.load(Ordering::Relaxed) => continue,
            Err(_) => Err(Error::Cancelled),
            Ok(Ok(line)) => Ok(line.trim().to_owned()),
            Ok(Err(source)) => Err(Error::Io {
                action: "read",
                path: "the answer".into(),
                source,
            }),
        };
    }
}

fn tell_plan(plan: &Plan, output: Output) {
    output.line(&json!({ "message_type": "verbose", "plan": plan }));
    let made = plan.age_ms.map_or("of unknown age".to_owned(), age);
    output.text(&format!("{} ({made})", plan.backup.display()));
    match &plan.live {
        Live::Readable => {}
        Live::Missing => output.text("There is no database now."),
        Live::Damaged { what } => output.text(&format!("The database now is damaged: {what}")),
    }
    for it in &plan.tables {
        let now = it.now.map_or("?".to_owned(), |rows| rows.to_string());
        let change = match it.now {
            Some(now) if now == it.then => String::new(),
            Some(now) if now > it.then => format!("  {} fewer", now - it.then),
            Some(now) => format!("  {} more", it.then - now),
            None => String::new(),
        };
        output.text(&format!(
            "  {:<24} {now:>10} -> {:>10}{change}",
            it.table, it.then
        ));
    }
    for note in &plan.notes {
        output.note(&format!("note: {note}"));
    }
}

fn tell_restored(restored: &Restored, output: Output) {
    output.text("Restored. `chatkeep-restore-db undo` takes it back.");
    if let Some(former) = &restored.former {
        output.text(&format!("The former files are in {former}"));
    }
    output.line(&json!({ "message_type": "summary", "restored": restored }));
}

fn rescue(
    cli: &Cli,
    file: Option<&PathBuf>,
    to: Option<&PathBuf>,
    output: Output,
) -> Result<Outcome, Failure> {
    let place = cli.common.place();
    let from = file.cloned().unwrap_or_else(|| place.database.clone());
    let to = to
        .cloned()
        .unwrap_or_else(|| place.data_folder().join("salvaged.db"));
    let report = salvage(&from, &to, &cli.common.control(output))?;
    for it in &report.tables {
        output.text(&format!(
            "  {:<24} {:>10} rows, {} refused",
            it.table, it.rows, it.refused
        ));
    }
    for note in &report.notes {
        output.note(&format!("note: {note}"));
    }
    output.text(&format!(
        "{}\nTo use it: chatkeep-restore-db {0}",
        to.display()
    ));
    output
        .line(&json!({ "message_type": "summary", "to": to.to_string_lossy(), "report": report }));
    match report.is_complete() {
        true => Ok(Outcome::Done),
        false => Ok(Outcome::DoneWithWarning),
    }
}

fn pages(folder: &std::path::Path) -> Result<Outcome, Failure> {
    generate(&Cli::command(), "chatkeep-restore-db", folder).map_err(|source| Error::Io {
        action: "write",
        path: folder.to_owned(),
        source,
    })?;
    Ok(Outcome::Done)
}
