//! Lives: a coordinator whose clients create, claim, wait, settle and disappear while the clock jumps, as the dice have it.
//! `fuzz/` includes this file, with dice of its own.

use std::collections::BTreeMap;

use concierge_api_rs::coordinator::{
    Address, Claims, Dialect, Envelope, FenceAction, FenceVerb, Kind, Millis, Offered, Outcome, Pid, PromiseCreate, PromiseGet,
    PromiseId, PromiseListen, PromiseRegister, PromiseSearch, PromiseSettle, PromiseState, Request, ScheduleCreate, ScheduleGet,
    ScheduleId, ScheduleSearch, SettleState, Tags, TaskAcquire, TaskCreate, TaskFence, TaskFulfill, TaskGet, TaskHeartbeat,
    TaskRef, TaskSearch, TaskState, TaskSuspend, Value,
};
use concierge_coordinator::{MemoryRows, OfferKey, Reads, Rules, WorkingSet, promise_id, touched, touched_by_due};

use crate::broken::{Broken, Flaw};
use crate::dice::Dice;
use crate::invariants::Judge;

/// 2026-01-01T00:00:00Z.
const START: i64 = 1_767_225_600_000;

pub(crate) struct Life {
    pub(crate) dice: Dice,
    now: Millis,
    step: u64,
    rows: MemoryRows,
    /// The same rows, changed by way of working sets.
    shadow: MemoryRows,
    judge: Judge,
    rules: Rules,
    pub(crate) counts: Counts,
}

/// How often each kind was granted and refused.
pub(crate) type Counts = BTreeMap<Kind, (u64, u64)>;

fn pid(n: u64) -> Pid {
    Pid::parse(["ada", "bob", "eve"][usize::try_from(n).unwrap()]).unwrap()
}

impl Life {
    pub(crate) fn new(dice: Dice) -> Self {
        Self {
            dice,
            now: Millis(START),
            step: 0,
            rows: MemoryRows::new(),
            shadow: MemoryRows::new(),
            judge: Judge::default(),
            rules: Rules { awaiters_per_promise: 3, listeners_per_promise: 2, ..Rules::default() },
            counts: Counts::new(),
        }
    }

    /// New ids come up as time goes by, so that there is always something pending; often it is something that is known.
    fn id(&mut self) -> PromiseId {
        let promises = &self.judge.rows().promises;
        let open: Vec<_> = promises.iter().filter(|promise| promise.is_pending(self.now)).map(|promise| &promise.id).collect();
        if !open.is_empty() && self.dice.one_in(2) {
            return (*self.dice.pick(&open)).clone();
        }
        self.new_id()
    }

    /// Some task in this state whose promise is pending.
    fn task(&mut self, state: TaskState) -> Option<(PromiseId, Claims)> {
        let rows = self.judge.rows();
        let tasks = rows.tasks.iter().filter(|task| task.state == state);
        let live = tasks.filter(|task| self.rows.promise(&task.id).unwrap().is_some_and(|promise| promise.is_pending(self.now)));
        let found: Vec<_> = live.map(|task| (task.id.clone(), task.claims)).collect();
        if found.is_empty() { None } else { Some(self.dice.pick(&found).clone()) }
    }

    fn new_id(&mut self) -> PromiseId {
        let n = self.step / 20 + self.dice.below(7);
        PromiseId::parse(&format!("run:{n}.{}", n % 3)).unwrap()
    }

    fn pid(&mut self) -> Pid {
        pid(self.dice.below(3))
    }

    fn address(&mut self) -> Address {
        let text = *self.dice.pick(&["any@work", "poll://any@work/ada", "uni@work/bob", "poll://uni@play/eve", "uni@play"]);
        Address::parse(text).unwrap()
    }

    fn value(&mut self) -> Value {
        let data = self.dice.one_in(2).then(|| format!("{}", self.dice.below(100)).into());
        let headers = if self.dice.one_in(4) { [("h".to_owned(), "1".to_owned())].into() } else { BTreeMap::new() };
        Value { headers, data }
    }

    fn tags(&mut self) -> Tags {
        let mut tags = Tags::new();
        if !self.dice.one_in(4) {
            tags.insert("resonate:target".to_owned(), self.address().to_string());
        }
        if self.dice.one_in(20) {
            tags.insert("resonate:target".to_owned(), (*self.dice.pick(&["", "http://nobody/", "workers"])).to_owned());
        }
        if self.dice.one_in(6) {
            tags.insert("resonate:timer".to_owned(), (*self.dice.pick(&["true", "false"])).to_owned());
        }
        if self.dice.one_in(8) {
            let at = self.now.0 + self.dice.span(8_000) - 1_000;
            tags.insert("resonate:delay".to_owned(), at.to_string());
        }
        if self.dice.one_in(2) {
            tags.insert("resonate:branch".to_owned(), format!("b{}", self.dice.below(2)));
        }
        tags
    }

    fn create(&mut self) -> PromiseCreate {
        let timeout_at = match self.dice.below(12) {
            0 => Millis(self.now.0 - self.dice.span(1_000)),
            1 => Millis::NEVER,
            2..=3 => Millis(self.now.0 + self.dice.span(500)),
            _ => Millis(self.now.0 + self.dice.span(300_000)),
        };
        PromiseCreate { id: self.new_id(), param: self.value(), tags: self.tags(), timeout_at }
    }

    fn settle(&mut self, id: PromiseId) -> PromiseSettle {
        let state = *self.dice.pick(&[SettleState::Resolved, SettleState::Rejected, SettleState::RejectedCanceled]);
        PromiseSettle { id, state, value: self.value() }
    }

    /// Mostly a task that somebody holds, by the claim that holds it.
    fn held(&mut self) -> TaskRef {
        match self.task(TaskState::Acquired) {
            Some((id, claims)) if !self.dice.one_in(10) => {
                let stale = u32::from(self.dice.one_in(10));
                TaskRef { id, claims: Claims(claims.0.saturating_sub(stale).max(1)) }
            }
            _ => TaskRef { id: self.id(), claims: Claims(1 + u32::try_from(self.dice.below(3)).unwrap()) },
        }
    }

    fn acquire(&mut self) -> TaskAcquire {
        let (id, claims) = match self.task(TaskState::Pending) {
            Some(pending) if !self.dice.one_in(6) => pending,
            _ => (self.id(), Claims(u32::try_from(self.dice.below(3)).unwrap())),
        };
        TaskAcquire { id, claims, pid: self.pid(), ttl: self.ttl() }
    }

    fn ttl(&mut self) -> Millis {
        Millis(*self.dice.pick(&[0, 10, 300, 2_000, 20_000, 20_000, 20_000]))
    }

    fn suspend(&mut self) -> TaskSuspend {
        let task = self.held();
        let actions = (0..self.dice.below(4)).map(|_| {
            let awaiter = if self.dice.one_in(30) { self.id() } else { task.id.clone() };
            let awaited = Some(self.id()).filter(|id| *id != task.id).unwrap_or_else(|| self.id());
            PromiseRegister { awaiter, awaited }
        });
        TaskSuspend { actions: actions.collect(), task }
    }

    fn fence(&mut self) -> TaskFence {
        let verb = if self.dice.one_in(2) {
            FenceVerb::Create(self.create())
        } else {
            let id = self.id();
            FenceVerb::Settle(self.settle(id))
        };
        TaskFence { task: self.held(), action: FenceAction { corr_id: "inner".to_owned(), verb } }
    }

    fn fulfill(&mut self) -> TaskFulfill {
        let task = self.held();
        let id = if self.dice.one_in(20) { self.id() } else { task.id.clone() };
        TaskFulfill { action: self.settle(id), task }
    }

    fn heartbeat(&mut self) -> TaskHeartbeat {
        let tasks = (0..self.dice.below(3)).map(|_| self.held()).collect();
        TaskHeartbeat { pid: self.pid(), tasks }
    }

    fn schedule(&mut self) -> ScheduleId {
        ScheduleId::parse(&format!("s{}", self.dice.below(3))).unwrap()
    }

    fn schedule_create(&mut self) -> ScheduleCreate {
        let id = self.schedule();
        let cron = *self.dice.pick(&["* * * * *", "*/2 * * * *", "60 * * * *", "* * * *"]);
        let promise_id = *self.dice.pick(&["{{.id}}:{{.timestamp}}", "fixed", ""]);
        ScheduleCreate {
            id,
            cron: cron.to_owned(),
            promise_id: promise_id.to_owned(),
            promise_timeout: Millis(self.dice.span(90_000)),
            promise_param: self.value(),
            promise_tags: self.tags(),
        }
    }

    fn request(&mut self) -> Request {
        let id = self.id();
        match self.dice.below(48) {
            0..=5 | 40..=43 => Request::PromiseCreate(self.create()),
            6..=7 => Request::PromiseSettle(self.settle(id)),
            8 => Request::PromiseGet(PromiseGet { id }),
            9..=11 => Request::PromiseRegister(PromiseRegister { awaiter: self.id(), awaited: id }),
            12..=13 => Request::PromiseListen(PromiseListen { awaited: id, address: self.address() }),
            14 => Request::TaskGet(TaskGet { id }),
            15..=16 => Request::TaskCreate(TaskCreate { pid: self.pid(), ttl: self.ttl(), action: self.create() }),
            17..=21 | 44..=47 => Request::TaskAcquire(self.acquire()),
            22..=25 => Request::TaskSuspend(self.suspend()),
            26..=27 => Request::TaskFulfill(self.fulfill()),
            28..=29 => Request::TaskRelease(self.held()),
            30..=32 => Request::TaskFence(self.fence()),
            33 => Request::TaskHeartbeat(self.heartbeat()),
            34 => Request::TaskHalt(TaskGet { id }),
            35 => Request::TaskContinue(TaskGet { id: self.task(TaskState::Halted).map_or(id, |(id, _)| id) }),
            36 => self.search(),
            37 => Request::ScheduleCreate(self.schedule_create()),
            38 => Request::ScheduleGet(ScheduleGet { id: self.schedule() }),
            _ => Request::ScheduleDelete(ScheduleGet { id: self.schedule() }),
        }
    }

    fn search(&mut self) -> Request {
        let limit = Some(1 + usize::try_from(self.dice.below(5)).unwrap());
        match self.dice.below(3) {
            0 => {
                let state = self.dice.one_in(2).then(|| *self.dice.pick(PromiseState::ALL));
                let tags =
                    if self.dice.one_in(2) { [("resonate:branch".to_owned(), "b1".to_owned())].into() } else { Tags::new() };
                Request::PromiseSearch(PromiseSearch { state, tags, limit, cursor: None })
            }
            1 => {
                let state = self.dice.one_in(2).then(|| *self.dice.pick(TaskState::ALL));
                Request::TaskSearch(TaskSearch { state, limit, cursor: Some("run:1".to_owned()) })
            }
            _ => Request::ScheduleSearch(ScheduleSearch { limit, ..ScheduleSearch::default() }),
        }
    }

    fn jump(&mut self) {
        let by = match self.dice.below(100) {
            0 => self.dice.span(200_000),
            1..=3 => self.dice.span(8_000),
            4..=40 => self.dice.span(60),
            _ => 0,
        };
        self.now = self.now.plus(Millis(by));
    }

    /// One request, or one sweep, or a message that is taken.
    pub(crate) fn turn(&mut self, flaw: Flaw) -> Result<(), String> {
        self.step += 1;
        self.jump();
        match self.dice.below(6) {
            0 => self.sweep(flaw),
            1 => self.take(),
            _ => {
                let dialect = *self.dice.pick(&[Dialect::Plain, Dialect::V20260401]);
                let request = self.request();
                self.ask(flaw, dialect, &request)
            }
        }
    }

    fn ask(&mut self, flaw: Flaw, dialect: Dialect, request: &Request) -> Result<(), String> {
        said_and_understood(dialect, request)?;
        let decision = self.rules.decide(self.now, dialect, request, &mut Broken(&mut self.rows, flaw)).unwrap();
        if flaw == Flaw::None {
            let around = touched(request);
            if !around.everything {
                let mut set = WorkingSet::load(&around, &self.shadow).unwrap();
                let again = self.rules.decide(self.now, dialect, request, &mut set).map_err(|outside| format!("{outside:?}"))?;
                if again != decision {
                    return Err(format!("{request:?}: {decision:?}, and with a working set {again:?}"));
                }
                set.into_changes().iter().for_each(|change| change.apply(&mut self.shadow).unwrap());
            }
            if let Some(looked) = self.rules.look(self.now, request, &self.rows).unwrap()
                && looked != decision.outcome
            {
                return Err(format!("{request:?}: {decision:?}, and at a look {looked:?}"));
            }
        }
        let count = self.counts.entry(request.kind()).or_default();
        if decision.outcome.is_ok() {
            count.0 += 1
        } else {
            count.1 += 1
        }
        self.judge(Some((request, &decision.outcome)), &decision.offers)
    }

    fn sweep(&mut self, flaw: Flaw) -> Result<(), String> {
        let mut fired_things = 0;
        loop {
            let limit = 1 + usize::try_from(self.dice.below(3)).unwrap();
            let due = self.rows.due(self.now, limit).unwrap();
            for due in &due {
                let fired = self.rules.fire(self.now, due, &mut Broken(&mut self.rows, flaw)).unwrap();
                if flaw == Flaw::None {
                    self.fire_shadow(due, &fired)?;
                }
                self.judge(None, &fired)?;
            }
            if due.is_empty() {
                break;
            }
            fired_things += due.len();
            if fired_things > 1_000 {
                return Err("the sweep has no end".to_owned());
            }
        }
        match self.rows.next_due().unwrap() {
            Some(at) if at <= self.now => Err(format!("something is due at {at} after a sweep at {}", self.now)),
            _ => Ok(()),
        }
    }

    fn fire_shadow(&mut self, due: &concierge_coordinator::Due, fired: &[concierge_coordinator::Offer]) -> Result<(), String> {
        let next = match due {
            concierge_coordinator::Due::Schedule(id) => self.shadow.schedule(id).unwrap().as_ref().and_then(promise_id),
            _ => None,
        };
        let mut set = WorkingSet::load(&touched_by_due(due, next.as_ref()), &self.shadow).unwrap();
        let again = self.rules.fire(self.now, due, &mut set).map_err(|outside| format!("{due:?}: {outside:?}"))?;
        set.into_changes().iter().for_each(|change| change.apply(&mut self.shadow).unwrap());
        if again == fired { Ok(()) } else { Err(format!("{due:?}: {fired:?}, and with a working set {again:?}")) }
    }

    /// A worker comes, and a message that waits for it is taken.
    fn take(&mut self) -> Result<(), String> {
        let address = self.address();
        let pid = self.pid();
        let (offers, next) = self.rules.waiting(self.now, (address.group(), &pid), None, 4, &self.rows).unwrap();
        if let Some(stranger) = offers.iter().find(|offer| !offer.address.reaches(address.group(), &pid)) {
            return Err(format!("{stranger:?} is not for {pid} of {}", address.group()));
        }
        if next.is_some() && offers.len() > 4 {
            return Err("more than asked for".to_owned());
        }
        let notices: Vec<OfferKey> = offers.into_iter().map(|offer| offer.key).collect();
        if let Some(key) = notices.first() {
            self.rules.taken(key, &mut self.rows).unwrap();
            self.rules.taken(key, &mut self.shadow).unwrap();
        }
        self.judge(None, &[])
    }

    /// Working sets and whole transactions leave the same rows.
    pub(crate) fn compare_rows(&self) -> Result<(), String> {
        let same = self.rows.everything().unwrap() == self.shadow.everything().unwrap();
        if same { Ok(()) } else { Err("the rows of the working sets are others".to_owned()) }
    }

    fn judge(&mut self, asked: Option<(&Request, &Outcome)>, offers: &[concierge_coordinator::Offer]) -> Result<(), String> {
        let rows = self.rows.everything().unwrap();
        self.judge.step(self.now, asked, offers, rows)
    }
}

/// Every request survives being written and read, in each dialect that has it.
fn said_and_understood(dialect: Dialect, request: &Request) -> Result<(), String> {
    let Some(text) = request.encode(dialect, "1") else { return Ok(()) };
    let caller = match request {
        Request::PromiseListen(listen) => Some(&listen.address),
        _ => None,
    };
    match Envelope::decode(&text, Offered::default(), caller) {
        Ok(envelope) if envelope.request == *request && envelope.head.dialect == dialect => Ok(()),
        other => Err(format!("{text}: {other:?}")),
    }
}
