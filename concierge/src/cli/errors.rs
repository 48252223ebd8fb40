//! `concierge errors`: cause and remedy of everything that a hub may answer or close a connection with.

use std::fmt::Write as _;

use clap::Args;
use concierge_api_rs::CloseCode;
use serde::Serialize;

use super::exit::{Exit, Failure};
use super::output::Output;
use crate::config::keys::nearest_word;

#[derive(Debug, Args)]
pub(crate) struct Errors {
    /// A close code (4005), its name (DUPLICATE_AUTH) or an error's name (INVALID_SERVICE); all of them without one
    code: Option<String>,
}

/// What there is to know about one error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Explained {
    /// The number of the close frame; errors that answer a payload have none.
    pub code: Option<u16>,
    pub name: &'static str,
    pub cause: &'static str,
    pub remedy: &'static str,
}

const fn answer(name: &'static str, cause: &'static str, remedy: &'static str) -> Explained {
    Explained { code: None, name, cause, remedy }
}

/// Errors that answer a payload and leave the connection open.
const ANSWERS: &[Explained] = &[
    answer(
        "ERROR_PROTOCOL",
        "The payload was not a JSON object with a string `type`, a field was missing or invalid, or it went over a limit; `desc` names it.",
        "Correct what `desc` names.",
    ),
    answer(
        "ERROR_UNSUPPORTED",
        "The payload's `type` is none that a client may send, or it was a second IDENTIFY.",
        "Compare `type` with PROTOCOL.md, or with `concierge schema`.",
    ),
    answer("ERROR_INTERNAL", "The hub failed; nothing was changed.", "Try again; the hub's log at that time names the cause."),
    answer("INVALID_NAME", "No client of that name is connected.", "`concierge clients ls` lists those that are."),
    answer("INVALID_UUID", "No client of that uuid is connected.", "`concierge clients ls` lists those that are."),
    answer(
        "INVALID_SERVICE",
        "There is no service of that name.",
        "`concierge services ls` lists the services; create it, or wait for its owner to.",
    ),
    answer(
        "BAD",
        "Not allowed to this client: only an owner deletes its service or speaks to one of its clients, and only the owner and the \
         subscribers speak in a service.",
        "Subscribe to the service first, or let its owner do it.",
    ),
];

/// Everything, close codes first.
pub fn all() -> impl Iterator<Item = Explained> {
    let explained =
        |code: &CloseCode| Explained { code: Some(code.code()), name: code.name(), cause: code.cause(), remedy: code.remedy() };
    CloseCode::ALL.iter().map(explained).chain(ANSWERS.iter().copied())
}

impl Errors {
    /// # Errors
    /// There is no such code.
    pub(crate) fn run(self, output: &mut Output) -> Result<(), Failure> {
        let Some(code) = self.code else {
            return output.result(&all().collect::<Vec<_>>(), |all| listed(all));
        };
        let found = find(&code).ok_or_else(|| unknown(&code))?;
        output.result(&found, paragraph)
    }
}

fn find(code: &str) -> Option<Explained> {
    let number = code.parse().ok();
    all().find(|known| known.name.eq_ignore_ascii_case(code) || (number.is_some() && known.code == number))
}

fn unknown(code: &str) -> Failure {
    if let Ok(number) = code.parse::<u16>() {
        let what = if (4000..5000).contains(&number) { "is not assigned" } else { "is none that a hub uses" };
        return Failure::new(Exit::NotFound, format!("close code {number} {what}")).try_next("`concierge errors` lists all.");
    }
    let failure = Failure::new(Exit::NotFound, format!("no error `{code}`"));
    match nearest_word(&code.to_uppercase(), all().map(|known| known.name)) {
        Some(near) => failure.try_next(format!("The nearest one is {near}; `concierge errors` lists all.")),
        None => failure.try_next("`concierge errors` lists all."),
    }
}

fn listed(all: &[Explained]) -> String {
    let (closing, answers): (Vec<_>, Vec<_>) = all.iter().partition(|known| known.code.is_some());
    let paragraphs = |list: Vec<&Explained>| list.into_iter().map(paragraph).collect::<Vec<_>>().join("\n");
    format!(
        "Close codes: the connection ends.\n\n{}\nAnswers: the connection goes on.\n\n{}",
        paragraphs(closing),
        paragraphs(answers)
    )
}

fn paragraph(known: &Explained) -> String {
    let mut text = known.code.map(|code| format!("{code} ")).unwrap_or_default();
    let _ = writeln!(text, "{}\n  {}\n  {}", known.name, known.cause, known.remedy);
    text
}
