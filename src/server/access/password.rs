//! The owner's password: kept as a hash that takes time to compute, so that who steals it has not stolen the password.

use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};
use unicode_normalization::UnicodeNormalization as _;

use super::private_file;

/// The file of the hash, in the folder of state.
const NAME: &str = "password";

/// A shorter password is guessed, however slow that is made.
const SHORTEST: usize = 8;

/// A longer one is no password.
const LONGEST: usize = 1024;

/// Memory in KiB, passes and lanes of a hash: what OWASP asks of Argon2id at least.
const COST: (u32, u32, u32) = (19 * 1024, 2, 1);

/// What is hashed with while there is no password.
const NO_SALT: &[u8] = b"there is no password";

/// A password that may be set.
pub struct NewPassword(String);

impl NewPassword {
    /// Takes `text` for a password; says what is wrong with it, if it cannot be one.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.chars().count() < SHORTEST {
            return Err(format!(
                "a password has at least {SHORTEST} characters; a few words that only you put together are good"
            ));
        }
        if text.len() > LONGEST {
            return Err(format!("a password has at most {LONGEST} bytes"));
        }
        Ok(Self(normal(text)))
    }

    /// Whether `hash` is its hash.
    pub(super) fn is_of(&self, hash: &PasswordHash) -> bool {
        hash.is_of(&self.0)
    }
}

/// One spelling for what looks the same: keyboards differ in how they write an accent.
fn normal(text: &str) -> String {
    text.nfc().collect()
}

/// What a password hashes to, as a PHC string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PasswordHash(String);

impl PasswordHash {
    /// Reads what was written.
    pub(super) fn from_text(text: &str) -> Self {
        Self(text.trim().to_owned())
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Hashes `password` with a salt of its own.
    pub(super) fn of(password: &NewPassword) -> anyhow::Result<Self> {
        let mut salt = [0; 16];
        getrandom::fill(&mut salt)?;
        let hash = hasher()?.hash_password_with_salt(password.0.as_bytes(), &salt);
        Ok(Self(hash.map_err(|error| anyhow::anyhow!("{error}"))?.to_string()))
    }

    /// Whether `text` hashes to this.
    pub(super) fn is_of(&self, text: &str) -> bool {
        let verified =
            hasher().map(|hasher| hasher.verify_password(text.as_bytes(), self.as_str()));
        matches!(verified, Ok(Ok(())))
    }
}

/// Whether `text` is the password. It takes as long when there is none.
pub(super) fn is_right(text: &str, hash: Option<&PasswordHash>) -> bool {
    let text = normal(text);
    if let Some(hash) = hash {
        return hash.is_of(&text);
    }
    let hashed = hasher().map(|hasher| hasher.hash_password_with_salt(text.as_bytes(), NO_SALT));
    let _ = std::hint::black_box(hashed);
    false
}

fn hasher() -> anyhow::Result<Argon2<'static>> {
    let (memory, passes, lanes) = COST;
    let params = Params::new(memory, passes, lanes, None);
    let params = params.map_err(|error| anyhow::anyhow!("{error}"))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// Where the hash of the password is kept.
#[derive(Debug)]
pub struct PasswordFile(PathBuf);

impl PasswordFile {
    /// The one in the folder of state.
    pub fn in_folder(folder: &Path) -> Self {
        Self(folder.join(NAME))
    }

    /// Makes `password` the one that opens the statistics. A server that runs asks for it from now on, and whoever
    /// was signed in is so no longer.
    pub fn set(&self, password: &NewPassword) -> anyhow::Result<()> {
        let hash = PasswordHash::of(password)?;
        private_file::write(&self.0, &format!("{}\n", hash.as_str()))
            .with_context(|| format!("cannot write `{}`", self.0.display()))
    }

    /// The hash; none if no password was set.
    pub(super) fn read(&self) -> io::Result<Option<PasswordHash>> {
        let text = private_file::read(&self.0)?;
        Ok(text.map(|text| PasswordHash::from_text(&text)).filter(|hash| !hash.0.is_empty()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(text: &str) -> NewPassword {
        NewPassword::parse(text).unwrap_or_else(|told| panic!("{told}"))
    }

    #[test]
    fn a_password_is_neither_short_nor_endless() {
        for (text, told) in [
            ("1234567", "a password has at least 8 characters"),
            ("ääääää7", "a password has at least 8 characters"),
            ("", "a password has at least 8 characters"),
            (&"x".repeat(1025), "a password has at most 1024 bytes"),
        ] {
            assert!(NewPassword::parse(text).err().unwrap().starts_with(told), "{text}");
        }
        assert!(NewPassword::parse("12345678").is_ok());
    }

    #[test]
    fn a_hash_is_of_one_password_however_it_is_typed() {
        let folder = tempfile::tempdir().unwrap();
        let file = PasswordFile::in_folder(folder.path());
        assert_eq!(file.read().unwrap(), None);
        file.set(&password("caf\u{e9} at noon")).unwrap();
        let hash = file.read().unwrap().unwrap();
        assert!(hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash:?}");
        assert!(is_right("caf\u{e9} at noon", Some(&hash)));
        assert!(is_right("cafe\u{301} at noon", Some(&hash)));
        for wrong in ["cafe at noon", "", "caf\u{e9} at noon "] {
            assert!(!is_right(wrong, Some(&hash)), "{wrong}");
        }
        assert!(!is_right("", None) && !is_right("caf\u{e9} at noon", None));
        file.set(&password("caf\u{e9} at noon")).unwrap();
        assert_ne!(file.read().unwrap().unwrap(), hash, "each time another salt");
        assert!(!is_right("x", Some(&PasswordHash::from_text("no hash at all"))));
    }
}
