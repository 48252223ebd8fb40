//! `concierge serve`: a hub, from its configuration to its last client.

mod greeting;

use std::io;
use std::path::PathBuf;

use clap::Args;
use greeting::Entrance;
use serde_json::json;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::config::named_by_environment;
use super::exit::{Exit, Failure};
use super::output::{Output, wants_color};
use crate::config::load::{Layers, Loaded, Setting};
use crate::logging;
use crate::memory;
use crate::server::{Server, StartError};

/// Flags over the environment over the file over the defaults; `--set` reaches every key.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// The configuration, TOML [env: CONCIERGE_CONFIG] [default: ./concierge.toml if it is there]
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Where to listen [default: 127.0.0.1:64209]
    #[arg(short, long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,

    /// What clients have to present; prefer --secret-file, for other users see command lines
    #[arg(long, value_name = "TEXT", conflicts_with = "secret_file")]
    secret: Option<String>,

    /// A file that holds the secret
    #[arg(long, value_name = "FILE")]
    secret_file: Option<String>,

    /// A file that holds what administrators have to present [default: programs on this machine administer]
    #[arg(long, value_name = "FILE")]
    admin_secret_file: Option<String>,

    /// The certificate chain, PEM; SIGHUP reads it again
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<String>,

    /// The certificate's private key, PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<String>,

    /// Browser origins that may connect besides the hub's own pages: https://app.example.org,http://localhost:3000
    #[arg(long, value_name = "ORIGINS")]
    allowed_origins: Option<String>,

    /// Where the file server keeps files [default: a private temporary directory]
    #[arg(long, value_name = "DIRECTORY")]
    files_dir: Option<String>,

    /// Where promises and tasks are kept: sqlite:PATH, postgres://…, memory: [default: a file in the user's state directory]
    #[arg(long, value_name = "URL")]
    store: Option<String>,

    /// A nats-server, 2.11 or newer: what nobody here serves is asked there, what is served here is reachable from there
    #[arg(long, value_name = "URL")]
    nats: Option<String>,

    /// What is logged: error, warn, info, debug, trace [default: info]
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,

    /// The form of the log: auto, pretty, json [default: auto]
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<String>,

    /// Any key of the configuration: --set limits.payload_bytes=131072
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_and_value)]
    set: Vec<(String, String)>,
}

fn key_and_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write it as KEY=VALUE")?;
    Ok((key.trim().to_owned(), value.trim().to_owned()))
}

impl Serve {
    /// Serves until a signal, then takes leave of the clients.
    ///
    /// # Errors
    /// A wrong configuration, an address that cannot be had, a second signal.
    pub(crate) async fn run(self, output: &mut Output) -> Result<(), Failure> {
        let Loaded { config, file, warnings } = self.layers().load()?;
        logging::start(&config.log, wants_color()).map_err(|error| Failure::of(Exit::Configuration, &error))?;
        let signals = Signals::listen()?;
        if let Some(file) = file {
            tracing::info!(file = %file.display(), "configuration read");
        }
        for warning in warnings {
            tracing::warn!("{warning}");
        }
        memory::give_back();
        let entrance = Entrance::of(&config);
        let server = Server::start(config).await.map_err(not_started)?;
        tracing::info!(url = server.url(), version = env!("CARGO_PKG_VERSION"), "listening");
        if let Some(place) = server.store() {
            tracing::info!(%place, "promises and tasks are kept");
        }
        // A hub whose stdout nobody reads is a hub nevertheless.
        let _ = welcome(output, &server, &entrance);
        signals.serve(&server).await
    }

    fn layers(&self) -> Layers {
        let mut layers = Layers::of_process(self.config.clone().or_else(named_by_environment));
        let flags = [
            ("--listen", "listen", &self.listen),
            ("--secret", "secret", &self.secret),
            ("--secret-file", "secret_file", &self.secret_file),
            ("--admin-secret-file", "admin_secret_file", &self.admin_secret_file),
            ("--tls-cert", "tls.cert", &self.tls_cert),
            ("--tls-key", "tls.key", &self.tls_key),
            ("--allowed-origins", "allowed_origins", &self.allowed_origins),
            ("--files-dir", "files.dir", &self.files_dir),
            ("--store", "store.url", &self.store),
            ("--nats", "nats.url", &self.nats),
            ("--log-level", "log.level", &self.log_level),
            ("--log-format", "log.format", &self.log_format),
        ];
        let setting =
            |source: &str, key: &str, value: &str| Setting { source: source.into(), key: key.into(), value: value.into() };
        layers.flags.extend(flags.iter().filter_map(|(flag, key, value)| Some(setting(flag, key, value.as_ref()?))));
        layers.flags.extend(self.set.iter().map(|(key, value)| setting(&format!("--set {key}"), key, value)));
        layers
    }
}

/// The signals that a hub listens to, from before it has clients.
struct Signals {
    stop: Stop,
    hangup: Signal,
}

/// SIGINT or SIGTERM.
struct Stop {
    interrupt: Signal,
    terminate: Signal,
}

impl Stop {
    async fn asked(&mut self) {
        tokio::select! {
            biased; // either will do
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

impl Signals {
    fn listen() -> io::Result<Self> {
        let stop = Stop { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? };
        Ok(Self { stop, hangup: signal(SignalKind::hangup())? })
    }

    /// SIGHUP reads the TLS files again; the first signal to stop drains, the second one ends at once.
    async fn serve(self, server: &Server) -> Result<(), Failure> {
        let Self { mut stop, mut hangup } = self;
        loop {
            tokio::select! {
                biased; // to stop comes before everything
                () = stop.asked() => break,
                _ = hangup.recv() => reload(server),
            }
        }
        tracing::info!("stopping: clients are told; once more ends at once");
        tokio::select! {
            biased; // whoever asks twice does not want to wait
            () = stop.asked() => Err(Failure::new(Exit::Interrupted, "ended at once by a second signal")),
            () = server.drain() => Ok(()),
        }
    }
}

fn reload(server: &Server) {
    match server.reload_tls() {
        Ok(()) => tracing::info!("TLS files read again"),
        Err(error) => tracing::error!(%error, "TLS files kept as they were"),
    }
}

fn not_started(error: StartError) -> Failure {
    match &error {
        StartError::Listen { source, .. } => {
            let failure = Failure::of(Exit::Failed, &error);
            match source.kind() {
                io::ErrorKind::AddrInUse => failure.try_next("Does a hub run already? Another address: --listen 127.0.0.1:0"),
                _ => failure,
            }
        }
        StartError::Tls(_) | StartError::Config(_) => Failure::of(Exit::Configuration, &error),
        StartError::Files(_) => Failure::of(Exit::Failed, &error).try_next("Another directory: --files-dir"),
        StartError::Store(_) => Failure::of(Exit::Failed, &error).try_next("Another place: --store sqlite:PATH"),
        StartError::Nats(_) => Failure::of(Exit::Configuration, &error).try_next("A hub alone: leave `nats.url` out"),
        StartError::PrivateDir(_) | StartError::Thread(_) => Failure::of(Exit::Failed, &error),
    }
}

/// Where the hub listens, and three commands to try next.
fn welcome(output: &mut Output, server: &Server, entrance: &Entrance) -> Result<(), Failure> {
    let files = server.files_address().map(|address| address.to_string());
    let facts = json!({ "url": server.url(), "address": server.address().to_string(), "files": files });
    output.result(&facts, |_| greeting::greeting(&server.url(), entrance, &greeting::program()))
}

#[cfg(test)]
mod tests;
