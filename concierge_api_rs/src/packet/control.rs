//! The pushes that a router itself reads and writes.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::to_raw_value;

use super::encode::object_of;
use super::{Category, Cmd, Group, Push, ReqId, Subject};

/// Whoever gets this push need not answer a request any more: `{"_reqid":…}`.
pub const CANCEL: &str = "sys/cancel";
/// Whoever sends this push serves these categories from now on, and no others: `{"categories":[…],"groups":{…}?,"subjects":[…]?}`.
pub const SERVE: &str = "router/serve";

/// What [`SERVE`] says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Serve {
    /// Which categories; none ends it.
    pub categories: Vec<Category>,
    /// Of the workers of one group a push goes to one; to each that has none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub groups: BTreeMap<Category, Group>,
    /// Which subjects; `None` is whichever a packet names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subjects: Option<Vec<Subject>>,
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
    pub fn serve(serve: &Serve) -> Self {
        Self::control(SERVE, to_raw_value(serve).expect("its keys are text"))
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
