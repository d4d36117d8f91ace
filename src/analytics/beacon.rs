//! The script that sends events, as it is served: small, with the numbers of the policy in it.

use std::collections::HashMap;
use std::sync::LazyLock;
use std::time::Duration;

use super::policy;

/// The script as it is written.
const SOURCE: &str = include_str!("beacon.js");

static SCRIPT: LazyLock<String> = LazyLock::new(|| shorten(&substitute(SOURCE)));

/// The script as it is served.
pub fn script() -> &'static str {
    &SCRIPT
}

/// A hash of the script, for the name that it is served under: `/_/beacon.HASH.js`.
pub fn hash() -> &'static str {
    static HASH: LazyLock<String> =
        LazyLock::new(|| blake3::hash(SCRIPT.as_bytes()).to_hex()[..16].to_owned());
    &HASH
}

/// Puts numbers of the policy, in milliseconds, where their names stand.
fn substitute(source: &str) -> String {
    let millis = |duration: Duration| duration.as_millis().to_string();
    source
        .replace("HEARTBEAT_GAP", &millis(policy::HEARTBEAT_GAP))
        .replace("HEARTBEAT", &millis(policy::HEARTBEAT))
}

/// A piece of a script that is kept whole. A `Line` end may end a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    Word(&'a str),
    Text(&'a str),
    Sign(char),
    Line,
}

/// Leaves out comments and spaces, and gives short names to what the script declares.
///
/// This knows as much of the language as `beacon.js` needs: no regular expressions, no templates, comments on
/// lines of their own.
fn shorten(source: &str) -> String {
    let tokens = tokens(source);
    let names = short_names(&tokens);
    let mut script = String::with_capacity(source.len());
    for (place, token) in tokens.iter().enumerate() {
        let is_property = place > 0 && tokens[place - 1] == Token::Sign('.');
        let next = tokens.get(place + 1);
        match token {
            Token::Line if ends_nothing(&script, next) => {}
            Token::Line => script.push('\n'),
            Token::Sign(sign) => script.push(*sign),
            Token::Text(text) => script.push_str(text),
            Token::Word(word) => {
                if script.ends_with(is_word) {
                    script.push(' ');
                }
                let is_spread = script.ends_with("...");
                let short = names.get(word).filter(|_| !is_property || is_spread);
                script.push_str(short.map_or(word, String::as_str));
            }
        }
    }
    script
}

/// Whether a line end between these is no more than a space.
fn ends_nothing(before: &str, after: Option<&Token<'_>>) -> bool {
    before.is_empty()
        || before.ends_with(['{', '(', ',', '\n'])
        || matches!(after, None | Some(Token::Line | Token::Sign('}' | ')')))
}

fn tokens(source: &str) -> Vec<Token<'_>> {
    let lines = source.lines().map(str::trim_start).filter(|line| !line.starts_with("//"));
    let mut tokens = Vec::new();
    for mut line in lines {
        while let Some(first) = line.chars().next() {
            let length = match first {
                '\'' => line[1..].find('\'').map_or(line.len(), |end| end + 2),
                _ if is_word(first) => line.find(|sign| !is_word(sign)).unwrap_or(line.len()),
                _ => first.len_utf8(),
            };
            let (token, rest) = line.split_at(length);
            line = rest;
            match first {
                ' ' => {}
                '\'' => tokens.push(Token::Text(token)),
                _ if is_word(first) => tokens.push(Token::Word(token)),
                sign => tokens.push(Token::Sign(sign)),
            }
        }
        tokens.push(Token::Line);
    }
    tokens
}

fn is_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_' || letter == '$'
}

/// A letter for each name that is declared or a parameter, in order of appearance.
fn short_names<'a>(tokens: &[Token<'a>]) -> HashMap<&'a str, String> {
    let mut letters = ('a'..='z').chain('A'..='Z');
    let mut names = HashMap::new();
    for name in declared(tokens) {
        if !names.contains_key(name)
            && let Some(letter) = letters.next()
        {
            names.insert(name, letter.to_string());
        }
    }
    names
}

/// The names after `const` and `let`, as far as the line goes, and those before an arrow.
fn declared<'a>(tokens: &[Token<'a>]) -> Vec<&'a str> {
    let mut names = Vec::new();
    let is_arrow =
        |place: usize| tokens[place..].starts_with(&[Token::Sign('='), Token::Sign('>')]);
    for (place, token) in tokens.iter().enumerate() {
        match token {
            Token::Word("const" | "let") => names.extend(names_from(&tokens[place + 1..])),
            Token::Word(name) if is_arrow(place + 1) => names.push(name),
            Token::Sign('(') => names.extend(parameters(&tokens[place + 1..])),
            _ => {}
        }
    }
    names
}

/// Names separated by commas, until something else than a name or a bracket comes.
fn names_from<'a>(tokens: &[Token<'a>]) -> Vec<&'a str> {
    let is_list =
        |token: &&Token<'_>| matches!(token, Token::Word(_) | Token::Sign(',' | '[' | ']'));
    words(tokens.iter().take_while(is_list))
}

/// The names up to a closing bracket, if an arrow follows it; what a default is called is one of them.
fn parameters<'a>(tokens: &[Token<'a>]) -> Vec<&'a str> {
    let end = tokens.iter().position(|token| *token == Token::Sign(')')).unwrap_or(0);
    let arrow = [Token::Sign(')'), Token::Sign('='), Token::Sign('>')];
    let list = if tokens[end..].starts_with(&arrow) { &tokens[..end] } else { &[] };
    let is_default = |place: usize| place > 0 && list[place - 1] == Token::Sign('=');
    words(list.iter().enumerate().filter(|(place, _)| !is_default(*place)).map(|(_, token)| token))
}

fn words<'a: 'b, 'b>(tokens: impl Iterator<Item = &'b Token<'a>>) -> Vec<&'a str> {
    let word = |token: &Token<'a>| match token {
        Token::Word(word) if *word != "of" => Some(*word),
        _ => None,
    };
    tokens.filter_map(word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn the_script_fits_in_one_packet() {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        gzip.write_all(script().as_bytes()).unwrap();
        let size = gzip.finish().unwrap().len();
        assert!(size <= 1300, "{size} bytes");
    }

    #[test]
    fn names_are_short_and_what_they_name_is_kept() {
        let source = "
            // a comment
            const queue = new Map
            let isBusy, page = location.page
            const put = (kind, target = window) => {
              queue.set(kind + page, { type: kind, ...more.queue })
              for (const [key, body] of queue) isBusy = 'queue is // busy'
            }
            put(1)
        ";
        let short = "const a=new Map\nlet b,c=location.page\nconst d=(e,f=window)=>{a.set(e+c,{type:e,...more.queue})\n\
            for(const[g,h]of a)b='queue is // busy'}\nd(1)";
        assert_eq!(shorten(source), short);
    }

    #[test]
    fn every_field_of_an_event_keeps_its_name() {
        for field in [
            "type:",
            "view:",
            "visitor:",
            "path:",
            "referrer:",
            "utmSource:",
            "utmCampaign:",
            "width:",
            "zone:",
            "engaged:",
            "scroll:",
        ] {
            assert!(script().contains(field), "{field}");
        }
    }

    #[test]
    fn the_numbers_are_those_of_the_policy() {
        assert!(script().contains(",30000)"), "{}", script());
        assert!(script().contains(">=5000)"));
        assert!(!script().contains("HEARTBEAT"));
    }

    #[test]
    fn no_declared_name_is_the_key_of_an_object() {
        let tokens = tokens(SOURCE);
        assert!(declared(&tokens).contains(&"viewing"));
        for name in declared(&tokens) {
            for pair in tokens.windows(2) {
                let is_key = pair == [Token::Word(name), Token::Sign(':')];
                assert!(!is_key, "`{name}` is a property as well");
            }
        }
    }
}
