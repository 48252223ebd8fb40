use super::*;

const ROOT: &str = "[workspace.dependencies]\nours = { path = \"ours\" }\nserde = \"1\"\nuuid = { version = \"1\" }\n";
const TABLE: &str = "# Dependencies\n\n| crate | replaces | rejected |\n| --- | --- | --- |\n| serde | a parser | miniserde |\n| `uuid` | ids | ulid |\n";

fn advice(root: &str, page: &str) -> Vec<String> {
    let tree = Tree::of_files(&[(MANIFEST, root), (PAGE, page)]).with_member("ours", "ours", &["serde", "dev:uuid"]);
    check(&tree).into_iter().map(|problem| problem.advice).collect()
}

#[test]
fn a_table_with_a_line_for_each_is_fine() {
    assert_eq!(advice(ROOT, TABLE), Vec::<String>::new());
}

#[test]
fn a_dependency_without_a_line_is_named() {
    let found = advice(ROOT, &TABLE.replace("| serde | a parser | miniserde |\n", ""));
    assert!(matches!(&found[..], [one] if one.contains("add a line for `serde`")), "{found:?}");
}

#[test]
fn a_line_without_a_dependency_is_named() {
    let found = advice(&ROOT.replace("serde = \"1\"\n", ""), TABLE);
    assert!(matches!(&found[..], [one] if one.contains("remove the line of `serde`")), "{found:?}");
}

#[test]
fn a_dependency_that_nobody_uses_is_named() {
    let found = advice(&format!("{ROOT}toml = \"1\"\n"), &format!("{TABLE}| toml | a parser | none |\n"));
    assert!(matches!(&found[..], [one] if one.contains("remove `toml`")), "{found:?}");
}

#[test]
fn a_line_that_says_nothing_or_stands_twice_is_named() {
    let found = advice(ROOT, &format!("{TABLE}| uuid | | |\n"));
    assert!(found.iter().any(|advice| advice.contains("say what `uuid` replaces")), "{found:?}");
    assert!(found.iter().any(|advice| advice.contains("join the lines of `uuid`")), "{found:?}");
}
