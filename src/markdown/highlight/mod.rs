//! Colors for code: `span`s with one-letter classes, made in one pass by lexers that tables drive.
//!
//! | class | what | class | what |
//! |---|---|---|---|
//! | `k` | keyword | `v` | variable with a sign: `$x`, `@x`, `'a` |
//! | `t` | type | `a` | attribute, annotation, option, key |
//! | `f` | function, macro, command | `g` | tag of markup, element |
//! | `s` | string | `m` | preprocessor, shebang, prompt, hunk header |
//! | `e` | escape or code mark in a string | `h` | heading, section |
//! | `n` | number | `i` | inserted line |
//! | `c` | comment | `d` | deleted line |
//! | `b` | constant | | |
//!
//! The text between the tags is the code, exactly, and no `span` goes past the end of a line. A lexer
//! guesses where a parser would know; that is the price of microseconds instead of milliseconds.

mod class;
mod language;
mod languages;
mod lexer;
mod painter;

use language::Language;
use languages::LANGUAGES;
use painter::Painter;

/// `code` as HTML, colored as `language` asks; none if the language is not known.
///
/// The only way in: what colors code can be exchanged behind this function.
pub fn highlight(language: &str, code: &str) -> Option<String> {
    let language = find(language)?;
    let mut painter = Painter::new(code);
    (language.read)(&mut painter, language);
    Some(painter.finish())
}

/// Whether `language`, by any of its names, can be colored.
pub fn is_known_language(language: &str) -> bool {
    find(language).is_some()
}

fn find(name: &str) -> Option<&'static Language> {
    let is_named =
        |language: &&&Language| language.names.iter().any(|known| known.eq_ignore_ascii_case(name));
    LANGUAGES.iter().find(is_named).copied()
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::fs;
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;

    /// The text of HTML, and its elements checked: none within another, none past the end of a line.
    fn text_of(html: &str) -> String {
        let (mut text, mut rest, mut is_open) = (String::new(), html, false);
        while let Some(at) = rest.find('<') {
            let (before, tag) = rest.split_at(at);
            assert!(
                !(is_open && before.contains('\n')),
                "a span goes past the end of a line: {html}"
            );
            let end = tag.find('>').expect("every tag ends") + 1;
            assert_eq!(tag.starts_with("</span>"), is_open, "{html}");
            assert!(is_open || tag.starts_with("<span class=\""), "{html}");
            is_open = !is_open;
            text.push_str(before);
            rest = &tag[end..];
        }
        assert!(!is_open, "{html}");
        text.push_str(rest);
        text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    }

    /// The HTML as a person can read it: `k‹fn› f‹main›()`.
    fn legible(html: &str) -> String {
        let html = html.replace("</span>", "›").replace("<span class=\"", "").replace("\">", "‹");
        html.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    }

    fn fixtures() -> Vec<(String, String)> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/highlight");
        let mut found: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| {
                let name = path.file_name().unwrap().to_str().unwrap().to_owned();
                (name, fs::read_to_string(path).unwrap())
            })
            .collect();
        found.sort();
        found
    }

    /// `x.rs` is Rust, `Dockerfile` itself.
    fn language_of(file: &str) -> &str {
        file.rsplit('.').next().unwrap_or(file)
    }

    #[test]
    fn every_fixture_is_colored_as_its_golden_file_says() {
        for (file, code) in fixtures() {
            let html =
                highlight(language_of(&file), &code).expect("a fixture is in a known language");
            insta::assert_snapshot!(file.replace('.', "_"), legible(&html));
        }
    }

    #[test]
    fn the_text_of_colored_code_is_the_code_in_every_language() {
        for (file, code) in fixtures() {
            for language in LANGUAGES {
                let html = highlight(language.names[0], &code).unwrap();
                assert_eq!(text_of(&html), code, "{file} as {}", language.names[0]);
            }
        }
    }

    #[test]
    fn every_prefix_of_a_fixture_keeps_its_text() {
        for (file, code) in fixtures() {
            for (end, _) in code.char_indices() {
                let html = highlight(language_of(&file), &code[..end]).unwrap();
                assert_eq!(text_of(&html), &code[..end], "{file} up to {end}");
            }
        }
    }

    #[test]
    fn no_name_means_two_languages() {
        let mut names: Vec<_> = LANGUAGES.iter().flat_map(|language| language.names).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
        assert!(names.iter().all(|name| **name == name.to_lowercase()));
    }

    #[test]
    fn names_are_found_in_any_case() {
        for known in ["rust", "RS", "JavaScript", "c++", "C#", "yml", "Dockerfile"] {
            assert!(is_known_language(known), "{known}");
        }
        assert!(!is_known_language("") && !is_known_language("klingon"));
    }

    /// What opens something in one language or another, and is seldom closed here.
    const PIECES: [&str; 48] = [
        "\"", "'", "`", "\"\"\"", "/*", "*/", "//", "#", "<!--", "<", ">", "</", "<a", "{", "}",
        "{{", "}}", "${", "$(", "$x", "#{", "(", ")", "[", "]", "\\", "\n", " ", "\n  ", "<<EOF",
        "\nEOF", "r#\"", "--[[", "--", "@", "x", "if", "é", "0x1f", "1e5", ":", "=", "/", "%w[",
        "~r/", "```", "---\n", "<script>",
    ];

    proptest! {
        #[test]
        fn any_text_keeps_its_text_in_any_language(
            pieces in prop::collection::vec(prop::sample::select(&PIECES[..]), 0..40),
            language in 0..LANGUAGES.len(),
        ) {
            let code = pieces.concat();
            let html = highlight(LANGUAGES[language].names[0], &code).unwrap();
            prop_assert_eq!(text_of(&html), code);
        }

        #[test]
        fn any_unicode_keeps_its_text_in_any_language(code in "(?s).{0,200}", language in 0..LANGUAGES.len()) {
            let html = highlight(LANGUAGES[language].names[0], &code).unwrap();
            prop_assert_eq!(text_of(&html), code);
        }
    }

    #[test]
    fn deep_nesting_neither_overflows_the_stack_nor_multiplies_the_output() {
        for piece in
            ["${`", "\"#{", "<a>{", "$(", "(", "{{", "/*", "'", "<!--", "`", "[", "f\"{", "\"\\("]
        {
            let code = piece.repeat(20_000);
            for language in LANGUAGES {
                let html = highlight(language.names[0], &code).unwrap();
                let mut shape = String::new();
                write!(shape, "{} {piece:?}", language.names[0]).unwrap();
                assert!(html.len() <= code.len() * 30, "{shape}: {}", html.len() / code.len());
            }
        }
    }
}
