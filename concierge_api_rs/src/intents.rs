//! What of others a client wants to hear of: `intents` in IDENTIFY.

use std::fmt;

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One kind of payloads without `seq`. Answers come always.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Intent {
    /// MESSAGE.
    Messages,
    /// SERVICE_CREATE_RESULT and SERVICE_DELETE_RESULT as news.
    Services,
    /// CLIENT_JOINED and CLIENT_LEFT.
    Clients,
    /// SERVICE_CLIENT_SUBSCRIBED and SERVICE_CLIENT_UNSUBSCRIBED.
    ServiceClients,
}

impl Intent {
    /// Every intent.
    pub const ALL: [Self; 4] = [Self::Messages, Self::Services, Self::Clients, Self::ServiceClients];
    const WORDS: [&'static str; 4] = ["MESSAGES", "SERVICES", "CLIENTS", "SERVICE_CLIENTS"];
}

impl<'de> Deserialize<'de> for Intent {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Word;
        impl Visitor<'_> for Word {
            type Value = Intent;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<Intent, E> {
                let at = Intent::WORDS.iter().position(|known| *known == word);
                at.map(|at| Intent::ALL[at]).ok_or_else(|| E::unknown_variant(word, &Intent::WORDS))
            }
        }
        // a derived one would take {"CLIENTS":null}, too
        from.deserialize_str(Word)
    }
}

/// A set of intents: on the wire a list, in which the same one may stand twice. Absent or `null` is all of them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Intents(u8);

impl Intents {
    /// What a client gets that says nothing about it.
    pub const ALL: Self = Self((1 << Intent::ALL.len()) - 1);
    /// Answers only.
    pub const NONE: Self = Self(0);

    /// These and one more.
    #[must_use]
    pub const fn and(self, intent: Intent) -> Self {
        Self(self.0 | Self::bit(intent))
    }

    /// Whether it is among them.
    #[must_use]
    pub const fn has(self, intent: Intent) -> bool {
        self.0 & Self::bit(intent) != 0
    }

    const fn bit(intent: Intent) -> u8 {
        1 << intent as u8
    }

    pub(crate) fn are_all(&self) -> bool {
        *self == Self::ALL
    }

    pub(crate) fn null_is_all<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(from)?.unwrap_or_default())
    }
}

impl Default for Intents {
    fn default() -> Self {
        Self::ALL
    }
}

impl FromIterator<Intent> for Intents {
    fn from_iter<I: IntoIterator<Item = Intent>>(intents: I) -> Self {
        intents.into_iter().fold(Self::NONE, Self::and)
    }
}

impl fmt::Debug for Intents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(Intent::ALL.iter().filter(|intent| self.has(**intent))).finish()
    }
}

impl Serialize for Intents {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(Intent::ALL.iter().filter(|intent| self.has(**intent)))
    }
}

impl<'de> Deserialize<'de> for Intents {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Words;
        impl<'de> Visitor<'de> for Words {
            type Value = Intents;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of intents")
            }
            // nothing is kept of a list but which words stood in it: however long it is, it costs no memory
            fn visit_seq<A: SeqAccess<'de>>(self, mut words: A) -> Result<Intents, A::Error> {
                let mut intents = Intents::NONE;
                while let Some(intent) = words.next_element()? {
                    intents = intents.and(intent);
                }
                Ok(intents)
            }
        }
        from.deserialize_seq(Words)
    }
}
