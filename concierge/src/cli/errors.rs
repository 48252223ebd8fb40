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
    /// A close code (4005), its name (DUPLICATE_AUTH), an error's name (INVALID_SERVICE), a limit (limits.bytes_per_second), a
    /// status of the coordinator (409), or an exit code of `promise wait` (10) or `request` (22); all of them without one
    code: Option<String>,
}

/// What there is to know about one error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Explained {
    /// The number of the close frame, of the coordinator's status, or of the exit; errors that answer a payload have none.
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

const fn numbered(code: u16, name: &'static str, cause: &'static str, remedy: &'static str) -> Explained {
    Explained { code: Some(code), name, cause, remedy }
}

/// How the coordinator answers what it does not do.
const STATUSES: &[Explained] = &[
    numbered(
        300,
        "GO_ON",
        "Something that a task would wait for is settled: it was not suspended.",
        "Run it again from its start.",
    ),
    numbered(400, "BAD_REQUEST", "The request makes no sense; `data` names the field.", "Correct what it names."),
    numbered(
        404,
        "NOT_FOUND",
        "There is no promise, task or schedule of that id.",
        "`concierge promise ls`, `task ls` and `schedule ls` list those there are.",
    ),
    numbered(
        409,
        "CONFLICT",
        "The task is in another state, or was claimed since: its version has grown.",
        "`concierge task get ID` shows its state and version. A worker drops what it does.",
    ),
    numbered(
        422,
        "UNPROCESSABLE",
        "What is named beside it is unknown or unfit: an awaited promise that is not there, a promise without a target.",
        "Create it first, with a target if it is to have a task.",
    ),
    numbered(429, "TOO_MANY", "Over a limit: requests that wait, tasks that wait for one promise.", "Try again in a moment."),
    numbered(
        500,
        "INTERNAL",
        "The store failed: it may have happened.",
        "Try again, for creating and settling may be repeated; the hub's log names the cause.",
    ),
    numbered(501, "NOT_IMPLEMENTED", "This coordinator does not offer the request.", "Compare with PROTOCOL.md."),
];

/// What a client or an address may do: by the key that sets it.
const LIMITS: &[Explained] = &[
    answer(
        "limits.messages_per_second",
        "A client sent more messages: it is read no faster than that, and closed with 4010 when it goes on for `limits.excess_ms`. \
         Metric: concierge_throttled_total{limit=\"messages\"}.",
        "Send less, or raise the limit.",
    ),
    answer(
        "limits.bytes_per_second",
        "A client sent more bytes: it is read no faster than that, and closed with 4010 when it goes on for `limits.excess_ms`. \
         Metric: concierge_throttled_total{limit=\"bytes\"}.",
        "Send less, put what is large into the file server, or raise the limit.",
    ),
    answer(
        "limits.endings_per_second",
        "A client deleted more services or ended more subscriptions, which is news to others each time: it is read no faster than \
         that, and closed with 4010 when it goes on for `limits.excess_ms`. Metric: concierge_throttled_total{limit=\"endings\"}.",
        "Keep subscriptions and services while the connection lasts, or raise the limit.",
    ),
    answer(
        "limits.address_messages_per_second",
        "The clients of one address sent more messages together: they are read in turns, no faster than that, and whoever waits for \
         `limits.excess_ms` on end is closed with 4010. Metric: concierge_throttled_total{limit=\"address_messages\"}.",
        "Find the one who floods and bound it by `limits.messages_per_second`, or raise the limit: a proxy or a school is one address.",
    ),
    answer(
        "limits.address_bytes_per_second",
        "The clients of one address sent more bytes together: they are read in turns, no faster than that, and whoever waits for \
         `limits.excess_ms` on end is closed with 4010. Metric: concierge_throttled_total{limit=\"address_bytes\"}.",
        "Find the one who floods and bound it by `limits.bytes_per_second`, or raise the limit: a proxy or a school is one address.",
    ),
    answer(
        "limits.memory_bytes",
        "The hub uses nine tenths of the memory that it may use: newcomers are answered HTTP 503, and who is here stays. Metric: \
         concierge_connections_refused_total{reason=\"memory\"}.",
        "Come again after the seconds that `Retry-After` names; give the hub more memory, or lower `limits.outbox_bytes`.",
    ),
    answer(
        "limits.address_connects_per_minute",
        "More connections came from one address in a minute: HTTP 429. Metric: concierge_connections_refused_total{reason=\"hasty\"}.",
        "Come again after the seconds that `Retry-After` names, keep connections open, or raise the limit.",
    ),
    answer(
        "limits.connections_per_address",
        "One address has that many connections already: HTTP 429. Metric: concierge_connections_refused_total{reason=\"crowded\"}.",
        "Close some, or raise the limit: a proxy or a school is one address.",
    ),
    answer(
        "limits.services_per_client",
        "The client owns that many services already: ERROR_PROTOCOL. Metric: concierge_over_limit_total{limit=\"services\"}.",
        "Delete some, or raise the limit.",
    ),
    answer(
        "limits.services",
        "The clients together own that many services already: ERROR_PROTOCOL. Metric: concierge_over_limit_total{limit=\"services\"}.",
        "`concierge services ls` lists them with their owners; lower `limits.services_per_client`, or raise the limit.",
    ),
    answer(
        "limits.subscriptions_per_client",
        "The client is subscribed to that many services already: ERROR_PROTOCOL. Metric: \
         concierge_over_limit_total{limit=\"subscriptions\"}.",
        "Unsubscribe from some, or raise the limit.",
    ),
];

/// How `promise wait` ends when the promise is not resolved.
const OUTCOMES: &[Explained] = &[
    numbered(10, "PROMISE_REJECTED", "`promise wait`: the promise is rejected.", "`concierge promise get ID` shows with what."),
    numbered(11, "PROMISE_CANCELED", "`promise wait`: the promise is canceled.", "Create another one, with another id."),
    numbered(
        12,
        "PROMISE_TIMED_OUT",
        "`promise wait`: nobody settled the promise before its deadline.",
        "Create another one, with a later deadline; `concierge task get ID` shows what became of its task.",
    ),
];

/// Errors of the router, by the exit code of `request`.
const FAULTS: &[Explained] = &[
    numbered(
        20,
        "ROUTER_GENERIC",
        "The worker failed; its sentence, if it has one, says how. `promise`: that was canceled.",
        "Try again, or look at the worker.",
    ),
    numbered(
        21,
        "ROUTER_FORBIDDEN",
        "No route leads there for this client (`subject`), or not for requests (`type`); or the worker says so.",
        "Name another --subject; `router.routes` of the hub's configuration says which there are, and which tags they want.",
    ),
    numbered(
        22,
        "ROUTER_UNAVAILABLE",
        "Nobody serves the category on that subject, or the worker is gone (`subject`); the hub has no coordinator (`coordinator`).",
        "Start a worker: `concierge reply CMD --exec COMMAND`. One that went may have done it.",
    ),
    numbered(23, "ROUTER_INVALID", "An argument makes no sense: `items` names it.", "Correct it; `data` is the whole body."),
    numbered(24, "ROUTER_INCOMPLETE", "An argument is missing: `items` names it.", "Add it."),
    numbered(25, "ROUTER_DUPLICATE", "It is there already: `items` names it.", "Nothing, if it is the same."),
    numbered(
        26,
        "ROUTER_LIMIT",
        "Over a bound: too many requests at once (`requests`), of this client, of all, or for the workers there are.",
        "Try again in a moment, or start another worker; `router.in_flight` is what one client may ask at once.",
    ),
    numbered(
        27,
        "ROUTER_TIMEOUT",
        "The worker did not answer in time, which the hub's route says: 10 s by default.",
        "Raise `router.within_ms` of the hub, ask for less, or ask with --durable. It may have been done.",
    ),
    numbered(28, "ROUTER_SESSION", "The worker wants a session that there is not.", "What it wants is the worker's."),
    numbered(
        29,
        "ROUTER_NOT_IMPLEMENTED",
        "The worker serves the category, and has no handler of that command (`cmd`).",
        "Is the command spelled right? Or start a worker that has it.",
    ),
];

/// Everything, close codes first.
pub fn all() -> impl Iterator<Item = Explained> {
    let explained =
        |code: &CloseCode| Explained { code: Some(code.code()), name: code.name(), cause: code.cause(), remedy: code.remedy() };
    let others = [ANSWERS, LIMITS, STATUSES, OUTCOMES, FAULTS].into_iter().flatten().copied();
    CloseCode::ALL.iter().map(explained).chain(others)
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
    let is = |known: &Explained| known.name.eq_ignore_ascii_case(code) || (number.is_some() && known.code == number);
    // the router's own messages have its names without a prefix
    let is_routers = |known: &Explained| known.name.strip_prefix("ROUTER_").is_some_and(|name| name.eq_ignore_ascii_case(code));
    all().find(is).or_else(|| all().find(is_routers))
}

fn unknown(code: &str) -> Failure {
    if let Ok(number) = code.parse::<u16>() {
        let what = if (4000..5000).contains(&number) { "is not assigned" } else { "is none that a hub uses" };
        return Failure::new(Exit::NotFound, format!("close code {number} {what}")).try_next("`concierge errors` lists all.");
    }
    let failure = Failure::new(Exit::NotFound, format!("no error `{code}`"));
    let near = |code: String| nearest_word(&code, all().map(|known| known.name));
    match near(code.to_uppercase()).or_else(|| near(code.to_lowercase())) {
        Some(near) => failure.try_next(format!("The nearest one is {near}; `concierge errors` lists all.")),
        None => failure.try_next("`concierge errors` lists all."),
    }
}

fn listed(all: &[Explained]) -> String {
    let paragraphs =
        |of: fn(&Explained) -> bool| all.iter().filter(|known| of(known)).map(paragraph).collect::<Vec<_>>().join("\n");
    format!(
        "Close codes: the connection ends.\n\n{}\nAnswers: the connection goes on.\n\n{}\nLimits of the hub, by key.\n\n{}\n\
         Statuses: answers of the coordinator.\n\n{}\n\
         Exit codes of `promise wait`.\n\n{}\nErrors of the router: exit codes of `request`.\n\n{}",
        paragraphs(|known| known.code.is_some_and(|code| code >= 1000)),
        paragraphs(|known| known.code.is_none() && !known.name.contains('.')),
        paragraphs(|known| known.code.is_none() && known.name.contains('.')),
        paragraphs(|known| known.code.is_some_and(|code| (100..1000).contains(&code))),
        paragraphs(|known| known.code.is_some_and(|code| code < 20)),
        paragraphs(|known| known.code.is_some_and(|code| (20..100).contains(&code))),
    )
}

fn paragraph(known: &Explained) -> String {
    let mut text = known.code.map(|code| format!("{code} ")).unwrap_or_default();
    let _ = writeln!(text, "{}\n  {}\n  {}", known.name, known.cause, known.remedy);
    text
}
