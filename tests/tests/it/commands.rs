//! `concierge` without a hub, or about one: how commands end, and where they write.

use std::collections::BTreeSet;

use concierge_tests::{Certificate, Command, Finished, Hub, Running, Setup, binary, repository, until};
use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

async fn run(arguments: &[&str]) -> Finished {
    Command::concierge(arguments).run().await
}

/// The commands that docs/cli.md lists, without `concierge`.
fn documented() -> Vec<Vec<String>> {
    let document = std::fs::read_to_string(repository().join("docs/cli.md")).unwrap();
    let rows = document.lines().filter_map(|line| line.strip_prefix("| `concierge ")?.split('`').next());
    rows.map(|command| command.split(' ').map(str::to_owned).collect()).collect()
}

/// Where no hub is, because nobody listens on a port that was free a moment ago.
fn nowhere() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

#[tokio::test]
async fn every_documented_command_explains_itself_on_stdout_and_every_wrong_one_on_stderr_with_2() {
    let commands = documented();
    assert!(commands.len() > 15, "{commands:?}");
    for command in commands {
        let mut arguments: Vec<&str> = command.iter().map(String::as_str).collect();
        arguments.push("--help");
        let help = run(&arguments).await.exits(0);
        assert!(help.stdout.contains(&format!("Usage: concierge {}", command.join(" "))) && help.stderr.is_empty(), "{help:?}");
        assert!(!help.stdout.contains('\u{1b}'), "no colour in a pipe");
        *arguments.last_mut().unwrap() = "--no-such-flag";
        let wrong = run(&arguments).await.exits(2);
        assert!(wrong.stdout.is_empty() && wrong.stderr.contains("--no-such-flag"), "{wrong:?}");
    }
    assert!(run(&[]).await.exits(2).stderr.contains("Usage"));
    assert!(run(&["sevre"]).await.exits(2).stderr.contains("serve"), "the nearest command");
    assert!(run(&["--version"]).await.exits(0).stdout.starts_with("concierge "));
}

#[tokio::test]
async fn a_client_command_without_a_hub_ends_with_3_and_says_where_it_looked() {
    for command in [
        &["clients", "ls"][..],
        &["services", "ls"],
        &["sub", "news", "--count", "1"],
        &["pub", "news", "1"],
        &["send", "ada", "1"],
        &["file", "ls", "ada"],
    ] {
        let address = nowhere();
        let ended = Command::concierge(command).env("CONCIERGE_URL", &address).run().await.exits(3);
        assert!(ended.stdout.is_empty() && ended.stderr.contains(&address), "{ended:?}");
    }
    let ended = run(&["--json", "clients", "ls", "-s", &nowhere()]).await.exits(3);
    let told: Value = serde_json::from_str(&ended.stderr).unwrap();
    assert_eq!((told["exit"].clone(), ended.stdout.as_str()), (json!(3), ""));
    assert!(told["error"].is_string() && told.get("next").is_some(), "{told}");
}

#[tokio::test]
async fn a_flag_wins_over_concierge_url_and_what_the_hub_refuses_is_4() {
    let hub = Hub::with(&["secret=swordfish"]).await;
    let ls = || Command::concierge(&["clients", "ls", "-s", hub.url(), "--json"]).env("CONCIERGE_URL", "127.0.0.1:1");
    let refused = ls().run().await.exits(4);
    assert!(refused.stdout.is_empty() && refused.stderr.contains("4006"), "{refused:?}");
    assert_eq!(ls().env("CONCIERGE_SECRET", "swordfish").run().await.exits(0).json(), [json!([])]);
}

#[tokio::test]
async fn healthcheck_asks_for_life_and_readiness_over_tls_too() {
    let (home, certificate) = (TempDir::new().unwrap(), Certificate::new());
    let path = |name: &str| home.path().join(name).to_str().unwrap().to_owned();
    let (cert, key) = (path("cert.pem"), path("key.pem"));
    certificate.write(cert.as_ref(), key.as_ref());
    let plain = Hub::start().await;
    let settings = [format!("tls.cert={cert}"), format!("tls.key={key}")];
    let tls = Setup::default().set(settings).trust(certificate.trust()).start().await;
    for hub in [&plain, &tls] {
        for extra in [&[][..], &["--ready"]] {
            let arguments = [&["healthcheck", "--ca", &cert][..], extra].concat();
            let healthy = Command::concierge(&arguments).at(hub).run().await.exits(0);
            assert_eq!((healthy.stdout.as_str(), healthy.stderr.as_str()), ("healthy\n", ""));
        }
    }
    Command::concierge(&["healthcheck"]).at(&tls).run().await.exits(1);
    let sick = run(&["healthcheck", "-s", &nowhere()]).await.exits(1);
    assert!(sick.stdout.is_empty() && !sick.stderr.is_empty(), "{sick:?}");
    let json = Command::concierge(&["healthcheck", "--json"]).at(&plain).run().await.exits(0).json();
    assert_eq!(json[0]["healthy"], true);
}

#[tokio::test]
async fn the_printed_configuration_is_accepted_by_check_and_by_serve() {
    let home = TempDir::new().unwrap();
    let file = home.path().join("concierge.toml");
    let printed = run(&["config", "default"]).await.exits(0);
    std::fs::write(&file, &printed.stdout).unwrap();
    let here = |arguments: &[&str]| Command::concierge(arguments).home(home.path());
    let checked = here(&["config", "check"]).run().await.exits(0);
    assert!(checked.stdout.contains("listen = \"127.0.0.1:64209\""), "{checked:?}");
    std::fs::write(&file, printed.stdout.replace("127.0.0.1:64209", "127.0.0.1:0")).unwrap();
    let mut hub = here(&["serve", "--json"]).start();
    let announced: Value = serde_json::from_str(&hub.line().await).unwrap();
    assert!(announced["url"].as_str().unwrap().starts_with("ws://127.0.0.1:"), "{announced}");
    assert_eq!(hub.signal(Signal::TERM).await, 0);
}

#[tokio::test]
async fn a_wrong_configuration_is_78_and_names_the_place_and_the_nearest_key() {
    let home = TempDir::new().unwrap();
    let file = home.path().join("hub.toml");
    let path = file.to_str().unwrap();
    for (text, words) in [
        ("[limits]\npayload_byte = 1\n", &["hub.toml", "2", "payload_byte", "limits.payload_bytes"][..]),
        ("listen = \"nowhere\"\n", &["hub.toml", "listen", "nowhere"]),
        ("[limits]\nstall_ms = 0\n", &["hub.toml", "limits.stall_ms"]),
        ("listen = \n", &["hub.toml", "1"]),
        ("[tls]\ncert = \"cert.pem\"\n", &["tls.key"]),
    ] {
        std::fs::write(&file, text).unwrap();
        for command in [&["config", "check", path][..], &["serve", "--config", path]] {
            let ended = run(command).await.exits(78);
            assert!(ended.stdout.is_empty(), "{ended:?}");
            assert!(words.iter().all(|word| ended.stderr.contains(word)), "{words:?} in {}", ended.stderr);
        }
    }
    let misspelt = Command::concierge(&["serve"]).env("CONCIERGE_LISTN", "127.0.0.1:0").run().await.exits(78);
    assert!(misspelt.stderr.contains("CONCIERGE_LISTN") && misspelt.stderr.contains("CONCIERGE_LISTEN"), "{misspelt:?}");
    run(&["serve", "--config", "/nowhere/at/all.toml"]).await.exits(78);
    run(&["serve", "--set", "secret_file=/nowhere/at/all"]).await.exits(78);
}

#[tokio::test]
async fn later_layers_win_and_secrets_are_masked() {
    let home = TempDir::new().unwrap();
    std::fs::write(home.path().join("concierge.toml"), "listen = \"127.0.0.1:1001\"\nsecret = \"swordfish\"\n").unwrap();
    let check = || Command::concierge(&["config", "check"]).home(home.path());
    let from_file = check().run().await.exits(0);
    assert!(from_file.stdout.contains("127.0.0.1:1001") && !from_file.stdout.contains("swordfish"), "{from_file:?}");
    let from_environment = check().env("CONCIERGE_LISTEN", "127.0.0.1:1002").run().await.exits(0);
    assert!(from_environment.stdout.contains("127.0.0.1:1002"), "{from_environment:?}");
    let serve = Command::concierge(&["serve", "--json", "--listen", "127.0.0.1:0"]).home(home.path());
    let mut hub = serve.env("CONCIERGE_LISTEN", "127.0.0.1:1").start();
    assert!(hub.line().await.contains("ws://127.0.0.1:"));
    assert_eq!(hub.signal(Signal::INT).await, 0);
}

#[tokio::test]
async fn every_close_code_and_error_is_explained() {
    let all = run(&["errors", "--json"]).await.exits(0).json();
    let all = all[0].as_array().unwrap();
    let codes: BTreeSet<u64> = all.iter().filter_map(|known| known["code"].as_u64()).collect();
    assert!(codes.is_superset(&(4002..=4007).chain(4009..=4013).chain([1001, 1009, 4000]).collect()), "{codes:?}");
    for known in all {
        let name = known["name"].as_str().unwrap();
        let by_name = run(&["errors", name]).await.exits(0);
        assert!(by_name.stdout.contains(known["cause"].as_str().unwrap()), "{by_name:?}");
        assert!(by_name.stdout.contains(known["remedy"].as_str().unwrap()), "{by_name:?}");
    }
    assert!(run(&["errors", "4005"]).await.exits(0).stdout.contains("DUPLICATE_AUTH"));
    let unknown = run(&["errors", "4001"]).await.exits(5);
    assert!(unknown.stdout.is_empty() && unknown.stderr.contains("400"), "{unknown:?}");
}

#[tokio::test]
async fn completions_are_what_their_shells_accept_and_the_schema_is_the_one_in_the_repository() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = run(&["completions", shell]).await.exits(0);
        assert!(script.stdout.contains("healthcheck") && script.stderr.is_empty(), "{shell}");
        if shell == "bash" {
            Command::program("bash".into(), &["-n"]).input(&script.stdout).run().await.exits(0);
        }
    }
    run(&["completions", "cmd"]).await.exits(2);
    let printed: Value = serde_json::from_str(&run(&["schema"]).await.exits(0).stdout).unwrap();
    let file = std::fs::read_to_string(repository().join("docs/protocol.schema.json")).unwrap();
    assert_eq!(printed, serde_json::from_str::<Value>(&file).unwrap());
}

#[tokio::test]
async fn whoever_stops_reading_ends_a_command_without_a_word() {
    let (program, shell) = (binary().display().to_string(), "\"$0\" errors; echo $? >&2");
    let ended = Command::program("sh".into(), &["-c", &format!("{{ {shell}; }} | true"), &program]).run().await.exits(0);
    assert!(!ended.stderr.contains("panicked") && !ended.stderr.contains("error:"), "{ended:?}");
}

/// The lines that a greeting tells people to paste: those that set variables, and three commands.
async fn pasteable(hub: &mut Running) -> (String, Vec<String>) {
    let (mut exports, mut commands) = (String::new(), Vec::new());
    while commands.len() < 3 {
        let line = hub.line().await;
        match line.strip_prefix("  ") {
            Some(export) if export.starts_with("export ") => exports.push_str(&format!("{export}\n")),
            Some(command) => commands.push(command.to_owned()),
            None => {}
        }
    }
    (exports, commands)
}

/// What a shell does with a pasted line.
fn pasted(exports: &str, command: &str) -> Command {
    Command::program("sh".into(), &["-c", &format!("{exports}exec {command}")])
}

#[tokio::test]
async fn serve_says_on_stdout_where_it_listens_and_three_commands_that_can_be_pasted() {
    let mut hub = Command::concierge(&["serve", "--listen", "127.0.0.1:0"]).env("NO_COLOR", "1").start();
    let first = hub.line().await;
    assert!(first.contains("ws://127.0.0.1:") && !first.contains('\u{1b}'), "{first}");
    let (exports, commands) = pasteable(&mut hub).await;
    assert_eq!(exports, "", "an open hub needs nothing");
    let find = |name: &str| commands.iter().find(|command| command.contains(&format!("concierge {name}"))).expect(name);
    let mut listening = pasted("", find("sub")).start();
    let listed = async || {
        let clients = pasted("", &format!("{} --json", find("clients"))).run().await.exits(0).json();
        !clients[0].as_array().unwrap().is_empty()
    };
    until("the subscriber is there", async || listed().await.then_some(())).await;
    pasted("", find("pub")).run().await.exits(0);
    assert!(listening.line().await.contains("hello"));
    assert_eq!(hub.signal(Signal::INT).await, 0);
}

#[tokio::test]
async fn what_a_closed_hub_says_to_paste_lets_clients_in() {
    let (home, certificate) = (TempDir::new().unwrap(), Certificate::new());
    certificate.write(&home.path().join("cert.pem"), &home.path().join("key.pem"));
    std::fs::write(home.path().join("secret"), "swordfish\n").unwrap();
    let arguments = ["--secret-file", "secret", "--tls-cert", "cert.pem", "--tls-key", "key.pem"];
    let mut hub = Command::concierge(&[&["serve", "--listen", "127.0.0.1:0"], &arguments[..]].concat()).home(home.path()).start();
    let (exports, commands) = pasteable(&mut hub).await;
    let ls = commands.iter().find(|command| command.contains("clients ls")).unwrap();
    pasted(&exports, ls).run().await.exits(0);
    pasted("", ls).run().await.exits(3);
    assert_eq!(hub.signal(Signal::TERM).await, 0);
}

#[tokio::test]
async fn the_log_is_on_stderr_json_when_nobody_watches_and_its_level_can_be_set() {
    // a wrong level is a wrong configuration
    let wrong = Command::concierge(&["serve", "--listen", "127.0.0.1:0", "--log-level", "loudly"]).run().await;
    assert_eq!((wrong.code, wrong.stdout.as_str()), (78, ""), "{wrong:?}");
    let mut hub = Hub::start().await;
    hub.enter("ada").await.leave().await;
    hub.stop().await;
    let log = hub.log();
    for line in log.lines() {
        let entry: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        assert!(entry["level"].is_string() && entry["timestamp"].is_string(), "{line}");
    }
}
