//! The metadata of a page as its author may write it: its schema, defaults and checks.

mod dates;
mod fences;
mod fields;
mod keys;
mod plain;
mod seldom;
mod values;

use jiff::civil;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(super) use self::fences::Format;
use self::fields::Fields;
pub use self::keys::{KEYS, Key};
pub use self::seldom::Seldom;
use self::seldom::SeldomKeys;
pub(super) use self::values::read_value;
use crate::clock::Timestamp;
use crate::permalink::{Slug, UrlPath};
use crate::problem::{Mistake, Place, Position, Problem};

/// A Markdown file as it was read.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// Its name below the site's folder.
    pub name: &'a str,
    /// Its contents.
    pub text: &'a str,
}

impl Source<'_> {
    /// The place of the byte `offset`.
    pub fn place(&self, offset: usize) -> Place {
        Place::at(self.name, self.text, offset)
    }
}

/// The metadata of a page as its author may write it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key that authors set")]
pub struct FrontMatter {
    /// The title; without one, the first heading is it, else the file name.
    pub title: Option<String>,
    /// When the page is published.
    pub date: Option<Timestamp>,
    /// When it was last changed.
    pub updated: Option<Timestamp>,
    /// Not published.
    pub draft: bool,
    /// The last segment of the address.
    pub slug: Option<Slug>,
    /// Old addresses that lead here.
    pub aliases: Vec<UrlPath>,
    /// What the page is about, for search engines and previews.
    pub description: Option<String>,
    /// What the page is filed under.
    pub tags: Vec<String>,
    /// Who wrote it.
    pub authors: Vec<String>,
    /// Whether the picture stands above the text.
    pub show_image_at_top: bool,
    /// Whether the page is one of the best.
    pub featured: bool,
    /// Whether the navigation links to it.
    pub show_in_nav: bool,
    /// Reachable by its address, but named nowhere.
    pub unlisted: bool,
    /// Search engines are asked to leave it out.
    pub noindex: bool,
    /// Whether a table of contents is shown.
    pub toc: Option<bool>,
    /// Whether it has formulas.
    pub math: bool,
    /// Whether it is a talk.
    pub slides: bool,
    /// The keys that few pages have.
    pub seldom: Seldom,
}

/// Front matter read from a file, and where the body begins.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Parsed {
    /// The front matter; what could not be read has its default.
    pub front_matter: FrontMatter,
    /// The byte offset of the body.
    pub body: usize,
    /// Where the keys are that can be in the way of other pages.
    pub places: Places,
    /// What is wrong.
    pub problems: Vec<Problem>,
}

/// Where the keys are whose values can be in the way of other pages, or name what is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Places {
    /// `permalink`, else `slug`.
    pub address: Option<Position>,
    /// `aliases`
    pub aliases: Option<Position>,
    /// `template`
    pub template: Option<Position>,
    /// `title`
    pub title: Option<Position>,
    /// `image`
    pub image: Option<Position>,
    /// `author_image`
    pub author_image: Option<Position>,
}

/// Reads the front matter of `source`; dates without an offset are read in `zone`.
pub fn parse(source: Source<'_>, zone: &TimeZone) -> Parsed {
    let fenced = match fences::find(source.text) {
        Ok(fenced) => fenced,
        Err(mistake) => {
            let problems = vec![Problem::new(source.place(0), mistake)];
            return Parsed { body: source.text.len(), problems, ..Parsed::default() };
        }
    };
    let Some((format, matter)) = fenced.matter else {
        return Parsed { body: fenced.body, ..Parsed::default() };
    };
    match values::read(format, &source.text[matter.clone()]) {
        Ok(table) => {
            let fields = Fields::new(&source, matter, table);
            let places = Places {
                address: fields.position_of("permalink").or_else(|| fields.position_of("slug")),
                aliases: fields.position_of("aliases"),
                template: fields.position_of("template"),
                title: fields.position_of("title"),
                image: fields.position_of("image"),
                author_image: fields.position_of("author_image"),
            };
            let (front_matter, problems) = FrontMatter::take(fields, zone);
            Parsed { front_matter, body: fenced.body, places, problems }
        }
        Err((offset, mistake)) => {
            let place = source.place(matter.start + offset.unwrap_or(0));
            let problems = vec![Problem::new(place, mistake)];
            Parsed { body: fenced.body, problems, ..Parsed::default() }
        }
    }
}

/// Whether the key `written` means the key `name`.
pub(super) fn is_called(written: &str, name: &str) -> bool {
    keys::find(written).is_some_and(|key| key.name == name)
}

/// Where the body of `text` begins, in bytes; its end if its front matter never ends.
pub(super) fn body_of(text: &str) -> usize {
    fences::find(text).map_or(text.len(), |fenced| fenced.body)
}

/// The date that the file name opens with, as midnight in `zone`, and the rest of the name.
pub(super) fn date_in_name<'a>(stem: &'a str, zone: &TimeZone) -> Option<(Timestamp, &'a str)> {
    let (date, rest): (civil::Date, &str) = dates::from_file_stem(stem)?;
    Some((dates::midnight(date, zone)?, rest))
}

impl FrontMatter {
    fn take(mut fields: Fields<'_>, zone: &TimeZone) -> (Self, Vec<Problem>) {
        let is_draft = fields.is_set("draft") | (fields.flag("published") == Some(false));
        let (slug, permalink, aliases, mut misplaced) = addresses(&mut fields);
        let mut front_matter = Self {
            title: fields.filled("title"),
            date: fields.date("date", zone),
            updated: fields.date("updated", zone),
            draft: is_draft,
            slug,
            aliases,
            description: fields.filled("description"),
            tags: fields.list("tags"),
            authors: fields.list("authors"),
            show_image_at_top: fields.is_set("show_image_at_top"),
            featured: fields.is_set("featured"),
            show_in_nav: fields.is_set("show_in_nav"),
            unlisted: fields.is_set("unlisted"),
            noindex: fields.is_set("noindex"),
            toc: fields.flag("toc"),
            math: fields.is_set("math"),
            slides: fields.is_set("slides"),
            seldom: Seldom::default(),
        };
        let mut seldom = SeldomKeys { permalink, ..seldom_of(&mut fields, zone) };
        front_matter.take_taxonomies(&mut fields, &mut seldom);
        seldom.extra = fields.table("extra");
        let (unknown, mut problems) = fields.finish();
        for (key, value) in unknown {
            seldom.extra.entry(key).or_insert(value);
        }
        front_matter.seldom = seldom.into();
        problems.append(&mut misplaced);
        (front_matter, problems)
    }

    /// `[taxonomies]`: tags and authors below it are tags and authors.
    fn take_taxonomies(&mut self, fields: &mut Fields<'_>, seldom: &mut SeldomKeys) {
        for (name, value) in fields.table("taxonomies") {
            let terms: Vec<String> = match value {
                Value::Array(items) => {
                    items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect()
                }
                Value::String(term) => vec![term],
                _ => Vec::new(),
            };
            match keys::find(&name).map(|key| key.name) {
                Some("tags") => self.tags.extend(terms),
                Some("authors") => self.authors.extend(terms),
                _ => {
                    seldom.taxonomies.insert(name, terms);
                }
            }
        }
    }
}

/// The keys that few pages have, but for what is checked against others.
fn seldom_of(fields: &mut Fields<'_>, zone: &TimeZone) -> SeldomKeys {
    SeldomKeys {
        expires: fields.date("expires", zone),
        excerpt: fields.filled("excerpt"),
        series: fields.filled("series"),
        author_name: fields.filled("author_name"),
        author_image: fields.filled("author_image"),
        image: fields.filled("image"),
        image_alt: fields.filled("image_alt"),
        featured_order: fields.number("featured_order"),
        order: fields.number("order"),
        layout: fields.filled("layout"),
        template: fields.filled("template"),
        canonical: fields.filled("canonical"),
        lang: fields.filled("lang"),
        read_time: fields.filled("read_time"),
        id: fields.filled("id"),
        ..SeldomKeys::default()
    }
}

type Addresses = (Option<Slug>, Option<UrlPath>, Vec<UrlPath>, Vec<Problem>);

fn addresses(fields: &mut Fields<'_>) -> Addresses {
    let mut problems = Vec::new();
    let mut reject = |fields: &Fields<'_>, name: &'static str, value: &str, reason: String| {
        let mistake = Mistake::WrongPath { key: name.to_owned(), value: value.to_owned(), reason };
        problems.push(Problem::new(fields.place_of(name), mistake));
    };
    let slug = fields.filled("slug").and_then(|text| {
        let is_segment = UrlPath::parse(&text).map(|path| path.as_str().matches('/').count() == 1);
        match (is_segment, Slug::new(&text)) {
            (Ok(true), Some(slug)) => return Some(slug),
            (Err(error), _) => reject(fields, "slug", &text, error.to_string()),
            (Ok(false), _) => reject(fields, "slug", &text, "it has a slash in it".to_owned()),
            (_, None) => {
                reject(fields, "slug", &text, "it has no letter or digit in it".to_owned());
            }
        }
        None
    });
    let permalink = fields.filled("permalink").and_then(|text| {
        match UrlPath::decode(&text).map(|path| path.as_address()) {
            Ok(path) => Some(path),
            Err(error) => {
                reject(fields, "permalink", &text, error.to_string());
                None
            }
        }
    });
    let mut aliases = Vec::new();
    for text in fields.list("aliases") {
        match UrlPath::decode(&text).map(|path| path.as_address()) {
            Ok(path) => aliases.push(path),
            Err(error) => reject(fields, "aliases", &text, error.to_string()),
        }
    }
    (slug, permalink, aliases, problems)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (FrontMatter, Vec<String>) {
        let parsed = parse(Source { name: "content/x.md", text }, &TimeZone::UTC);
        (parsed.front_matter, parsed.problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn the_same_page_can_be_written_in_three_languages() {
        let yaml =
            "---\ntitle: Hi\ndate: 2026-11-24\ntags: [a, b]\ndraft: true\nextra: {k: 1}\n---\n";
        let toml = "+++\ntitle = \"Hi\"\ndate = 2026-11-24\ndraft = true\n[taxonomies]\ntags = [\"a\", \"b\"]\n[extra]\nk = 1\n+++\n";
        let json = "{\"title\": \"Hi\", \"date\": \"2026-11-24\", \"tags\": [\"a\", \"b\"], \"draft\": true, \"k\": 1}\n";
        let expected = read(yaml);
        assert_eq!(expected.1, [""; 0]);
        assert_eq!(expected.0.title.as_deref(), Some("Hi"));
        assert_eq!(read(toml), expected);
        assert_eq!(read(json), expected);
    }

    #[test]
    fn texts_that_yaml_takes_for_numbers_stay_as_typed() {
        let (front_matter, problems) =
            read("---\ntitle: 1.10\nslug: 014\nseries: 2026 # year\n---\n");
        assert_eq!(problems, [""; 0]);
        assert_eq!(front_matter.title.as_deref(), Some("1.10"));
        assert_eq!(front_matter.slug, Slug::new("014"));
        assert_eq!(front_matter.seldom.series.as_deref(), Some("2026"));
    }

    #[test]
    fn every_mistake_has_its_place() {
        let (_, problems) = read(
            "---\ntitle: [a]\ndate: yesterday\npubished: true\nfeatured: \"yes\"\norder: 1.5\nslug: a/b\naliases: [../up]\n---\n",
        );
        let first_lines: Vec<&str> =
            problems.iter().filter_map(|text| text.lines().next()).collect();
        assert_eq!(
            first_lines,
            [
                "content/x.md:4:1: warning: there is no key `pubished`",
                "content/x.md:2:8: error: `title` must be a text, but is a list",
                "content/x.md:3:7: error: `date` is not a date: `yesterday`",
                "content/x.md:5:11: error: `featured` must be `true` or `false`, but is the text `yes`",
                "content/x.md:6:8: error: `order` must be a whole number, but is the number 1.5",
                "content/x.md:7:7: error: `slug` cannot be `a/b`: it has a slash in it",
                "content/x.md:8:10: error: `aliases` cannot be `../up`: it has an empty segment, `.` or `..` in it",
            ]
        );
    }

    #[test]
    fn unknown_keys_are_kept() {
        let (front_matter, problems) =
            read("---\ndocsSection: true\nextra:\n  docsSection: 2\n---\n");
        assert_eq!(problems, [""; 0]);
        assert_eq!(front_matter.seldom.extra.get("docsSection"), Some(&Value::from(2)));
    }
}
