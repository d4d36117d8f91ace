//! A table for templates in the making: names and values, in the order in which they were added.

use tera::value::Key;
use tera::{Map, Value};

/// A table in the making. Built by hand, because serializing a page for every list that it is in costs more than
/// rendering the list.
#[derive(Default)]
pub(super) struct Table(Map);

impl Table {
    /// An empty table with room for `fields`.
    pub(super) fn of(fields: usize) -> Self {
        Self(Map::with_capacity(fields))
    }

    /// Adds a field.
    pub(super) fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.0.insert(Key::Str(name), value.into());
        self
    }

    /// Adds a field that may be none.
    pub(super) fn with_some(self, name: &'static str, value: Option<impl Into<Value>>) -> Self {
        self.with(name, value.map_or_else(Value::none, Into::into))
    }

    /// The finished table.
    pub(super) fn finish(self) -> Value {
        self.0.into()
    }
}
