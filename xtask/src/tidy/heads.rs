//! A source file begins by saying what it is.

use super::Problem;
use super::tree::Tree;

pub(super) fn check(tree: &Tree) -> Vec<Problem> {
    let sources = tree.files.iter().filter(|file| file.path.ends_with(".rs") && !file.path.ends_with("/tests.rs"));
    let silent = sources.filter(|file| !file.text.starts_with("//!"));
    silent.map(|file| Problem::at(&file.path, 1, "begin the file with `//!` and a sentence that says what it is")).collect()
}

#[cfg(test)]
mod tests;
