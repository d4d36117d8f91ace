//! The command line: one file a subcommand; puts the parts of the program together, prints, and gives the exit code.

mod address_file;
mod announcer;
mod backup;
mod build;
mod check;
mod completions;
mod export;
mod external;
mod figures;
mod import;
mod init;
mod man;
mod new;
mod password;
mod placeholder;
mod progress_line;
mod readership;
mod rebuild_rollups;
mod report;
mod restore;
mod serve;
mod share;
mod stats;
mod verify;
mod workspace;

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, ColorChoice, Parser, Subcommand};

use self::check::Check;
use self::man::Man;
use self::report::Report;
use crate::publish::Refusal;

/// The database of what readers did, below the folder of state.
const DATABASE: &str = "analytics.redb";

/// A blog in one binary: Markdown in, a fast site out, hosted, its readers counted privately.
#[derive(Debug, Parser)]
#[command(name = "tallymark", version, about, max_term_width = 100, arg_required_else_help = true)]
pub struct Cli {
    #[command(flatten, next_help_heading = "Global options")]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Flags that every command takes.
#[derive(Debug, Args)]
struct Global {
    /// The folder of the site
    #[arg(long, value_name = "DIR", default_value = ".", global = true)]
    root: PathBuf,
    /// The file of settings [default: tallymark.toml in the folder of the site]
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// Say more
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    verbose: u8,
    /// Say nothing but errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// When to use color
    #[arg(long, value_name = "WHEN", default_value = "auto", global = true)]
    color: ColorChoice,
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(init::Init),
    New(new::New),
    Build(build::Build),
    Serve(serve::Serve),
    Check(Check),
    Stats(Box<stats::Stats>),
    Export(export::Export),
    Import(import::Import),
    Backup(backup::Backup),
    Restore(restore::Restore),
    Verify(verify::Verify),
    RebuildRollups(rebuild_rollups::RebuildRollups),
    Completions(completions::Completions),
    Man(Man),
}

/// How a command has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// Everything is done.
    Done,
    /// The author's mistakes are in the way; they have been told.
    Mistakes,
}

/// What the user asked for cannot be done so; exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Usage(String);

/// Runs the command line that the process was started with.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    apply(cli.global.color);
    start_logging(&cli.global);
    let report = Report::new(cli.global.quiet);
    match run(cli, report) {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Mistakes) => ExitCode::from(1),
        Err(failure) if is_broken_pipe(&failure) => ExitCode::SUCCESS,
        Err(failure) => {
            report::failure(&failure);
            ExitCode::from(if is_usage(&failure) { 2 } else { 3 })
        }
    }
}

fn run(cli: Cli, report: Report) -> anyhow::Result<Outcome> {
    let global = &cli.global;
    match cli.command {
        Command::Init(init) => init.run(report),
        Command::New(new) => new.run(global, report),
        Command::Build(build) => build.run(global, report),
        Command::Serve(serve) => serve.run(global, report),
        Command::Check(check) => check.run(global, report),
        Command::Stats(stats) => stats.run(global, report),
        Command::Export(export) => export.run(global, report),
        Command::Import(import) => import.run(global, report),
        Command::Backup(backup) => backup.run(global, report),
        Command::Restore(restore) => restore.run(global, report),
        Command::Verify(verify) => verify.run(global, report),
        Command::RebuildRollups(rebuild) => rebuild.run(global, report),
        Command::Completions(completions) => completions.run(),
        Command::Man(Man {}) => man::run(),
    }
}

fn apply(color: ColorChoice) {
    match color {
        ColorChoice::Auto => anstream::ColorChoice::Auto,
        ColorChoice::Always => anstream::ColorChoice::Always,
        ColorChoice::Never => anstream::ColorChoice::Never,
    }
    .write_global();
}

fn start_logging(global: &Global) {
    let level = match (global.quiet, global.verbose) {
        (true, _) => "error",
        (false, 0) => "warn",
        (false, 1) => "info",
        (false, 2) => "debug",
        _ => "trace",
    };
    let filter = tracing_subscriber::EnvFilter::new(format!("off,tallymark={level}"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(global.color != ColorChoice::Never && anstream::stderr().is_terminal())
        .init();
}

fn is_usage(failure: &anyhow::Error) -> bool {
    failure.is::<Usage>() || failure.is::<Refusal>()
}

/// Who reads our output has stopped reading: nothing is wrong.
fn is_broken_pipe(failure: &anyhow::Error) -> bool {
    let is_broken = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
    failure.downcast_ref::<io::Error>().is_some_and(is_broken)
}

/// `path` from where the user stands.
fn absolute(path: &std::path::Path) -> anyhow::Result<PathBuf> {
    std::path::absolute(path).with_context(|| format!("cannot find `{}`", path.display()))
}
