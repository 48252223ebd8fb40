use clap::Parser;
use expect_test::expect;

use super::*;

/// Clap's view of `serve` alone.
#[derive(Parser)]
struct Alone {
    #[command(flatten)]
    serve: Serve,
}

fn serve(flags: &[&str]) -> Result<Serve, clap::Error> {
    Alone::try_parse_from([&["serve"], flags].concat()).map(|alone| alone.serve)
}

fn loaded(flags: &[&str]) -> Config {
    let layers = serve(flags).unwrap().layers();
    Layers { file: Some("/dev/null".into()), environment: Vec::new(), ..layers }.load().unwrap().config
}

#[test]
fn flags_are_keys_of_the_configuration() {
    let config = loaded(&[
        "--listen=127.0.0.1:0",
        "--secret=sesame",
        "--tls-cert=c",
        "--tls-key=k",
        "--allowed-origins=https://a.example,https://b.example",
        "--files-dir=/files",
        "--log-level=debug",
        "--log-format=json",
        "--set=limits.stall_ms=5",
        "--set",
        "files.enabled = false",
    ]);
    assert_eq!((config.listen.port(), config.secret.as_deref()), (0, Some("sesame")));
    assert_eq!((config.tls.cert, config.tls.key), (Some("c".into()), Some("k".into())));
    assert_eq!(config.allowed_origins, ["https://a.example", "https://b.example"]);
    assert_eq!((config.files.dir, config.files.enabled), (Some("/files".into()), false));
    assert_eq!((config.log.level.as_str(), config.log.format), ("debug", crate::config::LogFormat::Json));
    assert_eq!(config.limits.stall_ms, 5);
}

#[test]
fn no_flags_are_the_default() {
    assert_eq!(loaded(&[]), Config::default());
}

#[test]
fn certificate_and_key_come_together_and_one_secret_is_enough() {
    assert!(serve(&["--tls-cert=c"]).is_err());
    assert!(serve(&["--tls-key=k"]).is_err());
    assert!(serve(&["--secret=s", "--secret-file=f"]).is_err());
    assert!(serve(&["--set", "shards"]).unwrap_err().to_string().contains("KEY=VALUE"));
}

#[test]
fn the_greeting_names_the_address_and_three_commands_that_find_it() {
    let default = greeting("ws://127.0.0.1:64209/ws", false, "cargo run -q --release --");
    let other = greeting("wss://127.0.0.1:8443/ws", true, "concierge");
    expect![[r"
        Concierge listens on ws://127.0.0.1:64209/ws (Ctrl-C stops it).

        Try next, in other terminals:
          cargo run -q --release -- sub news
          cargo run -q --release -- pub news hello
          cargo run -q --release -- clients ls

        Concierge listens on wss://127.0.0.1:8443/ws (Ctrl-C stops it).

        Try next, in other terminals:
          concierge sub news -s wss://127.0.0.1:8443/ws
          concierge pub news hello -s wss://127.0.0.1:8443/ws
          concierge clients ls -s wss://127.0.0.1:8443/ws

        Give them the secret: export CONCIERGE_SECRET_FILE=…
    "]]
    .assert_eq(&format!("{default}\n{other}"));
}
