//! The command line. Each command is a file here: a struct of arguments (clap) with
//! `run(self, output: &mut Output) -> Result<(), Failure>`, async where it talks.
//!
//! How to write a command of a client:
//! * Its struct has `#[command(flatten)] client: ClientArgs`; [`ClientArgs::options`] makes the options to connect with.
//! * It writes through [`Output`] only: results with `result`, `table`, `json` or `bytes`, everything else with `note`.
//!   `--json` is global, and `result` obeys it; ask `is_json` where the two forms differ in more than a line.
//! * It fails with [`Failure`], which the errors of `concierge_client` become with `?`; the exit codes are [`Exit`].
//! * It gets a variant in [`Command`] and an arm in [`Command::run`].

mod admin_args;
mod advice;
mod child;
mod client_args;
mod clients;
mod completions;
mod config;
mod connected;
mod coordinated;
mod data;
mod errors;
mod events;
mod exit;
mod file;
mod frames;
mod healthcheck;
mod output;
mod promise;
mod pub_;
mod push;
mod reply;
mod request;
mod routed;
mod router;
mod schedule;
mod schema;
mod send;
mod serve;
mod services;
mod span;
mod sub;
mod task;
mod top;
mod value_args;

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand};

pub use client_args::{ClientArgs, ServerArgs};
pub use errors::{Explained, all as all_errors};
pub use exit::{Exit, Failure};
pub use output::{Output, printable, wants_color};

use crate::config::{Log, LogFormat};
use crate::logging;

/// A WebSocket hub where programs meet
///
/// Programs join a hub with a name, own services, subscribe to those of others, and send each other messages and files.
/// `concierge serve` is the hub; the other commands are its clients, or explain it.
#[derive(Debug, Parser)]
#[command(name = "concierge", version, propagate_version = true, arg_required_else_help = true, after_long_help = after_help())]
pub struct Cli {
    /// Print results as JSON, a line each, and failures as JSON on stderr
    #[arg(long, global = true)]
    json: bool,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a hub
    ///
    /// It needs no configuration. What it is told comes from a TOML file, over it the environment (CONCIERGE_LISTEN,
    /// CONCIERGE_LIMITS__PAYLOAD_BYTES, …), over it these flags; `concierge config default` prints every key with its
    /// meaning. SIGTERM or Ctrl-C tells the clients and ends within `drain.within_ms` (10 s), a second one ends at once;
    /// SIGHUP reads the TLS certificate again.
    #[command(after_help = "Example: concierge serve --listen 0.0.0.0:64209 --secret-file /etc/concierge/secret")]
    Serve(Box<serve::Serve>),
    Pub(pub_::Pub),
    Sub(sub::Sub),
    Send(send::Send),
    Request(request::Request),
    Reply(reply::Reply),
    Push(push::Push),
    /// List the connected clients, show or end one
    Clients(clients::Clients),
    /// List services, show, create or delete one
    Services(services::Services),
    File(file::File),
    Promise(promise::Promise),
    Task(task::Task),
    Schedule(schedule::Schedule),
    Router(router::Router),
    Top(top::Top),
    Events(events::EventsArgs),
    /// Ask a hub whether it is alive: exit code 0, or 1
    #[command(after_help = "Example: concierge healthcheck --ready -s ws://hub.example.org:64209")]
    Healthcheck(healthcheck::Healthcheck),
    /// Print the default configuration, or check one
    Config(config::ConfigArgs),
    /// Explain close codes and errors: what happened, and what to do
    #[command(after_help = "Example: concierge errors 4005")]
    Errors(errors::Errors),
    /// Print a completion script for a shell
    #[command(after_help = "Example: concierge completions bash")]
    Completions(completions::Completions),
    /// Print the JSON Schema of every payload
    #[command(after_help = "Example: concierge schema --json")]
    Schema,
}

impl Command {
    async fn run(self, output: &mut Output) -> Result<(), Failure> {
        match self {
            Self::Serve(serve) => serve.run(output).await,
            Self::Pub(publish) => publish.run(output).await,
            Self::Sub(sub) => sub.run(output).await,
            Self::Send(send) => send.run(output).await,
            Self::Request(request) => request.run(output).await,
            Self::Reply(reply) => reply.run(output).await,
            Self::Push(push) => push.run(output).await,
            Self::Clients(clients) => clients.run(output).await,
            Self::Services(services) => services.run(output).await,
            Self::File(file) => file.run(output).await,
            Self::Promise(promise) => promise.run(output).await,
            Self::Task(task) => task.run(output).await,
            Self::Schedule(schedule) => schedule.run(output).await,
            Self::Router(router) => router.run(output).await,
            Self::Top(top) => top.run(output).await,
            Self::Events(events) => events.run(output).await,
            Self::Healthcheck(healthcheck) => healthcheck.run(output).await,
            Self::Config(config) => config.run(output),
            Self::Errors(errors) => errors.run(output),
            Self::Completions(completions) => completions.run(output),
            Self::Schema => schema::run(output),
        }
    }

    /// A hub starts its own log, when it has read its configuration.
    fn starts_the_log(&self) -> bool {
        matches!(self, Self::Serve(_))
    }
}

/// Runs the command that the process was started with.
#[must_use]
pub fn run() -> Exit {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return explain(&error),
    };
    let mut output = Output::standard(cli.json);
    match execute(cli.command, &mut output) {
        Ok(()) => Exit::Success,
        Err(failure) => {
            output.failure(&failure);
            failure.exit
        }
    }
}

/// Help and version go to stdout and are a success; the rest is a wrong command line.
fn explain(error: &clap::Error) -> Exit {
    if !error.use_stderr() {
        // Nobody is left to be told when printing fails.
        let _ = error.print();
        return Exit::Success;
    }
    if asks_for_json(std::env::args_os()) {
        Output::standard(true).failure(&misused(error));
    } else {
        let _ = error.print();
    }
    Exit::Usage
}

/// `--json` on a command line that could not be understood: as a flag, not behind `--`.
fn asks_for_json(arguments: impl Iterator<Item = OsString>) -> bool {
    arguments.take_while(|argument| argument != "--").any(|argument| argument == "--json")
}

/// A wrong command line as a failure: clap's first paragraph is what is wrong, the others say what would be right.
fn misused(error: &clap::Error) -> Failure {
    let text = error.render().to_string();
    let mut paragraphs = text.split("\n\n").map(|paragraph| paragraph.split_whitespace().collect::<Vec<_>>().join(" "));
    let wrong = paragraphs.next().unwrap_or_default();
    let next = paragraphs.collect::<Vec<_>>().join("; ");
    match error.kind() {
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand => {
            Failure::new(Exit::Usage, "a command is missing").try_next("`--help` lists the commands.")
        }
        _ => Failure::new(Exit::Usage, wrong.strip_prefix("error: ").unwrap_or(&wrong)).try_next(next),
    }
}

fn execute(command: Command, output: &mut Output) -> Result<(), Failure> {
    if !command.starts_the_log() {
        let quiet = Log { level: "warn".to_owned(), format: LogFormat::Pretty };
        logging::start(&quiet, wants_color()).map_err(|error| Failure::of(Exit::Failed, &error))?;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let outcome = runtime.block_on(command.run(output));
    // What still blocks (a read of the terminal, a disk) does not keep the process.
    runtime.shutdown_background();
    outcome
}

fn after_help() -> String {
    let codes: String = Exit::ALL.iter().map(|exit| format!("  {:>3}  {}\n", exit.code(), exit.meaning())).collect();
    format!(
        "Start with:\n  concierge serve\n  concierge sub news                   (in another terminal)\n  \
         concierge pub news hello             (in a third one)\n\n\
         Environment:\n  CONCIERGE_URL          the hub of client commands, as --server\n  \
         CONCIERGE_NAME         our name, as --name\n  \
         CONCIERGE_SECRET       the hub's secret, for hub and clients\n  \
         CONCIERGE_SECRET_FILE  a file that holds it\n  \
         CONCIERGE_ADMIN_SECRET, CONCIERGE_ADMIN_SECRET_FILE  the same for administrators\n  \
         CONCIERGE_CA           certificate authorities to trust, as --ca\n  \
         CONCIERGE_FS_KEY       the key of a connected client, as --key; CONCIERGE_FILES_URL: as --files\n  \
         CONCIERGE_CONFIG       the hub's configuration, as --config\n  \
         CONCIERGE_…            each key of the configuration: CONCIERGE_LISTEN, …\n  \
         NO_COLOR               no colour\n\n\
         Exit codes:\n{codes}"
    )
}

#[cfg(test)]
mod tests;
