//! The words of the coordinator: durable promises, the tasks that fulfil them, schedules that create them, and the messages
//! that call workers. Two dialects are spoken, chosen per request by `head.version` (see [`Dialect`]); one set of types stands
//! for both, so that who decides needs to know neither.
//!
//! ```
//! use concierge_api_rs::coordinator::{Envelope, Offered, Request};
//!
//! let text = r#"{"kind":"promise.get","head":{"corrId":"1"},"data":{"id":"order:7"}}"#;
//! let envelope = Envelope::decode(text, Offered::default(), None)?;
//! let Request::PromiseGet(get) = &envelope.request else { unreachable!() };
//! assert_eq!((envelope.head.corr_id.as_str(), get.id.as_str()), ("1", "order:7"));
//! # Ok::<(), Box<concierge_api_rs::coordinator::Refused>>(())
//! ```

mod address;
mod answer;
mod answer_wire;
mod decode;
mod dialect;
mod encode;
mod ids;
mod message;
mod object;
mod record;
mod record_wire;
mod request;
mod request_wire;
mod response;
#[cfg(feature = "schema")]
mod schema;

pub use address::{Address, AddressError, Cast};
pub use answer::{Answer, Outcome, Refusal, Snapshot, Status};
pub use decode::{Envelope, Head, Offered, Refused};
pub use dialect::{Dialect, Kind};
pub use ids::{Claims, GroupName, IdError, Millis, Pid, PromiseId, ScheduleId};
pub use message::Message;
pub use record::{
    Promise, PromiseState, Schedule, SettleState, TAG_BRANCH, TAG_CMD, TAG_DELAY, TAG_INVOKE, TAG_ORIGIN, TAG_PARENT, TAG_ROUTER,
    TAG_SCHEDULE, TAG_SUBJECT, TAG_TARGET, TAG_TIMER, Tags, Task, TaskState, Value,
};
pub use request::{
    FenceAction, FenceVerb, PromiseCreate, PromiseGet, PromiseListen, PromiseRegister, PromiseSearch, PromiseSettle, Request,
    ScheduleCreate, ScheduleGet, ScheduleSearch, TaskAcquire, TaskCreate, TaskFence, TaskFulfill, TaskGet, TaskHeartbeat,
    TaskRef, TaskSearch, TaskSuspend,
};
pub use response::Response;
#[cfg(feature = "schema")]
pub(crate) use schema::definitions;
