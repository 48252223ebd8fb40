use super::*;

#[test]
fn a_source_without_a_head_is_named_and_a_file_of_tests_needs_none() {
    let tree = Tree::of_files(&[
        ("src/a.rs", "//! What it is.\n"),
        ("src/b.rs", "use std::fmt;\n"),
        ("src/b/tests.rs", "use super::*;\n"),
        ("README.md", "# Text\n"),
    ]);
    let found: Vec<String> = check(&tree).iter().map(Problem::to_string).collect();
    assert_eq!(found, ["src/b.rs:1: begin the file with `//!` and a sentence that says what it is"]);
}
