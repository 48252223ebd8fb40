//! Configurations as text, and their documentation, all from the table of keys.

use std::fmt::Write as _;

use toml::{Table, Value};

use super::Config;
use super::keys::{KEYS, Key, Kind, SECTIONS};
use super::validate::value_at;

/// Columns of a comment.
const WIDTH: usize = 100;

/// Every key with its meaning, unit and default, as TOML that is the default configuration when it is read.
#[must_use]
pub fn default() -> String {
    let table = as_table(&Config::default());
    let mut text = String::from("# The configuration of a Concierge hub: every key, its meaning and its default.\n");
    for (section, keys) in sections() {
        text.push_str(&section_head(section));
        for key in keys {
            text.push('\n');
            comment(&mut text, &described(key));
            comment(&mut text, &format!("Environment: {}", key.variable()));
            text.push_str(&assignment(key, value_at(&table, key)));
        }
    }
    text
}

/// The configuration as TOML without comments, secrets masked.
#[must_use]
pub fn effective(config: &Config) -> String {
    let mut config = config.masked();
    if config.secret_file.is_some() {
        config.secret = None;
    }
    if config.admin_secret_file.is_some() {
        config.admin_secret = None;
    }
    let table = as_table(&config);
    let mut text = String::new();
    for (section, keys) in sections() {
        let lines: String = keys.filter_map(|key| Some(format!("{} = {}\n", key.name(), value_at(&table, key)?))).collect();
        if !section.is_empty() && !lines.is_empty() {
            let _ = writeln!(text, "\n[{section}]");
        }
        text.push_str(&lines);
    }
    text
}

/// docs/configuration.md.
#[must_use]
pub fn documentation() -> String {
    let table = as_table(&Config::default());
    let mut text = INTRODUCTION.to_owned();
    for (section, keys) in sections() {
        let title = if section.is_empty() { "The hub".to_owned() } else { format!("[{section}]") };
        let _ = write!(text, "\n### {title}\n\n");
        if let Some((_, about)) = SECTIONS.iter().find(|(name, _)| *name == section) {
            let _ = write!(text, "{about}\n\n");
        }
        text.push_str("| key | default | unit or values | meaning |\n| --- | --- | --- | --- |\n");
        for key in keys {
            let default = value_at(&table, key).map_or_else(|| "none".to_owned(), |value| format!("`{value}`"));
            let _ = writeln!(text, "| `{}` | {default} | {} | {} |", key.path, values(key.kind), key.meaning);
        }
        if section == "tls" {
            text.push_str(OWN_CERTIFICATE);
        }
    }
    text
}

/// The sections in order, the top first, each with its keys.
fn sections() -> impl Iterator<Item = (&'static str, impl Iterator<Item = &'static Key>)> {
    let names = std::iter::once("").chain(SECTIONS.iter().map(|(name, _)| *name));
    names.map(|section| (section, KEYS.iter().filter(move |key| key.section() == section)))
}

fn section_head(section: &str) -> String {
    let about = SECTIONS.iter().find(|(name, _)| *name == section);
    about.map_or_else(String::new, |(name, about)| format!("\n# {about}\n[{name}]\n"))
}

fn described(key: &Key) -> String {
    match key.kind {
        Kind::Switch => format!("{} true or false.", key.meaning),
        Kind::Whole { .. } => format!("{} Unit: {}.", key.meaning, values(key.kind)),
        Kind::Choice(words) => format!("{} One of: {}.", key.meaning, words.join(", ")),
        Kind::Text { .. } | Kind::Address { .. } | Kind::Texts { .. } => key.meaning.to_owned(),
    }
}

fn values(kind: Kind) -> String {
    match kind {
        Kind::Switch => "true, false".to_owned(),
        Kind::Whole { unit, least, most } => format!("{unit}, {least} to {most}"),
        Kind::Text { .. } => "text".to_owned(),
        Kind::Address { .. } => "address:port".to_owned(),
        Kind::Choice(words) => words.join(", "),
        Kind::Texts { .. } => "list of texts".to_owned(),
    }
}

/// `name = value`; a key without a default is a comment with an example.
fn assignment(key: &Key, value: Option<&Value>) -> String {
    let example = match key.kind {
        Kind::Text { example } | Kind::Address { example } | Kind::Texts { example } => example,
        Kind::Switch | Kind::Whole { .. } | Kind::Choice(_) => "",
    };
    match value {
        Some(Value::Array(list)) if list.is_empty() => format!("# Example: [\"{example}\"]\n{} = []\n", key.name()),
        Some(value) => format!("{} = {value}\n", key.name()),
        None => format!("# {} = \"{example}\"\n", key.name()),
    }
}

fn comment(text: &mut String, sentences: &str) {
    let mut line = String::from("#");
    for word in sentences.split(' ') {
        if line.len() + 1 + word.len() > WIDTH {
            let _ = writeln!(text, "{line}");
            line.truncate(1);
        }
        line.push(' ');
        line.push_str(word);
    }
    let _ = writeln!(text, "{line}");
}

fn as_table(config: &Config) -> Table {
    Table::try_from(config).expect("a configuration is tables of plain values whose numbers fit TOML's")
}

const INTRODUCTION: &str = "\
# Configuration

<!-- Written by the code (concierge/src/config/print.rs) and compared with it by a test:
     UPDATE_EXPECT=1 cargo test -p concierge --lib config -->

A hub needs no configuration. What it is told comes in layers; a later one wins, key by key:

1. the defaults below (`concierge config default` prints them as a commented file),
2. a TOML file: the one that `--config` or `CONCIERGE_CONFIG` names, else `./concierge.toml` if it is there,
3. the environment: `CONCIERGE_` and the key in capitals, two underscores after the section, as in `CONCIERGE_LISTEN` or
   `CONCIERGE_LIMITS__PAYLOAD_BYTES`; lists are separated by commas,
4. flags of `concierge serve`: `--listen`, `--secret-file`, … and `--set KEY=VALUE` for every key.

`concierge config check [FILE]` prints the result, secrets masked, or says what is wrong and ends with exit code 78. An unknown
key or an unknown `CONCIERGE_` variable is an error that names the nearest one. Not part of the configuration are the variables
of client commands (`CONCIERGE_URL`, `CONCIERGE_NAME`, `CONCIERGE_CA`, `CONCIERGE_FS_KEY`, `CONCIERGE_FILES_URL`), and those
that container platforms set for a service called \"concierge\" (`CONCIERGE_SERVICE_HOST`, `CONCIERGE_SERVICE_PORT…`, `CONCIERGE_PORT=tcp://…`, `CONCIERGE_PORT_…`).

Relative paths start at the working directory. `secret` and `secret_file` exclude each other, and so do those of administrators; of two layers the later one counts.
SIGHUP reads the TLS files again; everything else needs a restart.

## Keys
";

const OWN_CERTIFICATE: &str = "
A certificate of one's own, for a hub that no public authority vouches for (`hub.example.org` stands for the hub's names):

```sh
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 365 -keyout key.pem -out cert.pem \\
    -subj '/CN=concierge' -addext 'subjectAltName=DNS:hub.example.org,DNS:localhost,IP:127.0.0.1' \\
    -addext 'basicConstraints=critical,CA:FALSE'
concierge serve --tls-cert cert.pem --tls-key key.pem
concierge clients ls -s wss://localhost:64209 --ca cert.pem
```

Without the last `-addext`, openssl makes the certificate of an authority, which clients refuse as that of a server.
";
