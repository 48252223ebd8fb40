//! Which handler a command has, and what the router is told of that.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use concierge_api_rs::limits::{ROUTER_CATEGORIES, ROUTER_SUBJECTS};
use concierge_api_rs::packet::{Category, Cmd, FaultCode, Group, Serve, Subject, WordError};
use futures::future::BoxFuture;
use serde_json::value::RawValue;
use tokio::sync::{Notify, Semaphore, watch};

use super::error::Fault;
use super::request::Request;
use crate::error::RequestError;

/// Handlers of one client.
const HANDLERS: usize = 1_024;
/// Categories that are the router's own.
const OWN: [&str; 2] = ["router", "sys"];

/// How a handler serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandleOptions {
    /// Of the workers of one group a push goes to one; `None`: to this one in any case. The handlers of a category have the same.
    pub group: Option<Group>,
    /// Only these subjects, as those who ask name them; none is all of them. The hub is told those of all handlers together, and
    /// what it lets through is UNAVAILABLE (`subject`) here.
    pub subjects: Vec<Subject>,
    /// What runs at once; one more is answered LIMIT (`requests`), and of pushes dropped. At least 1.
    pub concurrency: usize,
}

impl Default for HandleOptions {
    fn default() -> Self {
        Self { group: None, subjects: Vec::new(), concurrency: 64 }
    }
}

/// Why a command has no handler now.
#[derive(Debug, thiserror::Error)]
pub enum HandleError {
    /// It is neither a command nor a category with `/*` behind it.
    #[error("a handler is for a command, as `math/add`, or for the rest of a category, as `math/*`: {0}")]
    Pattern(WordError),
    /// Commands of this category are for the router itself.
    #[error("the category {0} is the router's own")]
    Own(Category),
    /// There is one already.
    #[error("{0} has a handler already")]
    Handled(String),
    /// Another handler of the category is in another group.
    #[error("a handler of the category {0} is in another group")]
    Group(Category),
    /// Over what one worker may serve.
    #[error("over the limit of {limit} {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many there may be.
        limit: usize,
    },
    /// The hub could not be told.
    #[error("the hub could not be told")]
    Hub(#[from] RequestError),
}

/// What a handler is for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Pattern {
    Cmd(Cmd),
    /// What has no handler of its own.
    Rest(Category),
}

impl Pattern {
    pub(super) fn parse(text: &str) -> Result<Self, HandleError> {
        let pattern = match text.strip_suffix("/*") {
            Some(category) => Category::parse(category).map(Self::Rest),
            None => Cmd::parse(text).map(Self::Cmd),
        };
        let pattern = pattern.map_err(HandleError::Pattern)?;
        let category = pattern.category();
        if OWN.contains(&category.as_str()) { Err(HandleError::Own(category)) } else { Ok(pattern) }
    }

    fn category(&self) -> Category {
        match self {
            Self::Cmd(cmd) => cmd.category(),
            Self::Rest(category) => category.clone(),
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cmd(cmd) => write!(f, "{cmd}"),
            Self::Rest(category) => write!(f, "{category}/*"),
        }
    }
}

/// What is run.
pub(super) type Run = dyn Fn(Request) -> BoxFuture<'static, Result<Box<RawValue>, Fault>> + Send + Sync;

/// A handler.
pub(super) struct Handler {
    pub(super) pattern: Pattern,
    pub(super) options: HandleOptions,
    pub(super) run: Box<Run>,
    /// One for each run.
    pub(super) turns: Arc<Semaphore>,
}

impl fmt::Debug for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handler").field("pattern", &self.pattern).field("options", &self.options).finish_non_exhaustive()
    }
}

impl Handler {
    pub(super) fn new(pattern: Pattern, options: HandleOptions, run: Box<Run>) -> Self {
        let turns = Arc::new(Semaphore::new(options.turns()));
        Self { pattern, options, run, turns }
    }

    /// Whether it serves this, as workers see it: with a prefix, perhaps.
    fn serves(&self, subject: &Subject) -> bool {
        let ends_so = |own: &Subject| {
            let before = subject.as_str().strip_suffix(own.as_str());
            before.is_some_and(|prefix| prefix.is_empty() || prefix.ends_with('.'))
        };
        self.options.subjects.is_empty() || self.options.subjects.iter().any(ends_so)
    }
}

impl HandleOptions {
    pub(super) fn turns(&self) -> usize {
        self.concurrency.clamp(1, Semaphore::MAX_PERMITS)
    }
}

/// What the router was told.
#[derive(Debug, Clone, Copy, Default)]
struct Told {
    /// Which state of the table.
    generation: u64,
    /// Nothing is told any more.
    ended: bool,
}

/// The handlers of a client.
#[derive(Debug, Default)]
pub(super) struct Handlers {
    table: Mutex<Table>,
    /// The router is to be told.
    pub(super) changed: Notify,
    told: watch::Sender<Told>,
}

/// Invariant: all handlers of a category that do not leave have one group.
#[derive(Debug, Default)]
struct Table {
    /// Counts changes of what is served.
    generation: u64,
    all: HashMap<Pattern, Entry>,
}

#[derive(Debug)]
struct Entry {
    handler: Arc<Handler>,
    /// It is not served any more, and takes what comes until the router knows.
    leaves: bool,
}

impl Handlers {
    /// None. The router is to be told so where it may know others.
    pub(super) fn new(again: bool) -> Self {
        let handlers = Self::default();
        if again {
            handlers.change(&mut handlers.lock());
        }
        handlers
    }

    /// One more. Which state of the table has it.
    pub(super) fn add(&self, handler: Arc<Handler>) -> Result<u64, HandleError> {
        let mut table = self.lock();
        table.admit(&handler)?;
        table.all.insert(handler.pattern.clone(), Entry { handler, leaves: false });
        Ok(self.change(&mut table))
    }

    /// The router is to send it nothing more. Which state of the table says so.
    pub(super) fn leave(&self, handler: &Arc<Handler>) -> u64 {
        let mut table = self.lock();
        if let Some(entry) = table.all.get_mut(&handler.pattern).filter(|entry| Arc::ptr_eq(&entry.handler, handler)) {
            entry.leaves = true;
        }
        self.change(&mut table)
    }

    /// It takes nothing more.
    pub(super) fn remove(&self, handler: &Arc<Handler>) {
        let mut table = self.lock();
        if table.all.get(&handler.pattern).is_some_and(|entry| Arc::ptr_eq(&entry.handler, handler)) {
            let left = table.all.remove(&handler.pattern).is_some_and(|entry| entry.leaves);
            if !left {
                self.change(&mut table);
            }
        }
    }

    fn change(&self, table: &mut Table) -> u64 {
        table.generation += 1;
        self.changed.notify_one();
        table.generation
    }

    /// The handler of a command on a subject, or the answer when there is none.
    pub(super) fn find(&self, cmd: &Cmd, subject: &Subject) -> Result<Arc<Handler>, Fault> {
        let table = self.lock();
        let category = cmd.category();
        let entry = table.all.get(&Pattern::Cmd(cmd.clone())).or_else(|| table.all.get(&Pattern::Rest(category.clone())));
        match entry {
            Some(entry) if entry.handler.serves(subject) => Ok(entry.handler.clone()),
            None if table.served().any(|handler| handler.pattern.category() == category) => {
                Err(Fault::new(FaultCode::NotImplemented, &["cmd"]))
            }
            _ => Err(Fault::new(FaultCode::Unavailable, &["subject"])),
        }
    }

    /// What is to be told: the state of the table, and its number.
    pub(super) fn serve(&self) -> (u64, Serve) {
        let table = self.lock();
        (table.generation, table.serve())
    }

    /// The router knows that state of the table.
    pub(super) fn tell(&self, generation: u64) {
        self.told.send_modify(|told| told.generation = generation);
    }

    /// Nothing is told any more.
    pub(super) fn end(&self) {
        self.told.send_modify(|told| told.ended = true);
    }

    pub(super) fn is_ended(&self) -> bool {
        self.told.borrow().ended
    }

    /// Waits until the router knows that state of the table.
    pub(super) async fn known(&self, generation: u64) -> Result<(), RequestError> {
        let mut told = self.told.subscribe();
        let told = told.wait_for(|told| told.ended || told.generation >= generation).await;
        // an error means that the sender is gone, which `self` holds
        if told.is_ok_and(|told| !told.ended) { Ok(()) } else { Err(RequestError::Closed) }
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// Whether there is a place for it.
    fn admit(&self, new: &Handler) -> Result<(), HandleError> {
        let category = new.pattern.category();
        if self.all.contains_key(&new.pattern) {
            return Err(HandleError::Handled(new.pattern.to_string()));
        }
        let same_group = |other: &Handler| other.pattern.category() != category || other.options.group == new.options.group;
        if !self.served().all(same_group) {
            return Err(HandleError::Group(category));
        }
        let served = || self.served().chain([new]);
        let categories = served().map(|handler| handler.pattern.category()).collect::<BTreeSet<_>>().len();
        let subjects = subjects(served()).map_or(0, |subjects| subjects.len());
        for (what, count, limit) in [
            ("handlers", self.all.len() + 1, HANDLERS),
            ("categories", categories, ROUTER_CATEGORIES),
            ("subjects", subjects.max(new.options.subjects.len()), ROUTER_SUBJECTS),
        ] {
            if count > limit {
                return Err(HandleError::TooMany { what, limit });
            }
        }
        Ok(())
    }

    fn serve(&self) -> Serve {
        let categories: BTreeSet<Category> = self.served().map(|handler| handler.pattern.category()).collect();
        let grouped = |handler: &Handler| Some((handler.pattern.category(), handler.options.group.clone()?));
        let groups: BTreeMap<Category, Group> = self.served().filter_map(grouped).collect();
        let subjects = subjects(self.served()).map(|subjects| subjects.into_iter().collect());
        Serve { categories: categories.into_iter().collect(), groups, subjects }
    }

    fn served(&self) -> impl Iterator<Item = &Handler> {
        self.all.values().filter(|entry| !entry.leaves).map(|entry| &*entry.handler)
    }
}

/// The subjects of some handlers together; `None` is all that there are.
fn subjects<'a>(mut handlers: impl Iterator<Item = &'a Handler>) -> Option<BTreeSet<Subject>> {
    let all = handlers.try_fold(BTreeSet::new(), |mut all, handler| {
        all.extend(handler.options.subjects.iter().cloned());
        (!handler.options.subjects.is_empty()).then_some(all)
    })?;
    (!all.is_empty()).then_some(all)
}
