//! Links that show the statistics to whom they are sent, until a day that is written in them.

use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use blake3::Hash;

use super::password::PasswordHash;
use super::private_file;
use crate::clock::Timestamp;

/// The file of the key, in the folder of state.
const NAME: &str = "share.key";

/// The key that links are signed with. Without it, as after it was revoked, no link is any good.
#[derive(Debug)]
pub struct ShareKey(PathBuf);

impl ShareKey {
    /// The one in the folder of state.
    pub fn in_folder(folder: &Path) -> Self {
        Self(folder.join(NAME))
    }

    /// What a link has in it that is good until `end`. Makes a key, if there is none.
    pub fn invite(&self, end: Timestamp) -> anyhow::Result<String> {
        let shown = || format!("the key of links, `{}`", self.0.display());
        let key = match self.read().with_context(|| format!("cannot read {}", shown()))? {
            Some(key) => key,
            None => self.make().with_context(|| format!("cannot write {}", shown()))?,
        };
        Ok(Token::signed(end, |seconds| link(key, seconds)).to_text())
    }

    /// Ends all links that were ever made, and the visits of those who came by them; says whether there may be any.
    pub fn revoke(&self) -> anyhow::Result<bool> {
        private_file::remove(&self.0)
            .with_context(|| format!("cannot remove `{}`", self.0.display()))
    }

    /// When the link with `token` ends, if it is one, and has not ended at `now`.
    pub(super) fn end_of_link(&self, token: &str, now: Timestamp) -> Option<Timestamp> {
        let key = self.known()?;
        Token::parse(token)?.end_if(now, |seconds| link(key, seconds))
    }

    /// What a guest shows who came by a link that ends at `end`; `password` is the one at that time.
    pub(super) fn admit(&self, end: Timestamp, password: Option<&PasswordHash>) -> Option<String> {
        let key = self.known()?;
        Some(Token::signed(end, |seconds| guest(key, seconds, password)).to_text())
    }

    /// Whether a guest who shows `token` is still welcome at `now`.
    pub(super) fn is_guest(
        &self,
        token: &str,
        now: Timestamp,
        password: Option<&PasswordHash>,
    ) -> bool {
        let known = Token::parse(token).zip(self.known());
        known.is_some_and(|(token, key)| {
            token.end_if(now, |seconds| guest(key, seconds, password)).is_some()
        })
    }

    fn known(&self) -> Option<[u8; 32]> {
        let read = self.read();
        read.inspect_err(|error| tracing::error!("no link can be verified: {error}")).ok()?
    }

    fn read(&self) -> io::Result<Option<[u8; 32]>> {
        let text = private_file::read(&self.0)?;
        Ok(text.and_then(|text| Hash::from_hex(text.trim()).ok()).map(|hash| *hash.as_bytes()))
    }

    fn make(&self) -> anyhow::Result<[u8; 32]> {
        let mut key = [0; 32];
        getrandom::fill(&mut key)?;
        private_file::write(&self.0, &format!("{}\n", Hash::from_bytes(key).to_hex()))?;
        Ok(key)
    }
}

/// The signature of a link.
fn link(key: [u8; 32], seconds: i64) -> Hash {
    blake3::keyed_hash(&key, format!("link until {seconds}").as_bytes())
}

/// The signature of a guest, who has to come by the link again when the password is another.
fn guest(key: [u8; 32], seconds: i64, password: Option<&PasswordHash>) -> Hash {
    let password = password.map_or("", PasswordHash::as_str);
    blake3::keyed_hash(&key, format!("guest until {seconds} {password}").as_bytes())
}

/// An end in seconds since 1970, and a signature of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Token {
    seconds: i64,
    signature: Hash,
}

impl Token {
    fn signed(end: Timestamp, sign: impl Fn(i64) -> Hash) -> Self {
        let seconds = end.as_millis().div_euclid(1000);
        Self { seconds, signature: sign(seconds) }
    }

    fn parse(text: &str) -> Option<Self> {
        let (seconds, signature) = text.split_once('.')?;
        Some(Self { seconds: seconds.parse().ok()?, signature: Hash::from_hex(signature).ok()? })
    }

    fn to_text(self) -> String {
        format!("{}.{}", self.seconds, self.signature.to_hex())
    }

    /// When it ends, if it was signed so and has not ended. Hashes are compared in a time that tells nothing.
    fn end_if(self, now: Timestamp, sign: impl Fn(i64) -> Hash) -> Option<Timestamp> {
        let end = Timestamp::from_millis(self.seconds.saturating_mul(1000));
        (sign(self.seconds) == self.signature && now < end).then_some(end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_millis(second * 1000)
    }

    #[test]
    fn a_link_is_good_until_its_end_and_for_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let key = ShareKey::in_folder(folder.path());
        assert_eq!(key.end_of_link("100.00", at(1)), None, "there is no key yet");
        let token = key.invite(at(100)).unwrap();
        assert_eq!(token, key.invite(at(100)).unwrap());
        assert_eq!(key.end_of_link(&token, at(99)), Some(at(100)));
        assert_eq!(key.end_of_link(&token, at(100)), None);
        let (_, signature) = token.split_once('.').unwrap();
        let other = if token.ends_with('0') { "1" } else { "0" };
        for forged in [
            format!("101.{signature}"),
            format!("{}{other}", &token[..token.len() - 1]),
            format!("100.{}", &signature[1..]),
            "100.".to_owned(),
            ".".to_owned(),
            String::new(),
            format!("-1.{signature}"),
            format!("99999999999999999999.{signature}"),
        ] {
            assert_eq!(key.end_of_link(&forged, at(1)), None, "{forged}");
        }
        let guest = key.admit(at(100), None).unwrap();
        assert_ne!(guest, token);
        assert_eq!(key.end_of_link(&guest, at(1)), None, "a guest is no link");
        assert!(!key.is_guest(&token, at(1), None), "a link is no guest");
        assert!(key.is_guest(&guest, at(99), None) && !key.is_guest(&guest, at(100), None));
        let password = PasswordHash::from_text("another");
        assert!(!key.is_guest(&guest, at(1), Some(&password)));
        assert!(key.revoke().unwrap() && !key.revoke().unwrap());
        assert!(key.end_of_link(&token, at(1)).is_none() && !key.is_guest(&guest, at(1), None));
        assert_ne!(key.invite(at(100)).unwrap(), token, "another key");
    }
}
