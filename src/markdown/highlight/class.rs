//! What a piece of code is, as far as its color goes.

/// The kinds of pieces that are told apart; each is the class of a `span`.
///
/// Names and plain punctuation have none. The letters are all that a theme needs to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// `k`: a keyword: `if`, `fn`, `SELECT`.
    Keyword,
    /// `t`: a type, a class of a style sheet.
    Type,
    /// `f`: a function or macro where it is defined or called, a command of a shell.
    Function,
    /// `s`: a string, a character, a regular expression.
    String,
    /// `e`: what is not meant literally in a string: `\n`, `${`, `&amp;`.
    Escape,
    /// `n`: a number.
    Number,
    /// `c`: a comment.
    Comment,
    /// `b`: a built-in or written-in-capitals constant: `true`, `nil`, `:symbol`, `MAX`.
    Constant,
    /// `v`: a variable that says so itself: `$HOME`, `@name`, `'a`.
    Variable,
    /// `a`: an attribute, annotation, option or key: `@Override`, `--all`, `"name":`.
    Attribute,
    /// `g`: a tag of markup, an element in a style sheet.
    Tag,
    /// `m`: what talks about the code: preprocessor, shebang, prompt, hunk header.
    Meta,
    /// `h`: a heading or a section: `# Title`, `[section]`.
    Heading,
    /// `i`: an inserted line.
    Inserted,
    /// `d`: a deleted line.
    Deleted,
}

impl Class {
    /// The start tag of a `span` of this class.
    pub(super) const fn start(self) -> &'static str {
        match self {
            Self::Keyword => "<span class=\"k\">",
            Self::Type => "<span class=\"t\">",
            Self::Function => "<span class=\"f\">",
            Self::String => "<span class=\"s\">",
            Self::Escape => "<span class=\"e\">",
            Self::Number => "<span class=\"n\">",
            Self::Comment => "<span class=\"c\">",
            Self::Constant => "<span class=\"b\">",
            Self::Variable => "<span class=\"v\">",
            Self::Attribute => "<span class=\"a\">",
            Self::Tag => "<span class=\"g\">",
            Self::Meta => "<span class=\"m\">",
            Self::Heading => "<span class=\"h\">",
            Self::Inserted => "<span class=\"i\">",
            Self::Deleted => "<span class=\"d\">",
        }
    }
}
