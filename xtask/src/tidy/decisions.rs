//! A recorded decision has a number of its own and the three parts that docs/decisions/README.md asks for.

use super::Problem;
use super::tree::{File, Tree};

const FOLDER: &str = "docs/decisions/";
const PARTS: &[&str] = &["Question", "Choice", "What would change our mind"];

pub(super) fn check(tree: &Tree) -> Vec<Problem> {
    let decisions: Vec<(&File, &str)> = tree.files.iter().filter_map(|file| Some((file, number(&file.path)?))).collect();
    let mut problems = Vec::new();
    for (index, (file, number)) in decisions.iter().enumerate() {
        if let Some((other, _)) = decisions[..index].iter().find(|(_, taken)| taken == number) {
            problems.push(Problem::of(&file.path, format!("take the next free number: {} has this one", other.path)));
        }
        let missing = PARTS.iter().filter(|part| !has_part(&file.text, part));
        problems.extend(missing.map(|part| Problem::of(&file.path, format!("add the part `## {part}`"))));
    }
    problems
}

/// As a heading, or as the first words of a paragraph.
fn has_part(text: &str, part: &str) -> bool {
    let (heading, opening) = (format!("## {part}"), format!("**{part}.**"));
    text.lines().any(|line| line == heading || line.starts_with(&opening))
}

/// The four digits of `docs/decisions/NNNN-title.md`.
fn number(path: &str) -> Option<&str> {
    let (number, _) = path.strip_prefix(FOLDER)?.split_once('-')?;
    (number.len() == 4 && number.bytes().all(|byte| byte.is_ascii_digit())).then_some(number)
}

#[cfg(test)]
mod tests;
