//! `tallymark stats password`: sets what the owner signs in with.

use std::io::{self, BufRead as _, IsTerminal as _};
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;

use super::report::Report;
use super::workspace::Workspace;
use super::{Global, Outcome, Usage};
use crate::config::Access;
use crate::permalink::UrlPath;
use crate::server::{NewPassword, PasswordFile, SIGN_IN};

/// The variable that wins over the password that is set here.
pub(super) const VARIABLE: &str = "TALLYMARK_PASSWORD";

/// Set the password that the owner signs in with
///
/// On a terminal it is asked for twice and not shown; else it is the first line of what is piped in. Whoever is signed in
/// has to sign in again.
#[derive(Debug, Args)]
pub(super) struct Password {
    /// Where statistics are kept [default: state]
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
}

impl Password {
    pub(super) fn run(self, global: &Global, report: Report) -> anyhow::Result<Outcome> {
        let (workspace, state_dir) = Workspace::with_state(global, self.state.as_deref())?;
        let password = NewPassword::parse(&ask()?).map_err(Usage)?;
        PasswordFile::in_folder(&state_dir).set(&password)?;
        report.done("the password is set; whoever was signed in has to sign in again");
        if workspace.sources.environment.contains_key(VARIABLE) {
            report
                .note(format!("a server that is started with `{VARIABLE}` asks for that instead"));
        }
        let sign_in = UrlPath::parse(SIGN_IN).context("a plain path")?;
        let url = workspace.config.base.permalink(&sign_in);
        match workspace.config.stats.access {
            Access::Private => report.note(format!("sign in at {url}")),
            Access::Public => report.note(format!(
                "sign in at {url}; everybody sees the statistics, unless `stats.access` is `\"private\"`"
            )),
            Access::Off => {
                report.note("nobody can sign in while `stats.access` is `\"off\"`");
            }
        }
        Ok(Outcome::Done)
    }
}

/// The password that the environment says, if it does; one that is none is wrong usage.
pub(super) fn of_environment(workspace: &Workspace) -> Result<Option<NewPassword>, Usage> {
    let given = workspace.sources.environment.get(VARIABLE).filter(|given| !given.is_empty());
    let parsed = given.map(|given| NewPassword::parse(given)).transpose();
    parsed.map_err(|why| Usage(format!("`{VARIABLE}` cannot be used: {why}")))
}

fn ask() -> anyhow::Result<String> {
    if !io::stdin().is_terminal() {
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line).context("no password can be read")?;
        return Ok(line.trim_end_matches(['\r', '\n']).to_owned());
    }
    let prompt = |text: &str| rpassword::prompt_password(text).context("no password can be read");
    let password = prompt("New password: ")?;
    NewPassword::parse(&password).map_err(Usage)?;
    if prompt("The same again: ")? != password {
        return Err(
            Usage("these were two different passwords; nothing is changed".to_owned()).into()
        );
    }
    Ok(password)
}
