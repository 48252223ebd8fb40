use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::Path;

use expect_test::{expect, expect_file};
use toml::{Table, Value};

use super::keys::{self, KEYS, Kind, SECTIONS};
use super::load::{Layers, Setting, parse};
use super::{Config, Files, LogFormat, Nats, Router, Store, Tls, UuidKeys, print, validate};

fn environment(variables: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
    variables.iter().map(|(name, value)| (name.into(), value.into())).collect()
}

fn flag(source: &str, key: &str, value: &str) -> Setting {
    Setting { source: source.to_owned(), key: key.to_owned(), value: value.to_owned() }
}

/// A directory with a `concierge.toml` of that text.
fn file(text: &str) -> (tempfile::TempDir, Layers) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("concierge.toml");
    fs::write(&path, text).unwrap();
    (dir, Layers { file: Some(path), ..Layers::default() })
}

fn error_of(text: &str) -> String {
    parse(Path::new("hub.toml"), text).unwrap_err().to_string()
}

fn environment_error(variables: &[(&str, &str)]) -> String {
    let layers = Layers { file: Some("/dev/null".into()), environment: environment(variables), ..Layers::default() };
    layers.load().unwrap_err().to_string()
}

fn refused(change: impl FnOnce(&mut Config)) -> String {
    let mut config = Config::default();
    change(&mut config);
    validate::check(&config).unwrap_err()
}

/// A configuration in which no key is absent.
fn full() -> Config {
    let Config {
        listen,
        require_subprotocol,
        shards,
        spin_us,
        limits,
        heartbeat,
        coordinator,
        router,
        nats,
        console,
        metrics,
        drain,
        log,
        ..
    } = Config::default();
    Config {
        listen,
        node: Some("hub-1".into()),
        secret: Some("s".into()),
        secret_file: Some("f".into()),
        admin: true,
        admin_secret: Some("a".into()),
        admin_secret_file: Some("g".into()),
        require_subprotocol,
        allowed_origins: vec!["https://a.example".into()],
        allowed_hosts: vec!["hub.example".into()],
        shards,
        spin_us,
        tls: Tls { cert: Some("c".into()), key: Some("k".into()) },
        limits,
        heartbeat,
        files: Files { dir: Some("d".into()), listen: Some(([127, 0, 0, 1], 1).into()), ..Files::default() },
        coordinator,
        router: Router { api_keys_file: Some("a".into()), ..router },
        nats: Nats { url: Some("nats://n".into()), credentials_file: Some("n".into()), ..nats },
        store: Store { url: Some("memory:".into()) },
        console,
        metrics,
        drain,
        log,
    }
}

fn paths(table: &Table, section: &str) -> BTreeSet<String> {
    let join = |name: &str| if section.is_empty() { name.to_owned() } else { format!("{section}.{name}") };
    let mut found = BTreeSet::new();
    for (name, value) in table {
        match value {
            Value::Table(inner) => found.extend(paths(inner, &join(name))),
            _ => drop(found.insert(join(name))),
        }
    }
    found
}

#[test]
fn every_field_is_in_the_table_of_keys_and_every_key_is_a_field() {
    let fields = paths(&Table::try_from(full()).unwrap(), "");
    let keys: BTreeSet<String> = KEYS.iter().map(|key| key.path.to_owned()).collect();
    assert_eq!(fields, keys);
    assert_eq!(keys.len(), KEYS.len(), "no key stands twice");
}

#[test]
fn every_key_stands_in_a_section_that_is_explained() {
    for key in KEYS {
        assert!(key.section().is_empty() || keys::is_section(key.section()), "{}", key.path);
        assert!(key.meaning.ends_with('.'), "{}", key.path);
    }
    for (section, _) in SECTIONS {
        assert!(KEYS.iter().any(|key| key.section() == *section), "{section}");
    }
}

#[test]
fn environment_variables_are_the_keys_in_capitals_with_two_underscores_after_the_section() {
    assert_eq!(keys::find("limits.payload_bytes").unwrap().variable(), "CONCIERGE_LIMITS__PAYLOAD_BYTES");
    assert_eq!(keys::find("listen").unwrap().variable(), "CONCIERGE_LISTEN");
    let variables: BTreeSet<String> = KEYS.iter().map(keys::Key::variable).collect();
    assert_eq!(variables.len(), KEYS.len());
}

#[test]
fn the_printed_default_is_the_default_when_it_is_read() {
    let text = print::default();
    parse(Path::new("default"), &text).unwrap();
    assert_eq!(toml::from_str::<Config>(&text).unwrap(), Config::default());
    for key in KEYS {
        assert!(text.contains(&key.variable()), "{}", key.path);
        assert!(text.contains(&format!("{} = ", key.name())), "{}", key.path);
    }
}

#[test]
fn the_examples_of_keys_without_a_default_are_valid_too() {
    let text = print::default();
    let uncommented: String = text
        .lines()
        .map(|line| {
            line.strip_prefix("# ")
                .filter(|rest| KEYS.iter().any(|key| rest.starts_with(&format!("{} = ", key.name()))))
                .unwrap_or(line)
        })
        .filter(|line| !line.starts_with("secret = ") && !line.starts_with("admin_secret = "))
        .flat_map(|line| [line, "\n"])
        .collect();
    parse(Path::new("examples"), &uncommented).unwrap();
    let config: Config = toml::from_str(&uncommented).unwrap();
    validate::check(&config).unwrap();
    assert!(config.tls.cert.is_some() && config.files.listen.is_some() && config.secret_file.is_some());
}

#[test]
fn the_documentation_is_what_the_table_says() {
    expect_file!["../../../docs/configuration.md"].assert_eq(&print::documentation());
}

#[test]
fn choices_in_the_table_are_the_words_that_are_read() {
    for word in ["same-address", "always", "never"] {
        let config: Config = toml::from_str(&format!("[files]\nuuid_keys = \"{word}\"")).unwrap();
        assert_eq!(config.files.uuid_keys == UuidKeys::SameAddress, word == "same-address");
    }
    for key in KEYS {
        let Kind::Choice(words) = key.kind else { continue };
        for word in words {
            toml::from_str::<Config>(&format!("{} = \"{word}\"", key.path)).unwrap();
        }
    }
}

#[test]
fn the_file_is_over_the_defaults_the_environment_over_the_file_and_flags_over_all() {
    let (_dir, mut layers) =
        file("shards = 2\nspin_us = 2\n[limits]\npayload_bytes = 2000\nstall_ms = 2\n[log]\nformat = \"json\"\n");
    layers.environment =
        environment(&[("CONCIERGE_SPIN_US", "3"), ("CONCIERGE_LIMITS__PAYLOAD_BYTES", "3_000"), ("PATH", "/bin")]);
    layers.flags = vec![flag("--set", "limits.payload_bytes", "4000")];
    let loaded = layers.load().unwrap();
    let config = loaded.config;
    assert_eq!((config.shards, config.spin_us), (2, 3));
    assert_eq!((config.limits.payload_bytes, config.limits.stall_ms), (4000, 2));
    assert_eq!((config.log.format, config.heartbeat), (LogFormat::Json, Config::default().heartbeat));
    assert_eq!(loaded.file, layers.file);
}

#[test]
fn every_key_can_be_given_by_environment_and_by_flag() {
    for key in KEYS {
        let value = match key.kind {
            Kind::Switch => "false".to_owned(),
            Kind::Whole { least, .. } => least.to_string(),
            Kind::Text { example } | Kind::Address { example } | Kind::Texts { example } => example.to_owned(),
            Kind::Choice(words) => words[0].to_owned(),
        };
        let variables = environment(&[(&key.variable(), &value)]);
        for layers in [
            Layers { environment: variables, ..Layers::default() },
            Layers { flags: vec![flag("--set", key.path, &value)], ..Layers::default() },
        ] {
            match layers.load() {
                Ok(_) => {}
                // These reach the rules that concern several keys, or a file that is not there: they were understood.
                Err(error) => assert!(
                    [
                        "tls.cert",
                        "tls.key",
                        "secret_file",
                        "admin_secret_file",
                        "router.api_keys_file",
                        "nats.credentials_file",
                        "limits.outbox_bytes",
                        "files.folder_bytes",
                        "drain.within_ms"
                    ]
                    .contains(&key.path),
                    "{}: {error}",
                    key.path
                ),
            }
        }
    }
}

#[test]
fn an_unknown_key_is_an_error_that_names_file_line_and_nearest_key() {
    let errors = [
        error_of("shards = 1\n\n[limits]\npayload_byte = 5\n"),
        error_of("lisen = \"127.0.0.1:1\""),
        error_of("# comment\npayload_bytes = 5"),
        error_of("[limit]\npayload_bytes = 5"),
        error_of("limits = { stall_ms = 1, outbux_bytes = 5 }"),
        error_of("[tls]\ncertificate_chain_in_der = \"x\""),
    ];
    expect![[r#"
        hub.toml:4: unknown key `limits.payload_byte`; the nearest one is `limits.payload_bytes`
        hub.toml:1: unknown key `lisen`; the nearest one is `listen`
        hub.toml:2: unknown key `payload_bytes`; the nearest one is `limits.payload_bytes`
        hub.toml:1: unknown key `limit`; the nearest one is `limits`
        hub.toml:1: unknown key `limits.outbux_bytes`; the nearest one is `limits.outbox_bytes`
        hub.toml:2: unknown key `tls.certificate_chain_in_der`"#]]
    .assert_eq(&errors.join("\n"));
}

#[test]
fn a_value_of_the_wrong_type_and_bad_toml_name_their_line() {
    let errors = [
        error_of("\nlisten = 5"),
        error_of("listen = \"localhost\""),
        error_of("[files]\nuuid_keys = \"sometimes\""),
        error_of("limits = 5"),
        error_of("listen.port = 5"),
        error_of("shards = -1"),
        error_of("shards = 1\nshards = 2"),
        error_of("a = = b"),
        error_of("secret = \"a\"\nsecret_file = \"b\""),
        error_of("admin_secret = \"a\"\nadmin_secret_file = \"b\""),
    ];
    expect![[r#"
        hub.toml:2: `listen`: `5` is no IP address with a port, as in 127.0.0.1:64209
        hub.toml:1: `listen`: `localhost` is no IP address with a port, as in 127.0.0.1:64209
        hub.toml:2: `files.uuid_keys`: `sometimes` is none of same-address, always, never
        hub.toml:1: `limits` is a section: write [limits] and its keys below
        hub.toml:1: `listen`: `{ port = 5 }` is no IP address with a port, as in 127.0.0.1:64209
        hub.toml:1: `shards`: -1 threads are out of bounds: from 0 to 1024
        hub.toml:2: duplicate key
        hub.toml:1: extra `=`, expected nothing
        hub.toml: `secret` and `secret_file` exclude each other
        hub.toml: `admin_secret` and `admin_secret_file` exclude each other"#]]
    .assert_eq(&errors.join("\n"));
}

#[test]
fn environment_errors_name_the_variable_and_the_nearest_one() {
    let errors = [
        environment_error(&[("CONCIERGE_LISEN", "127.0.0.1:1")]),
        environment_error(&[("CONCIERGE_LIMITS_PAYLOAD_BYTES", "5000")]),
        environment_error(&[("CONCIERGE_PAYLOAD_BYTES", "5000")]),
        environment_error(&[("CONCIERGE_PORT", "8080")]),
        environment_error(&[("CONCIERGE_SHARDS", "many")]),
        environment_error(&[("CONCIERGE_LISTEN", "localhost")]),
        environment_error(&[("CONCIERGE_METRICS__ENABLED", "yes")]),
        environment_error(&[("CONCIERGE_FILES__UUID_KEYS", "sometimes")]),
        environment_error(&[("CONCIERGE_SECRET", "a"), ("CONCIERGE_SECRET_FILE", "b")]),
        environment_error(&[("CONCIERGE_SECRET", "")]),
    ];
    expect![[r#"
        unknown environment variable CONCIERGE_LISEN; the nearest one is CONCIERGE_LISTEN
        unknown environment variable CONCIERGE_LIMITS_PAYLOAD_BYTES; the nearest one is CONCIERGE_LIMITS__PAYLOAD_BYTES
        unknown environment variable CONCIERGE_PAYLOAD_BYTES; the nearest one is CONCIERGE_LIMITS__PAYLOAD_BYTES
        unknown environment variable CONCIERGE_PORT
        CONCIERGE_SHARDS: `many` is not a whole number of threads
        CONCIERGE_LISTEN: `localhost` is no IP address with a port, as in 127.0.0.1:64209
        CONCIERGE_METRICS__ENABLED: `yes` is neither true nor false
        CONCIERGE_FILES__UUID_KEYS: `sometimes` is none of same-address, always, never
        CONCIERGE_SECRET and CONCIERGE_SECRET_FILE exclude each other
        `secret` is empty: give one, or leave the key out to let everybody join"#]]
    .assert_eq(&errors.join("\n"));
}

#[test]
fn variables_of_client_commands_and_container_platforms_are_not_the_hubs() {
    let (_dir, mut layers) = file("");
    layers.environment = environment(&[
        ("CONCIERGE_URL", "ws://x"),
        ("CONCIERGE_NAME", "ada"),
        ("CONCIERGE_FS_KEY", "00000000-0000-4000-8000-000000000000"),
        ("CONCIERGE_FILES_URL", "ws://y"),
        ("CONCIERGE_PORT", "tcp://10.0.0.1:64209"),
        ("CONCIERGE_SERVICE_HOST", "10.0.0.1"),
        ("CONCIERGE_SERVICE_PORT", "64209"),
        ("CONCIERGE_PORT_64209_TCP_ADDR", "10.0.0.1"),
    ]);
    assert_eq!(layers.load().unwrap().config, Config::default());
}

#[test]
fn flag_errors_name_the_flag() {
    let error = |setting| {
        let layers = Layers { file: Some("/dev/null".into()), flags: vec![setting], ..Layers::default() };
        layers.load().unwrap_err().to_string()
    };
    let errors = [error(flag("--set", "limits.stal_ms", "5")), error(flag("--listen", "listen", "here"))];
    expect![[r#"
        --set: unknown key `limits.stal_ms`; the nearest one is `limits.stall_ms`
        --listen: `here` is no IP address with a port, as in 127.0.0.1:64209"#]]
    .assert_eq(&errors.join("\n"));
}

#[test]
fn a_missing_file_is_an_error_when_it_was_named() {
    let layers = Layers { file: Some("/nowhere/hub.toml".into()), ..Layers::default() };
    expect!["/nowhere/hub.toml: cannot be read: No such file or directory (os error 2)"]
        .assert_eq(&layers.load().unwrap_err().to_string());
}

#[test]
fn broken_rules_are_sentences() {
    let sentences = [
        refused(|config| config.tls.cert = Some("cert.pem".into())),
        refused(|config| config.secret = Some(String::new())),
        refused(|config| config.limits.payload_bytes = 0),
        refused(|config| config.limits.identify_within_ms = 0),
        refused(|config| config.heartbeat.every_ms = 7_200_000),
        refused(|config| config.limits.outbox_bytes = 1024),
        refused(|config| config.files.folder_bytes = 1),
        refused(|config| config.drain.within_ms = 1),
        refused(|config| config.files.listen = Some(config.listen)),
        refused(|config| config.router.routes = vec!["shop".into(), "shop.* q".into()]),
        refused(|config| config.router.routes = vec!["shop q within:0".into()]),
        refused(|config| config.router.routes = vec!["shop".into(); 257]),
        refused(|config| config.allowed_origins = vec!["https://app.example.org/".into()]),
        refused(|config| config.allowed_hosts = vec!["hub.example:64209".into()]),
        refused(|config| config.log.level = "concierge=loud".into()),
        refused(|config| config.log.level = "info, inof".into()),
    ];
    expect![[r#"
        `tls.cert` and `tls.key` come together: give both or none
        `secret` is empty: give one, or leave the key out to let everybody join
        `limits.payload_bytes`: 0 bytes are out of bounds: from 1024 to 268435456
        `limits.identify_within_ms`: 0 milliseconds are out of bounds: from 1 to 3600000
        `heartbeat.every_ms`: 7200000 milliseconds are out of bounds: from 100 to 3600000
        `limits.outbox_bytes` is less than `limits.payload_bytes`: one payload would close its reader
        `files.folder_bytes` is less than `files.file_bytes`: no file could be that large
        `drain.within_ms` is less than `drain.spread_ms`: the last clients would not be told
        `files.listen` is the hub's own address: leave it out to share the port
        `router.routes`: `shop.*` is none: a subject is 1 to 16 tokens of A-Z a-z 0-9 _ - with dots between them, at most 256 bytes
        `router.routes`: `within:0` in `shop q within:0` means nothing
        `router.routes` has more than 256 routes
        `allowed_origins`: `https://app.example.org/` is no origin: write scheme, host and port as in https://app.example.org or http://localhost:3000
        `allowed_hosts`: `hub.example:64209` is no name: write it as in hub.example.org, without scheme and port
        `log.level`: error parsing level filter: expected one of "off", "error", "warn", "info", "debug", "trace", or a number 0-5
        `log.level`: `inof` is no level; one of off, error, warn, info, debug, trace"#]]
    .assert_eq(&sentences.join("\n"));
}

#[test]
fn the_default_breaks_no_rule_and_calls_for_no_warning() {
    validate::check(&Config::default()).unwrap();
    assert_eq!(validate::warnings(&Config::default()), Vec::<String>::new());
}

#[test]
fn an_open_hub_without_a_secret_or_with_one_in_clear_is_warned_of() {
    let mut config = Config { listen: ([0, 0, 0, 0], 64209).into(), ..Config::default() };
    let open = validate::warnings(&config).join("\n");
    config.secret = Some("s".into());
    expect![[r#"
        everybody who reaches 0.0.0.0:64209 may join: set `secret_file`
        the secret crosses the network to 0.0.0.0:64209 in clear: set `tls`, or put a TLS proxy before it"#]]
    .assert_eq(&format!("{open}\n{}", validate::warnings(&config).join("\n")));
}

/// Security: 36.
#[test]
fn a_secret_file_gives_the_secret_without_its_final_line_break() {
    for (content, secret) in [("open sesame\n", "open sesame"), ("a\r\n", "a"), (" b \n\n", " b \n"), ("c", "c")] {
        let (dir, mut layers) = file("");
        fs::write(dir.path().join("secret"), content).unwrap();
        layers.flags = vec![flag("--secret-file", "secret_file", dir.path().join("secret").to_str().unwrap())];
        assert_eq!(layers.load().unwrap().config.secret.as_deref(), Some(secret));
    }
}

/// Security: 36.
#[test]
fn a_secret_that_others_can_read_is_warned_of_and_an_empty_one_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let (dir, mut layers) = file("");
    let path = dir.path().join("secret");
    layers.flags = vec![flag("--secret-file", "secret_file", path.to_str().unwrap())];
    fs::write(&path, "s").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(layers.load().unwrap().warnings, Vec::<String>::new());
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    assert!(layers.load().unwrap().warnings[0].ends_with("other users can read the secret: `chmod 600` it"));
    fs::write(&path, "\n").unwrap();
    assert!(layers.load().unwrap_err().to_string().ends_with("the secret is empty"));
}

/// Security: 36.
#[test]
fn a_configuration_file_with_a_secret_that_others_can_read_is_warned_of() {
    use std::os::unix::fs::PermissionsExt as _;
    let warned = |content: &str, mode: u32| {
        let (dir, layers) = file(content);
        let path = dir.path().join("concierge.toml");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        layers.load().unwrap().warnings.iter().any(|warning| warning.ends_with("other users can read the secret: `chmod 600` it"))
    };
    let with_password = "[store]\nurl = \"postgres://hub:sesame@db.example/hub\"";
    for content in ["secret = \"sesame\"", with_password] {
        assert!(warned(content, 0o644) && warned(content, 0o604) && !warned(content, 0o600), "{content}");
    }
    for content in ["", "shards = 2", "[store]\nurl = \"postgres://hub@db.example/hub\""] {
        assert!(!warned(content, 0o644), "{content}");
    }
}

#[test]
fn the_secret_of_a_higher_layer_replaces_that_of_a_lower_one_in_whatever_form() {
    let (dir, mut layers) = file("secret = \"from the file\"");
    let path = dir.path().join("secret");
    fs::write(&path, "from its own file").unwrap();
    layers.environment = environment(&[("CONCIERGE_SECRET_FILE", path.to_str().unwrap())]);
    assert_eq!(layers.load().unwrap().config.secret.as_deref(), Some("from its own file"));
    layers.flags = vec![flag("--secret", "secret", "from the flag")];
    let config = layers.load().unwrap().config;
    assert_eq!((config.secret.as_deref(), config.secret_file), (Some("from the flag"), None));
}

#[test]
fn lists_in_the_environment_are_separated_by_commas() {
    let (_dir, mut layers) = file("allowed_origins = [\"https://c.example\"]");
    layers.environment = environment(&[("CONCIERGE_ALLOWED_ORIGINS", "https://a.example, http://localhost:3000,")]);
    assert_eq!(layers.load().unwrap().config.allowed_origins, ["https://a.example", "http://localhost:3000"]);
}

/// Security: 36.
#[test]
fn printed_configurations_mask_the_secret_and_are_read_back_as_themselves() {
    let config = Config { secret: Some("open sesame".into()), ..Config::default() };
    let text = print::effective(&config);
    assert!(!text.contains("sesame") && text.contains("secret = \"********\""));
    assert!(!format!("{config:?}").contains("sesame"));
    let unsecret = Config { shards: 3, ..Config::default() };
    assert_eq!(toml::from_str::<Config>(&print::effective(&unsecret)).unwrap(), unsecret);
}
