//! The pushes that a router itself reads and writes.

use std::borrow::Cow;

use serde::Deserialize;

use super::encode::object_of;
use super::{Category, Cmd, Push, ReqId};

/// Whoever gets this push need not answer a request any more: `{"_reqid":…}`.
pub const CANCEL: &str = "sys/cancel";
/// Whoever sends this push serves these categories from now on, and no others: `{"categories":[…]}`.
pub const SERVE: &str = "router/serve";

/// What [`SERVE`] says.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Serve {
    /// Which categories; none ends it.
    pub categories: Vec<Category>,
}

#[derive(Deserialize)]
struct Cancel {
    #[serde(rename = "_reqid")]
    reqid: ReqId,
}

impl Push<'_> {
    /// The push that says that a request need not be answered any more.
    #[must_use]
    pub fn cancel(reqid: &ReqId) -> Self {
        Self::control(CANCEL, object_of("_reqid", reqid))
    }

    /// The push that says what its sender serves.
    #[must_use]
    pub fn serve(categories: &[Category]) -> Self {
        Self::control(SERVE, object_of("categories", &categories))
    }

    fn control(cmd: &str, data: Box<serde_json::value::RawValue>) -> Self {
        Self { cmd: Cmd::parse(cmd).expect("it is one"), data: Cow::Owned(data) }
    }

    /// Which request need not be answered any more, when this says so.
    #[must_use]
    pub fn cancels(&self) -> Option<ReqId> {
        let cancel = serde_json::from_str::<Cancel>(self.data.get()).ok().filter(|_| self.is(CANCEL))?;
        Some(cancel.reqid)
    }

    /// What its sender serves, when this says so.
    #[must_use]
    pub fn serves(&self) -> Option<Serve> {
        serde_json::from_str(self.data.get()).ok().filter(|_| self.is(SERVE))
    }

    fn is(&self, cmd: &str) -> bool {
        self.cmd.as_str() == cmd && self.data.get().starts_with('{')
    }
}
