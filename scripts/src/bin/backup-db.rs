//! backup-db: makes and looks after backups of the chats, also while the app runs.

use std::path::PathBuf;
use std::process::ExitCode;

use chatkeep_backup::{
    Backup, BackupFolder, Check, CreateOptions, Error, Layout, Level, Policy, Prune, Reason,
    Severity, create, create_delta, doctor, export, prune, set_pinned, verify,
};
use chatkeep_scripts::{
    Common, Failure, KeyArguments, LockArguments, Outcome, Output, bytes, generate, list_json,
    list_text, manifest_text, parse_duration, parse_size, run,
};
use chatkeep_store::{Clock, SystemClock, Timestamp};
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use serde_json::json;

/// Back up your chats, prove the backups, and decide which to keep.
///
/// Without a command it makes a backup: a consistent copy of the database, taken while the app runs,
/// read back and checked before it gets its name.
#[derive(Parser)]
#[command(name = "backup-db", version, after_help = EXAMPLES)]
struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    create: CreateArguments,
    #[command(subcommand)]
    command: Option<Command>,
}

const EXAMPLES: &str = "\
Examples:
  chatkeep-backup-db                                   back up now
  chatkeep-backup-db --dir /media/disk/chats           back up to another disk
  chatkeep-backup-db --compress zstd --encrypt         smaller, and with a passphrase
  chatkeep-backup-db --delta                           only what changed since the last one
  chatkeep-backup-db list                              which backups there are
  chatkeep-backup-db verify --all                      check every one of them
  chatkeep-backup-db prune --keep-daily 30 --dry-run   what would be removed

Exit codes:
  0 done; 1 error; 2 wrong use; 3 done, but something beside it was not; 10 not found; 11 in use or
  too slow; 12 wrong key; 13 no room; 20 the database is damaged; 21 the backup is damaged; 130
  interrupted";

#[derive(Subcommand)]
enum Command {
    /// Make a backup; the same as without a command
    Create(CreateArguments),
    /// Show the backups, newest first
    List,
    /// Show one backup in detail
    Info(Which),
    /// Check backups
    Verify(VerifyArguments),
    /// Remove the backups that no rule keeps
    Prune(PruneArguments),
    /// Keep a backup whatever the rules say
    Pin(PinArguments),
    /// Write a backup's database to a plain SQLite file
    Export(ExportArguments),
    /// Look at everything that a restore would need
    Doctor,
    /// Write manual pages and shell completions to a folder
    #[command(hide = true)]
    Generate { folder: PathBuf },
}

#[derive(Args, Default, PartialEq)]
struct CreateArguments {
    /// What it is for
    #[arg(long, value_name = "REASON", value_parser = parse_reason)]
    reason: Option<Reason>,
    /// Keep it until it is unpinned
    #[arg(long)]
    pin: bool,
    /// Make a full backup (the default)
    #[arg(long, conflicts_with = "delta")]
    full: bool,
    /// Only the pages that changed since the last backup; a full one when there is none to build on
    #[arg(long)]
    delta: bool,
    /// Compress: zstd, or zstd:1 (fast) to zstd:19 (small)
    #[arg(long, value_name = "HOW", value_parser = parse_compression)]
    compress: Option<Compression>,
    #[command(flatten)]
    lock: LockArguments,
    #[command(flatten)]
    keys: KeyArguments,
    /// How thoroughly to check it [default: drill]
    #[arg(long, value_enum, value_name = "LEVEL")]
    verify: Option<LevelName>,
    /// Copy at most so many MiB a second
    #[arg(long, value_name = "MIB")]
    max_mbps: Option<u64>,
    /// Remove nothing afterwards
    #[arg(long)]
    no_prune: bool,
    #[command(flatten)]
    keep: KeepArguments,
}

#[derive(Clone, Copy, PartialEq)]
struct Compression(Option<i32>);

#[derive(Args, Default, PartialEq)]
struct KeepArguments {
    /// Keep the newest so many
    #[arg(long, value_name = "N")]
    keep_last: Option<u32>,
    /// Keep the newest of each of so many hours
    #[arg(long, value_name = "N")]
    keep_hourly: Option<u32>,
    /// Keep the newest of each of so many days [default: 14]
    #[arg(long, value_name = "N")]
    keep_daily: Option<u32>,
    /// Keep the newest of each of so many weeks [default: 8]
    #[arg(long, value_name = "N")]
    keep_weekly: Option<u32>,
    /// Keep the newest of each of so many months [default: 12]
    #[arg(long, value_name = "N")]
    keep_monthly: Option<u32>,
    /// Keep the newest of each of so many years
    #[arg(long, value_name = "N")]
    keep_yearly: Option<u32>,
    /// Keep everything that is younger [default: 48h]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    keep_within: Option<std::time::Duration>,
    /// Keep no more than so much, such as 5G; 0 is no limit [default: 5G]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    max_size: Option<u64>,
}

#[derive(Args)]
struct Which {
    /// Its number in the list, file, id, or `latest`
    #[arg(value_name = "BACKUP", default_value = "latest")]
    backup: String,
}

#[derive(Args)]
struct VerifyArguments {
    #[command(flatten)]
    which: Which,
    /// All of them
    #[arg(long)]
    all: bool,
    /// One part of all, such as 3/30: with the day of the month, each comes once a month
    #[arg(long, value_name = "N/M", value_parser = parse_subset, conflicts_with = "all")]
    subset: Option<(u64, u64)>,
    /// How thoroughly
    #[arg(
        long = "verify",
        value_enum,
        value_name = "LEVEL",
        default_value = "standard"
    )]
    level: LevelName,
    #[command(flatten)]
    keys: KeyArguments,
}

#[derive(Args)]
struct PruneArguments {
    #[command(flatten)]
    keep: KeepArguments,
    /// Only say what would be removed
    #[arg(long)]
    dry_run: bool,
}

#[derive(Args)]
struct PinArguments {
    #[command(flatten)]
    which: Which,
    /// Do not keep it any longer than the rules say
    #[arg(long)]
    off: bool,
}

#[derive(Args)]
struct ExportArguments {
    #[command(flatten)]
    which: Which,
    /// The file to write, which must not be there
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
    /// Leave out free pages, and with them what was deleted
    #[arg(long)]
    compact: bool,
    #[command(flatten)]
    keys: KeyArguments,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum LevelName {
    /// The digests
    Quick,
    /// The whole database in it, and which texts its search index is of
    Standard,
    /// A restore on trial, and every word of the search index
    Drill,
}

impl From<LevelName> for Level {
    fn from(name: LevelName) -> Self {
        match name {
            LevelName::Quick => Self::Quick,
            LevelName::Standard => Self::Standard,
            LevelName::Drill => Self::Drill,
        }
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let output = cli.common.output();
    run(output, || match &cli.command {
        None => make(&cli.common, &cli.create, output),
        Some(_) if cli.create != CreateArguments::default() => Err(Failure::Backup(Error::Usage {
            what: "options of a command go after it: chatkeep-backup-db COMMAND --option".into(),
        })),
        Some(Command::Create(arguments)) => make(&cli.common, arguments, output),
        Some(Command::List) => list(&cli.common, output),
        Some(Command::Info(which)) => info(&cli.common, which, output),
        Some(Command::Verify(arguments)) => check(&cli.common, arguments, output),
        Some(Command::Prune(arguments)) => clean(&cli.common, arguments, output),
        Some(Command::Pin(arguments)) => pin(&cli.common, arguments, output),
        Some(Command::Export(arguments)) => write_out(&cli.common, arguments, output),
        Some(Command::Doctor) => look(&cli.common, output),
        Some(Command::Generate { folder }) => pages(folder),
    })
}

fn make(common: &Common, arguments: &CreateArguments, output: Output) -> Result<Outcome, Failure> {
    let place = common.place();
    let options = create_options(arguments)?;
    let mut control = common.control(output);
    if let Some(mib) = arguments.max_mbps {
        control = control.at_most(mib << 20);
    }
    let made = match arguments.delta {
        true => create_delta(&place, &options, &control)?,
        false => Some(create(&place, &options, &control)?),
    };
    let Some(backup) = made else {
        output.text("Nothing has changed since the last backup.");
        output.line(&json!({ "message_type": "summary", "unchanged": true }));
        return Ok(Outcome::Done);
    };
    tell_made(&backup, output);
    if arguments.no_prune {
        return Ok(Outcome::Done);
    }
    let folder = BackupFolder::open(&place.backups)?;
    let policy = policy(&arguments.keep);
    match prune(&folder, &policy, Prune::Remove, options.now, &control) {
        Ok(_) => Ok(Outcome::Done),
        Err(error) => {
            output.note(&format!(
                "The backup was made, but old ones were not removed: {error}"
            ));
            Ok(Outcome::DoneWithWarning)
        }
    }
}

fn create_options(arguments: &CreateArguments) -> Result<CreateOptions, Error> {
    let reason = arguments.reason.unwrap_or(Reason::Manual);
    let mut options = CreateOptions::new(reason, now());
    options.pinned = arguments.pin;
    options.compress = arguments.compress.and_then(|it| it.0);
    options.encrypt = arguments.lock.lock(&arguments.keys)?;
    if let Some(level) = arguments.verify {
        options.verify = level.into();
    }
    Ok(options)
}

fn tell_made(backup: &Backup, output: Output) {
    let Some(manifest) = backup.manifest() else {
        return;
    };
    output.text(&format!(
        "{}\n{} in {:.1} s, {}",
        backup.path.display(),
        bytes(manifest.payload.digests.bytes),
        std::time::Duration::from_millis(manifest.timing.duration_ms).as_secs_f64(),
        match &manifest.verification {
            Some(it) => format!("checked ({})", it.level.as_str()),
            None => "built on a checked backup".to_owned(),
        }
    ));
    output.line(&json!({
        "message_type": "summary",
        "file": backup.path.to_string_lossy(),
        "manifest": manifest,
    }));
}

fn list(common: &Common, output: Output) -> Result<Outcome, Failure> {
    let backups = match BackupFolder::open(&common.place().backups) {
        Err(Error::NotFound { .. }) => Vec::new(),
        folder => folder?.list()?,
    };
    output.text(&list_text(&backups, now()));
    output.line(&list_json(&backups));
    Ok(Outcome::Done)
}

fn info(common: &Common, which: &Which, output: Output) -> Result<Outcome, Failure> {
    let backup = BackupFolder::open(&common.place().backups)?.find(&which.backup)?;
    output.text(&manifest_text(&backup, now()));
    output.line(&json!({
        "message_type": "summary",
        "file": backup.path.to_string_lossy(),
        "manifest": backup.manifest(),
    }));
    Ok(Outcome::Done)
}

fn check(common: &Common, arguments: &VerifyArguments, output: Output) -> Result<Outcome, Failure> {
    let place = common.place();
    let folder = BackupFolder::open(&place.backups)?;
    let chosen = chosen(&folder, arguments)?;
    let key = arguments.keys.key_of_all(&chosen)?;
    let control = common.control(output);
    let mut worst = None;
    for backup in chosen {
        let name = backup.name();
        let how = Check {
            level: arguments.level.into(),
            key: key.as_ref(),
            now: now(),
        };
        let outcome = verify(&place, backup, &how, &control);
        let what = outcome.as_ref().err().map(ToString::to_string);
        output.text(&format!("{name}: {}", what.as_deref().unwrap_or("ok")));
        output.line(
            &json!({ "message_type": "verbose", "file": name, "ok": what.is_none(), "what": what }),
        );
        if let Err(error) = outcome {
            control_stops(&error)?;
            worst = worst.max(Some(error.exit_code()));
        }
    }
    output.line(&json!({ "message_type": "summary", "ok": worst.is_none() }));
    worst.map_or(Ok(Outcome::Done), |code| Err(Failure::Several(code)))
}

/// After Ctrl-C or the deadline the rest is not tried.
fn control_stops(error: &Error) -> Result<(), Failure> {
    match error {
        Error::Cancelled => Err(Failure::Backup(Error::Cancelled)),
        Error::Deadline { seconds } => Err(Failure::Backup(Error::Deadline { seconds: *seconds })),
        _ => Ok(()),
    }
}

fn chosen(folder: &BackupFolder, arguments: &VerifyArguments) -> Result<Vec<Backup>, Error> {
    let sequence = |it: &Backup| it.manifest().map_or(0, |it| it.sequence);
    match arguments.subset {
        Some((part, parts)) => {
            let mut all = folder.list()?;
            all.retain(|it| sequence(it) % parts == part % parts);
            Ok(all)
        }
        None if arguments.all => folder.list(),
        None => Ok(vec![folder.find(&arguments.which.backup)?]),
    }
}

fn clean(common: &Common, arguments: &PruneArguments, output: Output) -> Result<Outcome, Failure> {
    let folder = BackupFolder::open(&common.place().backups)?;
    let how = if arguments.dry_run {
        Prune::DryRun
    } else {
        Prune::Remove
    };
    let control = common.control(output);
    let pruned = prune(&folder, &policy(&arguments.keep), how, now(), &control)?;
    for it in &pruned {
        let what = match it.keep.as_slice() {
            [] if arguments.dry_run => "would be removed".to_owned(),
            [] => "removed".to_owned(),
            reasons => format!("kept: {}", reasons.join(", ")),
        };
        output.text(&format!("{}  {what}", it.name));
    }
    output.line(
        &json!({ "message_type": "summary", "dry_run": arguments.dry_run, "backups": pruned }),
    );
    Ok(Outcome::Done)
}

fn pin(common: &Common, arguments: &PinArguments, output: Output) -> Result<Outcome, Failure> {
    let folder = BackupFolder::open(&common.place().backups)?;
    let backup = folder.find(&arguments.which.backup)?;
    let control = common.control(output);
    let backup = set_pinned(&folder, &backup, !arguments.off, &control)?;
    let state = if arguments.off { "unpinned" } else { "pinned" };
    output.text(&format!("{} is {state}", backup.name()));
    output.line(
        &json!({ "message_type": "summary", "file": backup.name(), "pinned": !arguments.off }),
    );
    Ok(Outcome::Done)
}

fn write_out(
    common: &Common,
    arguments: &ExportArguments,
    output: Output,
) -> Result<Outcome, Failure> {
    let backup = BackupFolder::open(&common.place().backups)?.find(&arguments.which.backup)?;
    let layout = if arguments.compact {
        Layout::Compact
    } else {
        Layout::Exact
    };
    let key = arguments.keys.key(&backup)?;
    let control = common.control(output);
    export(&backup, &arguments.to, layout, key.as_ref(), &control)?;
    output.text(&format!("{}", arguments.to.display()));
    output.line(&json!({ "message_type": "summary", "file": arguments.to.to_string_lossy() }));
    Ok(Outcome::Done)
}

fn look(common: &Common, output: Output) -> Result<Outcome, Failure> {
    let findings = doctor(&common.place(), now(), &common.control(output))?;
    for it in &findings {
        let mark = match it.severity {
            Severity::Ok => "ok      ",
            Severity::Warning => "warning ",
            Severity::Error => "ERROR   ",
        };
        output.text(format!("{mark} {}\n         {}", it.what, it.remedy).trim_end());
    }
    output.line(&json!({ "message_type": "summary", "findings": findings }));
    match findings.iter().map(|it| it.severity).max() {
        Some(Severity::Error) => Err(Failure::Several(1)),
        Some(Severity::Warning) => Ok(Outcome::DoneWithWarning),
        _ => Ok(Outcome::Done),
    }
}

fn pages(folder: &std::path::Path) -> Result<Outcome, Failure> {
    generate(&Cli::command(), "chatkeep-backup-db", folder).map_err(|source| Error::Io {
        action: "write",
        path: folder.to_owned(),
        source,
    })?;
    Ok(Outcome::Done)
}

fn policy(keep: &KeepArguments) -> Policy {
    let named = [
        keep.keep_last,
        keep.keep_hourly,
        keep.keep_daily,
        keep.keep_weekly,
        keep.keep_monthly,
        keep.keep_yearly,
    ];
    // As soon as one rule is named, the rules are those that are named.
    let is_default = named.iter().all(Option::is_none) && keep.keep_within.is_none();
    let default = Policy::default();
    let size_max_bytes = match keep.max_size {
        Some(0) => None,
        Some(size) => Some(size),
        None => default.size_max_bytes,
    };
    if is_default {
        return Policy {
            size_max_bytes,
            ..default
        };
    }
    let within = keep.keep_within.unwrap_or_default().as_millis();
    Policy {
        within_ms: i64::try_from(within).unwrap_or(i64::MAX),
        last: keep.keep_last.unwrap_or(0),
        hourly: keep.keep_hourly.unwrap_or(0),
        daily: keep.keep_daily.unwrap_or(0),
        weekly: keep.keep_weekly.unwrap_or(0),
        monthly: keep.keep_monthly.unwrap_or(0),
        yearly: keep.keep_yearly.unwrap_or(0),
        size_max_bytes,
        ..default
    }
}

fn parse_reason(text: &str) -> Result<Reason, String> {
    let found = Reason::ALL.iter().find(|(name, _)| *name == text);
    found.map(|(_, reason)| *reason).ok_or_else(|| {
        let names: Vec<_> = Reason::ALL.iter().map(|(name, _)| *name).collect();
        format!("it is one of {}", names.join(", "))
    })
}

fn parse_compression(text: &str) -> Result<Compression, String> {
    const LEVEL_DEFAULT: i32 = 3;
    let level = match text.split_once(':') {
        None if text == "none" => return Ok(Compression(None)),
        None if text == "zstd" => Some(LEVEL_DEFAULT),
        Some(("zstd", level)) => level.parse().ok().filter(|it| (1..=19).contains(it)),
        _ => None,
    };
    level
        .map(|level| Compression(Some(level)))
        .ok_or_else(|| "write it as none, zstd, or zstd:1 to zstd:19".to_owned())
}

fn parse_subset(text: &str) -> Result<(u64, u64), String> {
    let parts = text
        .split_once('/')
        .and_then(|(part, parts)| Some((part.parse().ok()?, parts.parse().ok()?)));
    parts
        .filter(|&(part, parts)| (1..=parts).contains(&part))
        .ok_or_else(|| "write it as 3/30".to_owned())
}

fn now() -> Timestamp {
    SystemClock.now()
}
