//! What strangers write into the statistics is text, wherever it is shown.

use serde_json::json;

use super::{PAGES, SITE};
use crate::support::audit::sticking_out;
use crate::support::{Browser, Hosted};

/// Texts that would do something if they were anything but text.
const TEXTS: [&str; 100] = [
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "\"><script>alert(1)</script>",
    "'><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\"><img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "</title><svg onload=alert(1)>",
    "</svg><img src=x onerror=alert(1)>",
    "<svg><animate onbegin=alert(1) attributeName=x dur=1s>",
    "<math><mtext><script>alert(1)</script>",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "<iframe src=javascript:alert(1)>",
    "<object data=javascript:alert(1)>",
    "<embed src=javascript:alert(1)>",
    "<a href=javascript:alert(1)>x</a>",
    "<form action=javascript:alert(1)><button>x",
    "<details open ontoggle=alert(1)>",
    "<video><source onerror=alert(1)>",
    "<body onload=alert(1)>",
    "<base href=//evil.example>",
    "<meta http-equiv=refresh content=0;url=//evil.example>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<style>*{display:none}</style>",
    "<style>@import '//evil.example/x.css';</style>",
    "<template><script>alert(1)</script></template>",
    "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
    "<!--><script>alert(1)</script>-->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?xml-stylesheet href=javascript:alert(1)?>",
    "\" onmouseover=alert(1) x=\"",
    "' onfocus=alert(1) autofocus x='",
    "` onclick=alert(1) `",
    "\" autofocus onfocus=alert(1) \"",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    " javascript:alert(1)",
    "java\tscript:alert(1)",
    "javascript://example.org/%0aalert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:msgbox(1)",
    "blob:https://example.org/x",
    "file:///etc/passwd",
    "//evil.example",
    "/\\evil.example",
    "https://evil.example@example.org/",
    "https:evil.example",
    "{{7*7}}",
    "{{ site.title }}",
    "{% raw %}",
    "${alert(1)}",
    "#{alert(1)}",
    "<%= 7*7 %>",
    "%3Cscript%3Ealert(1)%3C/script%3E",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;alert(1)&#60;/script&#62;",
    "\u{202e}txt.exe",
    "\u{2066}\u{202e}abc\u{2069}",
    "\u{200b}\u{200d}\u{feff}",
    "\u{0}null",
    "line\nbreak",
    "tab\tand\rreturn",
    "\u{1b}[31mred",
    "Z\u{0301}\u{0327}\u{0334}\u{0361}\u{0489}a\u{0301}\u{0327}\u{0334}",
    "ＦＵＬＬＷＩＤＴＨ",
    "مرحبا بالعالم",
    "שלום עולם",
    "👩‍👩‍👧‍👦🏳️‍🌈",
    "=1+1",
    "=HYPERLINK(\"https://evil.example\")",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "-2+3",
    "+1",
    "../../../etc/passwd",
    "..%2f..%2f",
    "' OR 1=1 --",
    "; DROP TABLE events;",
    "__proto__",
    "constructor",
    "null",
    "undefined",
    "NaN",
    "true",
    "-1",
    "1e309",
    "\\",
    "\\u0022",
    "?list=pages",
    "#course",
    "&fewer=1",
    "a&b=c&d",
    "%",
    "%00",
    "%ff%fe",
    "\"",
    "'",
    "<",
    ">",
    "<bdi>",
];

/// These, and long ones.
fn hostile() -> Vec<String> {
    let mut texts: Vec<String> = TEXTS.map(str::to_owned).into();
    texts.push("W".repeat(400));
    texts.push("<b>".repeat(100));
    texts
}

/// Sends all of `hostile` as each thing that a visitor may write, as the beacon would, three visitors each.
const SEND: &str = "
    const random = () => crypto.randomUUID();
    const send = (event) => fetch('/_/event', { method: 'POST', body: JSON.stringify(event) });
    const all = arguments[0].flatMap((text) => [0, 1, 2].map(() => text));
    const sent = all.map(async (text, at) => {
      const id = { view: random().replaceAll('-', '').slice(16), visitor: random(), path: '/herons/' };
      await send({ ...id, type: 'view', referrer: text, utmSource: text, utmCampaign: text, zone: text });
      await send({ ...id, type: 'event', name: text, props: { url: text } });
      await send({ ...id, type: 'event', name: 'outbound', props: { url: text } });
      await send({ ...id, type: 'event', name: 'download', props: { url: text } });
      await send({ ...id, type: 'view', view: random().replaceAll('-', '').slice(16), path: '/' + text, referrer: text });
    });
    return Promise.all(sent).then(() => true)";

#[tokio::test]
async fn what_strangers_write_is_text() {
    let hostile = hostile();
    assert!(hostile.len() >= 100, "{}", hostile.len());
    let title = json!(hostile[5].clone() + "{{7*7}}");
    let post = format!("---\ntitle: {title}\ndate: 2026-11-01\nslug: herons\n---\n");
    let site = Hosted::new(&[SITE[0], ("content/blog/herons.md", &post)]).await;
    let browser = Browser::open().await;
    browser.go(&site.url("/herons/")).await;
    site.until_views(1).await;
    for texts in hostile.chunks(10) {
        assert_eq!(browser.run_with(SEND, json!(texts)).await, true);
    }
    // What is no path at all is refused, and the console says so.
    let complaints = browser.complaints().await;
    assert!(complaints.iter().all(|complaint| complaint.contains("/_/event")), "{complaints:#?}");
    for query in
        ["", "?period=7d", "?page=/herons/", "?list=referrers", "?list=events", "?list=notFound"]
    {
        browser.go(&site.url(&format!("/stats/{query}"))).await;
        browser.until_text("[data-stat=connection]", "Live").await;
        is_unharmed(&browser, query).await;
    }
    for text in &hostile {
        let encoded =
            browser.run_with("return encodeURIComponent(arguments[0])", json!(text)).await;
        let encoded = encoded.as_str().unwrap();
        for query in [
            format!("?list=referrers&search={encoded}"),
            format!("?referrer={encoded}&tag={encoded}"),
        ] {
            browser.go(&site.url(&format!("/stats/{query}"))).await;
            is_unharmed(&browser, &query).await;
        }
    }
    browser.go(&site.url("/stats/")).await;
    browser.until_text("[data-stat=connection]", "Live").await;
    browser.until_text(PAGES, "onerror=alert(1)>{{7*7}}").await;
    site.delete("content/blog/herons.md");
    browser.until_text(PAGES, "gone").await;
    browser.until_text(PAGES, "onerror=alert(1)>{{7*7}}").await;
    is_unharmed(&browser, "after the post has gone").await;
}

/// Nothing has run, nothing was reported, nothing sticks out, and every link is one of the web.
async fn is_unharmed(browser: &Browser, when: &str) {
    assert_eq!(browser.dialog().await, None, "{when}");
    assert_eq!(browser.run("return tests.violations").await, json!([]), "{when}");
    assert_eq!(browser.complaints().await, Vec::<String>::new(), "{when}");
    assert_eq!(sticking_out(browser).await, json!([]), "{when}");
    let links = "return [...document.links].filter((link) => link.origin !== location.origin
        && !(/^https?:$/.test(link.protocol) && link.relList.contains('noreferrer'))).map((link) => link.outerHTML)";
    assert_eq!(browser.run(links).await, json!([]), "{when}");
}
