//! A crate comment.
#![allow(dead_code)]
use std::collections::HashMap;

/* outer /* inner */ still a comment */
#[derive(Debug, Clone)]
pub struct Page<'a, T: Into<String>> {
    title: &'a str,
    views: u64,
    kind: Option<T>,
}

const LIMIT: usize = 1_000;

impl<'a> Page<'a, String> {
    /// Counts.
    pub async fn count(&mut self, by: u64) -> Result<u64, Error> {
        let raw = r#"a "quoted" \n raw"#;
        let bytes = b"bytes\x00";
        let letter = 'x';
        let newline = '\n';
        let quote = '\'';
        println!("{raw} {:?}\u{e9}", bytes);
        for n in 0..LIMIT {
            self.views += n as u64 * 0xff;
        }
        match self.kind.as_deref() {
            Some("a") | None => Ok(2.5e-3 as u64),
            Some(_) if letter != newline => vec![1u8, 2].len().try_into()?,
            _ => Err(Error::new()),
        }
    }
}
