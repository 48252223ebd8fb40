//! A router that gets one thing wrong: what the checks have to notice.

use concierge_api_rs::admin::{Account, Routing};
use concierge_api_rs::coordinator::Millis;
use concierge_api_rs::packet::{Datagram, Packet, Push};
use concierge_router::{Router, Rules, Tally};

use crate::lives::{Act, How, NAMES, has_room};
use crate::world::{id, lines};

/// What is wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    None,
    /// Requests that have waited too long are forgotten.
    LosesTimeouts,
    /// A final response comes twice.
    AnswersTwice,
    /// The last part is called one of several.
    NeverEnds,
    /// Who left is here still.
    ForgetsWhoLeft,
    /// No worker hears that it need not answer.
    TellsNoCancel,
    /// The answer goes to the client that comes after the right one.
    AnswersAnother,
    /// A client sees its worker's mark.
    ShowsTickets,
    /// A request waits a little longer than it may.
    StretchesDeadlines,
    /// Parts of answers are lost.
    LosesParts,
    /// A push reaches one worker of several.
    PushesToOne,
    /// What no longer is served is served still.
    KeepsServing,
    /// A late answer reaches somebody.
    PassesLateAnswers,
    /// A route is for everybody.
    IgnoresTags,
    /// One request too many of a client waits.
    CountsToFew,
    /// One request too many of all clients waits.
    HoldsTooMany,
    /// An error is told that clients do not know.
    SaysEveryCode,
    /// A worker is asked that has no room.
    OverfillsWorkers,
    /// What nobody serves is not written down.
    LeavesOut,
}

impl Flaw {
    pub(crate) const ALL: [Self; 18] = [
        Self::LosesTimeouts,
        Self::AnswersTwice,
        Self::NeverEnds,
        Self::ForgetsWhoLeft,
        Self::TellsNoCancel,
        Self::AnswersAnother,
        Self::ShowsTickets,
        Self::StretchesDeadlines,
        Self::LosesParts,
        Self::PushesToOne,
        Self::KeepsServing,
        Self::PassesLateAnswers,
        Self::IgnoresTags,
        Self::CountsToFew,
        Self::HoldsTooMany,
        Self::SaysEveryCode,
        Self::OverfillsWorkers,
        Self::LeavesOut,
    ];
}

pub(crate) struct Broken(Router, Flaw);

impl Broken {
    pub(crate) fn new(rules: Rules, flaw: Flaw) -> Self {
        Self(Router::new(rules), flaw)
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.0.in_flight()
    }

    pub(crate) fn workers(&self) -> usize {
        self.0.workers()
    }

    pub(crate) fn next_due(&self) -> Option<i64> {
        self.0.next_due().map(|due| due.0)
    }

    pub(crate) fn tally(&self) -> &Tally {
        self.0.tally()
    }

    pub(crate) fn look(&self) -> Routing {
        let mut look = self.0.look(0);
        if self.1 == Flaw::LeavesOut {
            look.others = Account::default();
        }
        look
    }

    /// Lets it happen, and says who gets what.
    pub(crate) fn act(&mut self, now: i64, act: &Act) -> Vec<String> {
        let said = self.said(now, act);
        self.spoiled(act, said)
    }

    fn said(&mut self, now: i64, act: &Act) -> Vec<String> {
        let (careless, at) = (self.1 == Flaw::OverfillsWorkers, now);
        let room = |who| careless || NAMES.into_iter().any(|name| id(name) == who && has_room(name, at));
        let now = if self.1 == Flaw::StretchesDeadlines { now + now % 2 } else { now };
        match act {
            Act::Come(who, tags) => {
                self.0.come(id(who), tags.iter().map(|tag| (*tag).to_owned()));
                Vec::new()
            }
            Act::Go(_) if self.1 == Flaw::ForgetsWhoLeft => Vec::new(),
            Act::Go(who) => lines(self.0.go(Millis(now), id(who))),
            Act::Pass(_, false) => Vec::new(),
            Act::Pass(_, true) => lines(self.0.expire(Millis(now))),
            Act::Serve(_, categories) if self.1 == Flaw::KeepsServing && categories.is_empty() => Vec::new(),
            Act::Serve(who, _) | Act::Ask { who, .. } | Act::Answer { who, .. } | Act::Push { who, .. } | Act::Cancel(who, _) => {
                let text = written(act);
                lines(self.0.receive(Millis(now), id(who), Packet::decode(&text).unwrap(), room))
            }
        }
    }

    fn spoiled(&self, act: &Act, mut said: Vec<String>) -> Vec<String> {
        let last = r#""status":"ok""#;
        match self.1 {
            Flaw::LosesTimeouts if matches!(act, Act::Pass(..)) => said.clear(),
            Flaw::AnswersTwice if matches!(act, Act::Answer { how: How::Results, .. }) => said.extend(said.clone()),
            Flaw::NeverEnds if matches!(act, Act::Answer { how: How::Results, .. }) => {
                said.iter_mut().for_each(|line| *line = line.replace(r#""data":[ 2 ]"#, r#""more":true,"data":[ 2 ]"#));
            }
            Flaw::TellsNoCancel => said.retain(|line| !line.contains("sys/cancel")),
            Flaw::AnswersAnother => said.iter_mut().filter(|line| line.contains(last)).for_each(|line| *line = to_the_next(line)),
            Flaw::ShowsTickets => {
                if let Act::Answer { ticket, .. } = act {
                    let shown = format!(r#""_reqid":"{ticket}""#);
                    said.iter_mut().for_each(|line| *line = line.replace(r#""_reqid":"1""#, &shown));
                }
            }
            Flaw::LosesParts => said.retain(|line| !line.contains(r#""more":true"#)),
            Flaw::PushesToOne if matches!(act, Act::Push { .. }) => said.truncate(1),
            Flaw::PassesLateAnswers => {
                if let (Act::Answer { who, .. }, true) = (act, said.is_empty()) {
                    said.push(format!("{who} <- {}", written(act)));
                }
            }
            _ => {}
        }
        said
    }
}

fn to_the_next(line: &str) -> String {
    let next = |name| match name {
        "ada" => "bob",
        _ => "ada",
    };
    let (to, rest) = line.split_once(' ').unwrap();
    format!("{} {rest}", next(to))
}

/// The packet that somebody sends.
fn written(act: &Act) -> String {
    let text = |text: &str| serde_json::to_string(text).unwrap();
    let (subject, data) = match act {
        Act::Serve(_, categories) => {
            let list = serde_json::to_string(categories).unwrap();
            ("router", format!(r#"{{"type":"p","cmd":"router/serve","data":{{"categories":{list}}}}}"#))
        }
        Act::Ask { subject, cmd, reqid, .. } => {
            let reqid = reqid.map_or_else(String::new, |reqid| format!(r#""_reqid":{},"#, text(reqid)));
            (*subject, format!(r#"{{"type":"q","cmd":"{cmd}",{reqid}"data":{{"n": 1}}}}"#))
        }
        Act::Push { subject, cmd, .. } => (*subject, format!(r#"{{"type":"p","cmd":"{cmd}","data":{{"n": 2}}}}"#)),
        Act::Answer { ticket, how, .. } => {
            let rest = match how {
                How::Part => r#""status":"ok","more":true,"data":[ 1 ]"#.to_owned(),
                How::Results => r#""status":"ok","data":[ 2 ]"#.to_owned(),
                How::Failure(code) => format!(r#""status":"err","data":{{"code":{code},"data":{{"items":["x"]}}}}"#),
            };
            ("router", format!(r#"{{"type":"r","_reqid":{},{rest}}}"#, text(ticket)))
        }
        Act::Cancel(_, mark) => ("router", cancel(mark)),
        Act::Come(..) | Act::Go(_) | Act::Pass(..) => unreachable!("that is no packet"),
    };
    format!(r#"{{"subject":"{subject}","data":{data}}}"#)
}

fn cancel(mark: &str) -> String {
    Datagram::from(Push::cancel(&mark.parse().unwrap())).encode()
}
