use clap::Parser;

use super::*;
use crate::config::Config;

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
