//! A real browser: Chromium without a window, and one page of it, driven through the DevTools protocol
//! (<https://chromedevtools.github.io/devtools-protocol/>).

use std::collections::VecDeque;
use std::process::Stdio;
use std::time::Instant;

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::need::needed;
use crate::wait::{PATIENCE, within};

/// No window, and nothing of the network but what the page asks for. `--no-sandbox`: root has none. Chromium itself keeps
/// some pages from servers on this machine (local network access); here it shall not, so that the hub's own rule shows.
const OPTIONS: &[&str] = &[
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--disable-features=LocalNetworkAccessChecks,LocalNetworkAccessChecksWebSockets",
    "--remote-debugging-port=0",
];

/// A browser with one page. [`Browser::close`] ends it; dropping it kills it.
#[derive(Debug)]
pub struct Browser {
    child: Child,
    devtools: WebSocketStream<TcpStream>,
    /// Of the page.
    session: String,
    asked: u64,
    /// What the page wrote to its console and nobody has taken.
    console: VecDeque<String>,
    _stderr: JoinSet<()>,
    profile: TempDir,
}

impl Browser {
    /// Starts Chromium and opens a page.
    ///
    /// # Panics
    /// When Chromium is missing or cannot load the page.
    pub async fn open(url: &str) -> Self {
        let profile = TempDir::new().expect("a temporary directory can be made");
        let mut command = Command::new(needed("chromium"));
        command.args(OPTIONS).arg(format!("--user-data-dir={}", profile.path().display())).arg("about:blank");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap_or_else(|e| panic!("chromium cannot be started: {e}"));
        let mut lines = BufReader::new(child.stderr.take().expect("it was asked for")).lines();
        let mut said = String::new();
        let address = within("the address of DevTools", async {
            while let Ok(Some(line)) = lines.next_line().await {
                if let Some(address) = line.strip_prefix("DevTools listening on ") {
                    return address.trim().to_owned();
                }
                said = said + &line + "\n";
            }
            panic!("chromium ended: {said}");
        });
        let address = address.await;
        // a pipe that nobody reads would stop it some day
        let mut stderr = JoinSet::new();
        stderr.spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let devtools = dial(&address).await;
        let (session, asked, console) = (String::new(), 0, VecDeque::new());
        let mut browser = Self { child, devtools, session, asked, console, _stderr: stderr, profile };
        browser.attach().await;
        browser.go(url).await;
        browser
    }

    /// Runs a script as the page's console does: `await` may stand anywhere, and names that it declares stay.
    /// What it comes to, when that is JSON.
    ///
    /// # Panics
    /// When the script throws.
    pub async fn run(&mut self, script: &str) -> Value {
        let parameters = json!({ "expression": script, "replMode": true, "awaitPromise": true, "returnByValue": true });
        let mut answer = self.ask("Runtime.evaluate", &parameters).await;
        assert!(answer.get("exceptionDetails").is_none(), "{script}\nthrows {}", answer["exceptionDetails"]);
        answer["result"]["value"].take()
    }

    /// The next line of the page's console.
    pub async fn console_line(&mut self) -> String {
        loop {
            if let Some(line) = self.console.pop_front() {
                return line;
            }
            self.hear().await;
        }
    }

    /// Ends the browser and waits for its end.
    ///
    /// # Panics
    /// When it goes on.
    pub async fn close(mut self) {
        self.session.clear();
        self.say("Browser.close", &json!({})).await;
        within("the end of chromium", self.child.wait()).await.expect("a child can be waited for");
    }

    /// Makes the page, and listens to its console.
    async fn attach(&mut self) {
        let target = self.ask("Target.createTarget", &json!({ "url": "about:blank" })).await;
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let attached = self.ask("Target.attachToTarget", &attach).await;
        self.session = attached["sessionId"].as_str().expect("a session").to_owned();
        self.ask("Runtime.enable", &json!({})).await;
        self.ask("Page.enable", &json!({})).await;
    }

    /// Loads another page.
    ///
    /// # Panics
    /// When it cannot be loaded.
    pub async fn go(&mut self, url: &str) {
        let gone = self.ask("Page.navigate", &json!({ "url": url })).await;
        assert!(gone.get("errorText").is_none(), "{url}: {gone}");
        while self.hear().await["method"] != "Page.loadEventFired" {}
    }

    /// A command, and its result.
    async fn ask(&mut self, method: &str, parameters: &Value) -> Value {
        self.say(method, parameters).await;
        loop {
            let mut heard = self.hear().await;
            if heard["id"] == self.asked {
                assert!(heard.get("error").is_none(), "{method}: {heard}");
                return heard["result"].take();
            }
        }
    }

    async fn say(&mut self, method: &str, parameters: &Value) {
        self.asked += 1;
        let mut command = json!({ "id": self.asked, "method": method, "params": parameters });
        if !self.session.is_empty() {
            command["sessionId"] = self.session.clone().into();
        }
        self.devtools.send(Message::text(command.to_string())).await.expect("the browser listens");
    }

    /// The next answer or event; the console's lines are kept.
    async fn hear(&mut self) -> Value {
        let message = within("a word of the browser", self.devtools.next()).await.expect("it goes on").expect("it goes on");
        let Message::Text(text) = message else { return Value::Null };
        let heard: Value = serde_json::from_str(&text).expect("DevTools speaks JSON");
        if heard["method"] == "Runtime.consoleAPICalled" {
            let shown = heard["params"]["args"].as_array().expect("a list").iter().map(shown);
            self.console.push_back(shown.collect::<Vec<_>>().join(" "));
        }
        heard
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _it_may_have_ended = self.child.start_kill();
        let (profile, deadline) = (self.profile.path(), Instant::now() + PATIENCE);
        // its helpers end by themselves, and write into the profile for a moment longer
        while matches!(self.child.try_wait(), Ok(None)) || (profile.exists() && std::fs::remove_dir_all(profile).is_err()) {
            if Instant::now() > deadline {
                return;
            }
            std::thread::yield_now();
        }
    }
}

/// An argument of `console.log`, as the console shows it.
fn shown(argument: &Value) -> String {
    match &argument["value"] {
        Value::Null => argument["description"].as_str().unwrap_or("null").to_owned(),
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

async fn dial(url: &str) -> WebSocketStream<TcpStream> {
    let address = url.trim_start_matches("ws://").split('/').next().unwrap_or_default();
    let stream = within("a connection to DevTools", TcpStream::connect(address)).await.expect("chromium listens");
    within("the upgrade of DevTools", client_async(url, stream)).await.expect("DevTools speaks WebSocket").0
}
