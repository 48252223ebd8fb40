//! What a router writes down for those who look after it: what was asked of each category and what became of it, how long that
//! took, since when its workers serve, and the last errors.
//!
//! Invariants (checked after every step of the tests' lives): every request is in one account, and once in it; accounts, and what
//! is kept of an error, are bounded.

use std::collections::{BTreeMap, VecDeque};

use concierge_api_rs::admin::Account;
use concierge_api_rs::coordinator::Millis;
use concierge_api_rs::packet::{Category, Cmd, Fault, FaultCode, Outcome};
use concierge_api_rs::{ClientId, ClientName, limits};

/// A request, as it was noted.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) at: Millis,
    pub(crate) by: ClientId,
    pub(crate) cmd: Cmd,
    category: Category,
    /// It is in its category's own account, which is kept while it is open.
    own: bool,
}

/// A request that ended in an error.
#[derive(Debug, Clone)]
pub(crate) struct Failed {
    pub(crate) asked: Asked,
    /// What its sender is called.
    pub(crate) name: Option<ClientName>,
    pub(crate) at: Millis,
    pub(crate) code: FaultCode,
    pub(crate) items: Vec<String>,
    pub(crate) message: Option<String>,
}

/// An account, and when something was asked of its category last.
#[derive(Debug, Default)]
struct Page {
    account: Account,
    used: Millis,
}

/// What is written down.
#[derive(Debug, Default)]
pub(crate) struct Book {
    now: Millis,
    /// Of categories that a worker was given a request of.
    pages: BTreeMap<Category, Page>,
    others: Account,
    failed: VecDeque<Failed>,
    serving: BTreeMap<ClientId, Millis>,
    names: BTreeMap<ClientId, ClientName>,
}

impl Book {
    /// It is that time.
    pub(crate) fn turn(&mut self, now: Millis) {
        self.now = now;
    }

    /// What a client is called.
    pub(crate) fn introduce(&mut self, who: ClientId, name: ClientName) {
        self.names.insert(who, name);
    }

    pub(crate) fn go(&mut self, who: ClientId) {
        self.names.remove(&who);
        self.serving.remove(&who);
    }

    /// It says now what it serves.
    pub(crate) fn serve(&mut self, who: ClientId) {
        self.serving.insert(who, self.now);
    }

    /// A worker is given a request.
    pub(crate) fn give(&mut self, by: ClientId, cmd: &Cmd) -> Asked {
        let category = cmd.category();
        let own = self.open(&category);
        let asked = Asked { at: self.now, by, cmd: cmd.clone(), category, own };
        let account = self.account(&asked);
        account.requests += 1;
        account.open += 1;
        asked
    }

    /// A request is answered without a worker. What nobody serves gets no account by that.
    pub(crate) fn refuse(&mut self, by: ClientId, cmd: &Cmd, code: FaultCode, items: &[&str]) {
        let category = cmd.category();
        let own = self.pages.contains_key(&category);
        let asked = Asked { at: self.now, by, cmd: cmd.clone(), category, own };
        self.account(&asked).requests += 1;
        self.fail(&asked, &Fault::new(code, items));
    }

    /// A request that a worker was given waits no more.
    pub(crate) fn close(&mut self, asked: &Asked) {
        self.account(asked).open -= 1;
    }

    /// Its sender is told that, and nothing after it unless it is a part.
    pub(crate) fn answer(&mut self, asked: &Asked, outcome: &Outcome<'_>) {
        match outcome {
            Outcome::Part(_) => return,
            Outcome::Ok(_) => self.account(asked).results += 1,
            Outcome::Err(fault) => self.fail(asked, fault),
        }
        let took = u64::try_from(self.now.0.saturating_sub(asked.at.0)).unwrap_or(0);
        *self.account(asked).took_ms.entry(Account::bound(took)).or_default() += 1;
    }

    /// Categories that have an account.
    pub(crate) fn categories(&self) -> impl Iterator<Item = &Category> {
        self.pages.keys()
    }

    /// That of a category.
    pub(crate) fn account_of(&self, category: &Category) -> Option<&Account> {
        self.pages.get(category).map(|page| &page.account)
    }

    /// What was asked of categories that have no account.
    pub(crate) const fn others(&self) -> &Account {
        &self.others
    }

    /// The last ones, in their order.
    pub(crate) fn failed(&self) -> impl Iterator<Item = &Failed> {
        self.failed.iter()
    }

    pub(crate) fn name(&self, who: ClientId) -> Option<&ClientName> {
        self.names.get(&who)
    }

    /// When it said what it serves.
    pub(crate) fn since(&self, who: ClientId) -> Millis {
        self.serving.get(&who).copied().unwrap_or_default()
    }

    pub(crate) const fn now(&self) -> Millis {
        self.now
    }

    fn fail(&mut self, asked: &Asked, fault: &Fault<'_>) {
        let name = fault.code().name().to_owned();
        *self.account(asked).errors.entry(name).or_default() += 1;
        if self.failed.len() == limits::ADMIN_FAULTS {
            self.failed.pop_front();
        }
        self.failed.push_back(Failed {
            name: self.name(asked.by).cloned(),
            asked: asked.clone(),
            at: self.now,
            code: fault.code(),
            items: fault.items().iter().take(limits::ADMIN_FAULT_ITEMS).map(|item| cut(item)).collect(),
            message: fault.message().as_deref().map(cut),
        });
    }

    fn account(&mut self, asked: &Asked) -> &mut Account {
        let own = if asked.own { self.pages.get_mut(&asked.category) } else { None };
        own.map_or(&mut self.others, |page| &mut page.account)
    }

    /// A category is in use. Whether it has an account of its own: while something is open in all of them it gets none.
    fn open(&mut self, category: &Category) -> bool {
        if let Some(page) = self.pages.get_mut(category) {
            page.used = self.now;
            return true;
        }
        let room = self.pages.len() < limits::ADMIN_CATEGORIES || self.forget_one();
        if room {
            self.pages.insert(category.clone(), Page { used: self.now, ..Page::default() });
        }
        room
    }

    /// The account that was not in use for the longest time becomes part of that of all others.
    fn forget_one(&mut self) -> bool {
        let idle = self.pages.iter().filter(|(_, page)| page.account.open == 0);
        let oldest = idle.min_by_key(|(_, page)| page.used).map(|(category, _)| category.clone());
        let Some(Page { account, .. }) = oldest.and_then(|oldest| self.pages.remove(&oldest)) else { return false };
        self.others.requests += account.requests;
        self.others.results += account.results;
        account.errors.into_iter().for_each(|(name, count)| *self.others.errors.entry(name).or_default() += count);
        account.took_ms.into_iter().for_each(|(bound, count)| *self.others.took_ms.entry(bound).or_default() += count);
        true
    }
}

fn cut(text: &str) -> String {
    text.chars().take(limits::ECHO_CHARS).collect()
}
