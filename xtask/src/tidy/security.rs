//! Every item of the security list is proved by tests that name it, or says why not; docs/security-tests.md shows which.
//!
//! A test names items in the last line of its comment: `Security: 9, 10.`

mod items;
mod markers;
mod page;

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail};

use super::Problem;
use super::tree::Tree;
use crate::{run, say};
use items::{ITEMS, Item};

const PAGE: &str = "docs/security-tests.md";

pub(super) fn check(tree: &Tree) -> Vec<Problem> {
    let items = match items::read(tree) {
        Ok(items) => items,
        Err(problem) => return vec![problem],
    };
    let (proofs, mut problems) = markers::read(tree);
    let known: BTreeSet<u32> = items.iter().map(|item| item.number).collect();
    let named = |proof: &markers::Proof| proof.items.iter().find(|number| !known.contains(number)).copied();
    problems.extend(proofs.iter().filter_map(|proof| {
        let number = named(proof)?;
        Some(Problem::at(&proof.path, proof.line, format!("{ITEMS} has no item {number}")))
    }));
    let proved: BTreeSet<u32> = proofs.iter().flat_map(|proof| proof.items.iter().copied()).collect();
    let silent = items.iter().filter(|item| !proved.contains(&item.number) && item.open.is_none());
    problems.extend(silent.map(|item| Problem::at(ITEMS, item.line, unproved(item))));
    if tree.text(PAGE) != page::render(&items, &proofs) {
        problems.push(Problem::of(PAGE, "it is not what the list and the tests say: `cargo xtask security` writes it"));
    }
    problems
}

/// `cargo xtask security`: writes the page.
pub(crate) fn write() -> Result<()> {
    let tree = Tree::read()?;
    let items = match items::read(&tree) {
        Ok(items) => items,
        Err(problem) => bail!("{problem}"),
    };
    let (proofs, _told_by_tidy) = markers::read(&tree);
    std::fs::write(run::root().join(PAGE), page::render(&items, &proofs)).with_context(|| format!("cannot write {PAGE}"))?;
    say::line(&format!("{PAGE}: {} items, {} tests", items.len(), proofs.len()));
    Ok(())
}

fn unproved(item: &Item) -> String {
    let number = item.number;
    format!("item {number}: write `/// Security: {number}.` above a test that proves it, or say in `open` why there is none")
}

#[cfg(test)]
mod tests;
