//! What must be escaped in HTML: in text, in attributes, in addresses.

/// Appends `text` as HTML text.
pub(super) fn text(html: &mut String, text: &str) {
    replace(html, text, |rest| memchr::memchr3(b'&', b'<', b'>', rest));
}

/// Appends `text` as the value of an attribute in double quotation marks.
pub(super) fn attribute(html: &mut String, text: &str) {
    let is_replaced = |byte: &u8| IN_ATTRIBUTES[usize::from(*byte)];
    replace(html, text, |rest| rest.iter().position(is_replaced));
}

/// Which bytes are replaced in attributes.
static IN_ATTRIBUTES: [bool; 256] = table(b"&<>\"");

const fn table(bytes: &[u8]) -> [bool; 256] {
    let mut table = [false; 256];
    let mut at = 0;
    while at < bytes.len() {
        table[bytes[at] as usize] = true;
        at += 1;
    }
    table
}

/// Copies `text` in as few pieces as possible; `next` finds what is replaced.
fn replace(html: &mut String, text: &str, next: impl Fn(&[u8]) -> Option<usize>) {
    let mut rest = text;
    while let Some(at) = next(rest.as_bytes()) {
        html.push_str(&rest[..at]);
        html.push_str(match rest.as_bytes()[at] {
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            _ => "&quot;",
        });
        rest = &rest[at + 1..];
    }
    html.push_str(rest);
}

/// Appends `address` as the value of `href` or `src`: what cannot stand in a URL is percent-encoded,
/// what is encoded already stays.
pub(super) fn href(html: &mut String, address: &str) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut written = 0;
    for (at, byte) in address.bytes().enumerate() {
        if stays_in_address(byte) {
            continue;
        }
        if written < at {
            html.push_str(&address[written..at]);
        }
        match byte {
            b'&' => html.push_str("&amp;"),
            b'\'' => html.push_str("&#x27;"),
            _ => {
                html.push('%');
                html.push(char::from(HEX[usize::from(byte >> 4)]));
                html.push(char::from(HEX[usize::from(byte & 15)]));
            }
        }
        // Every byte of a longer character is encoded, so what is sliced begins and ends with ASCII.
        written = at + 1;
    }
    html.push_str(&address[written..]);
}

fn stays_in_address(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.+!*(),%#@?=;:/$~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(with: impl Fn(&mut String, &str), input: &str) -> String {
        let mut html = String::new();
        with(&mut html, input);
        html
    }

    #[test]
    fn what_means_something_to_html_is_escaped() {
        assert_eq!(escaped(text, "a < b && \"c\" > d"), "a &lt; b &amp;&amp; \"c\" &gt; d");
        assert_eq!(escaped(attribute, "\"<&>'"), "&quot;&lt;&amp;&gt;'");
        assert_eq!(
            escaped(href, "/größe/a b?x=1&y='2'"),
            "/gr%C3%B6%C3%9Fe/a%20b?x=1&amp;y=&#x27;2&#x27;"
        );
        assert_eq!(escaped(href, "/%C3%B6#top"), "/%C3%B6#top");
        assert_eq!(escaped(href, "ü"), "%C3%BC");
    }
}
