//! What the commands that speak with the router share: what is asked for, how data is shown, and why not.

use clap::Args;
use concierge_api_rs::packet::Cmd;
use concierge_client::router::{Fault, FaultCode, Router, RouterError, Subject};
use concierge_client::{Client, Intent};
use serde_json::value::RawValue;

use super::client_args::ClientArgs;
use super::connected;
use super::data::{self, As};
use super::exit::{Exit, Failure};
use super::output::Output;

/// What is asked for, or pushed.
#[derive(Debug, Args)]
pub(crate) struct PacketArgs {
    /// What is to be done, as `math/add`: its category says who does it
    pub(crate) cmd: Cmd,

    /// JSON, or text that is sent as a JSON string; `-` is all of stdin
    #[arg(allow_negative_numbers = true, default_value = "{}")]
    body: String,

    /// How the body is understood
    #[arg(long = "as", value_enum, default_value_t, value_name = "KIND")]
    how: As,

    /// Where it goes: the hub's routes may want another one
    #[arg(long, default_value = "api")]
    pub(crate) subject: Subject,
}

impl PacketArgs {
    /// The body to send.
    ///
    /// # Errors
    /// It has to be JSON and is not, or stdin cannot be read.
    pub(crate) async fn body(&self) -> Result<Box<RawValue>, Failure> {
        match self.body.as_str() {
            "-" => self.how.data(&data::whole(tokio::io::stdin()).await?),
            text => self.how.data(text),
        }
    }
}

/// The router on a connection of its own that is not made again.
///
/// # Errors
/// No connection, or no router.
pub(crate) async fn once(args: &ClientArgs) -> Result<Router, Failure> {
    of(connected::once(args, [Intent::Messages]).await?).await
}

/// The router of a client.
///
/// # Errors
/// There is none.
pub(crate) async fn of(client: Client) -> Result<Router, Failure> {
    Ok(client.router().await?)
}

/// Data as one line: as it was written, but for a terminal, which nobody repaints.
///
/// # Errors
/// stdout cannot be written to.
pub(crate) fn print(data: &RawValue, output: &mut Output) -> Result<(), Failure> {
    let line = data::one_line(data);
    if output.is_terminal() { output.line(&line) } else { output.bytes(format!("{line}\n").as_bytes()) }
}

impl From<RouterError> for Failure {
    fn from(error: RouterError) -> Self {
        let failure = |exit| Self::of(exit, &error);
        match error {
            RouterError::Fault(fault) => answered(&fault),
            RouterError::Absent => {
                failure(Exit::NotFound).try_next("Start the hub with `router.enabled = true`, which is the default.")
            }
            RouterError::Disconnected | RouterError::Closed => failure(Exit::Unreachable).try_next("It may have been done."),
            RouterError::TimedOut(_) => failure(Exit::TimedOut).try_next("It is cancelled. Wait longer with --timeout."),
            RouterError::InParts => Self::new(Exit::Failed, "the answer comes in parts").try_next("Ask for it with --many."),
            RouterError::Overrun => failure(Exit::Failed).try_next("Ask for fewer parts at once, or read stdout faster."),
            RouterError::Word(_) => failure(Exit::Usage),
            RouterError::Json(_) => failure(Exit::Failed),
            RouterError::Hub(error) => error.into(),
        }
    }
}

/// The error that a request was answered with.
pub(crate) fn answered(fault: &Fault) -> Failure {
    let exit = Exit::Answered(fault.code());
    Failure::new(exit, fault.to_string()).try_next(match fault.code() {
        FaultCode::Unavailable if fault.items() == ["subject"] => {
            "Nobody serves that now; `concierge reply CMD --echo` would.".to_owned()
        }
        _ => format!("`concierge errors {}` explains it.", exit.code()),
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use concierge_client::RequestError;

    use super::*;

    #[test]
    fn every_error_has_its_exit_and_says_what_to_try() {
        let items = |code| Failure::from(RouterError::Fault(Fault::new(code, &["a", "b"]).with("message", "no".into())));
        for code in FaultCode::ALL {
            let failure = items(*code);
            assert_eq!((failure.exit.code(), failure.message), (20 + code.number(), format!("{code} (a, b): no")));
            assert!(failure.next.unwrap().contains(&format!("errors {}", 20 + code.number())));
        }
        let nobody = Failure::from(RouterError::Fault(Fault::new(FaultCode::Unavailable, &["subject"])));
        assert!(nobody.next.unwrap().contains("concierge reply"));
        for (error, exit, next) in [
            (RouterError::Absent, Exit::NotFound, "router.enabled"),
            (RouterError::Disconnected, Exit::Unreachable, "may have been"),
            (RouterError::TimedOut(Duration::from_secs(1)), Exit::TimedOut, "--timeout"),
            (RouterError::InParts, Exit::Failed, "--many"),
            (RouterError::Overrun, Exit::Failed, "fewer"),
            (RouterError::Hub(RequestError::TooBig { bytes: 2, limit: 1 }), Exit::Failed, "file put"),
        ] {
            let failure = Failure::from(error);
            assert_eq!(failure.exit, exit, "{failure:?}");
            assert!(failure.next.unwrap().contains(next));
        }
    }
}
