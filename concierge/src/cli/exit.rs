//! How a command ends: the exit codes (docs/cli.md) and the failure that is told on stderr.

use std::error::Error;
use std::io;
use std::process::ExitCode;

use concierge_client::router::FaultCode;
use concierge_client::{CloseCode, ConnectError, OptionsError, RequestError};

use super::advice;
use crate::config::load::ConfigError;

/// The exit codes of every command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Success,
    Failed,
    Usage,
    Unreachable,
    Refused,
    NotFound,
    TimedOut,
    PromiseRejected,
    PromiseCanceled,
    PromiseTimedOut,
    /// `request` was answered with that error.
    Answered(FaultCode),
    Configuration,
    Interrupted,
}

impl Exit {
    /// Every exit, in the order of the codes.
    pub const ALL: &[Self] = &[
        Self::Success,
        Self::Failed,
        Self::Usage,
        Self::Unreachable,
        Self::Refused,
        Self::NotFound,
        Self::TimedOut,
        Self::PromiseRejected,
        Self::PromiseCanceled,
        Self::PromiseTimedOut,
        Self::Answered(FaultCode::Generic),
        Self::Answered(FaultCode::Forbidden),
        Self::Answered(FaultCode::Unavailable),
        Self::Answered(FaultCode::Invalid),
        Self::Answered(FaultCode::Incomplete),
        Self::Answered(FaultCode::Duplicate),
        Self::Answered(FaultCode::Limit),
        Self::Answered(FaultCode::Timeout),
        Self::Answered(FaultCode::Session),
        Self::Answered(FaultCode::NotImplemented),
        Self::Configuration,
        Self::Interrupted,
    ];

    /// The number that the shell sees.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Unreachable => 3,
            Self::Refused => 4,
            Self::NotFound => 5,
            Self::TimedOut => 6,
            Self::PromiseRejected => 10,
            Self::PromiseCanceled => 11,
            Self::PromiseTimedOut => 12,
            Self::Answered(code) => 20 + code.number(),
            Self::Configuration => 78,
            Self::Interrupted => 130,
        }
    }

    /// What it means.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Success => "done; `serve`: ended as it was told to",
            Self::Failed => "failed for another reason than those below; `healthcheck`: not healthy",
            Self::Usage => "the command line is wrong",
            Self::Unreachable => "no hub answers there, TLS is not trusted, or the connection was lost",
            Self::Refused => "the hub refused: wrong secret, name in use, not the owner, wrong key, a task in another state",
            Self::NotFound => "no such client, service, file, promise, task, schedule, or error code",
            Self::TimedOut => "no answer in time; `promise wait --within`: not settled in time",
            Self::PromiseRejected => "`promise wait`: the promise is rejected",
            Self::PromiseCanceled => "`promise wait`: the promise is canceled",
            Self::PromiseTimedOut => "`promise wait`: the promise went past its deadline",
            Self::Answered(code) => meaning_of_fault(code),
            Self::Configuration => "the configuration is wrong; the message says where",
            Self::Interrupted => "ended at once, by a second signal or by an interrupt",
        }
    }
}

const fn meaning_of_fault(code: FaultCode) -> &'static str {
    match code {
        FaultCode::Generic => "`request`: answered GENERIC, an error of no other kind",
        FaultCode::Forbidden => "`request`: answered FORBIDDEN",
        FaultCode::Unavailable => "`request`: answered UNAVAILABLE: nobody serves it, or the worker is gone",
        FaultCode::Invalid => "`request`: answered INVALID: an argument makes no sense",
        FaultCode::Incomplete => "`request`: answered INCOMPLETE: an argument is missing",
        FaultCode::Duplicate => "`request`: answered DUPLICATE",
        FaultCode::Limit => "`request`: answered LIMIT: too many requests, or another bound",
        FaultCode::Timeout => "`request`: answered TIMEOUT: the worker did not answer in time",
        FaultCode::Session => "`request`: answered SESSION",
        FaultCode::NotImplemented => "`request`: answered NOT_IMPLEMENTED: the worker knows no such command",
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Why a command did not do what it was asked: told on stderr, with what to try next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub exit: Exit,
    /// What happened, with its causes, without a full stop at the end.
    pub message: String,
    /// What to try next, as a sentence.
    pub next: Option<String>,
}

impl Failure {
    #[must_use]
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), next: None }
    }

    /// A failure from an error and its sources.
    #[must_use]
    pub fn of(exit: Exit, error: &dyn Error) -> Self {
        Self::new(exit, with_sources(error))
    }

    /// The same, with what to try next.
    #[must_use]
    pub fn try_next(mut self, next: impl Into<String>) -> Self {
        self.next = Some(next.into());
        self
    }

    /// Whoever read our output went away (`concierge … | head`): the end, and no failure.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.exit == Exit::Success
    }
}

/// `a: b: c` of an error and its sources; a source that its error repeats already is left out.
fn with_sources(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::new(Exit::Success, "nobody reads the output any more"),
            _ => Self::of(Exit::Failed, &error),
        }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::of(Exit::Configuration, &error).try_next("`concierge config default` prints every key with its meaning.")
    }
}

impl From<OptionsError> for Failure {
    fn from(error: OptionsError) -> Self {
        Self::of(Exit::Usage, &error)
    }
}

impl From<ConnectError> for Failure {
    fn from(error: ConnectError) -> Self {
        Self::from(&error)
    }
}

impl From<&ConnectError> for Failure {
    fn from(error: &ConnectError) -> Self {
        let failure = Self::of(exit_of_connect(error), error);
        match advice::on_connect(error) {
            Some(next) => failure.try_next(next),
            None => failure,
        }
    }
}

fn exit_of_connect(error: &ConnectError) -> Exit {
    match (error.close_code(), error) {
        (Some(code), _) => exit_of_close(code),
        (None, ConnectError::TimedOut(_)) => Exit::TimedOut,
        (None, _) => Exit::Unreachable,
    }
}

pub(super) fn exit_of_close(code: CloseCode) -> Exit {
    match code {
        CloseCode::GoingAway | CloseCode::Unknown | CloseCode::HbFailed => Exit::Unreachable,
        CloseCode::AuthFailed => Exit::TimedOut,
        _ => Exit::Refused,
    }
}

impl From<RequestError> for Failure {
    fn from(error: RequestError) -> Self {
        let failure = Self::of(exit_of_request(&error), &error);
        match error {
            RequestError::InvalidService(_) => failure.try_next("`concierge services ls` lists the services there are."),
            RequestError::InvalidName(_) | RequestError::InvalidUuid(_) => {
                failure.try_next("`concierge clients ls` lists the clients there are.")
            }
            RequestError::TooBig { .. } => failure.try_next("Put it into the file server: `concierge file put`."),
            _ => failure,
        }
    }
}

fn exit_of_request(error: &RequestError) -> Exit {
    match error {
        RequestError::InvalidName(_) | RequestError::InvalidUuid(_) | RequestError::InvalidService(_) => Exit::NotFound,
        RequestError::Bad => Exit::Refused,
        RequestError::TimedOut(_) => Exit::TimedOut,
        RequestError::Disconnected | RequestError::Closed => Exit::Unreachable,
        RequestError::Name { .. } => Exit::Usage,
        _ => Exit::Failed,
    }
}
