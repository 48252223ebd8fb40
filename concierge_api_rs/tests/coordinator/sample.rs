//! One request of every kind, and the records that answers are made of.

use concierge_api_rs::coordinator::*;

pub(crate) fn id(text: &str) -> PromiseId {
    PromiseId::parse(text).unwrap()
}

fn tags(pairs: &[(&str, &str)]) -> Tags {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

pub(crate) fn value(data: &str) -> Value {
    Value { headers: tags(&[("h", "1")]), data: Some(data.into()) }
}

fn create() -> PromiseCreate {
    PromiseCreate { id: id("p"), param: value("in"), tags: tags(&[(TAG_TARGET, "any@work")]), timeout_at: Millis(900) }
}

fn settle(of: &str) -> PromiseSettle {
    PromiseSettle { id: id(of), state: SettleState::Rejected, value: Value::default() }
}

fn register(awaiter: &str, awaited: &str) -> PromiseRegister {
    PromiseRegister { awaiter: id(awaiter), awaited: id(awaited) }
}

/// One of every kind.
pub(crate) fn requests() -> Vec<Request> {
    let pid = Pid::parse("ada").unwrap();
    let held = TaskRef { id: id("t"), claims: Claims(3) };
    let get = TaskGet { id: id("t") };
    let s = ScheduleId::parse("s").unwrap();
    let fence = |verb| Request::TaskFence(TaskFence { task: held.clone(), action: FenceAction { corr_id: "in".into(), verb } });
    vec![
        Request::PromiseGet(PromiseGet { id: id("p") }),
        Request::PromiseCreate(create()),
        Request::PromiseSettle(PromiseSettle { value: value("out"), ..settle("p") }),
        Request::PromiseRegister(register("t", "p")),
        Request::PromiseListen(PromiseListen { awaited: id("p"), address: caller() }),
        Request::PromiseSearch(PromiseSearch {
            state: Some(PromiseState::RejectedTimedout),
            tags: tags(&[("a", "b")]),
            limit: Some(2),
            cursor: Some("p".into()),
        }),
        Request::TaskGet(get.clone()),
        Request::TaskCreate(TaskCreate { pid: pid.clone(), ttl: Millis(50), action: create() }),
        Request::TaskAcquire(TaskAcquire { id: id("t"), claims: Claims(2), pid: pid.clone(), ttl: Millis(50) }),
        Request::TaskSuspend(TaskSuspend { task: held.clone(), actions: vec![register("t", "p"), register("t", "q")] }),
        Request::TaskFulfill(TaskFulfill { task: held.clone(), action: settle("t") }),
        Request::TaskRelease(held.clone()),
        fence(FenceVerb::Create(create())),
        fence(FenceVerb::Settle(settle("p"))),
        Request::TaskHeartbeat(TaskHeartbeat { pid, tasks: vec![held.clone()] }),
        Request::TaskHalt(get.clone()),
        Request::TaskContinue(get),
        Request::TaskSearch(TaskSearch { state: Some(TaskState::Halted), limit: None, cursor: None }),
        Request::ScheduleGet(ScheduleGet { id: s.clone() }),
        Request::ScheduleCreate(ScheduleCreate {
            id: s.clone(),
            cron: "* * * * *".into(),
            promise_id: "{{.id}}".into(),
            promise_timeout: Millis(60),
            promise_param: Value::default(),
            promise_tags: Tags::new(),
        }),
        Request::ScheduleDelete(ScheduleGet { id: s }),
        Request::ScheduleSearch(ScheduleSearch::default()),
        Request::DebugStart,
        Request::DebugReset,
        Request::DebugTick(Millis(7)),
        Request::DebugSnap,
        Request::DebugStop,
    ]
}

/// At which the sender is reached.
pub(crate) fn caller() -> Address {
    Address::parse("uni@ui/eve").unwrap()
}

/// A pending promise.
pub(crate) fn pending() -> Promise {
    Promise {
        id: id("p"),
        state: PromiseState::Pending,
        param: value("in"),
        value: Value::default(),
        tags: tags(&[("a", "b")]),
        timeout_at: Millis(900),
        created_at: Millis(100),
        settled_at: None,
    }
}

/// The same, resolved.
pub(crate) fn resolved() -> Promise {
    Promise { state: PromiseState::Resolved, value: value("out"), settled_at: Some(Millis(200)), ..pending() }
}

/// A task in its second claim.
pub(crate) fn task() -> Task {
    Task {
        id: id("p"),
        state: TaskState::Acquired,
        claims: Claims(2),
        resumes: [id("x")].into(),
        ttl: Some(Millis(50)),
        pid: Some(Pid::parse("ada").unwrap()),
    }
}

pub(crate) fn schedule() -> Schedule {
    Schedule {
        id: ScheduleId::parse("s").unwrap(),
        cron: "* * * * *".into(),
        promise_id: "{{.id}}".into(),
        promise_timeout: Millis(60),
        promise_param: Value::default(),
        promise_tags: Tags::new(),
        created_at: Millis(100),
        next_run_at: Millis(60_000),
        last_run_at: None,
    }
}
