//! Content encodings: which one a client prefers, and how each is made.

use std::io::{self, Write};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{ACCEPT_ENCODING, HeaderMap};

/// Beyond these, a page takes many times longer for a few bytes less.
const BROTLI_QUALITY: i32 = 5;
/// Powers of two. With windows below the smallest, brotli searches in another way, which takes ten times as long.
const SMALLEST_WINDOW: i32 = 18;
const LARGEST_WINDOW: i32 = 22;
const GZIP_LEVEL: u32 = 6;
const ZSTD_LEVEL: i32 = 3;

/// How the bytes of an answer are encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Encoding {
    Brotli,
    Zstd,
    Gzip,
    Identity,
}

impl Encoding {
    /// Smallest first: what is taken among encodings that a client likes equally.
    const COMPRESSED: [Self; 3] = [Self::Brotli, Self::Zstd, Self::Gzip];

    /// How many there are; each is a number below it.
    pub(super) const COUNT: usize = Self::COMPRESSED.len() + 1;

    /// The name in `Content-Encoding`; none for the bytes as they are.
    pub(super) fn token(self) -> Option<&'static str> {
        match self {
            Self::Brotli => Some("br"),
            Self::Zstd => Some("zstd"),
            Self::Gzip => Some("gzip"),
            Self::Identity => None,
        }
    }

    /// The encoding that `headers` prefer, as RFC 9110, 12.5.3 reads them.
    ///
    /// A client that refuses everything gets the bytes as they are: that serves it better than a 406.
    pub(super) fn preferred(headers: &HeaderMap) -> Self {
        let lines = headers.get_all(ACCEPT_ENCODING).iter();
        Self::preferred_of(lines.filter_map(|line| line.to_str().ok()))
    }

    /// The encoding that the values of `Accept-Encoding` prefer.
    pub(super) fn preferred_of<'a>(lines: impl Iterator<Item = &'a str>) -> Self {
        let wishes = lines.flat_map(|line| line.split(',')).filter_map(Wish::parse);
        let weights = Weights::of(wishes);
        let mut best = (Self::Identity, 0);
        for encoding in Self::COMPRESSED {
            let weight = weights.own[encoding as usize].unwrap_or(weights.of_any);
            if weight > best.1 {
                best = (encoding, weight);
            }
        }
        let plain = weights.own[Self::Identity as usize].unwrap_or(0);
        if plain > best.1 { Self::Identity } else { best.0 }
    }

    /// `bytes` in this encoding. Takes a while; not for an async thread.
    pub(super) fn encode(self, bytes: &[u8]) -> io::Result<Bytes> {
        match self {
            Self::Identity => Ok(Bytes::copy_from_slice(bytes)),
            Self::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::new(GZIP_LEVEL));
                encoder.write_all(bytes)?;
                Ok(encoder.finish()?.into())
            }
            Self::Zstd => Ok(zstd::bulk::compress(bytes, ZSTD_LEVEL)?.into()),
            Self::Brotli => {
                let params = brotli::enc::BrotliEncoderParams {
                    quality: BROTLI_QUALITY,
                    lgwin: window_bits(bytes.len()),
                    size_hint: bytes.len(),
                    ..Default::default()
                };
                let mut encoded = Vec::new();
                brotli::BrotliCompress(&mut &*bytes, &mut encoded, &params)?;
                Ok(encoded.into())
            }
        }
    }
}

/// The window that holds `len` bytes, as a power of two. A larger one than needed takes many times their memory.
fn window_bits(len: usize) -> i32 {
    let bits = usize::BITS - len.leading_zeros();
    i32::try_from(bits).unwrap_or(i32::MAX).clamp(SMALLEST_WINDOW, LARGEST_WINDOW)
}

/// One member of `Accept-Encoding`.
struct Wish<'a> {
    name: &'a str,
    /// In thousandths.
    weight: u16,
}

impl<'a> Wish<'a> {
    fn parse(member: &'a str) -> Option<Self> {
        let mut parts = member.split(';');
        let name = parts.next()?.trim();
        let weight = parts.find_map(|part| {
            let (key, value) = part.split_once('=')?;
            key.trim().eq_ignore_ascii_case("q").then(|| thousandths(value.trim()))
        });
        (!name.is_empty()).then_some(Self { name, weight: weight.unwrap_or(1000) })
    }

    /// The encoding that it names; none for `*`, and for those that are not made here.
    fn encoding(&self) -> Option<Encoding> {
        let named = [
            ("gzip", Encoding::Gzip),
            ("br", Encoding::Brotli),
            ("zstd", Encoding::Zstd),
            ("identity", Encoding::Identity),
            ("x-gzip", Encoding::Gzip),
        ];
        let found = named.iter().find(|(name, _)| self.name.eq_ignore_ascii_case(name));
        found.map(|(_, encoding)| *encoding)
    }
}

/// What encodings are worth to a client: each its own weight, which its first mention says, else that of `*`, else nothing.
#[derive(Default)]
struct Weights {
    own: [Option<u16>; Encoding::COUNT],
    of_any: u16,
}

impl Weights {
    fn of<'a>(wishes: impl Iterator<Item = Wish<'a>>) -> Self {
        let mut weights = Self::default();
        for wish in wishes {
            if let Some(encoding) = wish.encoding() {
                weights.own[encoding as usize].get_or_insert(wish.weight);
            } else if wish.name == "*" {
                weights.of_any = wish.weight;
            }
        }
        weights
    }
}

/// A quality value (`0.85`) in thousandths; a malformed one counts as a refusal.
fn thousandths(quality: &str) -> u16 {
    let (whole, fraction) = quality.split_once('.').unwrap_or((quality, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return 0;
    }
    match whole {
        "1" if fraction.bytes().all(|byte| byte == b'0') => 1000,
        "0" => format!("{fraction:0<3}").parse().unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    fn preferred(text: &str) -> Encoding {
        let headers = [(ACCEPT_ENCODING, text.parse().unwrap())].into_iter().collect();
        Encoding::preferred(&headers)
    }

    #[test]
    fn the_client_decides_and_the_smallest_wins_a_tie() {
        for (text, encoding) in [
            ("gzip, deflate, br, zstd", Encoding::Brotli),
            ("gzip, zstd", Encoding::Zstd),
            ("gzip", Encoding::Gzip),
            ("x-gzip", Encoding::Gzip),
            ("br;q=0.5, gzip;q=0.8", Encoding::Gzip),
            ("br;q=0, *", Encoding::Zstd),
            ("*;q=0", Encoding::Identity),
            ("identity, gzip;q=0.5", Encoding::Identity),
            ("identity;q=0, gzip;q=0", Encoding::Identity),
            ("BR ; Q=1.000", Encoding::Brotli),
            ("br;q=2", Encoding::Identity),
            ("br;q=0.12345", Encoding::Identity),
            ("deflate", Encoding::Identity),
            (",,;q=,", Encoding::Identity),
            ("", Encoding::Identity),
        ] {
            assert_eq!(preferred(text), encoding, "{text}");
        }
        assert_eq!(Encoding::preferred(&HeaderMap::new()), Encoding::Identity);
    }

    #[test]
    fn every_encoding_can_be_undone() {
        let text = "to be or not to be, ".repeat(200);
        for encoding in Encoding::COMPRESSED {
            let encoded = encoding.encode(text.as_bytes()).unwrap();
            assert!(encoded.len() < text.len() / 10);
            let mut decoded = Vec::new();
            match encoding {
                Encoding::Brotli => {
                    brotli::BrotliDecompress(&mut &*encoded, &mut decoded).unwrap();
                }
                Encoding::Zstd => decoded = zstd::decode_all(&*encoded).unwrap(),
                _ => {
                    flate2::read::GzDecoder::new(&*encoded).read_to_end(&mut decoded).unwrap();
                }
            }
            assert_eq!(decoded, text.as_bytes(), "{encoding:?}");
        }
    }
}
