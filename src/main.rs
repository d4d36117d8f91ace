//! The binary: hands the command line to `cli` and its answer to the operating system.

use std::process::ExitCode;

/// A build allocates millions of small things on all cores, which takes the system's allocator an eighth more time and a
/// quarter more memory.
#[cfg(not(target_env = "msvc"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    tallymark::cli::main()
}
