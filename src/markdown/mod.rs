//! Text to HTML: a pure function of the Markdown, the options and what links lead to.
