//! The router once more, as lists that are searched from the front: too simple to be wrong. It says which lines a step leads to;
//! only the marks that a router makes are taken from what it said, and each has to be a new one.

use std::collections::{BTreeMap, BTreeSet};

use crate::lives::{Act, CATEGORIES, How, IN_FLIGHT, WAYS, Way, has_room};

/// A request that waits.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) who: &'static str,
    pub(crate) worker: &'static str,
    pub(crate) ticket: String,
    pub(crate) due: i64,
    reqid: &'static str,
    subject: &'static str,
    way: Way,
}

/// Who is here, what they serve, what waits.
pub(crate) struct Model {
    seven_codes: bool,
    here: BTreeMap<&'static str, Vec<&'static str>>,
    serving: BTreeMap<&'static str, BTreeSet<&'static str>>,
    /// Since when each worker waits.
    since: BTreeMap<&'static str, usize>,
    turn: usize,
    pub(crate) open: Vec<Asked>,
    used: BTreeSet<String>,
}

/// Stands for a mark that is not known beforehand.
const NEW: &str = "?";

impl Model {
    pub(crate) fn new(seven_codes: bool) -> Self {
        Self {
            seven_codes,
            here: BTreeMap::new(),
            serving: BTreeMap::new(),
            since: BTreeMap::new(),
            turn: 0,
            open: Vec::new(),
            used: BTreeSet::new(),
        }
    }

    pub(crate) fn is_here(&self, who: &str) -> bool {
        self.here.contains_key(who)
    }

    pub(crate) fn workers(&self) -> usize {
        self.serving.len()
    }

    /// Does it, and compares what was said.
    pub(crate) fn step(&mut self, now: i64, act: &Act, said: &[String]) -> Result<(), String> {
        self.turn += 1;
        let mut expected = self.act(now, act);
        let mut said = said.to_vec();
        if matches!(act, Act::Push { .. }) {
            // to several at once, in any order
            expected.sort();
            said.sort();
        }
        if let ([one], [line]) = (&mut expected[..], &said[..])
            && one.contains(NEW)
        {
            *one = self.new_mark(one, line)?;
        }
        let loads = self.open.iter().map(|asked| asked.worker).collect::<BTreeSet<_>>();
        self.since.retain(|who, _| self.serving.contains_key(who) || loads.contains(who));
        if said == expected { Ok(()) } else { Err(format!("it said {said:#?}, not {expected:#?}")) }
    }

    /// What a router calls the last request.
    fn new_mark(&mut self, expected: &str, line: &str) -> Result<String, String> {
        let mark = line.split(r#""_reqid":""#).nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default();
        if !self.used.insert(mark.to_owned()) {
            return Err(format!("the mark in {line} is not new"));
        }
        self.open.last_mut().unwrap().ticket = mark.to_owned();
        Ok(expected.replace(NEW, mark))
    }

    fn act(&mut self, now: i64, act: &Act) -> Vec<String> {
        match act {
            Act::Come(who, tags) => {
                self.here.insert(who, tags.clone());
                Vec::new()
            }
            Act::Go(who) => self.go(who),
            Act::Pass(_, looks) => {
                let due = self.take(|asked| *looks && asked.due <= now);
                let mut due: Vec<_> = due.into_iter().collect();
                due.sort_by_key(|asked| asked.due);
                due.iter().flat_map(|asked| [cancel(asked), self.fail(asked, 7, "")]).collect()
            }
            Act::Serve(who, _) | Act::Ask { who, .. } | Act::Answer { who, .. } | Act::Push { who, .. } | Act::Cancel(who, _)
                if !self.is_here(who) =>
            {
                Vec::new()
            }
            Act::Serve(who, categories) => {
                self.serve(who, categories);
                Vec::new()
            }
            Act::Ask { who, subject, cmd, reqid } => vec![self.ask(now, who, subject, cmd, *reqid)],
            Act::Answer { who, ticket, how } => self.answer(who, ticket, *how),
            Act::Push { who, subject, cmd } => self.push(now, who, subject, cmd),
            Act::Cancel(who, mark) => {
                let cancelled = self.take(|asked| asked.who == *who && asked.reqid == *mark);
                cancelled.iter().flat_map(|asked| [cancel(asked), self.fail(asked, 0, "_reqid")]).collect()
            }
        }
    }

    fn take(&mut self, which: impl Fn(&Asked) -> bool) -> Vec<Asked> {
        let taken = self.open.iter().filter(|asked| which(asked)).cloned().collect();
        self.open.retain(|asked| !which(asked));
        taken
    }

    fn go(&mut self, who: &'static str) -> Vec<String> {
        self.here.remove(who);
        self.serving.remove(who);
        self.since.remove(who);
        let (sent, given) = (self.take(|asked| asked.who == who), self.take(|asked| asked.worker == who));
        let cancelled = sent.iter().filter(|asked| asked.worker != who).map(cancel);
        cancelled.chain(given.iter().map(|asked| self.fail(asked, 2, "subject"))).collect()
    }

    fn serve(&mut self, who: &'static str, categories: &[&'static str]) {
        let categories: BTreeSet<_> = categories.iter().copied().collect();
        if !self.here[who].contains(&"worker") || categories.len() > CATEGORIES || categories.contains("sys") {
            return;
        }
        self.serving.insert(who, categories);
        self.serving.retain(|_, categories| !categories.is_empty());
        self.since.entry(who).or_insert(self.turn);
    }

    /// The way of a subject, for whom it may be.
    fn way(&self, who: &str, subject: &str) -> Option<Way> {
        let way = WAYS.into_iter().find(|way| subject == way.0 || subject.starts_with(&format!("{}.", way.0)))?;
        way.4.is_none_or(|tag| self.here[who].contains(&tag)).then_some(way)
    }

    fn ask(&mut self, now: i64, who: &'static str, subject: &'static str, cmd: &str, reqid: Option<&'static str>) -> String {
        let refused = |code, item| response(who, subject, reqid, &failure(code, item));
        let Some(reqid) = reqid else { return refused(4, "_reqid") };
        let Some(way) = self.way(who, subject) else { return refused(1, "subject") };
        if !way.2 {
            return refused(1, "type");
        }
        if self.open.iter().any(|asked| asked.who == who && asked.reqid == reqid) {
            return refused(5, "_reqid");
        }
        if self.open.iter().filter(|asked| asked.who == who && asked.way == way).count() >= way.6 || self.open.len() >= IN_FLIGHT
        {
            return refused(6, "requests");
        }
        let load = |worker: &&'static str| self.open.iter().filter(|asked| asked.worker == *worker).count();
        if self.of(cmd).is_empty() {
            return refused(2, "subject");
        }
        let fit = self.of(cmd).into_iter().filter(|worker| has_room(worker, now));
        let workers = fit.min_by_key(|worker| (load(worker), self.since[worker]));
        let Some(worker) = workers else { return refused(6, "requests") };
        self.since.insert(worker, self.turn);
        let due = now + way.5;
        self.open.push(Asked { who, worker, ticket: String::new(), due, reqid, subject, way });
        line(worker, &outside(way, subject), &format!(r#"{{"type":"q","cmd":"{cmd}","_reqid":"{NEW}","data":{{"n": 1}}}}"#))
    }

    fn of(&self, cmd: &str) -> Vec<&'static str> {
        let category = cmd.split('/').next().unwrap();
        self.serving.iter().filter(|(_, categories)| categories.contains(category)).map(|(who, _)| *who).collect()
    }

    fn answer(&mut self, who: &str, ticket: &str, how: How) -> Vec<String> {
        let Some(at) = self.open.iter().position(|asked| asked.worker == who && asked.ticket == ticket) else {
            return Vec::new();
        };
        let asked = self.open[at].clone();
        if how != How::Part {
            self.open.remove(at);
        }
        vec![match how {
            How::Part => response(asked.who, asked.subject, Some(asked.reqid), r#""more":true,"data":[ 1 ]"#),
            How::Results => response(asked.who, asked.subject, Some(asked.reqid), r#""data":[ 2 ]"#),
            How::Failure(code) => self.fail(&asked, if code > 9 { 0 } else { code }, "x"),
        }]
    }

    fn push(&self, now: i64, who: &str, subject: &str, cmd: &str) -> Vec<String> {
        let Some(way) = self.way(who, subject).filter(|way| way.3) else { return Vec::new() };
        let data = format!(r#"{{"type":"p","cmd":"{cmd}","data":{{"n": 2}}}}"#);
        let fit = self.of(cmd).into_iter().filter(|worker| has_room(worker, now));
        fit.map(|worker| line(worker, &outside(way, subject), &data)).collect()
    }

    fn fail(&self, asked: &Asked, code: u8, item: &str) -> String {
        let folded = match code {
            7 => 2,
            8 => 1,
            9 => 0,
            code => code,
        };
        let code = if self.seven_codes { folded } else { code };
        response(asked.who, asked.subject, Some(asked.reqid), &failure(code, item))
    }
}

fn outside(way: Way, subject: &str) -> String {
    if way.1.is_empty() { subject.to_owned() } else { format!("{}.{subject}", way.1) }
}

fn line(to: &str, subject: &str, data: &str) -> String {
    format!(r#"{to} <- {{"subject":"{subject}","data":{data}}}"#)
}

fn cancel(asked: &Asked) -> String {
    let data = format!(r#"{{"type":"p","cmd":"sys/cancel","data":{{"_reqid":"{}"}}}}"#, asked.ticket);
    line(asked.worker, &outside(asked.way, asked.subject), &data)
}

fn failure(code: u8, item: &str) -> String {
    let items = match (item, code) {
        ("", 2) => r#""items":[]"#.to_owned(),
        ("", _) => String::new(),
        (item, _) => format!(r#""items":["{item}"]"#),
    };
    format!(r#""data":{{"code":{code},"data":{{{items}}}}}"#)
}

fn response(to: &str, subject: &str, reqid: Option<&str>, rest: &str) -> String {
    let status = if rest.contains("code") { "err" } else { "ok" };
    let reqid = reqid.map_or_else(String::new, |reqid| format!(r#""_reqid":{},"#, serde_json::to_string(reqid).unwrap()));
    line(to, subject, &format!(r#"{{"type":"r","status":"{status}",{reqid}{rest}}}"#))
}
