//! Health, metrics, signals, secrets, and what is left behind.

use std::os::unix::process::ExitStatusExt;

use concierge_tests::{Command, Hub, Process, Setup, binary, until};
use rustix::process::Signal;
use serde_json::json;
use tempfile::TempDir;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

/// Security: 17, 28.
#[tokio::test]
async fn the_right_secret_from_a_file_enters_and_every_other_is_closed_4006() {
    let home = TempDir::new().unwrap();
    let file = home.path().join("secret");
    std::fs::write(&file, "swordfish\n").unwrap();
    let hub = Setup::default().set([format!("secret_file={}", file.display())]).start().await;
    for secret in [json!(null), json!(""), json!("swordfis"), json!("swordfish\n"), json!("Swordfish")] {
        let mut ada = hub.connect().await;
        ada.say(&json!({ "type": "IDENTIFY", "name": "ada", "version": "0.2.0", "secret": secret })).await;
        assert_eq!(ada.hear_close().await.0, 4006, "{secret}");
    }
    let mut ada = hub.connect().await;
    ada.identify_as(&json!({ "type": "IDENTIFY", "name": "ada", "version": "0.2.0", "secret": "swordfish" })).await;
    assert!(!hub.log().contains("swordfish"), "no log holds a secret");
}

#[tokio::test]
async fn health_readiness_and_a_word_to_those_who_are_lost() {
    let hub = Hub::start().await;
    assert_eq!(hub.get("/healthz").await, "ok\n");
    assert_eq!(hub.get("/readyz").await, "ready\n");
    let welcome = hub.http("GET", "/", &[], b"").await;
    assert_eq!((welcome.status, welcome.header("content-type")), (200, Some("text/plain; charset=utf-8")));
    assert!(welcome.text().contains("/ws       the hub"), "{}", welcome.text());
    let script = hub.http("GET", "/client.js", &[], b"").await;
    assert_eq!((script.status, script.header("content-type")), (200, Some("text/javascript; charset=utf-8")));
    assert_eq!(script.header("access-control-allow-origin"), Some("*"), "pages of other origins import it, too");
    assert_eq!(hub.http("GET", "/elsewhere", &[], b"").await.status, 404);
    assert_eq!(hub.http("POST", "/healthz", &[], b"").await.status, 405);
}

#[tokio::test]
async fn a_browser_that_opens_the_hub_is_led_to_the_console_and_a_program_reads_text() {
    const BROWSER: (&str, &str) = ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8");
    let hub = Hub::start().await;
    let page = hub.http("GET", "/", &[BROWSER], b"").await;
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert!(page.text().contains("<a href=\"/console/\">"), "{}", page.text());
    for headers in [&[("accept", "*/*")][..], &[]] {
        let text = hub.http("GET", "/", headers, b"").await;
        assert_eq!((text.header("content-type"), text.header("vary")), (Some("text/plain; charset=utf-8"), Some("accept")));
    }
    let hub = Hub::with(&["console.enabled=false"]).await;
    let text = hub.http("GET", "/", &[BROWSER], b"").await;
    assert_eq!(text.header("content-type"), Some("text/plain; charset=utf-8"), "there is nothing to be led to");
}

#[tokio::test]
async fn the_console_is_served_with_a_policy_that_lets_in_nothing_from_elsewhere_and_can_be_switched_off() {
    let hub = Hub::start().await;
    let bare = hub.http("GET", "/console", &[], b"").await;
    assert_eq!((bare.status, bare.header("location")), (308, Some("/console/")));
    let types = [
        ("", "text/html; charset=utf-8"),
        ("console.js", "text/javascript; charset=utf-8"),
        ("console.css", "text/css; charset=utf-8"),
        ("icon.svg", "image/svg+xml"),
    ];
    for (name, kind) in types {
        let file = hub.http("GET", &format!("/console/{name}"), &[], b"").await;
        assert_eq!((file.status, file.header("content-type")), (200, Some(kind)), "{name}");
        let policy = file.header("content-security-policy").expect("it has one");
        assert!(policy.starts_with("default-src 'self';") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(file.header("x-content-type-options"), Some("nosniff"));
    }
    let hub = Hub::with(&["console.enabled=false"]).await;
    assert_eq!(hub.http("GET", "/console/", &[], b"").await.status, 404);
}

/// Security: 35.
#[tokio::test]
async fn metrics_parse_count_what_happened_and_hold_no_names() {
    let hub = Hub::start().await;
    let mut ada = hub.enter("ada_of_the_metrics").await;
    ada.ask(&json!({ "type": "SERVICE_CREATE", "service": "weather_of_the_metrics" })).await;
    ada.ask(&json!({ "type": "SELF_SUBSCRIBE", "service": "weather_of_the_metrics" })).await;
    ada.ask(&json!({ "type": "MESSAGE", "target": { "type": "NAME", "name": ada.name }, "data": "hello" })).await;
    ada.ask(&json!({ "type": "MAKE_TEA" })).await;
    hub.connect().await.say(&json!({ "type": "MAKE_TEA" })).await;
    until("a connection that was closed 4003", async || {
        hub.get("/metrics").await.contains(r#"concierge_connections_closed_total{code="4003"} 1"#).then_some(())
    })
    .await;
    let metrics = hub.get("/metrics").await;
    for (name, value) in [
        ("concierge_clients", 1),
        ("concierge_services", 1),
        ("concierge_subscriptions", 1),
        ("concierge_payloads_received_total", 4),
        ("concierge_payloads_malformed_total", 1),
        ("concierge_messages_total", 1),
        ("concierge_message_bytes_total", 7),
        ("concierge_messages_refused_total", 0),
        ("concierge_deliveries_total", 1),
        ("concierge_slow_consumers_total", 0),
        (r#"concierge_connections_refused_total{reason="origin"}"#, 0),
        (r#"concierge_over_limit_total{limit="services"}"#, 0),
        (r#"concierge_over_limit_total{limit="subscriptions"}"#, 0),
        (r#"concierge_throttled_total{limit="messages"}"#, 0),
        (r#"concierge_throttled_total{limit="bytes"}"#, 0),
        (r#"concierge_throttled_total{limit="address_messages"}"#, 0),
        (r#"concierge_throttled_total{limit="address_bytes"}"#, 0),
        (r#"concierge_throttled_total{limit="endings"}"#, 0),
        (r#"concierge_connections_refused_total{reason="hasty"}"#, 0),
        ("concierge_addresses_uncounted_total", 0),
        ("concierge_accept_errors_total", 0),
    ] {
        assert!(metrics.contains(&format!("\n{name} {value}\n")), "{name} is not {value}:\n{metrics}");
    }
    for line in metrics.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line}"));
        let name = series.split('{').next().unwrap();
        assert!(name.starts_with("concierge_") && value.parse::<f64>().is_ok(), "{line}");
        assert!(
            metrics.contains(&format!("# TYPE {name} ")) && metrics.contains(&format!("# HELP {name} ")),
            "{name} is explained"
        );
        let known = ["code=\"", "limit=\"", "outcome=\"", "reason=\"", "status=\""];
        assert!(
            series.split('{').nth(1).is_none_or(|labels| known.iter().any(|label| labels.starts_with(label))),
            "labels are bounded: {line}"
        );
    }
    assert!(!metrics.contains("of_the_metrics") && !metrics.contains("127.0.0.1"), "{metrics}");
}

/// A browser lets a page read what says that it may.
/// Security: 35.
#[tokio::test]
async fn metrics_and_health_are_not_readable_for_pages_even_of_allowed_origins() {
    let hub = Hub::with(&["allowed_origins=https://good.example"]).await;
    for origin in ["https://good.example", "https://evil.example", "null"] {
        for path in ["/", "/healthz", "/readyz", "/metrics"] {
            for method in ["GET", "OPTIONS"] {
                let reply = hub.http(method, path, &[("origin", origin), ("access-control-request-method", "GET")], b"").await;
                assert_eq!(reply.header("access-control-allow-origin"), None, "{method} {path} for {origin}");
            }
        }
    }
}

/// Security: 35.
#[tokio::test]
async fn a_hub_without_metrics_has_none() {
    let hub = Hub::with(&["metrics.enabled=false", "files.enabled=false"]).await;
    assert_eq!(hub.http("GET", "/metrics", &[], b"").await.status, 404);
    assert_eq!(hub.http("GET", "/fs/ada/", &[], b"").await.status, 404);
    hub.enter("ada").await.leave().await;
}

#[tokio::test]
async fn sigterm_drains_clients_are_told_one_by_one_and_the_hub_ends_well() {
    let mut hub = Hub::with(&["drain.spread_ms=1000"]).await;
    let mut clients = Vec::new();
    for n in 0..10 {
        clients.push(hub.enter(&format!("client_{n}")).await);
    }
    let mut late = hub.connect().await;
    let begin = Instant::now();
    hub.signal(Signal::TERM);
    assert_eq!(late.hear_close().await.0, 1001, "who has not entered does not enter any more");
    let mut told = Vec::new();
    for mut client in clients {
        let close = loop {
            match client.hear_message().await.unwrap().unwrap() {
                Message::Close(close) => break close.unwrap(),
                _news => {}
            }
        };
        assert_eq!(u16::from(close.code), 1001);
        told.push(begin.elapsed());
    }
    let status = hub.ended().await;
    assert_eq!(status.code(), Some(0), "{}", hub.log());
    assert!(begin.elapsed().as_secs() < 10, "{:?}", begin.elapsed());
    let spread = told[9] - told[0];
    assert!((500..5_000).contains(&spread.as_millis()), "they were told within {spread:?}");
}

#[tokio::test]
async fn while_it_drains_a_hub_is_alive_not_ready_and_takes_nobody_in() {
    let hub = Hub::with(&["drain.spread_ms=20000", "drain.within_ms=60000"]).await;
    let _two = (hub.enter("ada").await, hub.enter("bob").await);
    let ready = || Command::concierge(&["healthcheck", "--ready"]).at(&hub).run();
    ready().await.exits(0);
    hub.signal(Signal::TERM);
    until("the hub is not ready", async || {
        let reply = hub.http("GET", "/readyz", &[], b"").await;
        (reply.status == 503).then_some(())
    })
    .await;
    ready().await.exits(1);
    assert_eq!(hub.get("/healthz").await, "ok\n");
    assert_eq!(hub.dial().await.upgrade("").await.status, 503);
}

#[tokio::test]
async fn a_hub_whose_clients_do_not_answer_ends_in_time_all_the_same() {
    let mut hub = Hub::with(&["drain.spread_ms=0", "drain.within_ms=500"]).await;
    let _deaf = hub.enter("ada").await;
    let _mute = hub.dial().await;
    let begin = Instant::now();
    assert_eq!(hub.stop().await.code(), Some(0));
    assert!(begin.elapsed().as_secs() < 4, "{:?}", begin.elapsed());
}

#[tokio::test]
async fn a_client_that_reads_nothing_does_not_keep_a_hub_from_ending() {
    let mut hub = Hub::with(&["drain.spread_ms=0", "drain.within_ms=1000"]).await;
    let (_stalled, mut ada) = (hub.enter("stalled").await, hub.enter("ada").await);
    let data = "x".repeat(60_000);
    for _ in 0..60 {
        ada.ask(&json!({ "type": "MESSAGE", "target": { "type": "NAME", "name": "stalled" }, "data": data })).await;
    }
    let begin = Instant::now();
    assert_eq!(hub.stop().await.code(), Some(0));
    assert!(begin.elapsed().as_secs() < 5, "{:?}", begin.elapsed());
}

const CONFIDED: &str = "the-words-of-ada";

/// Everything that a client writes and that somebody might log, with what moves a cursor or begins a line of its own.
/// Security: 28.
#[tokio::test]
async fn nothing_that_a_client_sends_breaks_a_line_of_the_log_or_steers_a_terminal_and_no_data_is_in_it() {
    for format in ["pretty", "json"] {
        let setting = format!("log.format={format}");
        let hub = Hub::with(&[&setting, "log.level=debug", "coordinator.enabled=true"]).await;
        let evil = "\u{1b}[2J\u{9b}31m\r\nINJECTED private\u{7}";
        let encoded = "%1b%5b2J%0d%0aINJECTED%20private";
        for (path, header) in [(format!("/{encoded}"), "x"), (format!("/fs/{encoded}/{encoded}"), "private")] {
            hub.http("GET", &path, &[("x-fs-key", header), ("user-agent", "private")], b"").await;
        }
        for bytes in [&b"GET /\x1b[2J\nINJECTED private HTTP/1.1\r\n\r\n"[..], b"\x1b[2J\nINJECTED private\r\n\r\n"] {
            let mut wire = hub.dial().await;
            wire.send(bytes).await;
            wire.rest().await;
        }
        let mut ada = hub.connect().await;
        let identify = json!({ "type": "IDENTIFY", "name": "ada", "version": "0.2.0", "nickname": evil, "tags": [evil] });
        ada.identify_as(&identify).await;
        ada.ask(&json!({ "type": "SERVICE_CREATE", "service": "news", "nickname": evil })).await;
        ada.ask(&json!({ "type": "SERVICE_CREATE", "service": evil })).await;
        ada.ask(&json!({ "type": evil })).await;
        ada.ask(&json!({ "type": "MESSAGE", "target": { "type": "NAME", "name": "ada" }, "data": CONFIDED })).await;
        let promise = json!({ "kind": "promise.create", "head": { "corrId": evil }, "data": { "id": evil, "timeoutOn": 1,
            "param": { "headers": {}, "data": CONFIDED } } });
        hub.http("POST", "/coordinator", &[], promise.to_string().as_bytes()).await;
        let put = hub.http("PUT", &format!("/fs/ada/{encoded}"), &[("x-fs-key", &ada.fs_key)], CONFIDED.as_bytes()).await;
        assert_eq!(put.status, 201);
        let mut eve = hub.connect().await;
        eve.say(&json!({ "type": "IDENTIFY", "name": evil, "version": evil, "secret": CONFIDED })).await;
        assert_eq!(eve.hear_close().await.0, 4002);
        let close = CloseFrame { code: 1000.into(), reason: "\u{1b}[2J\nINJECTED private".into() };
        ada.say_message(Message::Close(Some(close))).await;
        until("ada has left", async || (hub.metric("concierge_clients").await == 1.0).then_some(())).await;
        let log = hub.log();
        assert!(log.lines().count() > 1, "there is a log");
        let steers = |c: char| c.is_control() && c != '\n';
        assert!(!log.contains(steers), "{}", log.escape_debug());
        assert!(!log.lines().any(|line| line.starts_with("INJECTED")), "{log}");
        assert!(!log.contains(&ada.fs_key) && !log.contains(CONFIDED), "{log}");
    }
}

#[tokio::test]
async fn a_second_signal_ends_the_hub_at_once_with_130() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut hub = Hub::with(&["drain.spread_ms=60000", "drain.within_ms=60000"]).await;
        let _two = (hub.enter("ada").await, hub.enter("bob").await);
        hub.signal(signal);
        until("the hub says that it stops", async || hub.log().contains("stopping").then_some(())).await;
        hub.signal(signal);
        assert_eq!(hub.ended().await.code(), Some(130));
    }
}

#[tokio::test]
async fn an_idle_hub_ends_at_once_and_leaves_nothing_in_the_temporary_directory() {
    let mut hub = Hub::start().await;
    let left = || std::fs::read_dir(hub.temporary()).unwrap().count();
    assert_eq!(left(), 1, "a private directory for files");
    let begin = Instant::now();
    assert_eq!(hub.stop().await.code(), Some(0));
    assert!(begin.elapsed().as_secs() < 3, "{:?}", begin.elapsed());
    assert_eq!(std::fs::read_dir(hub.temporary()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_second_hub_at_the_same_address_says_what_to_do() {
    let hub = Hub::start().await;
    let address = hub.address.to_string();
    let ended = Command::concierge(&["serve", "--listen", &address]).run().await.exits(1);
    assert!(ended.stdout.is_empty() && ended.stderr.contains(&address) && ended.stderr.contains("--listen"), "{ended:?}");
}

/// Security: 34.
#[tokio::test]
async fn a_killed_hub_comes_back_at_the_same_address_empty() {
    let home = TempDir::new().unwrap();
    let dir = home.path().join("files");
    let mut hub = Setup::default().set([format!("files.dir={}", dir.display())]).start().await;
    let mut ada = hub.enter("ada").await;
    ada.ask(&json!({ "type": "SERVICE_CREATE", "service": "weather" })).await;
    let key = ada.fs_key.clone();
    let put = hub.http("PUT", "/fs/ada/left/over.txt", &[("x-fs-key", &key)], b"left over").await;
    assert_eq!(put.status, 201, "{}", put.text());
    hub.signal(Signal::KILL);
    assert_eq!(hub.ended().await.signal(), Some(9));
    hub.restart().await;
    assert_eq!(files_below(&dir, b"left over"), 0, "the folder of the dead hub is gone");
    let mut ada = hub.enter("ada").await;
    assert_eq!(ada.ask(&json!({ "type": "SERVICE_FETCH_ALL" })).await["services"], json!([]));
    assert_eq!(hub.http("GET", "/fs/ada/left/over.txt", &[("x-fs-key", &ada.fs_key)], b"").await.status, 404);
    assert_eq!(hub.http("GET", "/fs/ada/", &[("x-fs-key", &key)], b"").await.status, 401, "the key died with its client");
}

/// Security: 34.
#[tokio::test]
async fn what_a_killed_hub_left_in_the_temporary_directory_goes_when_the_next_one_starts_and_nothing_else() {
    let mut hub = Hub::start().await;
    let ada = hub.enter("ada").await;
    let put = hub.http("PUT", "/fs/ada/left_over.txt", &[("x-fs-key", &ada.fs_key)], b"left over").await;
    assert_eq!(put.status, 201, "{}", put.text());
    let temporary = hub.temporary();
    std::fs::create_dir_all(temporary.join("concierge-of-somebody-else/files")).unwrap();
    std::fs::write(temporary.join("concierge-of-somebody-else/files/letter.txt"), "dear").unwrap();
    let there = || std::fs::read_dir(&temporary).unwrap().count();
    hub.kill().await;
    assert_eq!((there(), files_below(&temporary, b"left over")), (2, 1), "a killed hub cannot clear up");
    hub.restart().await;
    assert_eq!((there(), files_below(&temporary, b"left over"), files_below(&temporary, b"dear")), (2, 0, 1));

    // a hub that runs keeps what it has, whoever else starts
    let ada = hub.enter("ada").await;
    assert_eq!(hub.http("PUT", "/fs/ada/kept.txt", &[("x-fs-key", &ada.fs_key)], b"kept").await.status, 201);
    let serve = Command::concierge(&["serve", "--json", "--listen", "127.0.0.1:0"]);
    let mut other = serve.env("TMPDIR", temporary.to_str().unwrap()).start();
    other.line().await;
    assert_eq!(there(), 3);
    assert_eq!(other.signal(Signal::TERM).await, 0);
    assert_eq!(hub.http("GET", "/fs/ada/kept.txt", &[("x-fs-key", &ada.fs_key)], b"").await.body, b"kept");
}

/// SIGHUP is for TLS; a hub without it is not ended by one.
#[tokio::test]
async fn sighup_does_not_end_a_hub_without_tls() {
    let hub = Hub::start().await;
    let mut ada = hub.enter("ada").await;
    hub.signal(Signal::HUP);
    until("the hub has heard it", async || hub.log().contains("read again").then_some(())).await;
    assert_eq!(ada.ask(&json!({ "type": "SERVICE_FETCH_ALL" })).await["seq"], 0);
}

/// Files that hold this.
fn files_below(dir: &std::path::Path, content: &[u8]) -> usize {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.file_type() {
            Ok(kind) if kind.is_dir() => files_below(&entry.path(), content),
            _ => usize::from(std::fs::read(entry.path()).is_ok_and(|found| found == content)),
        })
        .sum()
}

#[tokio::test]
async fn a_hub_raises_its_limit_of_descriptors_as_far_as_it_may() {
    let home = TempDir::new().unwrap();
    let script = r#"ulimit -Sn 128; exec "$0" serve --json --listen 127.0.0.1:0"#;
    let shell = Command::program("sh".into(), &["-ec", script, binary().to_str().unwrap()]);
    let mut hub = shell.env("TMPDIR", home.path().to_str().unwrap()).start();
    hub.line().await;
    let (soft, hard) = Process(hub.id()).descriptor_limits();
    assert_eq!(soft, hard);
    assert_ne!(hard, "128", "the test needs a hard limit above the soft one that it sets");
    assert_eq!(hub.signal(Signal::TERM).await, 0);
}

#[tokio::test]
async fn an_idle_connection_costs_one_descriptor_and_gives_it_back() {
    let hub = Hub::start().await;
    let process = hub.process();
    let idle = process.descriptors();
    let mut clients = Vec::new();
    for n in 0..50 {
        clients.push(hub.enter(&format!("client_{n}")).await);
    }
    assert_eq!(process.descriptors(), idle + 50);
    drop(clients); // without a close frame
    let begin = Instant::now();
    until("all descriptors came back", async || (process.descriptors() == idle).then_some(())).await;
    assert!(begin.elapsed().as_secs() < 10, "the hub sees at once who is gone, not when it pings: {:?}", begin.elapsed());
    assert_eq!(hub.metric("concierge_clients").await, 0.0);
}
