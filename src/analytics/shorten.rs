//! Shortens a script: leaves out comments and spaces, gives short names to what it declares, and makes alike what
//! follows one another, since that compresses well.
//!
//! This knows as much of the language as `beacon.js` needs: one block, no templates, comments on lines of their own,
//! no quotes or spaces in regular expressions, and no declaration that minds being a `let`.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

/// A piece of a script that is kept whole. A `Line` end may end a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    Word(&'a str),
    Name(Name<'a>),
    Text(&'a str),
    Sign(char),
    Line,
}

/// What a declaration or a parameter calls something, for which any other name would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Name<'a> {
    /// Known in the whole script.
    Script(&'a str),
    /// Known in one statement of the script, such as a function; there the n-th most used.
    Local(usize),
}

/// The script as the browser may as well have it.
pub(super) fn shorten(source: &str) -> String {
    let tokens = joined(&named(&tokens(source)));
    let letters = letters(&tokens);
    let mut script = String::with_capacity(source.len());
    for token in tokens {
        let is_word = matches!(token, Token::Word(_) | Token::Name(_));
        if is_word && script.ends_with(is_in_word) {
            script.push(' ');
        }
        match token {
            Token::Line => script.push('\n'),
            Token::Sign(sign) => script.push(sign),
            Token::Word(text) | Token::Text(text) => script.push_str(text),
            Token::Name(name) => script.push(letters[&name]),
        }
    }
    script
}

/// Tells names from other words.
fn named<'a>(tokens: &[Token<'a>]) -> Vec<Token<'a>> {
    let statements = statements(tokens);
    let outer: HashSet<&str> =
        statements.iter().flat_map(|statement| outer_names(statement)).collect();
    statements.iter().flat_map(|statement| named_in(statement, &outer)).collect()
}

fn named_in<'a>(statement: &[Token<'a>], outer: &HashSet<&'a str>) -> Vec<Token<'a>> {
    let mut uses: HashMap<&str, usize> = declared(statement)
        .into_iter()
        .filter(|name| !outer.contains(name))
        .map(|name| (name, 0))
        .collect();
    let is_name = |place: usize| !is_property(&statement[..place]);
    for (place, token) in statement.iter().enumerate() {
        if let Token::Word(word) = token
            && is_name(place)
        {
            uses.entry(word).and_modify(|count| *count += 1);
        }
    }
    let locals = by_count(uses);
    let name = |word: &'a str| {
        let local = locals.iter().position(|local| *local == word).map(Name::Local);
        local.or_else(|| outer.contains(word).then_some(Name::Script(word)))
    };
    let named = statement.iter().enumerate().map(|(place, token)| match token {
        Token::Word(word) if is_name(place) => name(word).map_or(*token, Token::Name),
        _ => *token,
    });
    named.collect()
}

/// The statements of the block that the script is, each with the end of its last line.
fn statements<'b, 'a>(tokens: &'b [Token<'a>]) -> Vec<&'b [Token<'a>]> {
    let mut depth = 0_usize;
    let is_end = |token: &Token<'_>| {
        match token {
            Token::Sign('{') => depth += 1,
            Token::Sign('}') => depth = depth.saturating_sub(1),
            _ => {}
        }
        *token == Token::Line && depth < 2
    };
    tokens.split_inclusive(is_end).collect()
}

/// The names that a statement of the block declares for all of the script.
fn outer_names<'a>(statement: &[Token<'a>]) -> Vec<&'a str> {
    match statement {
        [Token::Word("const" | "let"), names @ ..] => names_from(names),
        _ => Vec::new(),
    }
}

/// Whether a word that follows stands after a dot, but not after the three that spread something.
fn is_property(before: &[Token<'_>]) -> bool {
    before.ends_with(&[Token::Sign('.')]) && !before.ends_with(&[Token::Sign('.'); 3])
}

/// What a statement is, as its first token shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Statement {
    Declaration,
    Expression,
    Other,
    /// No statement, but a part of one: in brackets, where line ends mean nothing.
    Part,
}

impl Statement {
    fn of(first: Token<'_>) -> Self {
        match first {
            Token::Word("const" | "let") => Self::Declaration,
            Token::Word("if" | "else" | "for" | "try" | "return") | Token::Sign('{') => Self::Other,
            _ => Self::Expression,
        }
    }
}

/// Leaves out line ends that end nothing, and puts a comma between statements where one will do.
fn joined<'a>(tokens: &[Token<'a>]) -> Vec<Token<'a>> {
    let mut joined = Vec::with_capacity(tokens.len());
    // What goes on in each of the brackets that are open.
    let mut statements = vec![None];
    for (place, token) in tokens.iter().enumerate() {
        let statement = statements.last_mut().expect("only brackets that were opened are closed");
        match token {
            Token::Line if *statement == Some(Statement::Part) => continue,
            Token::Line if ends_nothing(joined.last(), tokens.get(place + 1)) => continue,
            Token::Line => {
                let next = tokens.get(place + 1).map(|next| Statement::of(*next));
                let last = std::mem::replace(statement, next);
                let is_same = last == next && last != Some(Statement::Other);
                joined.push(if is_same { Token::Sign(',') } else { Token::Line });
                continue;
            }
            Token::Word("const" | "let") if joined.last() == Some(&Token::Sign(',')) => continue,
            _ => {}
        }
        statement.get_or_insert(Statement::of(*token));
        match token {
            Token::Sign('{') => statements.push(None),
            Token::Sign('(') => statements.push(Some(Statement::Part)),
            Token::Sign('}' | ')') => drop(statements.pop()),
            _ => {}
        }
        joined.push(if *token == Token::Word("const") { Token::Word("let") } else { *token });
    }
    joined
}

/// Whether a line end between these is no more than a space.
fn ends_nothing(before: Option<&Token<'_>>, after: Option<&Token<'_>>) -> bool {
    matches!(before, None | Some(Token::Line | Token::Sign('{' | ',')))
        || matches!(after, None | Some(Token::Line | Token::Sign('}')))
}

fn tokens(source: &str) -> Vec<Token<'_>> {
    let lines = source.lines().map(str::trim_start).filter(|line| !line.starts_with("//"));
    let mut tokens = Vec::new();
    for mut line in lines {
        while let Some(first) = line.chars().next() {
            let length = match first {
                '\'' => line[1..].find('\'').map_or(line.len(), |end| end + 2),
                _ if is_in_word(first) => line.find(|sign| !is_in_word(sign)).unwrap_or(line.len()),
                _ => first.len_utf8(),
            };
            let (token, rest) = line.split_at(length);
            line = rest;
            match first {
                ' ' => {}
                '\'' => tokens.push(Token::Text(token)),
                _ if is_in_word(first) => tokens.push(Token::Word(token)),
                sign => tokens.push(Token::Sign(sign)),
            }
        }
        tokens.push(Token::Line);
    }
    tokens
}

fn is_in_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_' || letter == '$'
}

/// A letter for each name: the more often it is used, the more frequent is the letter in what is kept.
fn letters<'a>(tokens: &[Token<'a>]) -> HashMap<Name<'a>, char> {
    let mut uses = HashMap::new();
    let mut letters: HashMap<char, usize> =
        ('a'..='z').chain('A'..='Z').map(|letter| (letter, 0)).collect();
    for token in tokens {
        match token {
            Token::Name(name) => *uses.entry(*name).or_default() += 1,
            Token::Word(text) | Token::Text(text) => text.chars().for_each(|letter| {
                letters.entry(letter).and_modify(|count| *count += 1);
            }),
            Token::Sign(_) | Token::Line => {}
        }
    }
    by_count(uses).into_iter().zip(by_count(letters)).collect()
}

/// What was counted, the most frequent first.
fn by_count<T: Copy + Ord>(counts: HashMap<T, usize>) -> Vec<T> {
    let mut counted: Vec<(Reverse<usize>, T)> =
        counts.into_iter().map(|(what, count)| (Reverse(count), what)).collect();
    counted.sort_unstable();
    counted.into_iter().map(|(_, what)| what).collect()
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
        Token::Word(word) if !["in", "of"].contains(word) => Some(*word),
        _ => None,
    };
    tokens.filter_map(word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_what_they_name_is_kept() {
        let source = "
            // a comment
            {
            const queue = new Map
            let isBusy, page = location.page
            const put = (kind, target = window) => {
              queue.set(kind + page, { type: kind, ...more.queue })
              isBusy = kind && (
                queue.size
                  ? 1 : 2)
              for (const [key, body] of queue) isBusy = 'queue is // busy'
            }
            const drop = kind => {
              const size = queue.size
              if (size) return
              queue.delete(kind, size, kind)
            }
            put(1)
            queue.clear()
            }
        ";
        let short = "{let e=new Map,l,o=location.page,\
            u=(t,a=window)=>{e.set(t+o,{type:t,...more.queue}),l=t&&(e.size?1:2)\n\
            for(let[s,i]of e)l='queue is // busy'},\
            r=t=>{let i=e.size\nif(i)return\ne.delete(t,i,t)}\n\
            u(1),e.clear()}";
        assert_eq!(shorten(source), short);
    }

    #[test]
    fn no_declared_name_of_the_beacon_is_the_key_of_an_object() {
        let tokens = tokens(include_str!("beacon.js"));
        assert!(declared(&tokens).contains(&"viewing"));
        for name in declared(&tokens) {
            for pair in tokens.windows(2) {
                let is_key = pair == [Token::Word(name), Token::Sign(':')];
                assert!(!is_key, "`{name}` is a property as well");
            }
        }
    }
}
