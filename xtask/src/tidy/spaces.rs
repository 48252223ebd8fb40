//! Text files are indented with spaces, end their lines without blanks and their last line with a newline. Rust is left to
//! rustfmt, which knows what is a string.

use super::Problem;
use super::tree::{File, Tree};

/// Written by a tool, or word for word somebody else's.
const EXEMPT: &[&str] = &["Cargo.lock", "LICENSE-APACHE", "LICENSE-MIT"];

pub(super) fn check(tree: &Tree) -> Vec<Problem> {
    tree.files.iter().filter(|file| !is_exempt(&file.path)).flat_map(check_file).collect()
}

fn is_exempt(path: &str) -> bool {
    path.ends_with(".rs") || EXEMPT.contains(&path)
}

fn check_file(file: &File) -> Vec<Problem> {
    let mut problems: Vec<Problem> = Vec::new();
    for (index, line) in file.text.split('\n').enumerate() {
        let mut problem = |advice| problems.push(Problem::at(&file.path, index + 1, advice));
        if line.ends_with('\r') {
            problem("end the line with \\n alone");
        } else if line.ends_with([' ', '\t']) {
            problem("remove the blanks at the end of the line");
        }
        if line.trim_end().contains('\t') {
            problem("write spaces, or \\t in a string, instead of a tab");
        }
    }
    if !file.text.is_empty() && (!file.text.ends_with('\n') || file.text.ends_with("\n\n")) {
        problems.push(Problem::of(&file.path, "end the file with one newline"));
    }
    problems
}

#[cfg(test)]
mod tests;
