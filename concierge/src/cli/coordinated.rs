//! What the commands that speak with the coordinator share: to ask it, to say why not, and how its records look.

use std::fmt::Write as _;

use concierge_client::Intent;
use concierge_client::coordinator::{AskError, Coordinator, Promise, Request, Response, Tags, TaskRecord};
use serde::de::DeserializeOwned;

use super::client_args::ClientArgs;
use super::connected;
use super::exit::{Exit, Failure};
use super::span;
use super::value_args;

/// Characters of a value in a table.
const VALUE_CHARS: usize = 48;

/// The coordinator on a connection of its own that is not made again.
///
/// # Errors
/// No connection, or no coordinator.
pub(crate) async fn once(args: &ClientArgs) -> Result<Coordinator, Failure> {
    Ok(connected::once(args, [Intent::Messages]).await?.coordinator().await?)
}

/// Asks once and says good-bye.
///
/// # Errors
/// It is refused, or there is no answer.
pub(crate) async fn ask(args: &ClientArgs, request: &Request) -> Result<Response, Failure> {
    let coordinator = once(args).await?;
    let answer = coordinator.ask(request).await;
    coordinator.client().close().await;
    Ok(answer?)
}

/// What an answer holds.
///
/// # Errors
/// It holds something else.
pub(crate) fn read<T: DeserializeOwned>(response: &Response) -> Result<T, Failure> {
    response.data().map_err(|error| AskError::from(error).into())
}

impl From<AskError> for Failure {
    fn from(error: AskError) -> Self {
        let failure = Self::of(exit_of(&error), &error);
        match error {
            AskError::Hub(error) => error.into(),
            AskError::Absent => failure.try_next("Start the hub with `coordinator.enabled = true`, which is the default."),
            AskError::Lost => failure.try_next("It may have happened. Creating and settling may be repeated without harm."),
            AskError::NoAnswer(_) => failure.try_next("It may happen. Creating and settling may be repeated without harm."),
            AskError::Refused(refused) => match refused.status {
                404 => failure.try_next("`concierge promise ls`, `task ls` and `schedule ls` list what there is."),
                409 => failure.try_next("`concierge task get ID` shows its state and version."),
                status => failure.try_next(format!("`concierge errors {status}` explains it.")),
            },
            AskError::Unreadable(_) | AskError::Unspeakable => failure,
        }
    }
}

fn exit_of(error: &AskError) -> Exit {
    match error {
        AskError::Refused(refused) => match refused.status {
            400 => Exit::Usage,
            404 => Exit::NotFound,
            409 | 422 => Exit::Refused,
            _ => Exit::Failed,
        },
        AskError::Absent => Exit::NotFound,
        AskError::Lost => Exit::Unreachable,
        AskError::NoAnswer(_) => Exit::TimedOut,
        AskError::Hub(_) | AskError::Unreadable(_) | AskError::Unspeakable => Exit::Failed,
    }
}

/// Any operation's error as a failure.
pub(crate) fn failed(error: impl Into<AskError>) -> Failure {
    error.into().into()
}

/// A promise, a line for each of its parts.
pub(crate) fn promise_lines(promise: &Promise) -> String {
    let now = span::now();
    let mut text = format!(
        "id       {}\nstate    {}\nparam    {}\nvalue    {}\ntags     {}\ncreated  {}\ntimeout  {}",
        promise.id,
        promise.state.as_str(),
        value_args::shown(&promise.param),
        value_args::shown(&promise.value),
        tags_line(&promise.tags),
        span::shown(promise.created_at, now),
        span::shown(promise.timeout_at, now),
    );
    if let Some(at) = promise.settled_at {
        let _ = write!(text, "\nsettled  {}", span::shown(at, now));
    }
    text
}

/// The headings of [`promise_row`].
pub(crate) const PROMISE_HEADINGS: &[&str] = &["ID", "STATE", "TARGET", "VALUE"];

pub(crate) fn promise_row(promise: &Promise) -> Vec<String> {
    let target = promise.target().unwrap_or("-").to_owned();
    vec![promise.id.to_string(), promise.state.as_str().to_owned(), target, short(&value_args::shown(&promise.value))]
}

/// A task, a line for each of its parts.
pub(crate) fn task_lines(task: &TaskRecord) -> String {
    let resumes: Vec<&str> = task.resumes.iter().map(|id| id.as_str()).collect();
    let or_none = |text: String| if text.is_empty() { "-".to_owned() } else { text };
    format!(
        "id       {}\nstate    {}\nversion  {}\npid      {}\nttl      {}\nresumes  {}",
        task.id,
        task.state.as_str(),
        task.claims,
        or_none(task.pid.as_ref().map(ToString::to_string).unwrap_or_default()),
        or_none(task.ttl.map(|ttl| format!("{ttl} ms")).unwrap_or_default()),
        or_none(resumes.join(" ")),
    )
}

/// `a=b c=d`, or `-`.
pub(crate) fn tags_line(tags: &Tags) -> String {
    if tags.is_empty() {
        return "-".to_owned();
    }
    tags.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
}

/// The beginning of a text.
pub(crate) fn short(text: &str) -> String {
    match text.char_indices().nth(VALUE_CHARS) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use concierge_client::RequestError;
    use concierge_client::coordinator::Refused;

    use super::*;

    #[test]
    fn every_refusal_has_its_exit_and_says_what_to_try() {
        let refused = |status| Failure::from(AskError::Refused(Refused { status, sentence: "no".to_owned() }));
        for (status, exit, next) in [
            (400, Exit::Usage, "errors 400"),
            (404, Exit::NotFound, "promise ls"),
            (409, Exit::Refused, "task get"),
            (422, Exit::Refused, "errors 422"),
            (429, Exit::Failed, "errors 429"),
            (500, Exit::Failed, "errors 500"),
        ] {
            let failure = refused(status);
            assert_eq!((failure.exit, failure.message), (exit, format!("no ({status})")));
            assert!(failure.next.unwrap().contains(next), "{status}");
        }
        assert_eq!(Failure::from(AskError::Lost).exit, Exit::Unreachable);
        assert_eq!(Failure::from(AskError::Absent).exit, Exit::NotFound);
        assert_eq!(Failure::from(AskError::Hub(RequestError::Disconnected)).exit, Exit::Unreachable);
    }

    #[test]
    fn a_long_value_is_cut_in_a_table() {
        assert_eq!(short("é"), "é");
        assert_eq!(short(&"é".repeat(60)).chars().count(), VALUE_CHARS + 1);
    }
}
