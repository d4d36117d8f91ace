//! The binary: hands the command line to `cli` and its answer to the operating system.

use std::process::ExitCode;

fn main() -> ExitCode {
    tallymark::cli::main()
}
