//! What authors can get wrong, in the words that they read.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::Severity;

/// Why a link to another site is no good.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Fault {
    /// The other site answers with this status.
    Status(u16),
    /// There is no answer, for this reason.
    Unreachable(String),
}

/// What a template can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum TemplateName {
    /// Another template.
    Template,
    /// A part that a template defines, with arguments.
    Component,
    /// What changes a value.
    Filter,
    /// What gives a value.
    Function,
    /// What says something of a value.
    Test,
}

impl fmt::Display for TemplateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Template => "template",
            Self::Component => "component",
            Self::Filter => "filter",
            Self::Function => "function",
            Self::Test => "test",
        })
    }
}

/// What an author can get wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Mistake {
    /// The settings are not TOML.
    SettingsSyntax {
        /// What the parser says.
        reason: String,
    },
    /// A setting that does not exist.
    UnknownSetting {
        /// The dotted key.
        key: String,
        /// The setting that may have been meant.
        suggestion: Option<String>,
    },
    /// A setting that will mean something in a later version.
    PlannedSetting {
        /// The dotted key.
        key: String,
    },
    /// A setting of the wrong type or value.
    Setting {
        /// The dotted key.
        key: String,
        /// What it must be.
        expected: String,
        /// What it is.
        found: String,
    },
    /// The site has no base URL, and absolute links are wanted.
    NoBaseUrl {
        /// What is used instead.
        instead: String,
    },
    /// There is no folder of content.
    NoContent,
    /// The theme does not exist.
    UnknownTheme {
        /// Its name.
        name: String,
        /// The themes there are.
        known: Vec<String>,
    },
    /// A file that is not UTF-8.
    NotUtf8,
    /// A link that leaves the folder of the site, or leads nowhere.
    Symlink,
    /// Neither a file nor a folder.
    SpecialFile,
    /// A file name that cannot be part of a URL.
    FileName {
        /// Why not.
        reason: String,
    },
    /// Front matter that never ends.
    UnclosedFence {
        /// The fence that opens it.
        fence: Cow<'static, str>,
    },
    /// Front matter that cannot be read.
    FrontMatterSyntax {
        /// YAML, TOML or JSON.
        format: Cow<'static, str>,
        /// What the parser says.
        reason: String,
    },
    /// Front matter that is not a table of keys.
    NotATable {
        /// What it is.
        found: Cow<'static, str>,
    },
    /// A Markdown file larger than any page.
    FileTooLarge,
    /// Two headings of a page with one id.
    DuplicateId {
        /// The id.
        id: String,
    },
    /// A footnote that nothing refers to.
    UnusedFootnote {
        /// Its label.
        label: String,
    },
    /// More front matter than any page needs.
    FrontMatterTooLarge,
    /// YAML anchors or aliases, which can grow without bound.
    YamlAlias,
    /// A key with a value of the wrong type.
    WrongType {
        /// The key as written.
        key: String,
        /// What it must be.
        expected: Cow<'static, str>,
        /// What it is.
        found: String,
    },
    /// A date that is none.
    WrongDate {
        /// The key as written.
        key: String,
        /// What it says.
        value: String,
    },
    /// A key that looks like a misspelled known one.
    NearMissKey {
        /// The key as written.
        key: String,
        /// The known key.
        suggestion: Cow<'static, str>,
    },
    /// Two spellings of one key.
    DuplicateKey {
        /// The key as written.
        key: String,
        /// The other that was read before it, as written.
        other: String,
        /// What both mean.
        meaning: Cow<'static, str>,
    },
    /// A post without a date.
    NoDate,
    /// A slug, permalink or alias that is no path of this site.
    WrongPath {
        /// The key as written.
        key: String,
        /// What it says.
        value: String,
        /// Why it will not do.
        reason: String,
    },
    /// A page at an address that the server keeps for itself.
    ReservedPath {
        /// The address.
        path: String,
    },
    /// Two pages at one address.
    Collision {
        /// The address.
        path: String,
        /// Who else is there.
        other: String,
    },
    /// An alias over a live page, or claimed twice.
    AliasCollision {
        /// The alias.
        alias: String,
        /// Who else is there.
        other: String,
    },
    /// A link to a page that does not exist.
    BrokenLink {
        /// Where it leads.
        destination: String,
        /// An address that may have been meant.
        suggestion: Option<String>,
    },
    /// A link to a heading that does not exist.
    BrokenAnchor {
        /// Where it leads.
        destination: String,
        /// The heading that may have been meant.
        suggestion: Option<String>,
    },
    /// A link to another site, or an image on one, that is not there.
    DeadLink {
        /// Where it leads.
        url: String,
        /// How it shows.
        fault: Fault,
    },
    /// An image that does not exist.
    MissingImage {
        /// What it is called.
        source: String,
    },
    /// An image without a text for who cannot see it.
    NoAltText {
        /// What it is called.
        source: String,
    },
    /// Markdown that grows out of bounds.
    MarkdownLimit {
        /// What was capped.
        what: String,
    },
    /// Two pages with one title.
    DuplicateTitle {
        /// The title.
        title: String,
        /// The other page.
        other: String,
    },
    /// A file of `data/` that cannot be read.
    Data {
        /// What is wrong with it.
        reason: String,
    },
    /// A template that cannot be read or fails.
    Template {
        /// What the engine says.
        reason: String,
        /// The name that may have been meant.
        suggestion: Option<String>,
    },
    /// A block that a template lacks and a built-in one fills.
    MissingBlock {
        /// Its name.
        block: String,
        /// The built-in template.
        filled_by: String,
    },
    /// A name that a template or a page asks for and nobody has.
    UnknownName {
        /// What it is the name of.
        kind: TemplateName,
        /// The name.
        name: String,
        /// The one that may have been meant.
        suggestion: Option<String>,
    },
    /// A page that was elsewhere at the last build, and left no alias.
    Moved {
        /// Where it was.
        from: String,
        /// Where it is.
        to: String,
    },
}

impl Mistake {
    /// Whether it stops a build.
    pub fn severity(&self) -> Severity {
        match self {
            Self::NoBaseUrl { .. }
            | Self::PlannedSetting { .. }
            | Self::SpecialFile
            | Self::NearMissKey { .. }
            | Self::DuplicateKey { .. }
            | Self::BrokenLink { .. }
            | Self::BrokenAnchor { .. }
            | Self::DeadLink { .. }
            | Self::MissingImage { .. }
            | Self::NoAltText { .. }
            | Self::MarkdownLimit { .. }
            | Self::DuplicateId { .. }
            | Self::UnusedFootnote { .. }
            | Self::DuplicateTitle { .. }
            | Self::Moved { .. } => Severity::Warning,
            _ => Severity::Error,
        }
    }

    /// How to mend it: what to type.
    #[expect(clippy::too_many_lines, reason = "a table, one row a mistake")]
    pub fn help(&self) -> String {
        match self {
            Self::SettingsSyntax { .. } => "the settings are TOML: `key = \"value\"`".to_owned(),
            Self::UnknownSetting { suggestion, .. } => match suggestion {
                Some(known) => {
                    format!("did you mean `{known}`? Settings of your own go below `[extra]`")
                }
                None => "settings of your own go below `[extra]`".to_owned(),
            },
            Self::PlannedSetting { .. } => {
                "remove it, or leave it for a version that knows it".to_owned()
            }
            Self::Setting { expected, .. } => format!("write {expected}"),
            Self::NoBaseUrl { .. } => {
                "set `base_url = \"https://your.domain\"` in `tallymark.toml`".to_owned()
            }
            Self::NoContent => {
                "make the folder `content`, or name another site with `--root`".to_owned()
            }
            Self::UnknownTheme { known, .. } => {
                format!(
                    "choose one of {}, or add a folder of that name to `themes/`",
                    backticked(known)
                )
            }
            Self::NotUtf8 => "save the file as UTF-8".to_owned(),
            Self::Symlink => "copy the file into the site, or remove the link".to_owned(),
            Self::SpecialFile => "it is skipped; move it out of the site".to_owned(),
            Self::FileName { .. } => "rename the file, or give the page a `slug`".to_owned(),
            Self::UnclosedFence { fence } if fence == "{" => "close it with `}`".to_owned(),
            Self::UnclosedFence { fence } => {
                format!("close it with a line that is exactly `{fence}`")
            }
            Self::FrontMatterSyntax { format, .. } => match format.as_ref() {
                "YAML" => {
                    "quote values that have `: `, `#` or quotes in them, and indent with spaces"
                }
                "TOML" => "write `key = \"value\"`, a line each",
                _ => "write `\"key\": \"value\"`, with commas between",
            }
            .to_owned(),
            Self::NotATable { .. } => "write `key: value`, a line each".to_owned(),
            Self::FileTooLarge => "split it; a page may have 16 MiB".to_owned(),
            Self::DuplicateId { id } => format!("give one of them another id than `{{#{id}}}`"),
            Self::UnusedFootnote { label } => {
                format!("refer to it with `[^{label}]`, or remove it")
            }
            Self::FrontMatterTooLarge => {
                "keep it below 64 KiB; data belongs into a file below `data/`".to_owned()
            }
            Self::YamlAlias => "write the value out where it is used".to_owned(),
            Self::WrongType { key, expected, .. } if expected != "a date" => {
                format!("write `{key}` as {expected}")
            }
            Self::WrongType { key, .. } | Self::WrongDate { key, .. } => {
                format!("write `{key}` as `2026-11-24` or `2026-11-24T08:00:00+01:00`")
            }
            Self::NearMissKey { suggestion, .. } => {
                format!("did you mean `{suggestion}`? Keys of your own go below `extra`")
            }
            Self::DuplicateKey { key, other, .. } => format!("remove `{key}` or `{other}`"),
            Self::NoDate => {
                "add `date: 2026-11-24`, or begin the file name with the date".to_owned()
            }
            Self::WrongPath { key, .. } if key == "slug" => {
                "use letters, digits and hyphens; `permalink` sets a whole address".to_owned()
            }
            Self::WrongPath { .. } => {
                "use letters, digits and hyphens, with slashes between parts".to_owned()
            }
            Self::ReservedPath { .. } => {
                "give the page another `slug` or `permalink`, or the file another name".to_owned()
            }
            Self::Collision { .. } => "give one of them another `slug`".to_owned(),
            Self::AliasCollision { .. } => "remove the alias from one of them".to_owned(),
            Self::BrokenLink { suggestion: Some(address), .. }
            | Self::BrokenAnchor { suggestion: Some(address), .. } => {
                format!("did you mean `{address}`?")
            }
            Self::BrokenLink { .. } => {
                "link to a page by its address or by its `.md` file".to_owned()
            }
            Self::BrokenAnchor { .. } => {
                "link to a heading by its text in lower case, with hyphens".to_owned()
            }
            Self::DeadLink { .. } => "correct or remove it".to_owned(),
            Self::MissingImage { .. } => {
                "put the image beside the page or below `static/`".to_owned()
            }
            Self::NoAltText { source } => {
                format!("describe it: `![what it shows]({source})`")
            }
            Self::MarkdownLimit { .. } => "split the page, or nest less deeply".to_owned(),
            Self::DuplicateTitle { .. } => "tell readers apart what differs".to_owned(),
            Self::MissingBlock { block, .. } => {
                format!("add `{{% block {block} %}}{{% endblock %}}` where that is to be")
            }
            Self::UnknownName { suggestion: Some(known), .. }
            | Self::Template { suggestion: Some(known), .. } => format!("did you mean `{known}`?"),
            Self::UnknownName { kind: TemplateName::Template, name, .. } => {
                format!("add `templates/{name}`, or name another")
            }
            Self::UnknownName { kind: TemplateName::Component, name, .. } => {
                format!(
                    "define it in a template, with `{{% component {name}() %}}`, or name another"
                )
            }
            Self::UnknownName { kind, .. } => {
                format!("the page on templates of the documentation names each {kind} there is")
            }
            Self::Moved { from, .. } => format!(
                "add `aliases: [\"{from}\"]` to its front matter, so that old links and its views follow"
            ),
            Self::Data { .. } => "mend the file, which a template reads".to_owned(),
            Self::Template { .. } => "mend the template where it is marked".to_owned(),
        }
    }
}

impl fmt::Display for Mistake {
    #[expect(clippy::too_many_lines, reason = "a table, one row a mistake")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SettingsSyntax { reason } => write!(f, "the settings cannot be read: {reason}"),
            Self::UnknownSetting { key, .. } => write!(f, "there is no setting `{key}`"),
            Self::PlannedSetting { key } => write!(f, "`{key}` has no effect in this version"),
            Self::Setting { key, expected, found } => {
                write!(f, "`{key}` must be {expected}, but is {found}")
            }
            Self::NoBaseUrl { instead } => {
                write!(f, "`base_url` is not set, so absolute links start with `{instead}`")
            }
            Self::NoContent => write!(f, "there is no such folder, so there is nothing to publish"),
            Self::UnknownTheme { name, .. } => write!(f, "there is no theme `{name}`"),
            Self::NotUtf8 => write!(f, "the file is not UTF-8"),
            Self::Symlink => write!(f, "the link leads out of the site, or nowhere"),
            Self::SpecialFile => write!(f, "neither a file nor a folder"),
            Self::FileName { reason } => {
                write!(f, "the file name cannot be part of an address: {reason}")
            }
            Self::UnclosedFence { fence } => {
                write!(f, "the front matter that `{fence}` opens never ends")
            }
            Self::FrontMatterSyntax { format, reason } => {
                write!(f, "the front matter is not {format}: {reason}")
            }
            Self::NotATable { found } => {
                write!(f, "the front matter is {found}, not keys and values")
            }
            Self::FileTooLarge => write!(f, "the file is larger than 16 MiB"),
            Self::DuplicateId { id } => write!(f, "two headings have the id `{id}`"),
            Self::UnusedFootnote { label } => {
                write!(f, "nothing refers to the footnote `{label}`, so it is not shown")
            }
            Self::FrontMatterTooLarge => write!(f, "the front matter is larger than 64 KiB"),
            Self::YamlAlias => write!(f, "YAML anchors and aliases are not read"),
            Self::WrongType { key, expected, found } => {
                write!(f, "`{key}` must be {expected}, but is {found}")
            }
            Self::WrongDate { key, value } => write!(f, "`{key}` is not a date: `{value}`"),
            Self::NearMissKey { key, .. } => write!(f, "there is no key `{key}`"),
            Self::DuplicateKey { key, other, meaning } => {
                write!(f, "`{key}` means `{meaning}`, which `{other}` has set already")
            }
            Self::NoDate => write!(f, "a post needs a date"),
            Self::WrongPath { key, value, reason } => {
                write!(f, "`{key}` cannot be `{value}`: {reason}")
            }
            Self::ReservedPath { path } => {
                write!(f, "the address `{path}` is kept for the site itself")
            }
            Self::Collision { path, other } => {
                write!(f, "the address `{path}` is also that of `{other}`")
            }
            Self::AliasCollision { alias, other } => {
                write!(f, "the alias `{alias}` is also an address of `{other}`")
            }
            Self::BrokenLink { destination, .. } => {
                write!(f, "the link to `{destination}` leads nowhere")
            }
            Self::BrokenAnchor { destination, .. } => {
                write!(f, "the link to `{destination}` names a heading that is not there")
            }
            Self::DeadLink { url, fault: Fault::Status(status) } => {
                write!(f, "the link to `{url}` answers {status}")
            }
            Self::DeadLink { url, fault: Fault::Unreachable(reason) } => {
                write!(f, "the link to `{url}` cannot be reached: {reason}")
            }
            Self::MissingImage { source } => write!(f, "there is no image `{source}`"),
            Self::NoAltText { source } => write!(f, "the image `{source}` has no alt text"),
            Self::MarkdownLimit { what } => write!(f, "{what}"),
            Self::DuplicateTitle { title, other } => {
                write!(f, "the title `{title}` is also that of `{other}`")
            }
            Self::Data { reason } | Self::Template { reason, .. } => write!(f, "{reason}"),
            Self::MissingBlock { block, filled_by } => {
                write!(f, "it has no block `{block}`, which the built-in `{filled_by}` fills")
            }
            Self::UnknownName { kind, name, .. } => write!(f, "there is no {kind} `{name}`"),
            Self::Moved { from, to } => {
                write!(f, "the page was at `{from}` and is now at `{to}`")
            }
        }
    }
}

fn backticked(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
