//! What of the statistics is shown, and how: all that the address of the dashboard says.

use percent_encoding::utf8_percent_encode;

use super::lists::ListName;
use crate::server::wanted::{ESCAPED, Wanted, pairs};

/// The state of the dashboard.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::server) struct View {
    /// The numbers that it is about.
    pub(in crate::server) wanted: Wanted,
    /// The list that is shown whole, and alone.
    pub(in crate::server) list: Option<ListName>,
    /// The column that the list is sorted by; its first number if none.
    pub(super) sort: Option<String>,
    /// What the lines of the list have in common.
    pub(super) search: String,
    /// Whether only few numbers are shown.
    pub(super) fewer: bool,
}

impl View {
    /// Reads the query of an address; what it cannot mean is told in words.
    pub(in crate::server) fn parse(query: &str) -> Result<Self, String> {
        let mut view = Self { wanted: Wanted::parse(query)?, ..Self::default() };
        for (name, value) in pairs(query) {
            match name {
                "list" if !value.is_empty() => view.list = Some(value.parse()?),
                "sort" => view.sort = Some(value).filter(|column| !column.is_empty()),
                "search" => view.search = value,
                "fewer" => view.fewer = value == "1",
                _ => {}
            }
        }
        Ok(view)
    }

    /// The query that asks for this; empty for everything of all time.
    pub(super) fn query(&self) -> String {
        let own = [
            ("list", self.list.map_or("", ListName::name)),
            ("sort", self.sort.as_deref().unwrap_or_default()),
            ("search", &self.search),
            ("fewer", if self.fewer { "1" } else { "" }),
        ];
        let own = own.into_iter().filter(|(_, value)| !value.is_empty());
        let own =
            own.map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, ESCAPED)));
        let wanted = Some(self.wanted.query()).filter(|query| !query.is_empty());
        wanted.into_iter().chain(own).collect::<Vec<_>>().join("&")
    }

    /// The same with other numbers.
    pub(super) fn of(&self, wanted: Wanted) -> Self {
        Self { wanted, ..self.clone() }
    }

    /// Whether everything of all time is shown, as the live numbers are.
    pub(super) fn is_live(&self) -> bool {
        self.wanted == Wanted::default() && self.list.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_says_all_of_it() {
        for query in [
            "",
            "period=7d&country=NO",
            "period=28d&compare=year&list=referrers&sort=visitors&search=a%20%26%20b",
            "fewer=1",
            "list=notFound&fewer=1",
        ] {
            assert_eq!(View::parse(query).unwrap().query(), query);
        }
        assert_eq!(View::parse("list=").unwrap(), View::default());
        let unknown = View::parse("list=everything").unwrap_err();
        assert!(unknown.starts_with("`list` is one of `pages`, "), "{unknown}");
    }
}
