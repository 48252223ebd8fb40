//! `concierge config`: prints the default configuration, or checks one.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use super::exit::{Exit, Failure};
use super::output::Output;
use crate::config::load::{Layers, Loaded};
use crate::config::{Config, print};

#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Print every key with its meaning, unit and default, as a TOML file to start from
    #[command(after_help = "Example: concierge config default")]
    Default,
    /// Print the configuration that a hub would have, secrets masked, or say what is wrong (exit code 78)
    #[command(after_help = "Example: concierge config check /etc/concierge/concierge.toml")]
    Check {
        /// The file to check [env: CONCIERGE_CONFIG] [default: ./concierge.toml if it is there]
        file: Option<PathBuf>,
    },
}

impl ConfigArgs {
    /// # Errors
    /// The configuration is wrong.
    pub(crate) fn run(self, output: &mut Output) -> Result<(), Failure> {
        match self.command {
            ConfigCommand::Default => output.result(&Config::default(), |_| print::default()),
            ConfigCommand::Check { file } => check(file, output),
        }
    }
}

fn check(file: Option<PathBuf>, output: &mut Output) -> Result<(), Failure> {
    let file = file.or_else(named_by_environment);
    let Loaded { config, file, warnings } = Layers::of_process(file).load()?;
    readable(&config)?;
    for warning in &warnings {
        output.note(&format!("warning: {warning}"));
    }
    match file {
        Some(path) => output.note(&format!("{} is correct; with the environment it makes:", path.display())),
        None => output.note("No file; the defaults and the environment make:"),
    }
    output.result(&json!({ "config": config.masked(), "warnings": warnings }), |_| print::effective(&config))
}

/// What `CONCIERGE_CONFIG` says.
pub(super) fn named_by_environment() -> Option<PathBuf> {
    std::env::var_os("CONCIERGE_CONFIG").filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// The files that the configuration names can be read, now and by this user at least.
fn readable(config: &Config) -> Result<(), Failure> {
    for (key, path) in [("tls.cert", &config.tls.cert), ("tls.key", &config.tls.key)] {
        let Some(path) = path else { continue };
        std::fs::File::open(path)
            .map_err(|error| Failure::new(Exit::Configuration, format!("`{key}`: {}: {error}", path.display())))?;
    }
    Ok(())
}
