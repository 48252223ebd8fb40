//! The router: who is here, and what each packet leads to.
//!
//! Invariants (checked after every step of the tests' lives):
//! 1. each request of a client that stays gets exactly one final response, whatever happens, and nothing after it;
//! 2. what a client gets bears its own `_reqid` and the subject that it named;
//! 3. a worker gets a request once, and is told when it need not answer any more;
//! 4. nobody gets anything before it came or after it went;
//! 5. what waits is bounded, for each client and for all;
//! 6. a worker that has no room is asked nothing;
//! 7. what is written down of all that agrees with it.

mod look;

use std::collections::{BTreeMap, BTreeSet};

use concierge_api_rs::coordinator::Millis;
use concierge_api_rs::packet::{
    Category, Codes, Datagram, Fault, FaultCode, Outcome, Packet, Push, ReqId, Request, Response, SERVE, Serve, Subject,
};
use concierge_api_rs::{ClientId, ClientName, limits};

use crate::book::Book;
use crate::in_flight::{Found, InFlight, Pending, Ticket};
use crate::routes::{RouteNumber, Routes};
use crate::tally::Tally;
use crate::workers::{Served, Workers};

/// Categories that are the router's own: what is sent to them goes nowhere else.
const OWN: [&str; 2] = ["router", "sys"];

/// The numbers and names in the rules that may be set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// Which subjects clients may name.
    pub routes: Routes,
    /// Which errors they are told.
    pub codes: Codes,
    /// Only clients that have one of these tags may serve; none is everybody.
    pub workers: Vec<String>,
    /// How many requests of all clients may wait.
    pub in_flight: usize,
    /// How many categories one worker serves.
    pub categories: usize,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            routes: Routes::default(),
            codes: Codes::default(),
            workers: Vec::new(),
            in_flight: limits::ROUTER_IN_FLIGHT_ALL,
            categories: limits::ROUTER_CATEGORIES,
        }
    }
}

/// A packet for a client.
#[derive(Debug, Clone)]
pub struct Effect<'a> {
    /// Who gets it.
    pub to: ClientId,
    /// What.
    pub packet: Packet<'a>,
    /// How it came about.
    pub why: Why,
}

/// How a packet came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Somebody asks, or pushes: who, and until when an answer is waited for.
    Asked(ClientId, Option<Millis>),
    /// A worker answers.
    Answered(ClientId),
    /// The router says it by itself.
    Own,
}

/// Where a category is served on a subject.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// As clients name it.
    pub subject: Subject,
    /// As workers see it.
    pub outside: Subject,
    /// What is served.
    pub category: Category,
}

/// What somebody is who is here.
#[derive(Debug)]
enum Standing {
    /// Bound by routes that ask for tags, and by how many of its requests may wait.
    Client { tags: Vec<String> },
    /// A part of the hub, which asks for others. Half of all that may wait is its bound.
    Inside,
    /// Those outside the hub, all as one, with the same bound. What they ask for goes nowhere but to workers of the hub.
    Outside,
}

/// Who is here and what waits.
#[derive(Debug)]
pub struct Router {
    rules: Rules,
    clients: BTreeMap<ClientId, Standing>,
    /// Who gets what no worker of the hub serves.
    elsewhere: Option<ClientId>,
    workers: Workers,
    in_flight: InFlight,
    tally: Tally,
    book: Book,
}

impl Router {
    /// Nobody is here.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        Self {
            rules,
            clients: BTreeMap::new(),
            elsewhere: None,
            workers: Workers::default(),
            in_flight: InFlight::default(),
            tally: Tally::default(),
            book: Book::default(),
        }
    }

    /// A client comes, with its tags.
    pub fn come(&mut self, who: ClientId, tags: impl IntoIterator<Item = String>) {
        self.clients.insert(who, Standing::Client { tags: tags.into_iter().collect() });
    }

    /// A part of the hub comes, which asks for others.
    pub fn come_inside(&mut self, who: ClientId) {
        self.clients.insert(who, Standing::Inside);
    }

    /// Those outside the hub come: `way_in` asks for them, and `way_out` gets what no worker of the hub serves, until it goes.
    pub fn come_outside(&mut self, way_in: ClientId, way_out: ClientId) {
        self.clients.insert(way_in, Standing::Outside);
        self.clients.insert(way_out, Standing::Outside);
        self.elsewhere = Some(way_out);
    }

    /// What a client is called in what is written down.
    pub fn introduce(&mut self, who: ClientId, name: ClientName) {
        self.book.introduce(who, name);
    }

    /// A client goes. What it asked is forgotten, and its workers are told; what it was asked is answered UNAVAILABLE.
    pub fn go(&mut self, now: Millis, who: ClientId) -> Vec<Effect<'static>> {
        self.book.turn(now);
        let mut effects = Vec::new();
        let (sent, given) = self.in_flight.around(who);
        for ticket in sent {
            effects.extend(self.close(ticket).filter(|pending| pending.worker != who).map(|it| self.cancel(ticket, &it)));
        }
        for ticket in given {
            // what it asked of itself is closed already
            effects.extend(self.close(ticket).map(|it| self.fail(it, FaultCode::Unavailable, &["subject"])));
        }
        self.workers.remove(who);
        self.clients.remove(&who);
        self.elsewhere = self.elsewhere.filter(|way_out| *way_out != who);
        self.book.go(who);
        effects
    }

    /// A packet comes from a client. A worker that has no room is asked nothing, and a push passes it by.
    pub fn receive<'a>(
        &mut self,
        now: Millis,
        from: ClientId,
        packet: Packet<'a>,
        has_room: impl Fn(ClientId) -> bool,
    ) -> Vec<Effect<'a>> {
        if !self.clients.contains_key(&from) {
            return Vec::new();
        }
        self.book.turn(now);
        match packet.datagram {
            Datagram::Request(request) => vec![self.request((now, from), packet.subject, request, (None, &has_room))],
            Datagram::Push(push) if OWN.contains(&push.cmd.category().as_str()) => self.obey(from, &push),
            Datagram::Push(push) => self.push(from, &packet.subject, push, has_room),
            Datagram::Response(response) => self.respond(from, response).into_iter().collect(),
        }
    }

    /// A request of somebody inside, which waits until `due` instead of what its route says.
    pub fn entrust<'a>(
        &mut self,
        (now, from): (Millis, ClientId),
        subject: Subject,
        request: Request<'a>,
        due: Millis,
        has_room: impl Fn(ClientId) -> bool,
    ) -> Effect<'a> {
        self.book.turn(now);
        self.request((now, from), subject, request, (Some(due), &has_room))
    }

    /// Whether this client may have such a request kept, which is given to a worker later.
    ///
    /// # Errors
    /// The code and the item of the answer that it gets.
    pub fn admit(&self, from: ClientId, subject: &Subject, request: &Request<'_>) -> Result<(), (FaultCode, &'static str)> {
        self.check(from, subject, request.reqid.as_ref())?;
        if OWN.contains(&request.cmd.category().as_str()) { Err((FaultCode::Unavailable, "subject")) } else { Ok(()) }
    }

    /// Whether a worker of the hub serves that category on that subject.
    #[must_use]
    pub fn serves(&self, category: &Category, subject: &Subject) -> bool {
        self.workers.of(category, subject).next().is_some()
    }

    /// Whether requests for it have somewhere to go, out of the hub if nowhere else.
    #[must_use]
    pub fn leads_somewhere(&self, from: ClientId, category: &Category, subject: &Subject) -> bool {
        self.serves(category, subject) || self.way_out(from).is_some()
    }

    /// Whether this is how those outside the hub are reached.
    #[must_use]
    pub fn is_outside(&self, who: ClientId) -> bool {
        matches!(self.clients.get(&who), Some(Standing::Outside))
    }

    /// What is served where, as far as routes lead there.
    #[must_use]
    pub fn places(&self) -> BTreeSet<Place> {
        let place = |(subject, category): &(Subject, Category)| {
            let outside = self.rules.routes.get(self.rules.routes.find(subject)?).outside(subject).ok()?;
            Some(Place { subject: subject.clone(), outside, category: category.clone() })
        };
        self.workers.places().filter_map(place).collect()
    }

    /// Another number when [`Self::places`] may be others.
    #[must_use]
    pub const fn changes(&self) -> u64 {
        self.workers.changes()
    }

    /// When [`Self::expire`] has something to do.
    #[must_use]
    pub fn next_due(&self) -> Option<Millis> {
        self.in_flight.next_due()
    }

    /// Requests that have waited too long are answered TIMEOUT, and their workers are told.
    pub fn expire(&mut self, now: Millis) -> Vec<Effect<'static>> {
        self.book.turn(now);
        let mut effects = Vec::new();
        while let Some(ticket) = self.in_flight.overdue(now) {
            let Some(pending) = self.close(ticket) else { break };
            effects.push(self.cancel(ticket, &pending));
            effects.push(self.fail(pending, FaultCode::Timeout, &[]));
        }
        effects
    }

    /// How many requests wait.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// How many clients serve something.
    #[must_use]
    pub fn workers(&self) -> usize {
        self.workers.len()
    }

    /// What it counted.
    #[must_use]
    pub const fn tally(&self) -> &Tally {
        &self.tally
    }

    /// To a worker, or back with the reason why not.
    fn request<'a>(
        &mut self,
        (now, from): (Millis, ClientId),
        subject: Subject,
        request: Request<'a>,
        (due, has_room): (Option<Millis>, impl Fn(ClientId) -> bool),
    ) -> Effect<'a> {
        self.tally.requests += 1;
        let (reqid, cmd) = (request.reqid.clone(), request.cmd.clone());
        match self.pass_on((now, from), &subject, request, (due, has_room)) {
            Ok(effect) => effect,
            Err((code, item)) => {
                self.book.refuse(from, &cmd, code, &[item]);
                self.answer(from, subject, reqid, code, &[item])
            }
        }
    }

    fn pass_on<'a>(
        &mut self,
        (now, from): (Millis, ClientId),
        subject: &Subject,
        Request { cmd, reqid, data, .. }: Request<'a>,
        (due, has_room): (Option<Millis>, impl Fn(ClientId) -> bool),
    ) -> Result<Effect<'a>, (FaultCode, &'static str)> {
        let (reqid, number, outside) = self.check(from, subject, reqid.as_ref())?;
        let route = self.rules.routes.get(number);
        let has_enough = if self.is_client(from) {
            self.in_flight.count(from, number) >= route.in_flight
        } else {
            self.in_flight.count_all(from) >= self.rules.in_flight / 2
        };
        if has_enough || self.in_flight.len() >= self.rules.in_flight {
            return Err((FaultCode::Limit, "requests"));
        }
        if OWN.contains(&cmd.category().as_str()) {
            return Err((FaultCode::Unavailable, "subject"));
        }
        let due = due.unwrap_or_else(|| now.plus(route.within));
        let worker = self.choose(from, (&cmd.category(), subject), has_room)?;
        let (subject, asked) = (subject.clone(), self.book.give(from, &cmd));
        let ticket = self.in_flight.add(Pending { sender: from, reqid, subject, route: number, worker, due, asked });
        let request = Request { cmd, reqid: Some(ticket.reqid()), durable: None, data };
        let packet = Packet { subject: outside, datagram: request.into() };
        Ok(Effect { to: worker, packet, why: Why::Asked(from, Some(due)) })
    }

    /// The mark of a request that may pass, its route, and its subject as workers see it.
    fn check(
        &self,
        from: ClientId,
        subject: &Subject,
        reqid: Option<&ReqId>,
    ) -> Result<(ReqId, RouteNumber, Subject), (FaultCode, &'static str)> {
        let reqid = reqid.ok_or((FaultCode::Incomplete, "_reqid"))?;
        let number = self.open(from, subject)?;
        let outside = self.rules.routes.get(number).outside(subject).map_err(|_| (FaultCode::Invalid, "subject"))?;
        if self.in_flight.of(from, reqid).is_some() {
            return Err((FaultCode::Duplicate, "_reqid"));
        }
        Ok((reqid.clone(), number, outside))
    }

    fn choose(
        &mut self,
        from: ClientId,
        (category, subject): (&Category, &Subject),
        has_room: impl Fn(ClientId) -> bool,
    ) -> Result<ClientId, (FaultCode, &'static str)> {
        if self.workers.of(category, subject).next().is_none() {
            return self.way_out(from).ok_or((FaultCode::Unavailable, "subject"));
        }
        let worker = self.workers.next(category, subject, has_room);
        self.tally.no_room += u64::from(worker.is_none());
        worker.ok_or((FaultCode::Limit, "requests"))
    }

    /// Who gets what this one sends and no worker of the hub serves.
    fn way_out(&self, from: ClientId) -> Option<ClientId> {
        self.elsewhere.filter(|_| !matches!(self.clients.get(&from), Some(Standing::Outside)))
    }

    /// The route that lets this client send requests to that subject.
    fn open(&self, from: ClientId, subject: &Subject) -> Result<RouteNumber, (FaultCode, &'static str)> {
        let number = self.route(from, subject).ok_or((FaultCode::Forbidden, "subject"))?;
        if self.rules.routes.get(number).requests { Ok(number) } else { Err((FaultCode::Forbidden, "type")) }
    }

    /// The route that lets this client send to that subject.
    fn route(&self, from: ClientId, subject: &Subject) -> Option<RouteNumber> {
        let number = self.rules.routes.find(subject)?;
        self.has_one_of(from, &self.rules.routes.get(number).tags).then_some(number)
    }

    /// To the workers of the category that have room, and out of the hub. Nobody is told when there are none.
    fn push<'a>(
        &mut self,
        from: ClientId,
        subject: &Subject,
        push: Push<'a>,
        has_room: impl Fn(ClientId) -> bool,
    ) -> Vec<Effect<'a>> {
        let route = self.route(from, subject).map(|number| self.rules.routes.get(number)).filter(|route| route.pushes);
        let outside = route.and_then(|route| route.outside(subject).ok());
        let effects: Vec<Effect<'a>> = outside.map_or_else(Vec::new, |outside| {
            let (fit, full) = self.workers.hear(&push.cmd.category(), subject, has_room);
            self.tally.no_room += u64::try_from(full).unwrap_or(u64::MAX);
            let to_one = |to| {
                let packet = Packet { subject: outside.clone(), datagram: push.clone().into() };
                Effect { to, packet, why: Why::Asked(from, None) }
            };
            fit.into_iter().chain(self.way_out(from)).map(to_one).collect()
        });
        self.count_push(!effects.is_empty());
        effects
    }

    /// A push to the router itself.
    fn obey(&mut self, from: ClientId, push: &Push<'_>) -> Vec<Effect<'static>> {
        if push.cmd.as_str() == SERVE {
            let obeyed = self.serve(from, push);
            self.count_push(obeyed);
            return Vec::new();
        }
        let ticket = push.cancels().and_then(|reqid| self.in_flight.of(from, &reqid));
        self.count_push(ticket.is_some());
        let Some((ticket, pending)) = ticket.and_then(|ticket| Some((ticket, self.close(ticket)?))) else {
            return Vec::new();
        };
        vec![self.cancel(ticket, &pending), self.fail(pending, FaultCode::Generic, &["_reqid"])]
    }

    fn serve(&mut self, from: ClientId, push: &Push<'_>) -> bool {
        let Some(Serve { categories, groups, subjects }) = push.serves() else { return false };
        let subjects: Option<BTreeSet<_>> = subjects.map(|subjects| subjects.into_iter().collect());
        let categories: BTreeMap<_, _> = categories.into_iter().map(|name| (name.clone(), groups.get(&name).cloned())).collect();
        let may = self.is_client(from)
            && self.has_one_of(from, &self.rules.workers)
            && categories.len() <= self.rules.categories
            && groups.keys().all(|category| categories.contains_key(category))
            && subjects.as_ref().is_none_or(|subjects| (1..=limits::ROUTER_SUBJECTS).contains(&subjects.len()))
            && !categories.keys().any(|category| OWN.contains(&category.as_str()));
        if may {
            self.workers.serve(from, Served { categories, subjects });
            self.book.serve(from);
        }
        may
    }

    fn count_push(&mut self, arrived: bool) {
        let count = if arrived { &mut self.tally.pushes } else { &mut self.tally.lost_pushes };
        *count += 1;
    }

    fn has_one_of(&self, who: ClientId, tags: &[String]) -> bool {
        match self.clients.get(&who) {
            Some(Standing::Client { tags: own }) => tags.is_empty() || own.iter().any(|tag| tags.contains(tag)),
            Some(Standing::Inside | Standing::Outside) => true,
            None => false,
        }
    }

    fn is_client(&self, who: ClientId) -> bool {
        matches!(self.clients.get(&who), Some(Standing::Client { .. }))
    }

    /// A worker's answer goes to who asked, unless that is over.
    fn respond<'a>(&mut self, from: ClientId, response: Response<'a>) -> Option<Effect<'a>> {
        let ticket = match self.in_flight.answered_by(from, response.reqid.as_ref()) {
            Found::Open(ticket) => ticket,
            Found::Late => {
                self.tally.late += 1;
                return None;
            }
            Found::Unknown => {
                self.tally.unknown += 1;
                return None;
            }
        };
        let pending = if response.is_final() { self.close(ticket)? } else { self.in_flight.get(ticket)?.clone() };
        self.book.answer(&pending.asked, &response.outcome);
        let outcome = self.counted(response.outcome);
        Some(to_sender(pending, outcome, Why::Answered(from)))
    }

    fn counted<'a>(&mut self, outcome: Outcome<'a>) -> Outcome<'a> {
        match outcome {
            Outcome::Part(data) => {
                self.tally.parts += 1;
                Outcome::Part(data)
            }
            Outcome::Ok(data) => {
                self.tally.results += 1;
                Outcome::Ok(data)
            }
            Outcome::Err(fault) => {
                self.tally.fail(fault.code());
                Outcome::Err(fault.among(self.rules.codes))
            }
        }
    }

    /// A request waits no more, and its worker has room for another one.
    fn close(&mut self, ticket: Ticket) -> Option<Pending> {
        let pending = self.in_flight.remove(ticket)?;
        self.workers.release(pending.worker);
        self.book.close(&pending.asked);
        Some(pending)
    }

    /// Tells a worker that it need not answer.
    fn cancel(&self, ticket: Ticket, pending: &Pending) -> Effect<'static> {
        let outside = self.rules.routes.get(pending.route).outside(&pending.subject);
        let subject = outside.expect("the request went there");
        let packet = Packet { subject, datagram: Push::cancel(&ticket.reqid()).into() };
        Effect { to: pending.worker, packet, why: Why::Own }
    }

    /// The final response that is the router's own.
    fn fail(&mut self, pending: Pending, code: FaultCode, items: &[&str]) -> Effect<'static> {
        let outcome = Outcome::Err(Fault::new(code, items));
        self.book.answer(&pending.asked, &outcome);
        let outcome = self.counted(outcome);
        to_sender(pending, outcome, Why::Own)
    }

    /// The final response to a request that was not passed on.
    fn answer(
        &mut self,
        to: ClientId,
        subject: Subject,
        reqid: Option<ReqId>,
        code: FaultCode,
        items: &[&str],
    ) -> Effect<'static> {
        let outcome = self.counted(Outcome::Err(Fault::new(code, items)));
        let packet = Packet { subject, datagram: Response { reqid, outcome }.into() };
        Effect { to, packet, why: Why::Own }
    }
}

fn to_sender(Pending { sender, reqid, subject, .. }: Pending, outcome: Outcome<'_>, why: Why) -> Effect<'_> {
    let packet = Packet { subject, datagram: Response { reqid: Some(reqid), outcome }.into() };
    Effect { to: sender, packet, why }
}
