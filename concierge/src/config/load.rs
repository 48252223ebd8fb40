//! Layers over each other: defaults, the TOML file, the environment, flags; a later one wins, key by key.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use concierge_router::Keys;
use thiserror::Error;
use toml::de::{DeTable, DeValue};
use toml::{Table, Value};

use super::keys::{self, Key};
use super::{Config, validate, values};

/// The file that is read when none is named, if it is there.
pub const DEFAULT_FILE: &str = "concierge.toml";

/// Where a configuration comes from.
#[derive(Debug, Clone, Default)]
pub struct Layers {
    /// The TOML file; `None` is `./concierge.toml` if it is there.
    pub file: Option<PathBuf>,
    /// Environment variables; those that do not begin with `CONCIERGE_` are skipped.
    pub environment: Vec<(OsString, OsString)>,
    /// What the command line says.
    pub flags: Vec<Setting>,
}

/// One value from outside of the file.
#[derive(Debug, Clone)]
pub struct Setting {
    /// What the user wrote, for messages: `--listen`.
    pub source: String,
    /// The key's path.
    pub key: String,
    pub value: String,
}

/// A configuration that is complete and valid, and where it came from.
#[derive(Debug)]
pub struct Loaded {
    pub config: Config,
    /// The file that was read.
    pub file: Option<PathBuf>,
    /// What is allowed but unwise, as sentences.
    pub warnings: Vec<String>,
}

/// Why there is no configuration.
#[derive(Debug, Error)]
pub enum ConfigError {
    #[error("{}: cannot be read: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{}:{line}: {message}", path.display())]
    File { path: PathBuf, line: usize, message: String },
    #[error("{}:{line}: unknown key `{key}`{}", path.display(), suggestion(*nearest))]
    UnknownKey { path: PathBuf, line: usize, key: String, nearest: Option<&'static str> },
    #[error("unknown environment variable {name}{}", nearest.as_ref().map(|near| format!("; the nearest one is {near}")).unwrap_or_default())]
    UnknownVariable { name: String, nearest: Option<String> },
    #[error("{flag}: unknown key `{key}`{}", suggestion(*nearest))]
    UnknownFlagKey { flag: String, key: String, nearest: Option<&'static str> },
    #[error("{origin}: {message}")]
    Value { origin: String, message: String },
    #[error("{0}")]
    Invalid(String),
}

fn suggestion(nearest: Option<&str>) -> String {
    nearest.map(|near| format!("; the nearest one is `{near}`")).unwrap_or_default()
}

impl Layers {
    /// The process's environment over that file, without flags.
    #[must_use]
    pub fn of_process(file: Option<PathBuf>) -> Self {
        Self { file, environment: std::env::vars_os().collect(), flags: Vec::new() }
    }

    /// Lays the layers over each other, checks the result and reads the secret's file.
    ///
    /// # Errors
    /// The first thing that is wrong, with its file and line, variable or flag.
    pub fn load(&self) -> Result<Loaded, ConfigError> {
        let (mut table, file) = match self.file_to_read() {
            Some(path) => (file_layer(&path)?, Some(path)),
            None => (Table::new(), None),
        };
        let in_file = holds_a_secret(&table);
        lay(&mut table, environment_layer(&self.environment)?)?;
        lay(&mut table, flag_layer(&self.flags)?)?;
        let mut config = decode(&table).map_err(ConfigError::Invalid)?;
        validate::check(&config).map_err(ConfigError::Invalid)?;
        let mut warnings = Vec::new();
        warnings.extend(file.as_deref().filter(|path| in_file && exposed(path)).map(told));
        warnings.extend(config.read_secrets()?);
        warnings.extend(validate::warnings(&config));
        Ok(Loaded { config, file, warnings })
    }

    fn file_to_read(&self) -> Option<PathBuf> {
        self.file.clone().or_else(|| Path::new(DEFAULT_FILE).exists().then(|| PathBuf::from(DEFAULT_FILE)))
    }
}

impl Config {
    /// Fills `secret` and `admin_secret` from their files, when these are set; says what is unwise about the files.
    ///
    /// # Errors
    /// A file cannot be read, is empty or is not UTF-8.
    pub fn read_secrets(&mut self) -> Result<Vec<String>, ConfigError> {
        let mut warnings = Vec::new();
        for (file, secret) in [(&self.secret_file, &mut self.secret), (&self.admin_secret_file, &mut self.admin_secret)] {
            if let Some(path) = file {
                *secret = Some(secret_from(path)?);
                warnings.extend(exposed(path).then(|| told(path)));
            }
        }
        if let Some(path) = &self.router.api_keys_file {
            self.router.api_keys = api_keys_from(path)?;
            warnings.extend(exposed(path).then(|| told(path)));
            let invalid = |error| ConfigError::Invalid(format!("{}: {error}", path.display()));
            Keys::parse(&self.router.levels, &self.router.api_keys).map_err(invalid)?;
        }
        Ok(warnings)
    }
}

/// The secret in that file, without a line break at its end.
///
/// # Errors
/// The file cannot be read, is empty or is not UTF-8.
pub fn secret_from(path: &Path) -> Result<String, ConfigError> {
    let mut secret = fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    if secret.ends_with('\n') {
        secret.pop();
        if secret.ends_with('\r') {
            secret.pop();
        }
    }
    if secret.is_empty() {
        return Err(ConfigError::Invalid(format!("{}: the secret is empty", path.display())));
    }
    Ok(secret)
}

/// The lines of that file that say something. What stands behind a `#` at the beginning of a line is a remark.
fn api_keys_from(path: &Path) -> Result<Vec<String>, ConfigError> {
    let text = fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    Ok(lines.map(str::to_owned).collect())
}

/// A secret and the key of the file that may hold it instead.
const SECRETS: [(&str, &str); 2] = [("secret", "secret_file"), ("admin_secret", "admin_secret_file")];

/// A secret of the hub's, or the password of a database.
fn holds_a_secret(file: &Table) -> bool {
    let url = |section: &str| file.get(section).and_then(|section| section.get("url")).and_then(Value::as_str);
    let account = |url: &str| {
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        rest.rsplit_once('@').map(|(account, _)| account.to_owned())
    };
    let of_store = url("store").and_then(account).is_some_and(|account| account.contains(':'));
    // a token is an account without a password
    let of_nats = url("nats").and_then(account).is_some();
    SECRETS.iter().any(|(secret, _)| file.contains_key(*secret)) || of_store || of_nats
}

fn told(path: &Path) -> String {
    format!("{}: other users can read the secret: `chmod 600` it", path.display())
}

fn exposed(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(path).is_ok_and(|about| about.permissions().mode() & 0o044 != 0)
}

fn file_layer(path: &Path) -> Result<Table, ConfigError> {
    let text = fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    parse(path, &text)
}

/// The values of a TOML file whose keys and values are right.
///
/// # Errors
/// Names the file, the line and, for an unknown key, the nearest one.
pub fn parse(path: &Path, text: &str) -> Result<Table, ConfigError> {
    let at = |line: usize, message: String| ConfigError::File { path: path.to_owned(), line, message };
    let syntax =
        |error: toml::de::Error| at(line_of(text, error.span().map_or(0, |span| span.start)), error.message().to_owned());
    let document = DeTable::parse(text).map_err(syntax)?;
    let table: Table = toml::from_str(text).map_err(syntax)?;
    for Entry { path: key, offset } in entries(document.get_ref()) {
        let line = line_of(text, offset);
        let Some(known) = keys::find(&key) else {
            if keys::is_section(&key) {
                return Err(at(line, format!("`{key}` is a section: write [{key}] and its keys below")));
            }
            return Err(ConfigError::UnknownKey { path: path.to_owned(), line, nearest: keys::nearest(&key), key });
        };
        let value = validate::value_at(&table, known).expect("both readings of one text hold the same keys");
        values::fits(known, value).map_err(|message| at(line, format!("`{key}`: {message}")))?;
    }
    if let Some((secret, file)) = SECRETS.iter().find(|(secret, file)| table.contains_key(*secret) && table.contains_key(*file)) {
        return Err(ConfigError::Invalid(format!("{}: `{secret}` and `{file}` exclude each other", path.display())));
    }
    Ok(table)
}

/// A key of a TOML file, or a section that is none of the known ones, and where it stands.
struct Entry {
    path: String,
    offset: usize,
}

/// What a document says, in its order.
fn entries(document: &DeTable<'_>) -> Vec<Entry> {
    let mut found = Vec::new();
    for (name, value) in document {
        match value.get_ref() {
            DeValue::Table(inner) if keys::is_section(name.get_ref()) => {
                let path = |key: &str| format!("{}.{key}", name.get_ref());
                found.extend(inner.keys().map(|key| Entry { path: path(key.get_ref()), offset: key.span().start }));
            }
            _ => found.push(Entry { path: name.get_ref().to_string(), offset: name.span().start }),
        }
    }
    found.sort_by_key(|entry| entry.offset);
    found
}

fn line_of(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
}

/// One value of a layer above the file.
struct Laid {
    source: String,
    key: &'static Key,
    value: Value,
}

fn environment_layer(environment: &[(OsString, OsString)]) -> Result<Vec<Laid>, ConfigError> {
    let mut layer = Vec::new();
    for (name, value) in environment {
        let Some(name) = name.to_str().filter(|name| name.starts_with("CONCIERGE_")) else { continue };
        let Some(key) = keys::KEYS.iter().find(|key| key.variable() == name) else {
            if keys::CLIENT_VARIABLES.contains(&name) || is_container_link(name, &value.to_string_lossy()) {
                continue;
            }
            return Err(ConfigError::UnknownVariable { name: name.to_owned(), nearest: nearest_variable(name) });
        };
        let text = value.to_str().ok_or_else(|| wrong_value(name, "is not UTF-8"))?;
        let value = values::read(key, text).map_err(|message| wrong_value(name, &message))?;
        layer.push(Laid { source: name.to_owned(), key, value });
    }
    Ok(layer)
}

/// Container platforms put addresses of a service called "concierge" into every environment (`CONCIERGE_PORT=tcp://…`):
/// nobody wrote them, and they must not stop the hub.
fn is_container_link(name: &str, value: &str) -> bool {
    name.starts_with("CONCIERGE_SERVICE_HOST")
        || name.starts_with("CONCIERGE_SERVICE_PORT")
        || name.starts_with("CONCIERGE_PORT_")
        || (name == "CONCIERGE_PORT" && value.contains("://"))
}

fn nearest_variable(name: &str) -> Option<String> {
    let known: Vec<String> = keys::KEYS.iter().map(Key::variable).collect();
    let flat = |variable: &str| variable.trim_start_matches("CONCIERGE_").replace("__", ".").to_lowercase();
    keys::nearest(&flat(name))
        .and_then(keys::find)
        .map(Key::variable)
        .or_else(|| known.iter().find(|variable| variable.replace("__", "_") == name.replace("__", "_")).cloned())
}

fn flag_layer(flags: &[Setting]) -> Result<Vec<Laid>, ConfigError> {
    flags.iter().map(laid_flag).collect()
}

fn laid_flag(flag: &Setting) -> Result<Laid, ConfigError> {
    let key = keys::find(&flag.key).ok_or_else(|| ConfigError::UnknownFlagKey {
        flag: flag.source.clone(),
        key: flag.key.clone(),
        nearest: keys::nearest(&flag.key),
    })?;
    let value = values::read(key, &flag.value).map_err(|message| wrong_value(&flag.source, &message))?;
    Ok(Laid { source: flag.source.clone(), key, value })
}

fn wrong_value(source: &str, message: &str) -> ConfigError {
    ConfigError::Value { origin: source.to_owned(), message: message.to_owned() }
}

/// Lays one layer over the table.
fn lay(table: &mut Table, layer: Vec<Laid>) -> Result<(), ConfigError> {
    let given = |path: &str| layer.iter().find(|laid| laid.key.path == path);
    for (secret, file) in SECRETS {
        if let (Some(secret), Some(file)) = (given(secret), given(file)) {
            return Err(ConfigError::Invalid(format!("{} and {} exclude each other", secret.source, file.source)));
        }
    }
    for Laid { key, value, .. } in layer {
        // The secret of a higher layer replaces that of a lower one, in whatever form it was given.
        for (secret, file) in SECRETS {
            match key.path {
                path if path == secret => drop(table.remove(file)),
                path if path == file => drop(table.remove(secret)),
                _ => {}
            }
        }
        put(table, key, value);
    }
    Ok(())
}

fn put(table: &mut Table, key: &Key, value: Value) {
    let inner = match key.section() {
        "" => table,
        section => {
            let entry = table.entry(section).or_insert_with(|| Value::Table(Table::new()));
            entry.as_table_mut().expect("the file's sections are tables, or it had not been accepted")
        }
    };
    inner.insert(key.name().to_owned(), value);
}

fn decode(table: &Table) -> Result<Config, String> {
    table.clone().try_into().map_err(|error: toml::de::Error| error.message().to_owned())
}
