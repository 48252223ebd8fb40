//! The arguments that every command of a client has: which hub, who we are, what we present.

use std::path::PathBuf;

use clap::Args;
use concierge_client::{HubUrl, Options, Tls};

use super::exit::{Exit, Failure};
use crate::config::load::secret_from;

/// Which hub, and whom to trust.
#[derive(Debug, Clone, Args)]
pub struct ServerArgs {
    /// The hub: `ws://host:port`, `wss://host`, or `host:port`
    #[arg(short, long, env = "CONCIERGE_URL", default_value = "ws://127.0.0.1:64209", value_name = "URL")]
    pub server: HubUrl,

    /// Trust the certificate authorities in this PEM file too
    #[arg(long, env = "CONCIERGE_CA", value_name = "FILE")]
    pub ca: Option<PathBuf>,

    /// Accept any certificate: whoever stands between sees and changes everything
    #[arg(long, conflicts_with = "ca")]
    pub insecure: bool,
}

/// [`ServerArgs`], and who we are there.
#[derive(Debug, Clone, Args)]
pub struct ClientArgs {
    #[command(flatten)]
    pub server: ServerArgs,

    /// Our name at the hub: 1 to 64 letters, digits and underscores [default: cli_ and a random number]
    #[arg(short, long, env = "CONCIERGE_NAME")]
    pub name: Option<String>,

    /// The hub's secret; prefer --secret-file, for other users see command lines [env: CONCIERGE_SECRET]
    #[arg(long, value_name = "TEXT", conflicts_with = "secret_file")]
    pub secret: Option<String>,

    /// A file that holds the hub's secret [env: CONCIERGE_SECRET_FILE]
    #[arg(long, value_name = "FILE")]
    pub secret_file: Option<PathBuf>,
}

impl ServerArgs {
    /// Whom to trust.
    ///
    /// # Errors
    /// The authorities' file cannot be read or holds no certificate.
    pub fn tls(&self) -> Result<Tls, Failure> {
        if self.insecure {
            return Ok(Tls::default().danger_accept_invalid());
        }
        let Some(path) = &self.ca else { return Ok(Tls::default()) };
        let wrong = |error: &dyn std::error::Error| {
            let failure = Failure::of(Exit::Usage, error);
            Failure { message: format!("--ca {}: {}", path.display(), failure.message), ..failure }
        };
        let pem = std::fs::read(path).map_err(|error| wrong(&error))?;
        Tls::default().with_authority(&pem).map_err(|error| wrong(&error))
    }
}

impl ClientArgs {
    /// What to connect with. The caller adds what else its command needs (nickname, tags, reconnecting).
    ///
    /// # Errors
    /// A name that breaks the rule, or a file that cannot be read.
    pub fn options(&self) -> Result<Options, Failure> {
        let name = self.name.clone().unwrap_or_else(random_name);
        let name = concierge_client::ClientName::parse(&name)
            .map_err(|error| Failure::new(Exit::Usage, format!("--name {name}: {error}")))?;
        let options = Options::of(self.server.server.clone(), name).tls(self.server.tls()?);
        Ok(match self.present()? {
            Some(secret) => options.secret(secret),
            None => options,
        })
    }

    /// The secret: from the flags, else from the environment.
    fn present(&self) -> Result<Option<String>, Failure> {
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let read = |path: &PathBuf| secret_from(path).map(Some).map_err(|error| Failure::of(Exit::Usage, &error));
        if let Some(secret) = &self.secret {
            return Ok(Some(secret.clone()));
        }
        if let Some(path) = &self.secret_file {
            return read(path);
        }
        if let Some(secret) = variable("CONCIERGE_SECRET") {
            return Ok(Some(secret));
        }
        variable("CONCIERGE_SECRET_FILE").map_or(Ok(None), |path| read(&path.into()))
    }
}

/// `cli_5f3a91c2`: most commands do not care, and two of them must not collide.
fn random_name() -> String {
    format!("cli_{:.8}", uuid::Uuid::new_v4().simple().to_string())
}
