//! What is answered and sent, in both dialects.

use concierge_api_rs::coordinator::*;
use expect_test::expect;

use crate::sample::{caller, id, pending, resolved, schedule, task};

fn answers() -> Vec<(Kind, Outcome)> {
    let refusal = Refusal::new(Status::NotFound, "there is no promise \"p\"");
    let fenced = |kind, outcome| Answer::Fenced { kind, corr_id: "in".to_owned(), outcome: Box::new(outcome) };
    let acquired = |awaited| Answer::Acquired { task: task(), promise: pending(), awaited, preload: vec![resolved()] };
    let snapshot = Snapshot {
        promises: vec![pending()],
        tasks: vec![task()],
        promise_timeouts: vec![(id("p"), Millis(900))],
        callbacks: vec![(id("t"), id("p"))],
        listeners: vec![(id("p"), caller())],
        task_timeouts: vec![(id("p"), true, Millis(50))],
        messages: vec![("any@work".to_owned(), Message::Run { id: id("p"), claims: Claims(2), resumed: true })],
    };
    vec![
        (Kind::PromiseGet, Ok(Answer::Promise(pending()))),
        (Kind::PromiseRegister, Ok(Answer::Promise(resolved()))),
        (Kind::PromiseSettle, Err(refusal.clone())),
        (Kind::TaskGet, Ok(Answer::Task(task()))),
        (Kind::TaskCreate, Ok(Answer::Created { task: task(), promise: pending(), preload: vec![] })),
        (Kind::TaskAcquire, Ok(acquired(None))),
        (Kind::TaskAcquire, Ok(acquired(Some(resolved())))),
        (Kind::TaskSuspend, Ok(Answer::Done)),
        (Kind::TaskSuspend, Ok(Answer::GoOn { preload: vec![resolved()] })),
        (Kind::TaskFence, Ok(fenced(Kind::PromiseCreate, Ok(Answer::Promise(pending()))))),
        (Kind::TaskFence, Ok(fenced(Kind::PromiseSettle, Err(refusal)))),
        (Kind::PromiseSearch, Ok(Answer::Promises { page: vec![pending()], cursor: Some("p".to_owned()) })),
        (Kind::TaskSearch, Ok(Answer::Tasks { page: vec![task()], cursor: None })),
        (Kind::ScheduleGet, Ok(Answer::Schedule(schedule()))),
        (Kind::ScheduleSearch, Ok(Answer::Schedules { page: vec![schedule()], cursor: None })),
        (Kind::DebugTick, Ok(Answer::Ticked)),
        (Kind::DebugSnap, Ok(Answer::Snapshot(Box::new(snapshot)))),
    ]
}

fn written(dialect: Dialect) -> String {
    let spoken = answers().into_iter().filter(|(kind, _)| kind.word(dialect).is_some());
    let text = spoken.map(|(kind, outcome)| Head { dialect, kind, corr_id: "1".to_owned(), debug_time: None }.answer(&outcome));
    text.collect::<Vec<_>>().join("\n")
}

fn messages() -> [Message; 3] {
    let run = |resumed| Message::Run { id: id("p"), claims: Claims(2), resumed };
    [run(false), run(true), Message::Settled(Box::new(resolved()))]
}

#[test]
fn answers_without_a_version_are_written_like_this() {
    expect![[r#"
        {"kind":"promise.get","head":{"corrId":"1","status":200},"data":{"promise":{"id":"p","state":"pending","param":{"headers":{"h":"1"},"data":"in"},"value":{"headers":{},"data":""},"tags":{"a":"b"},"timeoutOn":900,"createdOn":100}}}
        {"kind":"promise.register","head":{"corrId":"1","status":200},"data":{"promise":{"id":"p","state":"resolved","param":{"headers":{"h":"1"},"data":"in"},"value":{"headers":{"h":"1"},"data":"out"},"tags":{"a":"b"},"timeoutOn":900,"createdOn":100,"settledOn":200}}}
        {"kind":"promise.settle","head":{"corrId":"1","status":404},"data":"there is no promise \"p\""}
        {"kind":"task.get","head":{"corrId":"1","status":200},"data":{"task":{"id":"p","version":1}}}
        {"kind":"task.create","head":{"corrId":"1","status":200},"data":{"task":{"id":"p","version":1},"promise":{"id":"p","state":"pending","param":{"headers":{"h":"1"},"data":"in"},"value":{"headers":{},"data":""},"tags":{"a":"b"},"timeoutOn":900,"createdOn":100}}}
        {"kind":"task.acquire","head":{"corrId":"1","status":200},"data":{"kind":"invoke","data":{"invoked":{"id":"p","state":"pending","param":{"headers":{"h":"1"},"data":"in"},"value":{"headers":{},"data":""},"tags":{"a":"b"},"timeoutOn":900,"createdOn":100}}}}
        {"kind":"task.acquire","head":{"corrId":"1","status":200},"data":{"kind":"resume","data":{"invoked":{"id":"p","state":"pending","param":{"headers":{"h":"1"},"data":"in"},"value":{"headers":{},"data":""},"tags":{"a":"b"},"timeoutOn":900,"createdOn":100},"awaited":{"id":"p","state":"resolved","param":{"headers":{"h":"1"},"data":"in"},"value":{"headers":{"h":"1"},"data":"out"},"tags":{"a":"b"},"timeoutOn":900,"createdOn":100,"settledOn":200}}}}
        {"kind":"task.suspend","head":{"corrId":"1","status":200}}
        {"kind":"task.suspend","head":{"corrId":"1","status":300}}
        {"kind":"task.fence","head":{"corrId":"1","status":200},"data":{"action":{"kind":"promise.create","head":{"corrId":"in","status":200},"data":{"promise":{"id":"p","state":"pending","param":{"headers":{"h":"1"},"data":"in"},"value":{"headers":{},"data":""},"tags":{"a":"b"},"timeoutOn":900,"createdOn":100}}}}}
        {"kind":"task.fence","head":{"corrId":"1","status":200},"data":{"action":{"kind":"promise.settle","head":{"corrId":"in","status":404},"data":"there is no promise \"p\""}}}"#]].assert_eq(&written(Dialect::Plain));
}

#[test]
fn answers_of_version_2026_04_01_are_written_like_this() {
    expect![[r#"
        {"kind":"promise.get","head":{"corrId":"1","status":200,"version":"2026-04-01"},"data":{"promise":{"id":"p","state":"pending","param":{"headers":{"h":"1"},"data":"in"},"value":{},"tags":{"a":"b"},"timeoutAt":900,"createdAt":100}}}
        {"kind":"promise.register_callback","head":{"corrId":"1","status":200,"version":"2026-04-01"},"data":{"promise":{"id":"p","state":"resolved","param":{"headers":{"h":"1"},"data":"in"},"value":{"headers":{"h":"1"},"data":"out"},"tags":{"a":"b"},"timeoutAt":900,"createdAt":100,"settledAt":200}}}
        {"kind":"promise.settle","head":{"corrId":"1","status":404,"version":"2026-04-01"},"data":"there is no promise \"p\""}
        {"kind":"task.get","head":{"corrId":"1","status":200,"version":"2026-04-01"},"data":{"task":{"id":"p","state":"acquired","version":2,"resumes":["x"],"ttl":50,"pid":"ada"}}}
        {"kind":"task.create","head":{"corrId":"1","status":200,"version":"2026-04-01"},"data":{"task":{"id":"p","state":"acquired","version":2,"resumes":["x"],"ttl":50,"pid":"ada"},"promise":{"id":"p","state":"pending","param":{"headers":{"h":"1"},"data":"in"},"value":{},"tags":{"a":"b"},"timeoutAt":900,"createdAt":100},"preload":[]}}
        {"kind":"task.acquire","head":{"corrId":"1","status":200,"version":"2026-04-01"},"data":{"kind":"invoke","task":{"id":"p","state":"acquired","version":2,"resumes":["x"],"ttl":50,"pid":"ada"},"promise":{"id":"p","state":"pending","param":{"headers":{"h":"1"},"data":"in"},"value":{},"tags":{"a":"b"},"timeoutAt":900,"createdAt":100},"preload":[{"id":"p","state":"resolved","param":{"headers":{"h":"1"},"data":"in"},"value":{"headers":{"h":"1"},"data":"out"},"tags":{"a":"b"},"timeoutAt":900,"createdAt":100,"settledAt":200}]}}
        {"kind":"task.acquire","head":{"corrId":"1","status":200,"version":"2026-04-01"},"data":{"kind":"resume","task":{"id":"p","state":"acquired","version":2,"resumes":["x"],"ttl":50,"pid":"ada"},"promise":{"id":"p","state":"pending","param":{"headers":{"h":"1"},"data":"in"},"value":{},"tags":{"a":"b"},"timeoutAt":900,"createdAt":100},"preload":[{"id":"p","state":"resolved","param":{"headers":{"h":"1"},"data":"in"},"value":{"headers":{"h":"1"},"data":"out"},"tags":{"a":"b"},"timeoutAt":900,"createdAt":100,"settledAt":200}]}}
        {"kind":"task.suspend","head":{"corrId":"1","status":200,"version":"2026-04-01"},"data":{}}
        {"kind":"task.suspend","head":{"corrId":"1","status":300,"version":"2026-04-01"},"data":{"preload":[{"id":"p","state":"resolved","param":{"headers":{"h":"1"},"data":"in"},"value":{"headers":{"h":"1"},"data":"out"},"tags":{"a":"b"},"timeoutAt":900,"createdAt":100,"settledAt":200}]}}
        {"kind":"task.fence","head":{"corrId":"1","status":200,"version":"2026-04-01"},"data":{"action":{"kind":"promise.create","head":{"corrId":"in","status":200,"version":"2026-04-01"},"data":{"promise":{"id":"p","state":"pending","param":{"headers":{"h":"1"},"data":"in"},"value":{},"tags":{"a":"b"},"timeoutAt":900,"createdAt":100}}},"preload":[]}}
        {"kind":"task.fence","head":{"corrId":"1","status":200,"version":"2026-04-01"},"data":{"action":{"kind":"promise.settle","head":{"corrId":"in","status":404,"version":"2026-04-01"},"data":"there is no promise \"p\""},"preload":[]}}
        {"kind":"promise.search","head":{"corrId":"1","status":200,"version":"2026-04-01"},"data":{"promises":[{"id":"p","state":"pending","param":{"headers":{"h":"1"},"data":"in"},"value":{},"tags":{"a":"b"},"timeoutAt":900,"createdAt":100}],"cursor":"p"}}
        {"kind":"task.search","head":{"corrId":"1","status":200,"version":"2026-04-01"},"data":{"tasks":[{"id":"p","state":"acquired","version":2,"resumes":["x"],"ttl":50,"pid":"ada"}]}}
        {"kind":"schedule.get","head":{"corrId":"1","status":200,"version":"2026-04-01"},"data":{"schedule":{"id":"s","cron":"* * * * *","promiseId":"{{.id}}","promiseTimeout":60,"promiseParam":{},"promiseTags":{},"createdAt":100,"nextRunAt":60000}}}
        {"kind":"schedule.search","head":{"corrId":"1","status":200,"version":"2026-04-01"},"data":{"schedules":[{"id":"s","cron":"* * * * *","promiseId":"{{.id}}","promiseTimeout":60,"promiseParam":{},"promiseTags":{},"createdAt":100,"nextRunAt":60000}]}}
        {"kind":"debug.tick","head":{"corrId":"1","status":200,"version":"2026-04-01"},"data":[]}
        {"kind":"debug.snap","head":{"corrId":"1","status":200,"version":"2026-04-01"},"data":{"promises":[{"id":"p","state":"pending","param":{"headers":{"h":"1"},"data":"in"},"value":{},"tags":{"a":"b"},"timeoutAt":900,"createdAt":100}],"promiseTimeouts":[{"id":"p","timeout":900}],"callbacks":[{"awaiter":"t","awaited":"p"}],"listeners":[{"id":"p","address":"uni@ui/eve"}],"tasks":[{"id":"p","state":"acquired","version":2,"resumes":["x"],"ttl":50,"pid":"ada"}],"taskTimeouts":[{"id":"p","type":1,"timeout":50}],"messages":[{"address":"any@work","message":{"kind":"execute","head":{},"data":{"task":{"id":"p","version":2}}}}]}}"#]].assert_eq(&written(Dialect::V20260401));
}

#[test]
fn messages_are_written_like_this() {
    let text = [Dialect::Plain, Dialect::V20260401].map(|dialect| messages().map(|message| message.encode(dialect)).join("\n"));
    expect![[r#"
        {"kind":"invoke","head":{},"data":{"task":{"id":"p","version":2}}}
        {"kind":"resume","head":{},"data":{"task":{"id":"p","version":2}}}
        {"kind":"notify","head":{},"data":{"promise":{"id":"p","state":"resolved","param":{"headers":{"h":"1"},"data":"in"},"value":{"headers":{"h":"1"},"data":"out"},"tags":{"a":"b"},"timeoutOn":900,"createdOn":100,"settledOn":200}}}
        {"kind":"execute","head":{},"data":{"task":{"id":"p","version":2}}}
        {"kind":"execute","head":{},"data":{"task":{"id":"p","version":2}}}
        {"kind":"unblock","head":{},"data":{"promise":{"id":"p","state":"resolved","param":{"headers":{"h":"1"},"data":"in"},"value":{"headers":{"h":"1"},"data":"out"},"tags":{"a":"b"},"timeoutAt":900,"createdAt":100,"settledAt":200}}}"#]].assert_eq(&text.join("\n"));
}

#[test]
fn messages_are_read_as_they_were_meant() {
    for message in messages() {
        assert_eq!(Message::decode(&message.encode(Dialect::Plain)).unwrap(), message);
        let again = Message::decode(&message.encode(Dialect::V20260401)).unwrap();
        assert_eq!(again.encode(Dialect::V20260401), message.encode(Dialect::V20260401));
    }
    assert!(Message::decode(r#"{"kind":"dance","head":{},"data":{}}"#).is_err());
}

#[test]
fn records_are_read_as_they_were_written() {
    #[derive(serde::Deserialize)]
    struct Created {
        task: Task,
        promise: Promise,
        preload: Vec<Promise>,
    }
    let head = Head { dialect: Dialect::V20260401, kind: Kind::TaskCreate, corr_id: "7".to_owned(), debug_time: None };
    let answer = Answer::Created { task: task(), promise: pending(), preload: vec![resolved()] };
    let response = Response::decode(&head.answer(&Ok(answer))).unwrap();
    assert_eq!((response.kind.as_str(), response.corr_id.as_str(), response.status), ("task.create", "7", 200));
    let created: Created = response.data().unwrap();
    assert_eq!((created.task, created.promise, created.preload), (task(), pending(), vec![resolved()]));
    let refused = Response::decode(&head.answer(&Err(Refusal::new(Status::Conflict, "no")))).unwrap();
    assert_eq!((refused.status, refused.sentence().as_deref()), (409, Some("no")));
}

#[test]
fn a_dialects_version_is_that_of_the_claims_and_back() {
    for dialect in [Dialect::Plain, Dialect::V20260401] {
        for claims in (1..5).map(Claims) {
            assert_eq!(dialect.claims_held(dialect.version_of(claims, TaskState::Acquired)), claims);
            assert_eq!(dialect.version_of(claims, TaskState::Pending), claims.0);
        }
        assert_eq!(Dialect::of_number(dialect.number()), Some(dialect));
    }
}
