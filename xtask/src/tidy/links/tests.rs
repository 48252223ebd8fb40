use super::*;

fn advice(readme: &str) -> Vec<String> {
    let files = [
        ("docs/README.md", readme),
        ("PROTOCOL.md", "# The protocol\n\n## `IDENTIFY`, first\n## Twice\n## Twice\n"),
        ("crates/hub/src/lib.rs", ""),
    ];
    check(&Tree::of_files(&files)).into_iter().map(|problem| problem.to_string()).collect()
}

#[test]
fn links_to_files_folders_headings_and_the_world_are_fine() {
    let text = "[a](../PROTOCOL.md) [b](../crates/hub/) [c](../PROTOCOL.md#identify-first) [d](https://example.org/x)\n\
                [e](#here) [f](../PROTOCOL.md#twice-1) <ada@example.org> `[g](nowhere.md)`\n\n# Here\n";
    assert_eq!(advice(text), Vec::<String>::new());
}

#[test]
fn a_link_to_a_file_that_is_not_there_is_named_with_its_line() {
    let nowhere = "leads nowhere: name a file of this repository, relative to this one";
    assert_eq!(advice("one\n\n[a](PROTOCOL.md)\n"), [format!("docs/README.md:3: `PROTOCOL.md` {nowhere}")]);
    assert_eq!(advice("[a]\n\n[a]: ../../x.md\n"), [format!("docs/README.md:1: `../../x.md` {nowhere}")]);
}

#[test]
fn a_link_to_a_heading_that_is_not_there_is_named() {
    assert_eq!(
        advice("[a](../PROTOCOL.md#identify)\n"),
        ["docs/README.md:1: `../PROTOCOL.md#identify` leads nowhere: PROTOCOL.md has no such heading"]
    );
}
