//! The two dialects and the kinds of request each of them knows.

use super::ids::Claims;
use super::record::TaskState;

/// How a request is spelled, and so its answer and the messages that follow from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dialect {
    /// No `head.version`: the first protocol. `timeoutOn`, `invoke`, `resume`, `notify`.
    Plain,
    /// `head.version` is `2026-04-01`. `timeoutAt`, `execute`, `unblock`; searches, schedules, halt.
    V20260401,
}

impl Dialect {
    /// What `head.version` says.
    #[must_use]
    pub const fn version(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::V20260401 => Some("2026-04-01"),
        }
    }

    /// The dialect of a `head.version`, if there is one.
    #[must_use]
    pub fn of_version(version: Option<&str>) -> Option<Self> {
        [Self::Plain, Self::V20260401].into_iter().find(|dialect| dialect.version() == version)
    }

    /// The task version that this dialect shows for a task claimed that often: [`Self::Plain`] counts a version when a task comes
    /// back to be claimed again, [`Self::V20260401`] when it is claimed.
    #[must_use]
    pub const fn version_of(self, claims: Claims, state: TaskState) -> u32 {
        match (self, state) {
            (Self::Plain, TaskState::Acquired | TaskState::Suspended) => claims.0.saturating_sub(1),
            _ => claims.0,
        }
    }

    /// How often a task was claimed that its holder calls by this version. The inverse of [`Self::version_of`] while acquired.
    #[must_use]
    pub const fn claims_held(self, version: u32) -> Claims {
        match self {
            Self::Plain => Claims(version).next(),
            Self::V20260401 => Claims(version),
        }
    }

    /// As a number, for a store: 0 and 1.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Plain => 0,
            Self::V20260401 => 1,
        }
    }

    /// The dialect of a number of [`Self::number`].
    #[must_use]
    pub const fn of_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Plain),
            1 => Some(Self::V20260401),
            _ => None,
        }
    }
}

macro_rules! kinds {
    ($($(#[$meta:meta])* $name:ident $plain:expr, $v20260401:expr;)*) => {
        /// What a request asks for. Each dialect has its own word, or none.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            $($(#[$meta])* $name,)*
        }

        impl Kind {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The word of this dialect, if it has one.
            #[must_use]
            pub const fn word(self, dialect: Dialect) -> Option<&'static str> {
                match (self, dialect) {
                    $((Self::$name, Dialect::Plain) => $plain, (Self::$name, Dialect::V20260401) => $v20260401,)*
                }
            }
        }
    };
}

kinds! {
    /// One promise.
    PromiseGet Some("promise.get"), Some("promise.get");
    /// A promise, new or as it stands.
    PromiseCreate Some("promise.create"), Some("promise.create");
    /// The outcome of a promise: the first one stays.
    PromiseSettle Some("promise.settle"), Some("promise.settle");
    /// A task is resumed when a promise settles.
    PromiseRegister Some("promise.register"), Some("promise.register_callback");
    /// An address is told when a promise settles.
    PromiseListen Some("promise.subscribe"), Some("promise.register_listener");
    /// Promises, page by page.
    PromiseSearch None, Some("promise.search");
    /// One task.
    TaskGet Some("task.get"), Some("task.get");
    /// A promise and its task, claimed at once.
    TaskCreate Some("task.create"), Some("task.create");
    /// A claim.
    TaskAcquire Some("task.acquire"), Some("task.acquire");
    /// A task waits for promises.
    TaskSuspend Some("task.suspend"), Some("task.suspend");
    /// A task settles its promise.
    TaskFulfill Some("task.fulfill"), Some("task.fulfill");
    /// A claim given back.
    TaskRelease Some("task.release"), Some("task.release");
    /// A promise created or settled, only while the task is held.
    TaskFence Some("task.fence"), Some("task.fence");
    /// Leases are prolonged.
    TaskHeartbeat Some("task.heartbeat"), Some("task.heartbeat");
    /// A task is not offered any more.
    TaskHalt None, Some("task.halt");
    /// A halted task is offered again.
    TaskContinue None, Some("task.continue");
    /// Tasks, page by page.
    TaskSearch None, Some("task.search");
    /// One schedule.
    ScheduleGet None, Some("schedule.get");
    /// A schedule, new or as it stands.
    ScheduleCreate None, Some("schedule.create");
    /// A schedule ends.
    ScheduleDelete None, Some("schedule.delete");
    /// Schedules, page by page.
    ScheduleSearch None, Some("schedule.search");
    /// A test begins.
    DebugStart None, Some("debug.start");
    /// Everything is forgotten.
    DebugReset None, Some("debug.reset");
    /// The time is this; what is due happens.
    DebugTick None, Some("debug.tick");
    /// Everything there is.
    DebugSnap None, Some("debug.snap");
    /// A test ends.
    DebugStop None, Some("debug.stop");
}

impl Kind {
    /// The kind of a word of this dialect.
    #[must_use]
    pub fn of_word(word: &str, dialect: Dialect) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.word(dialect) == Some(word))
    }

    /// Whether it is one of the verbs that drive a clock by hand.
    #[must_use]
    pub const fn is_debug(self) -> bool {
        matches!(self, Self::DebugStart | Self::DebugReset | Self::DebugTick | Self::DebugSnap | Self::DebugStop)
    }
}
