//! A chromedriver of its own for each browser: started on a free port, and gone when the browser is.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use axum::body::Body;
use http::{Method, Request};
use http_body_util::BodyExt;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

/// How long a browser may take to end.
const FAREWELL: Duration = Duration::from_secs(10);

/// A chromedriver, and the session that is open in it.
pub(super) struct Driver {
    process: Child,
    port: u16,
    session: Option<String>,
}

impl Driver {
    /// Starts a chromedriver on a port that is free.
    pub(super) fn start() -> Self {
        let mut process = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("`chromedriver` can be started; `scripts/test` installs it with Chromium");
        let output = process.stdout.take().expect("the output is piped");
        let port =
            BufReader::new(output).lines().map_while(Result::ok).find_map(|line| port(&line));
        let port = port.expect("chromedriver says which port it has taken");
        Self { process, port, session: None }
    }

    /// Where it takes commands.
    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Notes the session, which is ended with the driver.
    pub(super) fn remember(&mut self, session: String) {
        self.session = Some(session);
    }

    /// Gives the session a command that `WebDriver` does not know but Chromium does.
    pub(super) async fn command(&self, name: &str, parameters: &Value) -> Result<Value, String> {
        let session = self.session.as_deref().expect("a session is open");
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("{}/session/{session}/{name}", self.url()))
            .header("content-type", "application/json")
            .body(Body::from(parameters.to_string()))
            .unwrap();
        let client = Client::builder(TokioExecutor::new()).build_http();
        let (head, body) = client.request(request).await.unwrap().into_parts();
        let answer: Value =
            serde_json::from_slice(&body.collect().await.unwrap().to_bytes()).unwrap();
        let value = answer.get("value").cloned().unwrap_or(json!(null));
        if head.status.is_success() { Ok(value) } else { Err(value["message"].to_string()) }
    }

    /// Ends the session, and with it the browser.
    fn end_session(&self) -> std::io::Result<()> {
        let Some(session) = &self.session else { return Ok(()) };
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
        stream.set_read_timeout(Some(FAREWELL))?;
        write!(stream, "DELETE /session/{session} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")?;
        // It answers when the browser has ended.
        stream.read(&mut [0; 1024]).map(drop)
    }
}

impl Drop for Driver {
    /// Without an async runtime, so that a browser is gone after a test that failed, too.
    fn drop(&mut self) {
        drop(self.end_session());
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// The port in `ChromeDriver was started successfully on port 33727.`
fn port(line: &str) -> Option<u16> {
    let (_, rest) = line.split_once("started successfully on port ")?;
    rest.trim_end_matches('.').parse().ok()
}
