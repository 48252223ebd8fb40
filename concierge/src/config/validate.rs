//! What a configuration must satisfy beyond the types of its values. Each rule answers with one sentence.

use concierge_api_rs::limits;
use concierge_api_rs::packet::Subject;
use concierge_nats::Servers;
use concierge_router::{Keys, Route};
use toml::{Table, Value};
use tracing_subscriber::EnvFilter;

use super::keys::{KEYS, Key};
use super::{Config, values};

/// # Errors
/// The first rule that is broken, as a sentence that names the key.
pub fn check(config: &Config) -> Result<(), String> {
    bounds(config)?;
    if config.tls.cert.is_some() != config.tls.key.is_some() {
        return Err("`tls.cert` and `tls.key` come together: give both or none".to_owned());
    }
    if config.node.as_deref().is_some_and(|node| !(1..=64).contains(&node.len()) || !node.bytes().all(|b| b.is_ascii_graphic())) {
        return Err("`node` is not 1 to 64 characters of ASCII without spaces".to_owned());
    }
    if config.secret.as_deref() == Some("") {
        return Err("`secret` is empty: give one, or leave the key out to let everybody join".to_owned());
    }
    if config.admin_secret.as_deref() == Some("") {
        return Err(
            "`admin_secret` is empty: give one, or leave the key out to let programs on this machine administer".to_owned()
        );
    }
    if config.limits.outbox_bytes < config.limits.payload_bytes {
        return Err("`limits.outbox_bytes` is less than `limits.payload_bytes`: one payload would close its reader".to_owned());
    }
    if config.files.folder_bytes < config.files.file_bytes {
        return Err("`files.folder_bytes` is less than `files.file_bytes`: no file could be that large".to_owned());
    }
    if config.drain.within_ms < config.drain.spread_ms {
        return Err("`drain.within_ms` is less than `drain.spread_ms`: the last clients would not be told".to_owned());
    }
    if config.files.listen.is_some_and(|listen| listen == config.listen && listen.port() != 0) {
        return Err("`files.listen` is the hub's own address: leave it out to share the port".to_owned());
    }
    if let Some(url) = &config.store.url {
        url.parse::<concierge_store::Place>().map_err(|error| format!("`store.url`: {error}"))?;
    }
    if config.router.routes.len() > limits::ROUTER_ROUTES {
        return Err(format!("`router.routes` has more than {} routes", limits::ROUTER_ROUTES));
    }
    let route_is_one = |text: &String| Route::parse(text, &Route::default()).map(drop);
    config.router.routes.iter().try_for_each(route_is_one).map_err(|error| format!("`router.routes`: {error}"))?;
    Keys::parse(&config.router.levels, &[]).map_err(|error| format!("`router.levels`: {error}"))?;
    nats(config)?;
    config.allowed_origins.iter().try_for_each(|origin| origin_is_one(origin))?;
    config.allowed_hosts.iter().try_for_each(|host| host_is_one(host))?;
    level_is_one(&config.log.level)
}

fn nats(config: &Config) -> Result<(), String> {
    let subject = |key: &str, text: &str| Subject::parse(text).map_err(|error| format!("`nats.{key}`: {error}"));
    subject("prefix", &config.nats.prefix)?;
    subject("queue", &config.nats.queue)?;
    let Some(url) = &config.nats.url else {
        let nowhere = config.nats.credentials_file.is_some();
        return if nowhere { Err("`nats.credentials_file` is of no use without `nats.url`".to_owned()) } else { Ok(()) };
    };
    if !config.router.enabled {
        return Err("`nats.url` is of no use with `router.enabled = false`".to_owned());
    }
    url.parse::<Servers>().map(drop).map_err(|error| format!("`nats.url`: {error}"))
}

/// What is allowed but unwise.
#[must_use]
pub fn warnings(config: &Config) -> Vec<String> {
    let open = !config.listen.ip().is_loopback();
    let mut warnings = Vec::new();
    if open && config.secret.is_none() {
        warnings.push(format!("everybody who reaches {} may join: set `secret_file`", config.listen));
    }
    if open && config.secret.is_some() && config.tls.cert.is_none() {
        warnings.push(format!(
            "the secret crosses the network to {} in clear: set `tls`, or put a TLS proxy before it",
            config.listen
        ));
    }
    warnings
}

/// A word alone is a level. The filter would take any other word for the name of a module, and log all of it.
fn level_is_one(text: &str) -> Result<(), String> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    let mut words = text.split(',').map(str::trim).filter(|directive| !directive.contains(['=', '[']));
    if let Some(word) = words.find(|word| !LEVELS.contains(&word.to_ascii_lowercase().as_str())) {
        return Err(format!("`log.level`: `{word}` is no level; one of {}", LEVELS.join(", ")));
    }
    EnvFilter::try_new(text).map(drop).map_err(|error| format!("`log.level`: {error}"))
}

/// Files and variables were checked when they were read; this is for configurations that a program made.
fn bounds(config: &Config) -> Result<(), String> {
    let table = Table::try_from(config).map_err(|error| error.to_string())?;
    let given = KEYS.iter().filter_map(|key| Some((key, value_at(&table, key)?)));
    given
        .into_iter()
        .try_for_each(|(key, value)| values::fits(key, value).map_err(|message| format!("`{}`: {message}", key.path)))
}

/// The value at a key of a table that a configuration was written as.
pub(super) fn value_at<'a>(table: &'a Table, key: &Key) -> Option<&'a Value> {
    match key.section() {
        "" => table.get(key.name()),
        section => table.get(section)?.get(key.name()),
    }
}

fn host_is_one(host: &str) -> Result<(), String> {
    let plain = !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'));
    let advice = || format!("`allowed_hosts`: `{host}` is no name: write it as in hub.example.org, without scheme and port");
    plain.then_some(()).ok_or_else(advice)
}

/// `scheme://host` or `scheme://host:port`, as browsers write it.
fn origin_is_one(origin: &str) -> Result<(), String> {
    let host = origin.split_once("://").filter(|(scheme, _)| !scheme.is_empty()).map(|(_, host)| host);
    let plain = |host: &str| !host.is_empty() && !host.contains(['/', '?', '#', '@', '*']) && !host.contains(char::is_whitespace);
    if host.is_some_and(plain) && !origin.contains(char::is_uppercase) {
        return Ok(());
    }
    Err(format!(
        "`allowed_origins`: `{origin}` is no origin: write scheme, host and port as in https://app.example.org or http://localhost:3000"
    ))
}
