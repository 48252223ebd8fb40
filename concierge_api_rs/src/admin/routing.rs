//! How the router of a hub stands.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::{ClientId, ClientName};
use crate::packet::{Category, Cmd, Subject};

/// How a router stands, and what it has counted since it began: the answer to `router.look`. Rates are differences of two looks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "AdminRouter"))]
pub struct Routing {
    /// When, in milliseconds since 1970.
    pub at: u64,
    /// What clients may send where; of several that cover a subject the first counts.
    pub routes: Vec<RouteRecord>,
    /// Only clients that have one of these tags may serve; none is everybody.
    pub worker_tags: Vec<String>,
    /// Clients that serve something.
    pub workers: u64,
    /// Requests that wait.
    pub open: u64,
    /// Totals.
    pub totals: RouterTotals,
    /// Categories that are served or were asked for, by name, `ADMIN_CATEGORIES` of them.
    pub categories: Vec<CategoryRecord>,
    /// Categories that are served beside those.
    pub left_out: u64,
    /// What was asked of all other categories, one that nobody ever served among them.
    pub others: Account,
    /// The last errors, in their order.
    pub faults: Vec<FaultRecord>,
    /// The NATS server, if there is one.
    #[serde(default)]
    pub nats: Option<NatsRecord>,
}

/// What clients may send to the subjects below one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "AdminRoute"))]
pub struct RouteRecord {
    /// Subjects that begin with it; `null` is every subject.
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub subject: Option<Subject>,
    /// What workers see before the subject.
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub prefix: Option<Subject>,
    /// Whether requests pass.
    pub requests: bool,
    /// Whether pushes pass.
    pub pushes: bool,
    /// Only clients that have one of these tags; none is everybody.
    pub tags: Vec<String>,
    /// How long a request may wait.
    pub within_ms: u64,
    /// How many requests of one client may wait.
    pub in_flight: u64,
}

/// What passed a router.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "AdminRouterTotals"))]
#[serde(default)]
pub struct RouterTotals {
    /// Requests, whatever became of them.
    pub requests: u64,
    /// Those that brought results.
    pub results: u64,
    /// Those that brought an error, by its name: `TIMEOUT`, …
    pub errors: BTreeMap<String, u64>,
    /// Parts of answers, those without which more follows.
    pub parts: u64,
    /// Pushes that were passed on, or that the router obeyed.
    pub pushes: u64,
    /// Pushes that nobody got.
    pub lost: u64,
    /// Requests that no worker had room for, and workers that had none for a push.
    pub no_room: u64,
    /// Responses to requests that were over.
    pub late: u64,
    /// Responses to no request of that worker.
    pub unknown: u64,
    /// What was no packet.
    pub malformed: u64,
}

/// What was asked, and what became of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "AdminAccount"))]
#[serde(default)]
pub struct Account {
    /// Requests.
    pub requests: u64,
    /// Those that wait.
    pub open: u64,
    /// Those that brought results.
    pub results: u64,
    /// Those that brought an error, by its name: `TIMEOUT`, …
    pub errors: BTreeMap<String, u64>,
    /// How long the final response took of those that a worker was given: how many took that many milliseconds at most, and
    /// more than the bound before. Bounds are 0, 1, 2, 3, 4, 6, 8, 12, 16, 24, … (powers of two and what is between them).
    #[cfg_attr(feature = "schema", schemars(with = "BTreeMap<String, u64>"))]
    pub took_ms: BTreeMap<u64, u64>,
}

/// A category: who serves it, and what was asked of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "AdminCategory"))]
pub struct CategoryRecord {
    /// Which.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub category: Category,
    /// Who serves it, `ADMIN_WORKERS` of them; who is asked next comes first.
    pub workers: Vec<WorkerRecord>,
    /// How many serve it.
    pub served_by: u64,
    /// What was asked of it. It begins anew after so many others were asked that it was forgotten.
    pub account: Account,
}

/// Somebody who serves a category.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "AdminWorker"))]
pub struct WorkerRecord {
    /// Who.
    pub uuid: ClientId,
    /// Its name.
    pub name: Option<ClientName>,
    /// Its group in this category, of which one worker gets a push.
    pub group: Option<String>,
    /// The subjects that it serves; `null` is whichever a request names.
    #[cfg_attr(feature = "schema", schemars(with = "Option<Vec<String>>"))]
    pub subjects: Option<Vec<Subject>>,
    /// Requests of all its categories that wait for it.
    pub open: u64,
    /// When it said last what it serves, in milliseconds since 1970.
    pub since: u64,
}

/// A request that was answered with an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "AdminRouterFault"))]
pub struct FaultRecord {
    /// When, in milliseconds since 1970.
    pub at: u64,
    /// What was asked.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub cmd: Cmd,
    /// Who asked.
    pub client: ClientId,
    /// Its name.
    pub name: Option<ClientName>,
    /// The error's number.
    pub code: u8,
    /// Its name.
    pub error: String,
    /// What it is about, cut.
    pub items: Vec<String>,
    /// What else it says to people, cut.
    pub message: Option<String>,
}

/// The connection to a NATS server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "AdminNats"))]
pub struct NatsRecord {
    /// Whether it stands.
    pub connected: bool,
    /// Where to, without secrets.
    pub url: String,
    /// What the server calls its version.
    pub server_version: Option<String>,
    /// Since when it stands, or does not, in milliseconds since 1970.
    pub since: u64,
    /// How often it was made again.
    pub reconnects: u64,
    /// What went wrong last.
    pub last_error: Option<String>,
}

impl Account {
    /// The bound below which something that took so long is counted.
    #[must_use]
    pub const fn bound(ms: u64) -> u64 {
        if ms < 4 {
            return ms;
        }
        let below = 1 << (ms - 1).ilog2();
        if ms <= below / 2 * 3 { below / 2 * 3 } else { below * 2 }
    }

    /// Errors of every kind.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.errors.values().sum()
    }

    /// The milliseconds within which so many of a hundred were answered, if any was: at most that, and more than two thirds of it.
    #[must_use]
    pub fn percentile(&self, percent: u64) -> Option<u64> {
        let rank = (self.took_ms.values().sum::<u64>() * percent).div_ceil(100).max(1);
        let mut counted = 0;
        self.took_ms.iter().find(|(_, count)| (counted += **count, counted >= rank).1).map(|(bound, _)| *bound)
    }
}

#[cfg(test)]
mod tests {
    use super::Account;

    #[test]
    fn a_time_is_counted_below_the_first_bound_that_is_not_less() {
        let bounds: Vec<u64> = (0..=33).map(Account::bound).collect();
        let mut expected = vec![0, 1, 2, 3, 4, 6, 6, 8, 8, 12, 12, 12, 12, 16, 16, 16, 16];
        expected.extend([24; 8].into_iter().chain([32; 8]).chain([48]));
        assert_eq!(bounds, expected);
    }

    #[test]
    fn a_percentile_is_the_bound_below_which_so_many_are() {
        let mut account = Account::default();
        assert_eq!(account.percentile(50), None);
        for ms in 1..=100 {
            *account.took_ms.entry(Account::bound(ms)).or_default() += 1;
        }
        assert_eq!([1, 50, 64, 65, 99, 100].map(|percent| account.percentile(percent).unwrap()), [1, 64, 64, 96, 128, 128]);
    }
}
