//! How a router stands, for those who look after it.

use std::collections::BTreeSet;

use concierge_api_rs::admin::{CategoryRecord, FaultRecord, RouteRecord, RouterTotals, Routing, WorkerRecord};
use concierge_api_rs::coordinator::Millis;
use concierge_api_rs::packet::{Category, FaultCode};
use concierge_api_rs::{ClientId, limits};

use super::Router;
use crate::book::{Asked, Failed};
use crate::routes::Route;

impl Router {
    /// How it stands; `began`: the instant, in milliseconds since 1970, when its time was 0. What was no packet it does not know, nor
    /// what is outside of it.
    #[must_use]
    pub fn look(&self, began: u64) -> Routing {
        let instant = |at: Millis| began.saturating_add_signed(at.0);
        let (categories, left_out) = self.shown();
        Routing {
            at: instant(self.book.now()),
            routes: self.rules.routes.all().iter().map(route).collect(),
            worker_tags: self.rules.workers.clone(),
            workers: self.workers.len() as u64,
            open: self.in_flight.len() as u64,
            totals: self.totals(),
            categories: categories.into_iter().map(|category| self.category(category, instant)).collect(),
            left_out,
            others: self.book.others().clone(),
            faults: self.book.failed().map(|failed| fault(failed, instant)).collect(),
            nats: None,
        }
    }

    /// Categories that have an account, then those that are served, as far as there is room; and how many there is none for.
    fn shown(&self) -> (BTreeSet<&Category>, u64) {
        let mut shown: BTreeSet<&Category> = self.book.categories().collect();
        for category in self.workers.categories() {
            if shown.len() == limits::ADMIN_CATEGORIES {
                break;
            }
            shown.insert(category);
        }
        let served = shown.iter().filter(|category| self.workers.count(category) > 0).count();
        let left_out = self.workers.categories().len() - served;
        (shown, left_out as u64)
    }

    fn category(&self, category: &Category, instant: impl Fn(Millis) -> u64) -> CategoryRecord {
        let worker = |who: ClientId| WorkerRecord {
            uuid: who,
            name: self.book.name(who).cloned(),
            group: self.workers.group(who, category).map(ToString::to_string),
            subjects: self.workers.subjects(who).map(|subjects| subjects.iter().cloned().collect()),
            open: self.workers.load(who) as u64,
            since: instant(self.book.since(who)),
        };
        CategoryRecord {
            category: category.clone(),
            workers: self.workers.all_of(category).take(limits::ADMIN_WORKERS).map(worker).collect(),
            served_by: self.workers.count(category) as u64,
            account: self.book.account_of(category).cloned().unwrap_or_default(),
        }
    }

    fn totals(&self) -> RouterTotals {
        let tally = &self.tally;
        let failed = |code: &FaultCode| (code.name().to_owned(), tally.failed(*code));
        RouterTotals {
            requests: tally.requests,
            results: tally.results,
            errors: FaultCode::ALL.iter().map(failed).filter(|(_, count)| *count > 0).collect(),
            parts: tally.parts,
            pushes: tally.pushes,
            lost: tally.lost_pushes,
            no_room: tally.no_room,
            late: tally.late,
            unknown: tally.unknown,
            malformed: 0,
        }
    }
}

fn route(route: &Route) -> RouteRecord {
    RouteRecord {
        subject: route.subject.clone(),
        prefix: route.prefix.clone(),
        requests: route.requests,
        pushes: route.pushes,
        tags: route.tags.clone(),
        within_ms: u64::try_from(route.within.0).unwrap_or(0),
        in_flight: route.in_flight as u64,
    }
}

fn fault(failed: &Failed, instant: impl Fn(Millis) -> u64) -> FaultRecord {
    let Failed { asked: Asked { by, cmd, .. }, name, at, code, items, message } = failed;
    FaultRecord {
        at: instant(*at),
        cmd: cmd.clone(),
        client: *by,
        name: name.clone(),
        code: code.number(),
        error: code.name().to_owned(),
        items: items.clone(),
        message: message.clone(),
    }
}
