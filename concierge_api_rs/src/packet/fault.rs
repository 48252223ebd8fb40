//! What went wrong, as a response says it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde_json::value::{RawValue, to_raw_value};

use super::{Data, nothing};
use crate::decode::present;

macro_rules! codes {
    ($($(#[$meta:meta])* $code:ident = $number:literal $name:literal, items $items:literal, folds to $folded:ident;)*) => {
        /// What kind of error it is.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum FaultCode {
            $($(#[$meta])* $code = $number,)*
        }

        impl FaultCode {
            /// All of them, by number.
            pub const ALL: &'static [Self] = &[$(Self::$code),*];

            /// As PROTOCOL.md calls it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$code => $name,)* }
            }

            /// Whether an error of this kind says which arguments or entities it is about.
            #[must_use]
            pub const fn has_items(self) -> bool {
                match self { $(Self::$code => $items,)* }
            }

            /// The nearest of the seven kinds that there were first.
            #[must_use]
            pub const fn folded(self) -> Self {
                match self { $(Self::$code => Self::$folded,)* }
            }
        }
    };
}

codes! {
    /// Something else.
    Generic = 0 "GENERIC", items false, folds to Generic;
    /// It may not be asked by this sender.
    Forbidden = 1 "FORBIDDEN", items false, folds to Forbidden;
    /// What is needed is not there.
    Unavailable = 2 "UNAVAILABLE", items true, folds to Unavailable;
    /// An argument makes no sense.
    Invalid = 3 "INVALID", items true, folds to Invalid;
    /// An argument is missing.
    Incomplete = 4 "INCOMPLETE", items false, folds to Incomplete;
    /// It is there already.
    Duplicate = 5 "DUPLICATE", items true, folds to Duplicate;
    /// Over a bound.
    Limit = 6 "LIMIT", items true, folds to Limit;
    /// No answer came in time.
    Timeout = 7 "TIMEOUT", items false, folds to Unavailable;
    /// The sender's session is over, or it has none.
    Session = 8 "SESSION", items false, folds to Forbidden;
    /// Nothing does that yet.
    NotImplemented = 9 "NOT_IMPLEMENTED", items false, folds to Generic;
}

impl FaultCode {
    /// The code of that number.
    #[must_use]
    pub fn from_number(number: u64) -> Option<Self> {
        Self::ALL.get(usize::try_from(number).ok()?).copied()
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }
}

impl fmt::Display for FaultCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.number(), self.name())
    }
}

/// Which kinds of errors are said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Codes {
    /// All ten.
    #[default]
    All,
    /// The first seven; others become the nearest of them.
    Seed,
}

/// What went wrong. Its data is an object, with a list of text called `items` where the code asks for one.
#[derive(Debug, Clone)]
pub struct Fault<'a> {
    code: FaultCode,
    data: Data<'a>,
}

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    code: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    data: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Items {
    items: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Message {
    message: Option<String>,
}

impl<'a> Fault<'a> {
    /// An error about these arguments or entities.
    #[must_use]
    pub fn new(code: FaultCode, items: &[&str]) -> Self {
        if items.is_empty() {
            return Self::of(code, nothing());
        }
        let data = to_raw_value(&BTreeMap::from([("items", items)])).expect("its keys are text");
        Self { code, data: Cow::Owned(data) }
    }

    /// The error that the data of a response writes. Whatever can't be read is a generic one.
    pub(super) fn read(text: &'a RawValue) -> Self {
        let wire = serde_json::from_str::<Wire<'a>>(text.get()).ok().filter(|_| is_object(text));
        let Some(Wire { code, data }) = wire else { return Self::of(FaultCode::Generic, nothing()) };
        let number = code.and_then(|code| serde_json::from_str(code.get()).ok());
        let code = number.and_then(FaultCode::from_number).unwrap_or(FaultCode::Generic);
        Self::of(code, data.unwrap_or(nothing()))
    }

    /// With data that is mended where it is not as it has to be.
    fn of(code: FaultCode, data: &'a RawValue) -> Self {
        let items = serde_json::from_str::<Items>(data.get()).map(|found| found.items);
        let data = match items {
            Ok(Some(_)) if is_object(data) => Cow::Borrowed(data),
            Ok(None) if is_object(data) && !code.has_items() && !names_items(data) => Cow::Borrowed(data),
            _ => Cow::Owned(mended(code, data)),
        };
        Self { code, data }
    }

    /// What kind it is.
    #[must_use]
    pub const fn code(&self) -> FaultCode {
        self.code
    }

    /// Which arguments or entities it is about.
    #[must_use]
    pub fn items(&self) -> Vec<String> {
        serde_json::from_str::<Items>(self.data.get()).ok().and_then(|found| found.items).unwrap_or_default()
    }

    /// What it says to people, if it does.
    #[must_use]
    pub fn message(&self) -> Option<String> {
        serde_json::from_str::<Message>(self.data.get()).ok()?.message
    }

    /// What else it says, `items` included.
    #[must_use]
    pub fn data(&self) -> &RawValue {
        &self.data
    }

    /// The same error among those that are said.
    #[must_use]
    pub fn among(self, codes: Codes) -> Self {
        let code = match codes {
            Codes::All => self.code,
            Codes::Seed => self.code.folded(),
        };
        match self.data {
            Cow::Borrowed(data) => Self::of(code, data),
            Cow::Owned(data) => Self { code, data: Cow::Owned(Fault::of(code, &data).data.into_owned()) },
        }
    }
}

fn is_object(json: &RawValue) -> bool {
    json.get().starts_with('{')
}

/// Whether there is a field `items`, though it says nothing.
fn names_items(object: &RawValue) -> bool {
    serde_json::from_str::<BTreeMap<String, serde::de::IgnoredAny>>(object.get()).is_ok_and(|it| it.contains_key("items"))
}

/// The fields that there are, without `items` that are none, and with an empty list where there has to be one.
fn mended(code: FaultCode, data: &RawValue) -> Box<RawValue> {
    let mut fields: BTreeMap<Cow<'_, str>, &RawValue> = serde_json::from_str(data.get()).unwrap_or_default();
    fields.remove("items");
    let none: &RawValue = serde_json::from_str("[]").expect("it is JSON");
    if code.has_items() {
        fields.insert("items".into(), none);
    }
    to_raw_value(&fields).expect("its keys are text")
}
