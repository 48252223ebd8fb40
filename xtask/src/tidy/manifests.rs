//! Every member takes its lints, its licence and the versions of its dependencies from the workspace.

use toml::{Table, Value};

use super::Problem;
use super::tree::{Member, Tree};

const ROOT: &str = "Cargo.toml";
const DEPENDENCY_TABLES: &[&str] = &["dependencies", "dev-dependencies", "build-dependencies"];

pub(super) fn check(tree: &Tree) -> Vec<Problem> {
    let mut problems: Vec<_> = tree.members.iter().flat_map(|member| check_member(tree, member)).collect();
    problems.extend(allows_unsafe(tree.text(ROOT)).then(|| Problem::of(ROOT, "forbid `unsafe_code` in [workspace.lints.rust]")));
    problems
}

/// `forbid`, which no attribute in the code undoes; `deny` would be.
fn allows_unsafe(root: &str) -> bool {
    let root: Option<Table> = toml::from_str(root).ok();
    let lints = root.as_ref().and_then(|root| root.get("workspace")?.get("lints")?.get("rust")?.get("unsafe_code"));
    lints.and_then(Value::as_str) != Some("forbid")
}

fn check_member(tree: &Tree, member: &Member) -> Vec<Problem> {
    let problem = |advice: String| Problem::of(&member.manifest, advice);
    let manifest: Table = match toml::from_str(tree.text(&member.manifest)) {
        Ok(manifest) => manifest,
        Err(error) => return vec![problem(format!("cargo reads this and tidy does not: {}", error.message()))],
    };
    let mut problems = Vec::new();
    if !inherits(manifest.get("lints")) {
        problems.push(problem("add `[lints]` with `workspace = true`: the same rules hold everywhere".to_owned()));
    }
    for key in ["license", "edition", "rust-version", "version"] {
        if !inherits(manifest.get("package").and_then(|package| package.get(key))) {
            problems.push(problem(format!("write `{key}.workspace = true` below [package]: it is decided in one place")));
        }
    }
    let own_versions = dependencies(&manifest).filter(|(_, value)| !inherits(Some(value)));
    problems.extend(own_versions.map(|(name, _)| {
        problem(format!("write `{name}.workspace = true` and its version into the root's [workspace.dependencies]"))
    }));
    problems
}

fn inherits(value: Option<&Value>) -> bool {
    value.and_then(|value| value.get("workspace")).and_then(Value::as_bool) == Some(true)
}

/// The dependencies of every kind, those for one platform too.
fn dependencies(manifest: &Table) -> impl Iterator<Item = (&String, &Value)> {
    let platforms = manifest.get("target").and_then(Value::as_table).into_iter().flat_map(Table::values);
    let places = std::iter::once(manifest).chain(platforms.filter_map(Value::as_table));
    let tables = places.flat_map(|place| DEPENDENCY_TABLES.iter().filter_map(|name| place.get(*name)));
    tables.filter_map(Value::as_table).flatten()
}

#[cfg(test)]
mod tests;
