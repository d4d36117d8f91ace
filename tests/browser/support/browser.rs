//! A browser that nobody has used before, steered as a reader would use it.

use std::path::PathBuf;

use fantoccini::wd::WindowHandle;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::driver::Driver;
use super::{until, until_true};

/// What a browser with a window calls itself; without one it would say so, and count as a bot.
const AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
                     Chrome/142.0.0.0 Safari/537.36";

/// No window, nothing fetched but what the tests ask for, and root may run it.
const ARGUMENTS: [&str; 8] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];

/// Lets a test move the page's clock, and do at once what the page does from time to time.
const PAGE_TIME: &str = "
    const real = performance.now.bind(performance);
    window.tests = { skipped: 0, ticks: [], violations: [] };
    performance.now = () => real() + tests.skipped;
    window.setInterval = (act, every) => tests.ticks.push({ act, every });
    addEventListener('securitypolicyviolation', (event) => tests.violations.push(event.blockedURI), true);
";

/// How a browser is to differ from one that was just installed.
#[derive(Debug, Default)]
pub(crate) struct Wishes {
    pub(crate) no_scripts: bool,
    pub(crate) no_storage: bool,
}

/// A browser of its own, closed when dropped.
pub(crate) struct Browser {
    client: Client,
    driver: Driver,
    _profile: TempDir,
}

impl Browser {
    /// Opens a browser as it was installed.
    pub(crate) async fn open() -> Self {
        Self::with(Wishes::default()).await
    }

    /// Opens a browser that differs in what is wished.
    pub(crate) async fn with(wishes: Wishes) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let mut driver = Driver::start();
        let capabilities = capabilities(&wishes, &profile);
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities.as_object().expect("it was written as one").clone())
            .connect(&driver.url())
            .await
            .expect("Chromium can be started; `scripts/test` installs it");
        driver.remember(client.session_id().await.unwrap().expect("a session has an id"));
        let browser = Self { client, driver, _profile: profile };
        browser.before_each_page(PAGE_TIME).await;
        browser
    }

    /// Goes to an address, and waits until the page is there.
    pub(crate) async fn go(&self, url: &str) {
        self.client.goto(url).await.unwrap();
    }

    pub(crate) async fn back(&self) {
        self.client.back().await.unwrap();
    }

    pub(crate) async fn reload(&self) {
        self.client.refresh().await.unwrap();
    }

    /// The window, or tab, that commands go to.
    pub(crate) async fn window(&self) -> WindowHandle {
        self.client.window().await.unwrap()
    }

    /// Opens a window beside the others, which all stay in sight, and turns to it.
    pub(crate) async fn open_window(&self) {
        let window = self.client.new_window(false).await.unwrap();
        self.client.switch_to_window(window.handle).await.unwrap();
        self.before_each_page(PAGE_TIME).await;
    }

    pub(crate) async fn turn_to(&self, window: &WindowHandle) {
        self.client.switch_to_window(window.clone()).await.unwrap();
    }

    /// Puts the window out of sight.
    pub(crate) async fn hide(&self) {
        self.client.minimize_window().await.unwrap();
        self.until_visibility("hidden").await;
    }

    /// Brings the window back.
    pub(crate) async fn show(&self) {
        self.client.set_window_size(1024, 768).await.unwrap();
        self.until_visibility("visible").await;
    }

    async fn until_visibility(&self, state: &str) {
        until_true(state, async || self.run("return document.visibilityState").await == state)
            .await;
    }

    /// Runs the body of a function in the page.
    pub(crate) async fn run(&self, script: &str) -> Value {
        self.client.execute(script, vec![]).await.unwrap()
    }

    /// The same with a value as its argument.
    pub(crate) async fn run_with(&self, script: &str, value: Value) -> Value {
        self.client.execute(script, vec![value]).await.unwrap()
    }

    /// Runs the body of a function in the page that hands its result to `done`.
    pub(crate) async fn run_async(&self, script: &str) -> Value {
        let script = format!("const done = arguments[0]; {script}");
        self.client.execute_async(&script, vec![]).await.unwrap()
    }

    /// Runs a script in each page of this window from now on, before its own.
    pub(crate) async fn before_each_page(&self, script: &str) {
        self.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": script })).await;
    }

    /// Gives a command of the `DevTools` protocol.
    pub(crate) async fn devtools(&self, command: &str, parameters: Value) -> Value {
        let body = json!({ "cmd": command, "params": parameters });
        self.driver.command("goog/cdp/execute", &body).await.unwrap()
    }

    /// Lets time pass for the page, and what it does every so many milliseconds be done once.
    pub(crate) async fn pass(&self, millis: u32) {
        let act = "for (const tick of tests.ticks) if (tick.every <= arguments[0]) tick.act()";
        let script = format!("tests.skipped += arguments[0]; {act}");
        self.client.execute(&script, vec![json!(millis)]).await.unwrap();
    }

    /// The text of the first element that `css` selects, as it is seen; none if there is none.
    pub(crate) async fn text(&self, css: &str) -> Option<String> {
        let script = "return document.querySelector(arguments[0])?.innerText";
        let text = self.client.execute(script, vec![json!(css)]).await.unwrap();
        text.as_str().map(|text| text.replace(['\t', '\n'], " "))
    }

    /// Waits until an element has a text in it.
    pub(crate) async fn until_text(&self, css: &str, expected: &str) {
        let mut last = None;
        let question = async || {
            last = self.text(css).await;
            last.as_deref().is_some_and(|text| text.contains(expected))
        };
        until_true(&format!("`{css}` says `{expected}`"), question).await;
    }

    /// What the dialog says that is open; none if there is none.
    pub(crate) async fn dialog(&self) -> Option<String> {
        self.client.get_alert_text().await.ok()
    }

    /// Waits for a dialog, closes it, and gives what it said.
    pub(crate) async fn close_dialog(&self) -> String {
        let said = until("a dialog", async || self.dialog().await).await;
        self.client.accept_alert().await.unwrap();
        said
    }

    /// The address of the page.
    pub(crate) async fn address(&self) -> String {
        self.client.current_url().await.unwrap().to_string()
    }

    pub(crate) async fn click(&self, css: &str) {
        self.client.find(Locator::Css(css)).await.unwrap().click().await.unwrap();
    }

    /// Presses a button of the mouse (`left`, `middle` or `right`) on the first element that `css` selects.
    pub(crate) async fn press(&self, button: &str, css: &str) {
        let place = self.middle(css).await;
        for kind in ["mousePressed", "mouseReleased"] {
            let at = json!({
                "type": kind, "x": place[0], "y": place[1], "button": button, "clickCount": 1
            });
            self.devtools("Input.dispatchMouseEvent", at).await;
        }
    }

    /// Presses the enter key on the first element that `css` selects.
    pub(crate) async fn enter(&self, css: &str) {
        let focus = "document.querySelector(arguments[0]).focus()";
        self.client.execute(focus, vec![json!(css)]).await.unwrap();
        self.key("Enter").await;
    }

    /// Types into the first element that `css` selects.
    pub(crate) async fn type_into(&self, css: &str, text: &str) {
        self.client.find(Locator::Css(css)).await.unwrap().send_keys(text).await.unwrap();
    }

    /// Presses a key.
    pub(crate) async fn key(&self, key: &str) {
        let (code, text) = match key {
            "Enter" => (13, "\r"),
            "Escape" => (27, ""),
            "ArrowLeft" => (37, ""),
            "ArrowRight" => (39, ""),
            letter => (0, letter),
        };
        for kind in ["keyDown", "keyUp"] {
            let mut event = json!({ "type": kind, "key": key, "windowsVirtualKeyCode": code });
            if kind == "keyDown" && !text.is_empty() {
                event["text"] = json!(text);
            }
            self.devtools("Input.dispatchKeyEvent", event).await;
        }
    }

    /// Moves the mouse over the middle of the first element that `css` selects.
    pub(crate) async fn point_at(&self, css: &str) {
        let place = self.middle(css).await;
        let at = json!({ "type": "mouseMoved", "x": place[0], "y": place[1] });
        self.devtools("Input.dispatchMouseEvent", at).await;
    }

    async fn middle(&self, css: &str) -> Value {
        let middle = "const element = document.querySelector(arguments[0]);
            element.scrollIntoView({ block: 'center', behavior: 'instant' });
            const box = element.getBoundingClientRect();
            return [box.x + box.width / 2, box.y + box.height / 2]";
        self.client.execute(middle, vec![json!(css)]).await.unwrap()
    }

    /// What the console has said since it was last asked, apart from mere information.
    pub(crate) async fn complaints(&self) -> Vec<String> {
        let entries = self.log("browser").await;
        let is_loud = |entry: &&Value| entry["level"] == "SEVERE" || entry["level"] == "WARNING";
        entries.iter().filter(is_loud).map(|entry| entry["message"].to_string()).collect()
    }

    /// Every address that was asked for since it was last asked.
    pub(crate) async fn requested(&self) -> Vec<String> {
        let entries = self.log("performance").await;
        let messages = entries.iter().filter_map(|entry| entry["message"].as_str());
        messages
            .filter_map(|text| serde_json::from_str::<Value>(text).ok())
            .filter(|entry| entry["message"]["method"] == "Network.requestWillBeSent")
            .filter_map(|entry| {
                Some(entry["message"]["params"]["request"]["url"].as_str()?.to_owned())
            })
            .collect()
    }

    async fn log(&self, kind: &str) -> Vec<Value> {
        let log = self.driver.command("se/log", &json!({ "type": kind })).await.unwrap();
        log.as_array().cloned().unwrap_or_default()
    }

    /// The cookies of all sites.
    pub(crate) async fn cookies(&self) -> Vec<Value> {
        let cookies = self.devtools("Storage.getCookies", json!({})).await;
        cookies["cookies"].as_array().cloned().unwrap_or_default()
    }
}

fn capabilities(wishes: &Wishes, profile: &TempDir) -> Value {
    let mut arguments: Vec<String> = ARGUMENTS.map(str::to_owned).into();
    arguments.push(format!("--user-agent={AGENT}"));
    arguments.push(format!("--user-data-dir={}", profile.path().display()));
    if wishes.no_scripts {
        arguments.push("--blink-settings=scriptEnabled=false".to_owned());
    }
    let mut options = json!({ "args": arguments, "binary": chromium() });
    if wishes.no_storage {
        options["prefs"] = json!({ "profile.default_content_setting_values.cookies": 2 });
    }
    json!({
        "unhandledPromptBehavior": "ignore",
        "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
        "goog:chromeOptions": options,
    })
}

/// The browser among the programs that are installed.
fn chromium() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let named = |folder: PathBuf| {
        ["chromium", "chromium-browser", "google-chrome"].map(|name| folder.join(name))
    };
    std::env::split_paths(&path)
        .flat_map(named)
        .find(|program| program.is_file())
        .expect("Chromium is installed; `scripts/test` installs it")
}
