//! Each shared dependency has its line in docs/decisions/dependencies.md, and somebody who uses it.

use toml::{Table, Value};

use super::Problem;
use super::tree::Tree;

const MANIFEST: &str = "Cargo.toml";
const PAGE: &str = "docs/decisions/dependencies.md";

pub(super) fn check(tree: &Tree) -> Vec<Problem> {
    let shared = shared(tree.text(MANIFEST));
    let rows = rows(tree.text(PAGE));
    let mut problems = Vec::new();
    for name in &shared {
        if !rows.iter().any(|row| row.name == *name) {
            problems
                .push(Problem::of(PAGE, format!("add a line for `{name}`: | {name} | what it replaces | what was rejected |")));
        }
        if !tree.members.iter().any(|member| member.dependencies.iter().any(|dependency| dependency.name == *name)) {
            problems.push(Problem::of(MANIFEST, format!("remove `{name}` from [workspace.dependencies]: no crate uses it")));
        }
    }
    for (index, row) in rows.iter().enumerate() {
        if !shared.contains(&row.name) {
            problems.push(Problem::at(
                PAGE,
                row.line,
                format!("remove the line of `{}`: it is no dependency any more", row.name),
            ));
        }
        if rows[..index].iter().any(|other| other.name == row.name) {
            problems.push(Problem::at(PAGE, row.line, format!("join the lines of `{}`: it stands here twice", row.name)));
        }
        if !row.is_complete {
            problems.push(Problem::at(PAGE, row.line, format!("say what `{}` replaces and what was rejected", row.name)));
        }
    }
    problems
}

/// The dependencies of the workspace that come from a registry.
fn shared(manifest: &str) -> Vec<String> {
    let manifest: Table = toml::from_str(manifest).unwrap_or_default();
    let dependencies = manifest.get("workspace").and_then(|workspace| workspace.get("dependencies")).and_then(Value::as_table);
    let theirs = dependencies.into_iter().flatten().filter(|(_, value)| value.get("path").is_none());
    theirs.map(|(name, value)| value.get("package").and_then(Value::as_str).unwrap_or(name).to_owned()).collect()
}

struct Row {
    line: usize,
    name: String,
    is_complete: bool,
}

/// The lines of the page's table, without its two lines of head.
fn rows(page: &str) -> Vec<Row> {
    let lines = page.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    let table = lines.filter(|(_, line)| line.starts_with('|')).skip(2);
    table
        .map(|(line, text)| {
            let cells: Vec<&str> = text.trim_matches('|').split(" | ").map(str::trim).collect();
            let is_complete = cells.len() == 3 && cells.iter().all(|cell| !cell.is_empty());
            Row { line, name: cells[0].trim_matches('`').to_owned(), is_complete }
        })
        .collect()
}

#[cfg(test)]
mod tests;
