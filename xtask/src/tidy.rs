//! `cargo xtask tidy`: the rules of the house that neither compiler nor clippy knows, one module for each.

mod bans;
mod container;
mod decisions;
mod dependencies;
mod heads;
mod layers;
mod links;
mod manifests;
pub(crate) mod security;
mod sizes;
mod spaces;
mod tree;
mod words;

use std::fmt;

use anyhow::{Result, bail};

use crate::say;
use tree::Tree;

type Check = fn(&Tree) -> Vec<Problem>;

const CHECKS: &[(&str, Check)] = &[
    ("layers", layers::check),
    ("manifests", manifests::check),
    ("dependencies", dependencies::check),
    ("bans", bans::check),
    ("container", container::check),
    ("decisions", decisions::check),
    ("heads", heads::check),
    ("sizes", sizes::check),
    ("spaces", spaces::check),
    ("links", links::check),
    ("words", words::check),
    ("security", security::check),
];

/// A broken rule: where, and a sentence that says what to do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Problem {
    path: String,
    line: Option<usize>,
    advice: String,
}

impl Problem {
    fn at(path: &str, line: usize, advice: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line: Some(line), advice: advice.into() }
    }

    fn of(path: &str, advice: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line: None, advice: advice.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.path, self.advice),
            None => write!(f, "{}: {}", self.path, self.advice),
        }
    }
}

pub(crate) fn run() -> Result<()> {
    let tree = Tree::read()?;
    let mut count = 0;
    for (name, check) in CHECKS {
        let mut problems = check(&tree);
        problems.sort();
        count += problems.len();
        for problem in problems {
            say::line(&format!("{name}: {problem}"));
        }
    }
    match count {
        0 => say::line(&format!("{} files are tidy", tree.files.len())),
        1 => bail!("tidy found a problem: it is named above"),
        _ => bail!("tidy found {count} problems: they are named above"),
    }
    Ok(())
}
