//! A source file holds one concept, and so few lines that one reads it whole.

use super::Problem;
use super::tree::Tree;

const LINES: usize = 600;

pub(super) fn check(tree: &Tree) -> Vec<Problem> {
    let sources = tree.files.iter().filter(|file| file.path.ends_with(".rs") && !is_test(&file.path));
    let sized = sources.map(|file| (file, lines_before_tests(&file.text)));
    sized
        .filter(|(_, lines)| *lines > LINES)
        .map(|(file, lines)| {
            let advice =
                format!("{lines} lines without its tests, and {LINES} are the bound: find the second concept and give it a file");
            Problem::of(&file.path, advice)
        })
        .collect()
}

/// A table of cases may be as long as it likes.
fn is_test(path: &str) -> bool {
    path.split('/').any(|part| part == "tests" || part == "benches" || part == "tests.rs")
}

fn lines_before_tests(text: &str) -> usize {
    text.lines().take_while(|line| *line != "#[cfg(test)]").count()
}

#[cfg(test)]
mod tests;
