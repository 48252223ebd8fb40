//! docs/security-tests.md: the list, with the tests of each item.

use std::fmt::Write as _;

use super::items::Item;
use super::markers::Proof;

const HEAD: &str = "\
# The security list and its tests

What an attacker tries, what must come of it, and the tests that prove it. A test's name is the sentence that it proves. What no
test proves is said below *Not proved*, with the reason. [SECURITY.md](../SECURITY.md) says what the hub promises.

This page is written by `cargo xtask security`, from [security-items.toml](security-items.toml) and from the tests, which name
their items (`/// Security: 9, 10.`). `cargo xtask tidy` fails when an item has neither test nor reason, and when this page is
not up to date.

| item | | tests | not proved |
| --- | --- | --- | --- |
";

pub(super) fn render(items: &[Item], proofs: &[Proof]) -> String {
    let mut page = HEAD.to_owned();
    for item in items {
        row(&mut page, item, tests_of(item, proofs).count());
    }
    let mut area = "";
    for item in items {
        if item.area != area {
            area = &item.area;
            let _ = write!(page, "\n## {area}\n");
        }
        section(&mut page, item, tests_of(item, proofs));
    }
    page
}

fn row(page: &mut String, item: &Item, tests: usize) {
    let open = match (item.open.is_some(), tests) {
        (false, _) => "",
        (true, 0) => "all of it",
        (true, _) => "a part",
    };
    let _ = writeln!(page, "| {} | {} | {tests} | {open} |", item.number, item.title);
}

fn section<'a>(page: &mut String, item: &Item, tests: impl Iterator<Item = &'a Proof>) {
    let _ = write!(page, "\n### {}. {}\n\n{}\n", item.number, item.title, item.expects.trim());
    let mut before = "\n";
    for Proof { path, test, .. } in tests {
        let sentence = test.replace('_', " ");
        let _ = writeln!(page, "{before}- {sentence} ([{path}](../{path}))");
        before = "";
    }
    if let Some(open) = &item.open {
        let _ = write!(page, "\n*Not proved:* {}\n", open.trim());
    }
}

fn tests_of<'a>(item: &Item, proofs: &'a [Proof]) -> impl Iterator<Item = &'a Proof> {
    let number = item.number;
    proofs.iter().filter(move |proof| proof.items.contains(&number))
}
