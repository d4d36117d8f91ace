//! Where a running server can be asked: a file beside the database, there while it runs.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

const NAME: &str = "serve.addr";

/// The file, removed when the server ends.
#[derive(Debug)]
pub(super) struct AddressFile {
    path: PathBuf,
}

impl AddressFile {
    /// Says in `state_dir` that a server can be asked `at` this address.
    pub(super) fn write(state_dir: &Path, at: SocketAddr) -> Self {
        let path = state_dir.join(NAME);
        if let Err(error) = fs::write(&path, at.to_string()) {
            tracing::warn!("`tallymark stats` will not find this server: {error}");
        }
        Self { path }
    }

    /// Where the server that holds `state_dir` can be asked, if it has said so.
    pub(super) fn read(state_dir: &Path) -> Option<SocketAddr> {
        fs::read_to_string(state_dir.join(NAME)).ok()?.trim().parse().ok()
    }
}

impl Drop for AddressFile {
    fn drop(&mut self) {
        // Left behind it does no harm: who asks there gets no answer.
        let _ = fs::remove_file(&self.path);
    }
}
