//! From text to [`Request`], in steps: the envelope, its kind, the one struct. What is refused names the field, and is answered
//! with as much of the envelope as could be read.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::address::Address;
use super::answer::{Outcome, Refusal, Status};
use super::dialect::{Dialect, Kind};
use super::ids::{Claims, Millis};
use super::request::{
    FenceAction, FenceVerb, PromiseCreate, PromiseGet, PromiseListen, PromiseRegister, PromiseSearch, PromiseSettle, Request,
    ScheduleGet, ScheduleSearch, TaskAcquire, TaskCreate, TaskFence, TaskFulfill, TaskGet, TaskHeartbeat, TaskRef, TaskSearch,
    TaskSuspend,
};
use super::request_wire::{
    AcquireWire, ActionWire, CreateAtWire, CreateOnWire, HeartbeatWire, IdWire, ListenWire, PromiseSearchWire, RegisterWire,
    ScheduleCreateWire, ScheduleIdWire, ScheduleSearchWire, SettleWire, SubscribeWire, SuspendWire, TaskCreateWire,
    TaskSearchWire, TaskWire, TickWire,
};
use crate::decode::{DecodeError, check_depth, object, present, value};
use crate::text::Text;

/// A request and what its answer needs to know of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// Its head.
    pub head: Head,
    /// What is asked.
    pub request: Request,
}

/// What an answer repeats of its request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// How it is spelled.
    pub dialect: Dialect,
    /// What it asks for.
    pub kind: Kind,
    /// The sender's mark, repeated as it stands.
    pub corr_id: String,
    /// `resonate:debug_time`: the time it is, when time is driven by hand; otherwise never looked at.
    pub debug_time: Option<Millis>,
}

/// Which verbs there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offered {
    /// The `debug` verbs and `resonate:debug_time`. They don't exist otherwise: 400.
    pub debug_clock: bool,
    /// The searches; 501 otherwise.
    pub search: bool,
    /// The verbs of schedules; 501 otherwise.
    pub schedules: bool,
}

/// Everything but the clock that is driven by hand.
impl Default for Offered {
    fn default() -> Self {
        Self { debug_clock: false, search: true, schedules: true }
    }
}

/// A request that is no request. It has an answer all the same: [`Self::encode`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{refusal}")]
pub struct Refused {
    /// `head.version`, if it could be read and means something; else the newest.
    pub dialect: Dialect,
    /// `kind`, if it could be read.
    pub kind: Option<String>,
    /// `head.corrId`, if it could be read.
    pub corr_id: Option<String>,
    /// Why.
    pub refusal: Refusal,
}

#[derive(Deserialize)]
struct EnvelopeWire<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    kind: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    head: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    data: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
struct HeadWire<'a> {
    #[serde(rename = "corrId", borrow, default, deserialize_with = "present")]
    corr_id: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    version: Option<&'a RawValue>,
    #[serde(rename = "resonate:debug_time", borrow, default, deserialize_with = "present")]
    debug_time: Option<&'a RawValue>,
}

type Decoded<T> = Result<T, Refusal>;

impl Envelope {
    /// The request that `text` writes. `caller` is the address at which its sender is reached, if there is one: it is what
    /// `promise.subscribe` subscribes.
    ///
    /// # Errors
    /// When it is not one, with the answer to send.
    pub fn decode(text: &str, offered: Offered, caller: Option<&Address>) -> Result<Self, Box<Refused>> {
        let mut read = Refused {
            dialect: Dialect::V20260401,
            kind: None,
            corr_id: None,
            refusal: Refusal::new(Status::BadRequest, String::new()),
        };
        Self::read(text, offered, caller, &mut read).map_err(|refusal| Box::new(Refused { refusal, ..read }))
    }

    /// Reads from the outside in and leaves in `read` what an answer to a bad request can repeat.
    fn read(text: &str, offered: Offered, caller: Option<&Address>, read: &mut Refused) -> Decoded<Self> {
        check_depth(text).map_err(malformed)?;
        let envelope: EnvelopeWire<'_> = fields("", text)?;
        let kind = envelope.kind.ok_or_else(|| missing("kind")).and_then(|raw| string("kind", raw));
        read.kind = kind.as_ref().ok().cloned();
        let head = envelope.head.ok_or_else(|| missing("head")).and_then(|raw| fields::<HeadWire<'_>>("head", raw.get()));
        let wire = head.as_ref().map_or_else(|_| HeadWire::default(), |wire| HeadWire { ..*wire });
        let corr_id = wire.corr_id.ok_or_else(|| missing("head.corrId")).and_then(|raw| string("head.corrId", raw));
        read.corr_id = corr_id.as_ref().ok().cloned();
        let dialect = dialect(wire.version);
        if let Ok(dialect) = dialect {
            read.dialect = dialect;
        }
        let (word, _, corr_id, dialect) = (kind?, head?, corr_id?, dialect?);
        let kind = offered.kind(&word, dialect)?;
        let debug_time = wire.debug_time.filter(|_| offered.debug_clock).map(|raw| single("head.resonate:debug_time", raw));
        let head = Head { dialect, kind, corr_id, debug_time: debug_time.transpose()? };
        let data = envelope.data.ok_or_else(|| missing("data"))?;
        let request = Reader { dialect, caller, corr_id: &head.corr_id }.request(kind, data)?;
        Ok(Self { head, request })
    }
}

impl Refused {
    /// The answer that says so.
    #[must_use]
    pub fn encode(&self) -> String {
        let kind = self.kind.as_deref().unwrap_or("error");
        let corr_id = self.corr_id.as_deref().unwrap_or_default();
        super::answer_wire::encode(self.dialect, kind, corr_id, &Outcome::Err(self.refusal.clone()))
    }
}

impl Offered {
    /// The kind of a word, if it is known and not off.
    fn kind(self, word: &str, dialect: Dialect) -> Decoded<Kind> {
        let known = Kind::of_word(word, dialect).filter(|kind| self.debug_clock || !kind.is_debug());
        let Some(kind) = known else {
            let elsewhere = Kind::of_word(word, Dialect::V20260401).is_some_and(|kind| !kind.is_debug());
            let hint = if elsewhere { ", it needs head.version 2026-04-01" } else { "" };
            return Err(malformed(DecodeError::malformed(format!("kind: {word:?} is unknown{hint}"))));
        };
        let off = match kind {
            Kind::PromiseSearch | Kind::TaskSearch => !self.search,
            Kind::ScheduleSearch => !self.search || !self.schedules,
            Kind::ScheduleGet | Kind::ScheduleCreate | Kind::ScheduleDelete => !self.schedules,
            _ => false,
        };
        if off { Err(Refusal::new(Status::NotImplemented, format!("{word} is switched off here"))) } else { Ok(kind) }
    }
}

/// What reading `data` depends on.
struct Reader<'a> {
    dialect: Dialect,
    caller: Option<&'a Address>,
    corr_id: &'a str,
}

impl Reader<'_> {
    /// The one struct of this kind.
    fn request(&self, kind: Kind, raw: &RawValue) -> Decoded<Request> {
        let text = raw.get();
        let at = "data";
        Ok(match kind {
            Kind::PromiseGet => Request::PromiseGet(PromiseGet { id: fields::<IdWire>(at, text)?.id }),
            Kind::PromiseCreate => Request::PromiseCreate(self.create(at, text)?),
            Kind::PromiseSettle => Request::PromiseSettle(fields::<SettleWire>(at, text)?.into()),
            Kind::PromiseRegister => Request::PromiseRegister(fields::<RegisterWire>(at, text)?.into()),
            Kind::PromiseListen => Request::PromiseListen(self.listen(text)?),
            Kind::PromiseSearch => Request::PromiseSearch(promise_search(fields(at, text)?)),
            Kind::TaskGet => Request::TaskGet(task(text)?),
            Kind::TaskCreate => Request::TaskCreate(self.task_create(text)?),
            Kind::TaskAcquire => Request::TaskAcquire(acquire(fields(at, text)?)),
            Kind::TaskSuspend => Request::TaskSuspend(self.suspend(text)?),
            Kind::TaskFulfill => Request::TaskFulfill(self.fulfill(text)?),
            Kind::TaskRelease => Request::TaskRelease(self.held(fields(at, text)?)),
            Kind::TaskFence => Request::TaskFence(self.fence(text)?),
            Kind::TaskHeartbeat => Request::TaskHeartbeat(self.heartbeat(fields(at, text)?)),
            Kind::TaskHalt => Request::TaskHalt(task(text)?),
            Kind::TaskContinue => Request::TaskContinue(task(text)?),
            Kind::TaskSearch => Request::TaskSearch(task_search(fields(at, text)?)),
            Kind::ScheduleGet => Request::ScheduleGet(schedule(text)?),
            Kind::ScheduleCreate => Request::ScheduleCreate(fields::<ScheduleCreateWire>(at, text)?.into()),
            Kind::ScheduleDelete => Request::ScheduleDelete(schedule(text)?),
            Kind::ScheduleSearch => Request::ScheduleSearch(schedule_search(fields(at, text)?)),
            Kind::DebugStart => Request::DebugStart,
            Kind::DebugReset => Request::DebugReset,
            Kind::DebugTick => Request::DebugTick(fields::<TickWire>(at, text)?.time),
            Kind::DebugSnap => Request::DebugSnap,
            Kind::DebugStop => Request::DebugStop,
        })
    }

    fn create(&self, at: &str, text: &str) -> Decoded<PromiseCreate> {
        match self.dialect {
            Dialect::Plain => Ok(fields::<CreateOnWire>(at, text)?.into()),
            Dialect::V20260401 => Ok(fields::<CreateAtWire>(at, text)?.into()),
        }
    }

    fn listen(&self, text: &str) -> Decoded<PromiseListen> {
        match (self.dialect, self.caller) {
            (Dialect::V20260401, _) => {
                let ListenWire { awaited, address } = fields("data", text)?;
                Ok(PromiseListen { awaited, address })
            }
            (Dialect::Plain, Some(caller)) => {
                Ok(PromiseListen { awaited: fields::<SubscribeWire>("data", text)?.awaited, address: caller.clone() })
            }
            (Dialect::Plain, None) => {
                Err(Refusal::new(Status::BadRequest, "kind: promise.subscribe is for clients of the hub, who can be told"))
            }
        }
    }

    fn held(&self, TaskWire { id, version }: TaskWire) -> TaskRef {
        TaskRef { id, claims: self.dialect.claims_held(version) }
    }

    fn task_create(&self, text: &str) -> Decoded<TaskCreate> {
        let TaskCreateWire { pid, ttl, action } = fields("data", text)?;
        let (kind, _, data) = self.action("data.action", action)?;
        expect_kind("data.action", kind, &[Kind::PromiseCreate], self.dialect)?;
        Ok(TaskCreate { pid, ttl, action: self.create("data.action.data", data)? })
    }

    fn suspend(&self, text: &str) -> Decoded<TaskSuspend> {
        let SuspendWire { id, version, actions } = fields("data", text)?;
        let register = |(index, raw)| {
            let at = format!("data.actions[{index}]");
            let (kind, _, data) = self.action(&at, raw)?;
            expect_kind(&at, kind, &[Kind::PromiseRegister], self.dialect)?;
            fields::<RegisterWire>(&format!("{at}.data"), data).map(PromiseRegister::from)
        };
        let actions = actions.into_iter().enumerate().map(register).collect::<Decoded<_>>()?;
        Ok(TaskSuspend { task: self.held(TaskWire { id, version }), actions })
    }

    fn fulfill(&self, text: &str) -> Decoded<TaskFulfill> {
        let ActionWire { id, version, action } = fields("data", text)?;
        let (kind, _, data) = self.action("data.action", action)?;
        expect_kind("data.action", kind, &[Kind::PromiseSettle], self.dialect)?;
        let settle: PromiseSettle = fields::<SettleWire>("data.action.data", data)?.into();
        Ok(TaskFulfill { task: self.held(TaskWire { id, version }), action: settle })
    }

    fn fence(&self, text: &str) -> Decoded<TaskFence> {
        let ActionWire { id, version, action } = fields("data", text)?;
        let (kind, corr_id, data) = self.action("data.action", action)?;
        expect_kind("data.action", kind, &[Kind::PromiseCreate, Kind::PromiseSettle], self.dialect)?;
        let verb = if kind == Some(Kind::PromiseSettle) {
            FenceVerb::Settle(fields::<SettleWire>("data.action.data", data)?.into())
        } else {
            FenceVerb::Create(self.create("data.action.data", data)?)
        };
        let corr_id = corr_id.unwrap_or_else(|| self.corr_id.to_owned());
        Ok(TaskFence { task: self.held(TaskWire { id, version }), action: FenceAction { corr_id, verb } })
    }

    fn heartbeat(&self, HeartbeatWire { pid, tasks }: HeartbeatWire) -> TaskHeartbeat {
        TaskHeartbeat { pid, tasks: tasks.into_iter().map(|task| self.held(task)).collect() }
    }

    /// A request inside a request: its kind, its mark, its data. Its head may be absent.
    fn action<'t>(&self, at: &str, raw: &'t RawValue) -> Decoded<(Option<Kind>, Option<String>, &'t str)> {
        let wire: EnvelopeWire<'t> = fields(at, raw.get())?;
        let word = string(&format!("{at}.kind"), wire.kind.ok_or_else(|| missing(&format!("{at}.kind")))?)?;
        let data = wire.data.ok_or_else(|| missing(&format!("{at}.data")))?;
        let head: HeadWire<'_> = wire.head.map(|raw| fields(&format!("{at}.head"), raw.get())).transpose()?.unwrap_or_default();
        let corr_id = head.corr_id.map(|raw| string(&format!("{at}.head.corrId"), raw)).transpose()?;
        Ok((Kind::of_word(&word, self.dialect), corr_id, data.get()))
    }
}

fn expect_kind(at: &str, kind: Option<Kind>, allowed: &[Kind], dialect: Dialect) -> Decoded<()> {
    if kind.is_some_and(|kind| allowed.contains(&kind)) {
        return Ok(());
    }
    let words: Vec<&str> = allowed.iter().filter_map(|kind| kind.word(dialect)).collect();
    Err(Refusal::new(Status::BadRequest, format!("{at}.kind: it must be {}", words.join(" or "))))
}

fn task(text: &str) -> Decoded<TaskGet> {
    Ok(TaskGet { id: fields::<IdWire>("data", text)?.id })
}

fn schedule(text: &str) -> Decoded<ScheduleGet> {
    Ok(ScheduleGet { id: fields::<ScheduleIdWire>("data", text)?.id })
}

fn acquire(AcquireWire { id, version, pid, ttl }: AcquireWire) -> TaskAcquire {
    TaskAcquire { id, claims: Claims(version), pid, ttl }
}

fn promise_search(wire: PromiseSearchWire) -> PromiseSearch {
    PromiseSearch { state: wire.state, tags: wire.tags.unwrap_or_default(), limit: wire.limit, cursor: wire.cursor }
}

fn task_search(wire: TaskSearchWire) -> TaskSearch {
    TaskSearch { state: wire.state, limit: wire.limit, cursor: wire.cursor }
}

fn schedule_search(wire: ScheduleSearchWire) -> ScheduleSearch {
    ScheduleSearch { tags: wire.tags.unwrap_or_default(), limit: wire.limit, cursor: wire.cursor }
}

fn dialect(version: Option<&RawValue>) -> Decoded<Dialect> {
    let version = version.map(|raw| string("head.version", raw)).transpose()?;
    Dialect::of_version(version.as_deref()).ok_or_else(|| {
        let version = version.unwrap_or_default();
        let desc = format!("head.version: {version:?} is not spoken here, 2026-04-01 is, and none at all");
        malformed(DecodeError::malformed(desc))
    })
}

fn string(at: &str, raw: &RawValue) -> Decoded<String> {
    single::<Text<'_>>(at, raw).map(|text| text.0.into_owned())
}

fn single<'a, T: Deserialize<'a>>(at: &str, raw: &'a RawValue) -> Decoded<T> {
    value(|| at.to_owned(), raw.get()).map_err(malformed)
}

/// A JSON object's fields; a missing one is named with its path, as a bad one is.
fn fields<'a, T: Deserialize<'a>>(at: &str, text: &'a str) -> Decoded<T> {
    object(at, text).map_err(|error| {
        let refusal = malformed(error);
        let (place, said) = refusal.sentence.rsplit_once(": ").unwrap_or((at, &refusal.sentence));
        match said.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`')) {
            Some(name) => missing(&if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") }),
            None => refusal,
        }
    })
}

fn missing(path: &str) -> Refusal {
    Refusal::new(Status::BadRequest, format!("{path}: missing"))
}

fn malformed(error: DecodeError) -> Refusal {
    Refusal::new(Status::BadRequest, error.to_string())
}
