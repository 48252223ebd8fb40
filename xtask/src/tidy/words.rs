//! Words that mark unfinished work. They are written in two halves here, because this file is looked at too.

use super::Problem;
use super::tree::{File, Tree};

const BANNED: &[(&str, &str)] = &[
    (concat!("TO", "DO"), "do it now or open an issue: a note in the code is read by nobody"),
    (concat!("FIX", "ME"), "repair it now or open an issue: a note in the code is read by nobody"),
    (concat!("XX", "X"), "say in a sentence what is wrong here, or repair it"),
    (concat!("#[ig", "nore"), "repair the test or remove it: one that does not run protects nothing"),
];

/// Written by a tool.
const EXEMPT: &[&str] = &["Cargo.lock"];

pub(super) fn check(tree: &Tree) -> Vec<Problem> {
    tree.files.iter().filter(|file| !EXEMPT.contains(&file.path.as_str())).flat_map(check_file).collect()
}

fn check_file(file: &File) -> Vec<Problem> {
    let lines = file.text.lines().enumerate();
    let found = lines.flat_map(|(index, line)| {
        let banned = BANNED.iter().filter(|(word, _)| stands_alone(line, word));
        banned.map(move |(word, advice)| (index + 1, word, advice))
    });
    found.map(|(line, word, advice)| Problem::at(&file.path, line, format!("`{word}`: {advice}"))).collect()
}

/// True when `word` is in `line` and no letter or digit touches it.
fn stands_alone(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        ![before, after].into_iter().flatten().any(char::is_alphanumeric)
    })
}

#[cfg(test)]
mod tests;
