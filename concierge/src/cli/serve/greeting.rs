//! What a hub tells people when it listens: where, and commands that find it when they are pasted into another terminal.

use std::env;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::config::Config;

/// What clients need to know of a hub's configuration to get in.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Entrance {
    secret: Secret,
    certificate: Option<PathBuf>,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Secret {
    #[default]
    None,
    /// Given in so many words, which are not repeated.
    Told,
    InFile(PathBuf),
}

impl Entrance {
    /// Paths are made absolute: the other terminal may be in another directory.
    pub(super) fn of(config: &Config) -> Self {
        let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let secret = match (&config.secret_file, &config.secret) {
            (Some(path), _) => Secret::InFile(absolute(path.as_ref())),
            (None, Some(_)) => Secret::Told,
            (None, None) => Secret::None,
        };
        Self { secret, certificate: config.tls.cert.as_ref().map(|path| absolute(path.as_ref())) }
    }

    /// What another terminal needs before the commands.
    fn exports(&self) -> String {
        let mut lines = String::new();
        match &self.secret {
            Secret::None => {}
            Secret::Told => lines.push_str("  export CONCIERGE_SECRET=…   # the hub's secret\n"),
            Secret::InFile(path) => drop(writeln!(lines, "  export CONCIERGE_SECRET_FILE={}", quoted(path.as_os_str()))),
        }
        if let Some(path) = &self.certificate {
            let path = quoted(path.as_os_str());
            let _ = writeln!(lines, "  export CONCIERGE_CA={path}   # as --ca; needless where its authority is trusted");
        }
        lines
    }
}

/// Where the hub listens, and three commands to try next; `program` stands before their names.
pub(super) fn greeting(url: &str, entrance: &Entrance, program: &str) -> String {
    let server = if is_default(url) { String::new() } else { format!(" -s {url}") };
    format!(
        "Concierge listens on {url} (Ctrl-C stops it).\n\n\
         Try next, in other terminals:\n{}\
         \x20 {program} sub news{server}\n\
         \x20 {program} pub news hello{server}\n\
         \x20 {program} clients ls{server}\n",
        entrance.exports()
    )
}

/// Would a client command find the hub without `--server`?
fn is_default(url: &str) -> bool {
    url.trim_end_matches("/ws") == format!("ws://{}", Config::default().listen)
}

/// What stands before a command where we were started: cargo's runner, our name when the shell finds us by it, else our path.
pub(super) fn program() -> String {
    if env::var_os("CARGO").is_some() {
        return if cfg!(debug_assertions) { "cargo run -q --" } else { "cargo run -q --release --" }.to_owned();
    }
    let Ok(executable) = env::current_exe() else { return "concierge".to_owned() };
    let search = env::var_os("PATH").unwrap_or_default();
    named(&executable, &search, env::current_dir().ok().as_deref())
}

/// How a shell in `here` that searches `search` is told to run `executable`.
fn named(executable: &Path, search: &OsStr, here: Option<&Path>) -> String {
    let name = executable.file_name().unwrap_or(OsStr::new("concierge"));
    let found = env::split_paths(search).map(|folder| folder.join(name)).find(|candidate| candidate.is_file());
    let is_ours =
        |found: &PathBuf| found.canonicalize().is_ok_and(|found| executable.canonicalize().is_ok_and(|own| found == own));
    if found.as_ref().is_some_and(is_ours) {
        return quoted(name);
    }
    match here.and_then(|here| executable.strip_prefix(here).ok()) {
        Some(below) => quoted(Path::new(".").join(below).as_os_str()),
        None => quoted(executable.as_os_str()),
    }
}

/// A word of a shell's command line.
fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let plain = |char: char| char.is_alphanumeric() || "/._-+:,@%".contains(char);
    if word.chars().all(plain) { word.into_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn the_greeting_names_the_address_and_three_commands_that_find_it() {
        let plain = greeting("ws://127.0.0.1:64209/ws", &Entrance::default(), "cargo run -q --release --");
        let entrance =
            Entrance { secret: Secret::InFile("/etc/my hub/secret".into()), certificate: Some("/etc/cert.pem".into()) };
        let closed = greeting("wss://127.0.0.1:8443/ws", &entrance, "concierge");
        let told = Entrance { secret: Secret::Told, certificate: None };
        expect![[r"
            Concierge listens on ws://127.0.0.1:64209/ws (Ctrl-C stops it).

            Try next, in other terminals:
              cargo run -q --release -- sub news
              cargo run -q --release -- pub news hello
              cargo run -q --release -- clients ls

            Concierge listens on wss://127.0.0.1:8443/ws (Ctrl-C stops it).

            Try next, in other terminals:
              export CONCIERGE_SECRET_FILE='/etc/my hub/secret'
              export CONCIERGE_CA=/etc/cert.pem   # as --ca; needless where its authority is trusted
              concierge sub news -s wss://127.0.0.1:8443/ws
              concierge pub news hello -s wss://127.0.0.1:8443/ws
              concierge clients ls -s wss://127.0.0.1:8443/ws

              export CONCIERGE_SECRET=…   # the hub's secret
        "]]
        .assert_eq(&format!("{plain}\n{closed}\n{}", told.exports()));
    }

    #[test]
    fn what_clients_need_is_found_in_the_configuration_and_has_absolute_paths() {
        assert_eq!(Entrance::of(&Config::default()), Entrance::default());
        let mut config = Config { secret: Some("swordfish".into()), ..Config::default() };
        assert_eq!(Entrance::of(&config).secret, Secret::Told);
        config.secret_file = Some("secret".into());
        config.tls.cert = Some("/etc/cert.pem".into());
        let here = env::current_dir().unwrap();
        let expected = Entrance { secret: Secret::InFile(here.join("secret")), certificate: Some("/etc/cert.pem".into()) };
        assert_eq!(Entrance::of(&config), expected);
    }

    #[test]
    fn a_program_is_named_as_the_shell_finds_it() {
        let home = tempfile::tempdir().unwrap();
        let (bin, other) = (home.path().join("bin"), home.path().join("other one"));
        for folder in [&bin, &other] {
            std::fs::create_dir(folder).unwrap();
            std::fs::write(folder.join("concierge"), "").unwrap();
        }
        let search = env::join_paths([Path::new("/nowhere"), &bin]).unwrap();
        let ours = bin.join("concierge");
        assert_eq!(named(&ours, &search, None), "concierge");
        assert_eq!(named(&ours, OsStr::new(""), Some(home.path())), "./bin/concierge");
        assert_eq!(named(&ours, OsStr::new(""), Some(Path::new("/elsewhere"))), ours.to_str().unwrap());
        let shadowed = other.join("concierge");
        assert_eq!(named(&shadowed, &search, Some(home.path())), "'./other one/concierge'", "the name means another program");
    }
}
