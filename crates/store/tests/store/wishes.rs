//! Random requests, of which most make sense: they look at what there is.

use concierge_api_rs::coordinator::{
    Address, Claims, Dialect, FenceAction, FenceVerb, Millis, Pid, PromiseCreate, PromiseGet, PromiseId, PromiseListen,
    PromiseRegister, PromiseSearch, PromiseSettle, PromiseState, Request, ScheduleCreate, ScheduleGet, ScheduleId,
    ScheduleSearch, SettleState, TAG_BRANCH, TAG_DELAY, TAG_ORIGIN, TAG_SCHEDULE, TAG_TARGET, TAG_TIMER, Tags, TaskAcquire,
    TaskCreate, TaskFence, TaskFulfill, TaskGet, TaskHeartbeat, TaskRef, TaskSearch, TaskState, TaskSuspend, Value,
};
use concierge_coordinator::Everything;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

use crate::home::{id, pid};

/// Where wishes come from: the same seed, the same wishes.
pub(crate) struct Wishes {
    dice: StdRng,
    pub(crate) now: Millis,
    /// How many were made, so that new ids come up for ever.
    made: u64,
    /// What there was not long ago.
    pub(crate) known: Everything,
}

impl Wishes {
    pub(crate) fn new(seed: u64) -> Self {
        let dice = StdRng::seed_from_u64(seed);
        Self { dice, now: Millis(1_767_225_600_000), made: 0, known: Everything::default() }
    }

    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.dice.random_range(0..n)
    }

    /// Time stands still, or goes on a little, or jumps.
    pub(crate) fn jump(&mut self) {
        let by = match self.below(100) {
            0 => 200_000,
            1..=3 => 8_000,
            4..=40 => 60,
            _ => 1,
        };
        self.now = self.now.plus(Millis(self.dice.random_range(0..by)));
    }

    pub(crate) fn dialect(&mut self) -> Dialect {
        self.pick(&[Dialect::Plain, Dialect::V20260401])
    }

    /// A request that may change something.
    pub(crate) fn change(&mut self) -> Request {
        self.made += 1;
        let id = self.some_id();
        match self.below(44) {
            0..=9 => Request::PromiseCreate(self.create()),
            10..=12 => Request::PromiseSettle(self.settle(id)),
            13..=15 => Request::PromiseRegister(PromiseRegister { awaiter: self.some_id(), awaited: id }),
            16..=17 => Request::PromiseListen(PromiseListen { awaited: id, address: self.address() }),
            18..=19 => Request::TaskCreate(TaskCreate { pid: self.pid(), ttl: self.ttl(), action: self.create() }),
            20..=27 => Request::TaskAcquire(self.acquire()),
            28..=30 => Request::TaskSuspend(self.suspend()),
            31..=32 => Request::TaskFulfill(self.fulfill()),
            33 => Request::TaskRelease(self.held()),
            34..=36 => Request::TaskFence(self.fence()),
            37 => Request::TaskHeartbeat(self.heartbeat()),
            38 => Request::TaskHalt(TaskGet { id }),
            39 => Request::TaskContinue(TaskGet { id: self.task(TaskState::Halted).map_or(id, |(id, _)| id) }),
            40..=41 => Request::ScheduleCreate(self.schedule_create()),
            42 => Request::ScheduleDelete(ScheduleGet { id: self.schedule() }),
            _ => Request::DebugTick(self.now),
        }
    }

    /// A request that only looks.
    pub(crate) fn look(&mut self) -> Request {
        let id = self.some_id();
        let limit = Some(1 + usize::try_from(self.below(9)).unwrap());
        let cursor = if self.below(3) == 0 { Some(id.to_string()) } else { None };
        match self.below(7) {
            0 => Request::PromiseGet(PromiseGet { id }),
            1 => Request::TaskGet(TaskGet { id }),
            2 => Request::ScheduleGet(ScheduleGet { id: self.schedule() }),
            3 | 4 => {
                let state = if self.below(2) == 0 { Some(self.pick(PromiseState::ALL)) } else { None };
                Request::PromiseSearch(PromiseSearch { state, tags: self.wanted(), limit, cursor })
            }
            5 => {
                let state = if self.below(4) == 0 { None } else { Some(self.pick(TaskState::ALL)) };
                Request::TaskSearch(TaskSearch { state, limit, cursor })
            }
            _ => Request::ScheduleSearch(ScheduleSearch { tags: self.wanted(), limit, cursor: None }),
        }
    }

    pub(crate) fn address(&mut self) -> Address {
        let address = self.pick(&["any@work", "poll://any@work/ada", "uni@work/bob", "poll://uni@play/eve", "uni@play"]);
        address.parse().unwrap()
    }

    pub(crate) fn pid(&mut self) -> Pid {
        pid(self.pick(&["ada", "bob", "eve"]))
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        *from.choose(&mut self.dice).unwrap()
    }

    /// Ids of any shape; their order is that of their bytes.
    fn new_id(&mut self) -> PromiseId {
        let n = self.made / 20 + self.below(7);
        let shape = self.pick(&["run:", "Run.", "ü/", "a\0b", "'\"%_", "日本 "]);
        id(&format!("{shape}{n}"))
    }

    fn some_id(&mut self) -> PromiseId {
        let now = self.now;
        let open: Vec<_> = self.known.promises.iter().filter(|promise| promise.is_pending(now)).map(|one| &one.id).collect();
        match open.choose(&mut self.dice) {
            Some(id) if self.made.is_multiple_of(2) => (*id).clone(),
            _ => self.new_id(),
        }
    }

    fn task(&mut self, state: TaskState) -> Option<(PromiseId, Claims)> {
        let tasks: Vec<_> = self.known.tasks.iter().filter(|task| task.state == state).collect();
        // the younger ones are more likely to live still
        let young = &tasks[tasks.len().saturating_sub(8)..];
        young.choose(&mut self.dice).map(|task| (task.id.clone(), task.claims))
    }

    fn value(&mut self) -> Value {
        let data = self.pick(&[None, Some(""), Some("42"), Some("\"\0\u{1f980}\\")]);
        let headers = if self.below(4) == 0 { [("h".to_owned(), "1".to_owned())].into() } else { [].into() };
        Value { headers, data: data.map(Into::into) }
    }

    fn tags(&mut self) -> Tags {
        let mut tags = Tags::new();
        let mut put = |name: &str, value: String| drop(tags.insert(name.to_owned(), value));
        if self.below(4) > 0 {
            put(TAG_TARGET, self.address().to_string());
        }
        if self.below(20) == 0 {
            put(TAG_TARGET, self.pick(&["", "http://nobody/", "workers"]).to_owned());
        }
        if self.below(6) == 0 {
            put(TAG_TIMER, self.pick(&["true", "false"]).to_owned());
        }
        if self.below(8) == 0 {
            let now = self.now.0;
            put(TAG_DELAY, self.dice.random_range(now - 1_000..now + 7_000).to_string());
        }
        for (name, value) in self.wanted() {
            put(&name, value);
        }
        tags
    }

    /// Tags that are looked for.
    fn wanted(&mut self) -> Tags {
        let mut tags = Tags::new();
        for name in [TAG_BRANCH, TAG_ORIGIN, TAG_SCHEDULE, "colour"] {
            if self.below(4) == 0 {
                tags.insert(name.to_owned(), self.pick(&["b0", "b1", ""]).to_owned());
            }
        }
        tags
    }

    fn create(&mut self) -> PromiseCreate {
        let span = match self.below(12) {
            0 => 0,
            1 => return PromiseCreate { timeout_at: Millis::NEVER, ..self.create_at(0) },
            2..=3 => self.dice.random_range(0..500),
            _ => self.dice.random_range(0..300_000),
        };
        self.create_at(span)
    }

    fn create_at(&mut self, span: i64) -> PromiseCreate {
        PromiseCreate { id: self.new_id(), param: self.value(), tags: self.tags(), timeout_at: self.now.plus(Millis(span)) }
    }

    fn settle(&mut self, id: PromiseId) -> PromiseSettle {
        let state = self.pick(&[SettleState::Resolved, SettleState::Rejected, SettleState::RejectedCanceled]);
        PromiseSettle { id, state, value: self.value() }
    }

    /// Mostly a task that somebody holds, by the claim that holds it.
    fn held(&mut self) -> TaskRef {
        match self.task(TaskState::Acquired) {
            Some((id, claims)) if self.below(10) > 0 => TaskRef { id, claims },
            _ => TaskRef { id: self.some_id(), claims: Claims(1) },
        }
    }

    fn acquire(&mut self) -> TaskAcquire {
        let (id, claims) = match self.task(TaskState::Pending) {
            Some(pending) if self.below(6) > 0 => pending,
            _ => (self.some_id(), Claims(0)),
        };
        TaskAcquire { id, claims, pid: self.pid(), ttl: self.ttl() }
    }

    fn ttl(&mut self) -> Millis {
        Millis(self.pick(&[0, 10, 300, 2_000, 20_000, 20_000, 20_000]))
    }

    fn suspend(&mut self) -> TaskSuspend {
        let task = self.held();
        let actions = (0..self.below(4)).map(|_| PromiseRegister { awaiter: task.id.clone(), awaited: self.some_id() });
        TaskSuspend { actions: actions.collect(), task }
    }

    fn fence(&mut self) -> TaskFence {
        let verb = if self.below(2) == 0 {
            FenceVerb::Create(self.create())
        } else {
            let id = self.some_id();
            FenceVerb::Settle(self.settle(id))
        };
        TaskFence { task: self.held(), action: FenceAction { corr_id: "inner".to_owned(), verb } }
    }

    fn fulfill(&mut self) -> TaskFulfill {
        let task = self.held();
        TaskFulfill { action: self.settle(task.id.clone()), task }
    }

    fn heartbeat(&mut self) -> TaskHeartbeat {
        let tasks = (0..self.below(3)).map(|_| self.held()).collect();
        TaskHeartbeat { pid: self.pid(), tasks }
    }

    fn schedule(&mut self) -> ScheduleId {
        ScheduleId::parse(self.pick(&["s0", "s1", "S2"])).unwrap()
    }

    fn schedule_create(&mut self) -> ScheduleCreate {
        ScheduleCreate {
            id: self.schedule(),
            cron: self.pick(&["* * * * *", "*/2 * * * *", "60 * * * *"]).to_owned(),
            promise_id: self.pick(&["{{.id}}:{{.timestamp}}", "fixed"]).to_owned(),
            promise_timeout: Millis(self.dice.random_range(0..90_000)),
            promise_param: self.value(),
            promise_tags: self.tags(),
        }
    }
}
