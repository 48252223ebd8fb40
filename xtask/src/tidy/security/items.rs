//! The list itself: docs/security-items.toml.

use serde::Deserialize;

use super::super::Problem;
use super::super::tree::Tree;

pub(super) const ITEMS: &str = "docs/security-items.toml";

/// What an attacker tries, and what must come of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Item {
    pub(super) number: u32,
    /// The heading that it stands below.
    pub(super) area: String,
    pub(super) title: String,
    /// What must hold, in sentences.
    pub(super) expects: String,
    /// What of it no test proves, and why.
    pub(super) open: Option<String>,
    /// Where it begins in the file.
    #[serde(skip)]
    pub(super) line: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    item: Vec<Item>,
}

/// The items, which are numbered from 1 on, without gaps, so that a number never means another item.
pub(super) fn read(tree: &Tree) -> Result<Vec<Item>, Problem> {
    let text = tree.text(ITEMS);
    let List { mut item } = toml::from_str(text).map_err(|error| Problem::of(ITEMS, error.message()))?;
    let heads = text.lines().enumerate().filter(|(_, line)| line.trim() == "[[item]]");
    for ((place, line), expected) in item.iter_mut().zip(heads.map(|(index, _)| index + 1)).zip(1..) {
        place.line = line;
        if place.number != expected {
            return Err(Problem::at(ITEMS, line, format!("number this item {expected}")));
        }
    }
    Ok(item)
}
