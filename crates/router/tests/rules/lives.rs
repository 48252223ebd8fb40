//! Random lives: what may happen, and one step of it, done by a router and by the model, and judged.

use concierge_api_rs::coordinator::Millis;
use concierge_api_rs::packet::{Codes, Subject};
use concierge_router::{Route, Routes, Rules};

use crate::broken::{Broken, Flaw};
use crate::dice::Dice;
use crate::judge::Judge;
use crate::model::Model;

/// What happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Act {
    Come(&'static str, Vec<&'static str>),
    Go(&'static str),
    Serve(&'static str, Vec<&'static str>),
    Ask {
        who: &'static str,
        subject: &'static str,
        cmd: &'static str,
        reqid: Option<&'static str>,
    },
    Answer {
        who: &'static str,
        ticket: String,
        how: How,
    },
    Push {
        who: &'static str,
        subject: &'static str,
        cmd: &'static str,
    },
    Cancel(&'static str, &'static str),
    /// So many milliseconds pass, and somebody looks what is due, or not yet.
    Pass(i64, bool),
}

impl Act {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Come(..) => "come",
            Self::Go(_) => "go",
            Self::Serve(..) => "serve",
            Self::Ask { .. } => "ask",
            Self::Answer { .. } => "answer",
            Self::Push { .. } => "push",
            Self::Cancel(..) => "cancel",
            Self::Pass(..) => "pass",
        }
    }
}

/// How somebody answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    Part,
    Results,
    Failure(u8),
}

/// A route, in the model's words: subject, prefix, requests, pushes, tag, time, in flight.
pub(crate) type Way = (&'static str, &'static str, bool, bool, Option<&'static str>, i64, usize);

/// Whether somebody can take more now: each cannot for a while, again and again.
pub(crate) fn has_room(who: &str, now: i64) -> bool {
    (now / 8 + i64::from(who.as_bytes()[0])) % 5 != 0
}

/// Small bounds, so that lives reach them.
pub(crate) const WAYS: [Way; 4] = [
    ("shop.orders", "acme.prod", true, false, Some("staff"), 20, 3),
    ("shop", "acme", true, true, None, 30, 2),
    ("feed", "", false, true, None, 10, 1),
    ("api", "", true, true, None, 50, 2),
];
pub(crate) const IN_FLIGHT: usize = 5;
pub(crate) const CATEGORIES: usize = 2;

pub(crate) const NAMES: [&str; 6] = ["ada", "bob", "cyd", "dan", "eve", "fay"];
const TAGS: [&str; 3] = ["staff", "worker", "pilot"];
const SUBJECTS: [&str; 8] = ["api", "api.x", "shop.orders.new", "shop.orders", "shop.cart", "shop", "feed.x", "elsewhere"];
const CMDS: [&str; 7] = ["a/x", "a/y", "a/z", "b/x", "b/y", "c/z/z", "sys/none"];
const MARKS: [&str; 5] = ["1", "2", "3", "4", "é\""];

pub(crate) fn rules(codes: Codes, flaw: Flaw) -> Rules {
    let subject = |text: &str| Subject::parse(text).ok();
    let route = |(name, prefix, requests, pushes, tag, within, in_flight): Way| Route {
        subject: subject(name),
        prefix: subject(prefix),
        requests,
        pushes,
        tags: tag.filter(|_| flaw != Flaw::IgnoresTags).into_iter().map(str::to_owned).collect(),
        within: Millis(within),
        in_flight: in_flight + usize::from(flaw == Flaw::CountsToFew),
    };
    Rules {
        routes: Routes::new(WAYS.into_iter().map(route).collect()),
        codes: if flaw == Flaw::SaysEveryCode { Codes::All } else { codes },
        workers: vec!["worker".to_owned()],
        in_flight: IN_FLIGHT + usize::from(flaw == Flaw::HoldsTooMany),
        categories: CATEGORIES,
    }
}

/// Mostly what may be served.
fn served(dice: &mut Dice) -> Vec<&'static str> {
    match dice.below(10) {
        0 => vec!["a", "b", "c"],
        1 => vec!["b", "sys"],
        2 => Vec::new(),
        3..=4 => vec!["b", "b", "c"],
        5..=6 => vec!["a"],
        _ => vec!["a", "b"],
    }
}

pub(crate) struct Life {
    now: i64,
    router: Broken,
    model: Model,
    judge: Judge,
}

impl Life {
    pub(crate) fn new(codes: Codes, flaw: Flaw) -> Self {
        let router = Broken::new(rules(codes, flaw), flaw);
        Self { now: 0, router, model: Model::new(codes == Codes::Seed), judge: Judge::default() }
    }

    /// One step. Gives what it was, and how many packets it led to.
    pub(crate) fn step(&mut self, dice: &mut Dice) -> Result<(Act, Vec<String>), String> {
        let act = self.act(dice);
        let said = self.done(&act).map_err(|problem| format!("{problem} after {act:?}"))?;
        Ok((act, said))
    }

    /// All wait until everything is over: then nothing is open.
    pub(crate) fn end(&mut self) -> Result<(), String> {
        self.done(&Act::Pass(1_000, true))?;
        self.judge.end(self.router.in_flight())
    }

    fn done(&mut self, act: &Act) -> Result<Vec<String>, String> {
        if let Act::Pass(span, _) = act {
            self.now += span;
        }
        let said = self.router.act(self.now, act);
        self.judge.step(act, &said)?;
        self.model.step(self.now, act, &said)?;
        let (open, due) = (self.router.in_flight(), self.router.next_due());
        let expected = (self.model.open.len(), self.model.open.iter().map(|asked| asked.due).min());
        if (open, due) != expected {
            return Err(format!("{open} are open and due at {due:?}, not {expected:?}"));
        }
        if self.router.workers() != self.model.workers() {
            return Err(format!("{} serve, not {}", self.router.workers(), self.model.workers()));
        }
        self.judge.counted(self.router.tally(), open)?;
        self.judge.booked(&self.router.look())?;
        Ok(said)
    }

    fn act(&self, dice: &mut Dice) -> Act {
        let who = self.somebody(dice);
        match dice.below(40) {
            0..=3 if !self.model.is_here(who) => Act::Come(who, TAGS.into_iter().filter(|_| !dice.one_in(5)).collect()),
            0 if self.model.is_here(who) => Act::Go(who),
            0..=4 => Act::Serve(who, served(dice)),
            5..=20 => {
                let reqid = if dice.one_in(30) { None } else { Some(dice.pick(&MARKS)) };
                Act::Ask { who, subject: dice.pick(&SUBJECTS), cmd: dice.pick(&CMDS), reqid }
            }
            21..=28 => self.answer(who, dice),
            29..=31 => Act::Push { who, subject: dice.pick(&SUBJECTS), cmd: dice.pick(&CMDS) },
            32 => Act::Cancel(who, dice.pick(&MARKS)),
            _ => Act::Pass(i64::try_from(dice.below(9)).unwrap(), !dice.one_in(3)),
        }
    }

    /// Mostly somebody who is here.
    fn somebody(&self, dice: &mut Dice) -> &'static str {
        let here: Vec<_> = NAMES.into_iter().filter(|name| self.model.is_here(name)).collect();
        let anybody = here.is_empty() || dice.one_in(6);
        if anybody { dice.pick(&NAMES) } else { dice.pick(&here) }
    }

    /// Mostly by the worker, of something that is open; else by anybody, of anything.
    fn answer(&self, who: &'static str, dice: &mut Dice) -> Act {
        let how = match dice.below(8) {
            0..=4 => How::Part,
            5..=6 => How::Results,
            _ => How::Failure(u8::try_from(dice.below(12)).unwrap()),
        };
        match (dice.below(6), self.model.open.as_slice()) {
            (2.., open @ [_, ..]) => {
                let asked = &open[dice.below(open.len())];
                Act::Answer { who: asked.worker, ticket: asked.ticket.clone(), how }
            }
            (0, open @ [_, ..]) => Act::Answer { who, ticket: open[dice.below(open.len())].ticket.clone(), how },
            _ => Act::Answer { who, ticket: dice.below(99).to_string(), how },
        }
    }
}
