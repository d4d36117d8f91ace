//! How many words a reader meets.

use memchr::memmem;

/// The words of a Markdown text, as far as a glance tells: code blocks, addresses and marks are no words.
///
/// Counts without parsing, because the index asks for every page's words on every build. A word is a run
/// of non-spaces with a letter or digit in it; scripts that put no spaces between words (Chinese,
/// Japanese) count by character.
pub(super) fn count(text: &str) -> usize {
    let (mut words, mut from) = (0, 0);
    let mut open: Option<&str> = None;
    for fence in fences(text) {
        match open {
            None => {
                words += count_in(&text[from..fence.at]);
                open = Some(fence.marks);
            }
            Some(marks) if fence.marks.starts_with(marks) && fence.behind.trim().is_empty() => {
                from = fence.at + fence.marks.len() + fence.behind.len();
                open = None;
            }
            Some(_) => {}
        }
    }
    if open.is_none() {
        words += count_in(&text[from..]);
    }
    words
}

/// Three backticks or tildes, or more, that a line begins with.
struct Fence<'a> {
    at: usize,
    marks: &'a str,
    /// The rest of the line.
    behind: &'a str,
}

/// Where lines begin with three backticks or tildes. Single ones are frequent, so it is three that are sought.
fn fences(text: &str) -> impl Iterator<Item = Fence<'_>> {
    let threes = |marks: &'static str| memmem::find_iter(text.as_bytes(), marks).peekable();
    let (mut ticks, mut tildes) = (threes("```"), threes("~~~"));
    let next = move || match (ticks.peek(), tildes.peek()) {
        (Some(tick), Some(tilde)) if tilde < tick => tildes.next(),
        (Some(_), _) => ticks.next(),
        (None, _) => tildes.next(),
    };
    let begins = |at: &usize| is_blank_to_line_start(&text[..*at]);
    std::iter::from_fn(next).filter(begins).map(|at| {
        let (rest, mark) = (&text[at..], text.as_bytes()[at]);
        let len = rest.bytes().take_while(|byte| *byte == mark).count();
        let line = rest.split('\n').next().unwrap_or_default();
        Fence { at, marks: &line[..len], behind: &line[len..] }
    })
}

/// Whether nothing but spaces is at the end of `text` since its last line began. Looks no farther than these reach.
fn is_blank_to_line_start(text: &str) -> bool {
    let mut back = text.chars().rev();
    back.find(|letter| *letter == '\n' || !letter.is_whitespace()).is_none_or(|last| last == '\n')
}

fn count_in(text: &str) -> usize {
    if text.is_ascii() {
        count_in_ascii(text.as_bytes())
    } else {
        text.lines().map(count_in_line).sum()
    }
}

fn count_in_line(line: &str) -> usize {
    if line.is_ascii() { count_in_ascii(line.as_bytes()) } else { count_in_any(line) }
}

/// Eight bytes at a time, for every page is counted on every build.
///
/// In each run of bytes that are no spaces all bits are set. Where one is added to a letter, that carries through to the
/// end of the run, into the space behind it, and once only: so many spaces have a bit set as there are words before them.
fn count_in_ascii(line: &[u8]) -> usize {
    let (chunks, rest) = line.as_chunks::<8>();
    let mut last = [b' '; 8];
    last[..rest.len()].copy_from_slice(rest);
    let (mut words, mut carry) = (0, false);
    for chunk in chunks.iter().chain([&last]) {
        let bytes = u64::from_le_bytes(*chunk);
        let (letters, spaces) = (letters(bytes) >> 7, spaces(bytes) >> 7);
        let (sum, carries) = (!(spaces * 0xff)).overflowing_add(letters);
        let (sum, carries_on) = sum.overflowing_add(u64::from(carry));
        // The sum of the bits of all bytes ends up in the topmost.
        words += (sum & spaces).wrapping_mul(EACH) >> 56;
        carry = carries | carries_on;
    }
    usize::try_from(words).unwrap_or(usize::MAX) + usize::from(carry)
}

/// One in each byte.
const EACH: u64 = 0x0101_0101_0101_0101;

/// The topmost bit of each byte that is an ASCII letter or digit, of bytes that are all ASCII.
fn letters(bytes: u64) -> u64 {
    within(bytes | (EACH * 0x20), b'a', b'z') | within(bytes, b'0', b'9')
}

/// The same for spaces of any kind.
fn spaces(bytes: u64) -> u64 {
    within(bytes, b' ', b' ') | within(bytes, b'\t', b'\n') | within(bytes, b'\x0c', b'\r')
}

/// The topmost bit of each byte from `first` to `last`, of bytes that are all ASCII.
fn within(bytes: u64, first: u8, last: u8) -> u64 {
    let reaches_first = bytes + EACH * u64::from(0x80 - first);
    let is_beyond_last = bytes + EACH * u64::from(0x7f - last);
    reaches_first & !is_beyond_last & (EACH << 7)
}

fn count_in_any(line: &str) -> usize {
    let mut words = 0;
    let mut in_word = false;
    for letter in line.chars() {
        if is_word_by_itself(letter) {
            words += 1;
            in_word = false;
        } else if letter.is_alphanumeric() {
            words += usize::from(!in_word);
            in_word = true;
        } else if letter.is_whitespace() {
            in_word = false;
        }
    }
    words
}

/// Kana and Han ideographs.
fn is_word_by_itself(letter: char) -> bool {
    matches!(letter, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_are_counted_outside_code_blocks() {
        for (text, words) in [
            ("", 0),
            ("One *two* three.", 3),
            ("- [a link](https://example.org/x) -- no", 3),
            ("don't `do it`", 3),
            ("# Title\n\n```rust\nlet x = 1;\n```\n\nafter", 2),
            ("~~~~\na\n~~~\nb\n~~~~\nc", 1),
            ("***\n\n---", 0),
            ("größer über", 2),
            ("日本語 text", 4),
        ] {
            assert_eq!(count(text), words, "{text}");
        }
    }

    /// Line by line.
    fn count_plainly(text: &str) -> usize {
        let (mut words, mut open) = (0, None);
        for line in text.split('\n').map(str::trim) {
            let mark = line.chars().next().filter(|mark| "`~".contains(*mark));
            let marks = mark.map_or(0, |mark| line.chars().take_while(|it| *it == mark).count());
            match open {
                Some(fence)
                    if line == fence || (line.starts_with(fence) && marks == line.len()) =>
                {
                    open = None;
                }
                None if marks >= 3 => open = Some(&line[..marks]),
                None => words += count_in_line(line),
                Some(_) => {}
            }
        }
        words
    }

    #[test]
    fn marks_without_end_are_counted_in_time() {
        for text in ["`", " `", "`\n", "```\n", " ~~~~ a\n", "~~~`"] {
            assert!(count(&text.repeat(400_000)) <= 400_000);
        }
    }

    proptest! {
        #[test]
        fn code_is_found_as_line_by_line(text in "((````?|~~~|`|~| {1,3}|a b|ö x|\t)|(\n|\r\n)){0,30}") {
            prop_assert_eq!(count(&text), count_plainly(&text));
        }

        #[test]
        fn many_bytes_at_a_time_count_as_one_at_a_time(line in "[a-zA-Z0-9 \t\x0b\x0c@\\[`{/:!~\x7f-]{0,40}") {
            let is_space = |byte: &u8| byte.is_ascii_whitespace();
            let runs = line.as_bytes().split(is_space);
            let words = runs.filter(|run| run.iter().any(u8::is_ascii_alphanumeric)).count();
            prop_assert_eq!(count_in_ascii(line.as_bytes()), words);
        }
    }
}
