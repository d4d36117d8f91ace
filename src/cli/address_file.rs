//! Where a running server can be asked, and what it is shown to tell everything: a file beside the database, there
//! while it runs, and readable by its owner alone.

use std::fs::{self, File};
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

const NAME: &str = "serve.addr";

/// The file, removed when the server ends.
#[derive(Debug)]
pub(super) struct AddressFile {
    path: PathBuf,
}

/// What the file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Contact {
    /// Where the server can be asked.
    pub(super) at: SocketAddr,
    /// What it is shown.
    pub(super) key: String,
}

impl Contact {
    /// A server at this address, with a new key.
    pub(super) fn new(at: SocketAddr) -> anyhow::Result<Self> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes)?;
        Ok(Self { at, key: format!("{:032x}", u128::from_be_bytes(bytes)) })
    }
}

impl AddressFile {
    /// Says in `state_dir` how a server can be asked.
    pub(super) fn write(state_dir: &Path, contact: &Contact) -> Self {
        let path = state_dir.join(NAME);
        // One that was left behind may have other permissions.
        let _ = fs::remove_file(&path);
        let written =
            private(&path).and_then(|mut file| writeln!(file, "{}\n{}", contact.at, contact.key));
        if let Err(error) = written {
            tracing::warn!("`tallymark stats` will not find this server: {error}");
        }
        Self { path }
    }

    /// How the server that holds `state_dir` can be asked, if it has said so.
    pub(super) fn read(state_dir: &Path) -> Option<Contact> {
        let text = fs::read_to_string(state_dir.join(NAME)).ok()?;
        let mut lines = text.lines();
        let at = lines.next()?.trim().parse().ok()?;
        Some(Contact { at, key: lines.next().unwrap_or_default().to_owned() })
    }
}

/// A new file that nobody else may read.
fn private(path: &Path) -> std::io::Result<File> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path)
}

impl Drop for AddressFile {
    fn drop(&mut self) {
        // Left behind it does no harm: who asks there gets no answer.
        let _ = fs::remove_file(&self.path);
    }
}
