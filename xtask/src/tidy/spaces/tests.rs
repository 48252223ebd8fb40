use super::*;

fn advice(text: &str) -> Vec<String> {
    check(&Tree::of_files(&[("a.md", text)])).into_iter().map(|problem| problem.to_string()).collect()
}

#[test]
fn clean_text_and_an_empty_file_are_fine() {
    assert_eq!(advice("one\n  two\n"), Vec::<String>::new());
    assert_eq!(advice(""), Vec::<String>::new());
}

#[test]
fn each_kind_of_stray_white_space_is_named_with_its_line() {
    assert_eq!(advice("one\ntwo \n"), ["a.md:2: remove the blanks at the end of the line"]);
    assert_eq!(advice("one\ttwo\n"), ["a.md:1: write spaces, or \\t in a string, instead of a tab"]);
    assert_eq!(advice("one\r\n"), ["a.md:1: end the line with \\n alone"]);
}

#[test]
fn a_missing_and_a_superfluous_last_newline_are_named() {
    assert_eq!(advice("one"), ["a.md: end the file with one newline"]);
    assert_eq!(advice("one\n\n"), ["a.md: end the file with one newline"]);
}

#[test]
fn what_a_tool_wrote_or_formats_is_left_alone() {
    assert_eq!(check(&Tree::of_files(&[("Cargo.lock", "one \n\n"), ("src/lib.rs", "expect![\"one\t \n\"]\n")])), []);
}
