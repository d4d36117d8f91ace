//! How many words a reader meets.

/// The words of a Markdown text, as far as a glance tells: code blocks, addresses and marks are no words.
///
/// Counts without parsing, because the index asks for every page's words on every build. A word is a run
/// of non-spaces with a letter or digit in it; scripts that put no spaces between words (Chinese,
/// Japanese) count by character.
pub(super) fn count(text: &str) -> usize {
    let mut words = 0;
    let mut fence: Option<&str> = None;
    for line in lines(text) {
        let trimmed = line.trim_start();
        let marks = fence_marks(trimmed);
        match fence {
            Some(open) if marks.starts_with(open) && trimmed[marks.len()..].trim().is_empty() => {
                fence = None;
            }
            None if marks.len() >= 3 => fence = Some(marks),
            None => words += count_in_line(trimmed),
            Some(_) => {}
        }
    }
    words
}

/// The lines of a text, without what ends them.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let ends = memchr::memchr_iter(b'\n', text.as_bytes()).chain([text.len()]);
    ends.scan(0, |start, end| Some(&text[std::mem::replace(start, end + 1)..end]))
}

/// The run of backticks or tildes at the start of a line.
fn fence_marks(line: &str) -> &str {
    let first = line.bytes().next().filter(|byte| matches!(byte, b'`' | b'~'));
    let length = first.map_or(0, |mark| line.bytes().take_while(|byte| *byte == mark).count());
    &line[..length]
}

fn count_in_line(line: &str) -> usize {
    if line.is_ascii() { count_in_ascii(line.as_bytes()) } else { count_in_any(line) }
}

fn count_in_ascii(line: &[u8]) -> usize {
    let mut words = 0;
    let mut in_word = 0;
    // Without branches: what comes next in prose cannot be foreseen, and every page is counted on every build.
    for byte in line {
        let kind = KINDS[usize::from(*byte)];
        words += usize::from(kind & !in_word & LETTER);
        in_word = (in_word | kind) & !(kind >> 1) & LETTER;
    }
    words
}

/// What a byte is: a letter or digit.
const LETTER: u8 = 1;

/// What a byte is: a space.
const SPACE: u8 = 2;

/// What each byte of ASCII is.
static KINDS: [u8; 256] = {
    let mut kinds = [0; 256];
    let mut byte = 0_u8;
    while byte.is_ascii() {
        if byte.is_ascii_alphanumeric() {
            kinds[byte as usize] = LETTER;
        } else if byte.is_ascii_whitespace() {
            kinds[byte as usize] = SPACE;
        }
        byte += 1;
    }
    kinds
};

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
}
