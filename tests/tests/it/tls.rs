//! TLS: certificates from files, read again on SIGHUP.

use std::path::PathBuf;

use concierge_client::dial;
use concierge_tests::{Certificate, Hub, Setup, request, until};
use rustix::process::Signal;
use serde_json::json;
use tempfile::TempDir;

struct Files {
    _home: TempDir,
    certificate: PathBuf,
    key: PathBuf,
}

async fn hub_with(certificate: &Certificate) -> (Hub, Files) {
    let home = TempDir::new().unwrap();
    let files = Files { certificate: home.path().join("cert.pem"), key: home.path().join("key.pem"), _home: home };
    certificate.write(&files.certificate, &files.key);
    let settings = [format!("tls.cert={}", files.certificate.display()), format!("tls.key={}", files.key.display())];
    (Setup::default().set(settings).trust(certificate.trust()).start().await, files)
}

async fn trusts(hub: &Hub, certificate: &Certificate) -> bool {
    dial(&hub.hub_url(), &certificate.trust()).await.is_ok()
}

#[tokio::test]
async fn clients_meet_over_tls_and_files_and_health_are_there_too() {
    let certificate = Certificate::new();
    let (hub, _files) = hub_with(&certificate).await;
    assert!(hub.url().starts_with("wss://"), "{}", hub.url());
    let (mut ada, mut bob) = (hub.enter("ada").await, hub.enter("bob").await);
    ada.ask(&json!({ "type": "SERVICE_CREATE", "service": "weather" })).await;
    bob.ask(&json!({ "type": "SELF_SUBSCRIBE", "service": "weather" })).await;
    let long = "x".repeat(60_000);
    for _ in 0..50 {
        ada.say(&json!({ "type": "MESSAGE", "target": { "type": "SERVICE", "service": "weather" }, "data": long })).await;
    }
    for _ in 0..50 {
        assert_eq!(bob.hear_news("MESSAGE").await["data"].as_str().unwrap().len(), long.len());
    }
    assert_eq!(hub.get("/healthz").await, "ok\n");
    ada.leave().await;
    bob.leave().await;
}

/// Without TLS's own end, what was sent might have been cut, and clients say so.
#[tokio::test]
async fn an_http_answer_over_tls_ends_with_close_notify() {
    let (hub, _files) = hub_with(&Certificate::new()).await;
    let mut wire = hub.dial().await;
    wire.send(&request("GET", "/healthz", &[], b"")).await;
    assert_eq!(wire.reply().await.status, 200);
    assert_eq!(wire.rest().await, b"");
}

#[tokio::test]
async fn plain_text_on_a_tls_port_is_cut_and_whoever_does_not_trust_the_certificate_stays_out() {
    let certificate = Certificate::new();
    let (hub, _files) = hub_with(&certificate).await;
    assert!(!trusts(&hub, &Certificate::new()).await);
    let mut plain = tokio::net::TcpStream::connect(hub.address).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut plain, &request("GET", "/healthz", &[], b"")).await.unwrap();
    let mut answer = Vec::new();
    let _reset_or_alert = concierge_tests::within("the cut", tokio::io::AsyncReadExt::read_to_end(&mut plain, &mut answer)).await;
    assert!(!answer.starts_with(b"HTTP"), "{}", answer.escape_ascii());
}

/// Security: 36.
#[tokio::test]
async fn sighup_reads_the_certificate_again_a_broken_one_changes_nothing_and_connections_live_on() {
    let (old, new) = (Certificate::new(), Certificate::new());
    let (hub, files) = hub_with(&old).await;
    let mut ada = hub.enter("ada").await;

    std::fs::write(&files.certificate, "-----BEGIN CERTIFICATE-----\nbroken\n").unwrap();
    hub.signal(Signal::HUP);
    until("the hub says that it kept the old files", async || hub.log().contains("kept").then_some(())).await;
    assert!(trusts(&hub, &old).await, "the old certificate is still there");

    new.write(&files.certificate, &files.key);
    hub.signal(Signal::HUP);
    until("the new certificate", async || trusts(&hub, &new).await.then_some(())).await;
    assert!(!trusts(&hub, &old).await);
    assert_eq!(ada.ask(&json!({ "type": "SERVICE_FETCH_ALL" })).await["seq"], 0, "who was there stays");
}

/// Security: 4.
#[tokio::test]
async fn a_tls_handshake_that_does_not_end_in_time_is_cut() {
    let (home, certificate) = (TempDir::new().unwrap(), Certificate::new());
    let (cert, key) = (home.path().join("cert.pem"), home.path().join("key.pem"));
    certificate.write(&cert, &key);
    let settings = [format!("tls.cert={}", cert.display()), format!("tls.key={}", key.display())];
    let quick = Setup::default().set(settings).set(["limits.http_head_within_ms=300"]).start().await;
    let mut silent = tokio::net::TcpStream::connect(quick.address).await.unwrap();
    let mut answer = Vec::new();
    let _reset_or_end = concierge_tests::within("the cut", tokio::io::AsyncReadExt::read_to_end(&mut silent, &mut answer)).await;
}

/// A certificate and a key that do not belong together are found at start.
#[tokio::test]
async fn a_hub_whose_key_does_not_fit_does_not_start() {
    let home = TempDir::new().unwrap();
    let path = |name: &str| home.path().join(name);
    Certificate::new().write(&path("cert.pem"), &path("other.pem"));
    Certificate::new().write(&path("other_cert.pem"), &path("key.pem"));
    let (cert, key) = (path("cert.pem"), path("key.pem"));
    let arguments =
        ["serve", "--listen", "127.0.0.1:0", "--tls-cert", cert.to_str().unwrap(), "--tls-key", key.to_str().unwrap()];
    let ended = concierge_tests::Command::concierge(&arguments).run().await.exits(78);
    assert!(ended.stdout.is_empty() && ended.stderr.contains("certificate and key"), "{ended:?}");
}
