//! What people read in the terminal: problems, failures, closing lines. Reports go to stderr, data to stdout.

use std::fmt::Display;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::time::Duration;

use anstyle::{AnsiColor, Style};

use crate::problem::{Problem, Severity};
use crate::render::grouped;

const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const HELP: Style = AnsiColor::Cyan.on_default();
const GOOD: Style = AnsiColor::Green.on_default().bold();
const BOLD: Style = Style::new().bold();

/// Prints for people.
#[derive(Debug, Clone, Copy)]
pub(super) struct Report {
    quiet: bool,
}

impl Report {
    pub(super) fn new(quiet: bool) -> Self {
        Self { quiet }
    }

    /// Tells each problem, and how many there are.
    pub(super) fn problems(self, problems: &[Problem]) {
        let mut terminal = BufWriter::new(anstream::stderr().lock());
        for problem in problems.iter().filter(|problem| !self.quiet || problem.is_error()) {
            let _ = write_problem(&mut terminal, problem);
        }
        let errors = problems.iter().filter(|problem| problem.is_error()).count();
        let warnings = problems.len() - errors;
        let counted = [(errors, "error"), (warnings, "warning")];
        let parts: Vec<String> = counted
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, noun)| counted_noun(*count, noun))
            .collect();
        if !parts.is_empty() && !self.quiet {
            let _ = writeln!(terminal, "{}", parts.join(", "));
        }
    }

    /// Says that something is done.
    pub(super) fn done(self, what: impl Display) {
        if !self.quiet {
            let _ = writeln!(anstream::stderr(), "{GOOD}{what}{GOOD:#}");
        }
    }

    /// Says something.
    pub(super) fn note(self, what: impl Display) {
        if !self.quiet {
            let _ = writeln!(anstream::stderr(), "{what}");
        }
    }

    /// Shows how far long work has come, on a terminal that is looked at.
    pub(super) fn shows_progress(self) -> bool {
        !self.quiet && io::stderr().is_terminal()
    }
}

/// Tells what the machine would not do.
pub(super) fn failure(failure: &anyhow::Error) {
    let _ = writeln!(anstream::stderr(), "{ERROR}error{ERROR:#}: {failure:#}");
}

/// Data, for who called us.
pub(super) fn data(data: impl Display) -> anyhow::Result<()> {
    Ok(writeln!(io::stdout(), "{data}")?)
}

fn write_problem(terminal: &mut impl Write, problem: &Problem) -> io::Result<()> {
    let (style, severity) = match problem.mistake.severity() {
        Severity::Error => (ERROR, "error"),
        Severity::Warning => (WARNING, "warning"),
    };
    let (place, mistake) = (&problem.place, &problem.mistake);
    writeln!(terminal, "{BOLD}{place}:{BOLD:#} {style}{severity}{style:#}: {mistake}")?;
    writeln!(terminal, "  {HELP}help{HELP:#}: {}", mistake.help())
}

/// `1 page`, `1,204 pages`.
pub(super) fn counted_noun(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", grouped(count as u64))
}

/// `312 ms`, `4.2 s`.
pub(super) fn timed(duration: Duration) -> String {
    if duration < Duration::from_secs(1) {
        format!("{} ms", duration.as_millis())
    } else {
        format!("{:.1} s", duration.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!(counted_noun(1, "page"), "1 page");
        assert_eq!(counted_noun(1204, "page"), "1,204 pages");
        assert_eq!(timed(Duration::from_millis(312)), "312 ms");
        assert_eq!(timed(Duration::from_millis(4210)), "4.2 s");
    }
}
