//! Who outside a hub may ask for what: keys, and the level that each has for a category.

use std::collections::BTreeMap;

use concierge_api_rs::packet::Category;
use sha2::{Digest as _, Sha256};

/// Keys and what they open. A category that asks for no level is everybody's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keys {
    needed: Levels,
    /// By their digests: how alike two keys are cannot be told from the time that a look-up takes.
    keys: BTreeMap<[u8; 32], Levels>,
}

/// A level for some categories, and one for all others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Levels {
    named: BTreeMap<Category, u32>,
    others: u32,
}

impl Keys {
    /// From `CATEGORY:LEVEL` for each level that is needed, and from `KEY CATEGORY:LEVEL…` for each key. `*` is every category that
    /// is not named.
    ///
    /// # Errors
    /// A sentence that says what makes no sense, without the key.
    pub fn parse<T: AsRef<str>>(needed: &[T], keys: &[T]) -> Result<Self, String> {
        let mut parsed = Self { needed: Levels::parse(needed.iter().map(T::as_ref))?, keys: BTreeMap::new() };
        for (number, text) in keys.iter().enumerate() {
            let mut words = text.as_ref().split_whitespace();
            let key = words.next().ok_or_else(|| format!("key {} is empty", number + 1))?;
            // what does not fit may be a part of the key
            let unfit = |_| format!("key {}: behind it stand words that are not CATEGORY:LEVEL", number + 1);
            let levels = Levels::parse(words).map_err(unfit)?;
            if parsed.keys.insert(digest(key), levels).is_some() {
                return Err(format!("key {} is there twice", number + 1));
            }
        }
        Ok(parsed)
    }

    /// The level that somebody with this key has for a category; `None` when that is too low.
    #[must_use]
    pub fn level(&self, key: Option<&str>, category: &Category) -> Option<u32> {
        let levels = key.and_then(|key| self.keys.get(&digest(key)));
        let level = levels.map_or(0, |levels| levels.of(category));
        (level >= self.needed.of(category)).then_some(level)
    }
}

impl Levels {
    fn parse<'a>(words: impl Iterator<Item = &'a str>) -> Result<Self, String> {
        let mut levels = Self::default();
        for word in words {
            let (category, level) = word.split_once(':').ok_or_else(|| format!("`{word}` is not CATEGORY:LEVEL"))?;
            let level = level.parse().map_err(|_| format!("`{level}` in `{word}` is no level, which is a number"))?;
            if category == "*" {
                levels.others = level;
            } else {
                let category = Category::parse(category).map_err(|error| format!("`{category}` in `{word}`: {error}"))?;
                levels.named.insert(category, level);
            }
        }
        Ok(levels)
    }

    fn of(&self, category: &Category) -> u32 {
        self.named.get(category).copied().unwrap_or(self.others)
    }
}

fn digest(key: &str) -> [u8; 32] {
    Sha256::digest(key).into()
}
