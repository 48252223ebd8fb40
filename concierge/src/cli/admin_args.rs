//! The arguments of commands for administrators, and how they connect.

use std::path::PathBuf;

use clap::Args;
use concierge_client::admin::{Admin, AdminError, RefusalCode};
use concierge_client::{Client, Intent};

use super::client_args::ClientArgs;
use super::connected;
use super::exit::{Exit, Failure};
use crate::config::load::secret_from;

/// [`ClientArgs`], and what administrators present.
#[derive(Debug, Clone, Args)]
pub(crate) struct AdminArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,

    /// A file that holds the hub's admin secret [env: CONCIERGE_ADMIN_SECRET_FILE, or CONCIERGE_ADMIN_SECRET]
    #[arg(long, value_name = "FILE")]
    admin_secret_file: Option<PathBuf>,
}

impl AdminArgs {
    /// A connection for one question: it fails when it is lost.
    pub(crate) async fn once(&self) -> Result<(Client, Admin), Failure> {
        self.admin(connected::once(&self.client, [Intent::Messages]).await?).await
    }

    /// A connection that is made again when it is lost.
    pub(crate) async fn lasting(&self) -> Result<(Client, Admin), Failure> {
        self.admin(connected::lasting(&self.client, [Intent::Messages, Intent::Services]).await?).await
    }

    async fn admin(&self, client: Client) -> Result<(Client, Admin), Failure> {
        let admin = Admin::connect(&client, self.present()?.as_deref()).await.map_err(failed)?;
        Ok((client, admin))
    }

    /// The admin secret: from the flag, else from the environment.
    fn present(&self) -> Result<Option<String>, Failure> {
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let read = |path: &PathBuf| secret_from(path).map(Some).map_err(|error| Failure::of(Exit::Usage, &error));
        if let Some(path) = &self.admin_secret_file {
            return read(path);
        }
        match variable("CONCIERGE_ADMIN_SECRET") {
            Some(secret) => Ok(Some(secret)),
            None => variable("CONCIERGE_ADMIN_SECRET_FILE").map_or(Ok(None), |path| read(&path.into())),
        }
    }
}

/// Why an administrator's command failed.
pub(crate) fn failed(error: AdminError) -> Failure {
    match error {
        AdminError::Hub(error) => error.into(),
        AdminError::Refused(refusal) => {
            let exit = match refusal.code {
                RefusalCode::InvalidUuid | RefusalCode::InvalidService => Exit::NotFound,
                RefusalCode::BadRequest => Exit::Usage,
                _ => Exit::Refused,
            };
            let failure = Failure::new(exit, refusal.message);
            match refusal.code {
                RefusalCode::Forbidden => failure.try_next("Give the hub's admin secret: --admin-secret-file."),
                _ => failure,
            }
        }
        AdminError::Absent => {
            Failure::of(Exit::NotFound, &error).try_next("Start the hub with `admin = true`, which is the default.")
        }
        AdminError::NoAnswer(_) => Failure::of(Exit::TimedOut, &error),
        AdminError::Lost | AdminError::Closed => Failure::of(Exit::Unreachable, &error),
        AdminError::Unreadable(_) => Failure::of(Exit::Failed, &error),
    }
}
