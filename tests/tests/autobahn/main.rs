//! Autobahn's suite for WebSocket servers, all of its cases, against the hub's own transport, which echoes
//! (`concierge/examples/echo.rs`). Its verdicts are those of tests/autobahn/expected.txt, or the test shows the difference;
//! `UPDATE_EXPECT=1` writes them anew.
#![expect(clippy::unwrap_used, reason = "all of this is tests, the functions that they share too")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use concierge_tests::{Command, example, repository, tool};
use serde_json::{Value, json};

/// What the suite calls the server under test.
const AGENT: &str = "concierge";

/// Cases that tungstenite fails later than it could: it checks a text's UTF-8 when a frame is complete.
const MAY_BE_NON_STRICT: [&str; 2] = ["6.4.3", "6.4.4"];

/// Cases of permessage-deflate, which the hub does not offer (docs/decisions).
const DEFLATE: [&str; 2] = ["12.", "13."];

/// What the suite says of one case, of the messages and of the way the connection was closed.
struct Verdict {
    messages: String,
    closing: String,
}

/// By the numbers in their names: 9.2 comes before 10.1.
type Verdicts = BTreeMap<Vec<u32>, Verdict>;

/// Runs the whole suite; what it says, and every case that it could have run.
async fn verdicts(reports: &Path) -> Verdicts {
    let mut echo = Command::program(example("echo").into_os_string(), &[]).start();
    let server = json!({ "agent": AGENT, "url": echo.line().await });
    let settings =
        json!({ "outdir": reports, "servers": [server], "cases": ["*"], "exclude-cases": [], "exclude-agent-cases": {} });
    let spec = reports.join("spec.json");
    std::fs::write(&spec, settings.to_string()).unwrap();
    let [python, site, launcher] =
        [tool("autobahn/python"), tool("autobahn/site"), repository().join("tests/autobahn/wstest.py")];
    let text = |path: &PathBuf| path.to_str().expect("the repository's path is UTF-8").to_owned();
    let [site, launcher, spec] = [&site, &launcher, &spec].map(text);
    let arguments = ["-u", &launcher, &site, "--mode", "fuzzingclient", "--spec", &spec];
    let mut suite = Command::program(python.into_os_string(), &arguments).start();
    while suite.next_line().await.is_some() {}
    assert_eq!(suite.ended().await, 0, "{}", suite.stderr());
    let index: Value = serde_json::from_slice(&std::fs::read(reports.join("index.json")).unwrap()).unwrap();
    let cases = index[AGENT].as_object().expect("the suite reports on the server");
    cases.iter().map(|(case, verdict)| (numbers(case), Verdict::of(verdict))).collect()
}

impl Verdict {
    fn of(verdict: &Value) -> Self {
        let word = |key: &str| verdict[key].as_str().expect("a verdict is a word").to_owned();
        Self { messages: word("behavior"), closing: word("behaviorClose") }
    }
}

fn numbers(case: &str) -> Vec<u32> {
    case.split('.').map(|number| number.parse().expect("a case is named by numbers")).collect()
}

fn name(numbers: &[u32]) -> String {
    numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(".")
}

/// The stored form: a line for each case.
fn page(verdicts: &Verdicts) -> String {
    let mut page =
        "# Autobahn's verdicts: the case, its messages, the way it was closed. `cargo xtask autobahn` compares.\n".to_owned();
    for (case, Verdict { messages, closing }) in verdicts {
        writeln!(page, "{} {messages} {closing}", name(case)).unwrap();
    }
    page
}

/// What no stored page may excuse.
fn failures(verdicts: &Verdicts) -> Vec<String> {
    let is_fine = |case: &str, verdict: &Verdict| {
        let messages = match verdict.messages.as_str() {
            "OK" | "INFORMATIONAL" => true,
            "NON-STRICT" => MAY_BE_NON_STRICT.contains(&case),
            "UNIMPLEMENTED" => DEFLATE.iter().any(|section| case.starts_with(section)),
            _ => false,
        };
        messages && matches!(verdict.closing.as_str(), "OK" | "INFORMATIONAL")
    };
    let all = verdicts.iter().map(|(case, verdict)| (name(case), verdict));
    let failed = all.filter(|(case, verdict)| !is_fine(case, verdict));
    failed.map(|(case, verdict)| format!("{case}: {}, closing: {}", verdict.messages, verdict.closing)).collect()
}

/// Security: 13.
#[tokio::test]
async fn the_whole_autobahn_suite_finds_nothing_failed_and_nothing_closed_uncleanly() {
    let reports = tempfile::tempdir().unwrap();
    let verdicts = verdicts(reports.path()).await;
    assert_eq!(failures(&verdicts), [""; 0]);
    expect_test::expect_file![repository().join("tests/autobahn/expected.txt")].assert_eq(&page(&verdicts));
}
