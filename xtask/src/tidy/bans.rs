//! clippy reads the `clippy.toml` nearest to a crate and no other, so what is banned everywhere has to stand in each of them,
//! and every pure crate needs the bans of clocks, randomness, locks and I/O.

use std::collections::BTreeSet;

use toml::{Table, Value};

use super::Problem;
use super::layers::is_pure;
use super::tree::{Member, Tree};

const ROOT: &str = "clippy.toml";

/// What the bans of a pure crate must hold at least.
const PURE: &[&str] = &[
    "std::time::Instant::now",
    "std::time::SystemTime::now",
    "std::sync::Mutex",
    "std::sync::RwLock",
    "std::fs::File",
    "std::net::TcpStream",
    "uuid::Uuid::new_v4",
];

pub(super) fn check(tree: &Tree) -> Vec<Problem> {
    let everywhere = banned(tree.text(ROOT));
    tree.members.iter().flat_map(|member| check_member(tree, member, &everywhere)).collect()
}

fn check_member(tree: &Tree, member: &Member, everywhere: &BTreeSet<String>) -> Vec<Problem> {
    let path = format!("{}/{ROOT}", member.folder());
    let pure = is_pure(&member.name);
    let Some(file) = tree.file(&path) else {
        let advice = format!("`{}` is pure: give it a clippy.toml like the other pure crates'", member.name);
        return if pure { vec![Problem::of(&path, advice)] } else { Vec::new() };
    };
    let own = banned(&file.text);
    let forgotten = everywhere
        .difference(&own)
        .map(|name| Problem::of(&path, format!("ban `{name}` here too: this file replaces the root's clippy.toml")));
    let lax = PURE.iter().filter(|name| pure && !own.contains(**name));
    let lax = lax.map(|name| Problem::of(&path, format!("ban `{name}`: `{}` is pure", member.name)));
    forgotten.chain(lax).collect()
}

/// The paths below `disallowed-types` and `disallowed-methods`.
fn banned(text: &str) -> BTreeSet<String> {
    let file: Table = toml::from_str(text).unwrap_or_default();
    let lists = ["disallowed-types", "disallowed-methods"].into_iter().filter_map(|key| file.get(key)?.as_array().cloned());
    let path = |entry: Value| Some(entry.get("path").unwrap_or(&entry).as_str()?.to_owned());
    lists.flatten().filter_map(path).collect()
}

#[cfg(test)]
mod tests;
