//! The random ids that browsers send.

/// The random id of one viewing of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ViewId([u8; 8]);

impl ViewId {
    /// The id with these bytes.
    pub const fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }

    /// The id as bytes.
    pub const fn as_bytes(&self) -> &[u8; 8] {
        &self.0
    }

    /// The id as a number that sorts as it does.
    pub(super) const fn number(self) -> u64 {
        u64::from_be_bytes(self.0)
    }

    /// Reads 16 hexadecimal digits.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let digits = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = digits.then(|| u64::from_str_radix(text, 16).ok())??;
        Some(Self(number.to_be_bytes()))
    }
}

/// The random id that a browser keeps, or what stands for it in the mode `daily`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VisitorId([u8; 16]);

impl VisitorId {
    /// The id with these bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The id that stands for something that was hashed.
    pub(super) fn from_hash(hash: &blake3::Hash) -> Self {
        Self(std::array::from_fn(|place| hash.as_bytes()[place]))
    }

    /// The id as bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// What the database knows a visitor by: half as long, which is long enough to tell all visitors apart.
    pub(super) fn key(&self) -> [u8; 8] {
        *blake3::hash(&self.0).as_bytes().first_chunk().expect("a hash has 32 bytes")
    }

    /// Reads a UUID in any of its forms; none if it is not one, or that of all zeros.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let id = uuid::Uuid::try_parse(text).ok()?;
        (!id.is_nil()).then_some(Self(id.into_bytes()))
    }
}
