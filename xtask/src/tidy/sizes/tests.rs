use super::*;

fn found(path: &str, text: &str) -> usize {
    check(&Tree::of_files(&[(path, text)])).len()
}

#[test]
fn a_long_source_is_named_and_a_long_test_is_not() {
    let long = "fn f() {}\n".repeat(LINES + 1);
    assert_eq!(found("crates/x/src/lib.rs", &long), 1);
    assert_eq!(found("crates/x/src/thing/tests.rs", &long), 0);
    assert_eq!(found("concierge/tests/cli.rs", &long), 0);
    assert_eq!(found("PROTOCOL.md", &long), 0);
}

#[test]
fn the_tests_at_the_end_of_a_file_do_not_count() {
    let source = "fn f() {}\n".repeat(LINES);
    assert_eq!(found("xtask/src/main.rs", &format!("{source}#[cfg(test)]\nmod tests {{\n}}\n")), 0);
}
