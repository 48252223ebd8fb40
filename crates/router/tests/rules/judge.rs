//! What holds whatever the model says, seen from outside: by what clients send and what they get.

use std::collections::{BTreeMap, BTreeSet};

use concierge_api_rs::admin::{Account, RouterTotals, Routing};
use concierge_api_rs::packet::{Datagram, Outcome, Packet, ReqId};
use concierge_router::Tally;

use crate::lives::Act;

type Checked = Result<(), String>;

/// What is remembered from one step to the next.
#[derive(Default)]
pub(crate) struct Judge {
    here: BTreeSet<&'static str>,
    /// How many final responses a client still has to get for a mark.
    owed: BTreeMap<(String, Option<String>), u64>,
    /// Who works on what.
    given: BTreeMap<String, String>,
    asked: u64,
    answered: u64,
    forgotten: u64,
}

impl Judge {
    /// Judges one step by the lines that it led to.
    pub(crate) fn step(&mut self, act: &Act, said: &[String]) -> Checked {
        match act {
            Act::Come(who, _) => drop(self.here.insert(who)),
            Act::Go(who) => self.went(who),
            Act::Ask { who, reqid, .. } if self.here.contains(who) => {
                *self.owed.entry(((*who).to_owned(), reqid.map(str::to_owned))).or_default() += 1;
                self.asked += 1;
            }
            _ => {}
        }
        said.iter().try_for_each(|line| self.line(line).map_err(|problem| format!("{problem}: {line}")))
    }

    fn went(&mut self, who: &str) {
        self.here.remove(who);
        self.forgotten += self.owed.iter().filter(|((whose, _), _)| whose == who).map(|(_, n)| n).sum::<u64>();
        self.owed.retain(|(whose, _), _| whose != who);
        self.given.retain(|_, worker| worker != who);
    }

    fn line(&mut self, line: &str) -> Checked {
        let (to, text) = line.split_once(" <- ").ok_or("no line")?;
        if !self.here.contains(to) {
            return Err("somebody gets something who is not here".to_owned());
        }
        let packet = Packet::decode(text).map_err(|refused| refused.to_string())?;
        match packet.datagram {
            Datagram::Request(request) => self.is_given(to, request.reqid.as_ref()),
            Datagram::Push(push) => push.cancels().map_or(Ok(()), |reqid| self.is_let_off(to, &reqid)),
            Datagram::Response(response) => self.is_told(to, response.reqid.as_ref(), &response.outcome),
        }
    }

    fn is_given(&mut self, to: &str, reqid: Option<&ReqId>) -> Checked {
        let ticket = reqid.ok_or("a worker gets a request without a mark")?.to_string();
        match self.given.insert(ticket, to.to_owned()) {
            None => Ok(()),
            Some(other) => Err(format!("{other} works on that already")),
        }
    }

    fn is_let_off(&mut self, to: &str, reqid: &ReqId) -> Checked {
        match self.given.remove(reqid.as_str()) {
            Some(worker) if worker == to => Ok(()),
            other => Err(format!("it is told that it need not answer what {other:?} works on")),
        }
    }

    fn is_told(&mut self, to: &str, reqid: Option<&ReqId>, outcome: &Outcome<'_>) -> Checked {
        let mark = (to.to_owned(), reqid.map(ToString::to_string));
        let owed = self.owed.get_mut(&mark).filter(|owed| **owed > 0).ok_or("nobody owes it a response")?;
        if !matches!(outcome, Outcome::Part(_)) {
            *owed -= 1;
            self.answered += 1;
        }
        Ok(())
    }

    /// Judges what a router counted: each request is answered, forgotten with its sender, or open.
    pub(crate) fn counted(&self, tally: &Tally, open: usize) -> Checked {
        let finals = tally.results + tally.failures.iter().sum::<u64>();
        let all = self.answered + self.forgotten + u64::try_from(open).unwrap();
        if (tally.requests, finals, all) == (self.asked, self.answered, self.asked) {
            return Ok(());
        }
        Err(format!("{tally:?}, {open} open: asked {}, answered {}, forgotten {}", self.asked, self.answered, self.forgotten))
    }

    /// Judges what was written down: every request is in one account, and so is what became of it.
    pub(crate) fn booked(&self, look: &Routing) -> Checked {
        let mut sum = Account::default();
        for account in look.categories.iter().map(|category| &category.account).chain([&look.others]) {
            sum.requests += account.requests;
            sum.open += account.open;
            sum.results += account.results;
            account.errors.iter().for_each(|(name, count)| *sum.errors.entry(name.clone()).or_default() += count);
        }
        let RouterTotals { requests, results, errors, .. } = &look.totals;
        let over = sum.results + sum.failed() + self.forgotten;
        if (sum.requests, sum.results, &sum.errors) == (*requests, *results, errors)
            && sum.open == look.open
            && sum.requests == over + sum.open
        {
            return Ok(());
        }
        Err(format!("{sum:?} is written down, {} were forgotten, and {look:?}", self.forgotten))
    }

    /// Judges a life that is over.
    pub(crate) fn end(&self, open: usize) -> Checked {
        let owed: Vec<_> = self.owed.iter().filter(|(_, owed)| **owed > 0).collect();
        if owed.is_empty() && open == 0 { Ok(()) } else { Err(format!("{open} are open, and these get nothing: {owed:?}")) }
    }
}
