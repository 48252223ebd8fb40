use super::*;

const LIST: &str = "[[item]]
number = 1
area = \"Doors\"
title = \"Locks\"
expects = \"Doors are locked.\"

[[item]]
number = 2
area = \"Windows\"
title = \"Bars\"
expects = \"Windows have bars.\"
open = \"There are no windows.\"
";

/// What marks a test; in two halves, because this file is looked at too.
const MARK: &str = concat!("/// Secu", "rity:");

fn tree(list: &str, source: &str, page: &str) -> Tree {
    Tree::of_files(&[(ITEMS, list), ("a/doors.rs", &source.replace("MARK", MARK)), (PAGE, page)])
}

fn advice(list: &str, source: &str) -> Vec<String> {
    let blank = tree(list, source, "");
    let page = items::read(&blank).map(|items| page::render(&items, &markers::read(&blank).0)).unwrap_or_default();
    check(&tree(list, source, &page)).iter().map(Problem::to_string).collect()
}

const PROVED: &str = "    /// Doors.\n    MARK 1.\n    #[tokio::test(start_paused = true)]\n    async fn a_door_is_locked() {\n";

#[test]
fn an_item_has_a_test_that_names_it_or_a_reason() {
    assert_eq!(advice(LIST, PROVED), [""; 0]);
    let missing =
        "docs/security-items.toml:1: item 1: write `MARK 1.` above a test that proves it, or say in `open` why there is none";
    assert_eq!(advice(LIST, "#[test]\nfn a_door_is_locked() {\n"), [missing.replace("MARK", MARK)]);
}

#[test]
fn a_mark_names_items_of_the_list_and_stands_above_a_test() {
    let no_test = "this stands above no test: put it between a test's comment and its attributes";
    let bad_list = "name items like this: `MARK 9, 10.`".replace("MARK", MARK);
    for (source, expected) in [
        ("MARK 1, 3.\n#[test]\nfn a() {", "docs/security-items.toml has no item 3"),
        ("MARK 1.\nfn a() {", no_test),
        ("MARK 1.\n#[inline]\nfn a() {", no_test),
        ("MARK 1.\n#[test]\nstruct A;", no_test),
        ("MARK 1.\n\n#[test]\nfn a() {", no_test),
        ("MARK 1.\n/// More.\n#[test]\nfn a() {", no_test),
        ("MARK 1.", no_test),
        ("MARK 1\n#[test]\nfn a() {", &bad_list),
        ("MARK 2, 1.\n#[test]\nfn a() {", &bad_list),
        ("MARK 1,2.\n#[test]\nfn a() {", &bad_list),
        ("MARK.\n#[test]\nfn a() {", &bad_list),
    ] {
        let found = advice(LIST, &format!("{PROVED}    }}\n{source}"));
        assert_eq!(found, [format!("a/doors.rs:6: {expected}")], "{source}");
    }
    assert_eq!(advice(LIST, "MARK 1, 2.\n#[expect(x, reason = \"y\")]\n#[test]\nfn a() {"), [""; 0]);
}

#[test]
fn the_list_is_numbered_from_1_without_gaps() {
    for (list, expected) in [
        (LIST.replace("number = 2", "number = 3"), "docs/security-items.toml:7: number this item 2"),
        (LIST.replace("number = 1", "number = 2"), "docs/security-items.toml:1: number this item 1"),
    ] {
        assert!(advice(&list, PROVED).contains(&expected.to_owned()), "{:?}", advice(&list, PROVED));
    }
    assert!(advice(&LIST.replace("expects", "hopes"), PROVED)[0].starts_with("docs/security-items.toml: unknown field `hopes`"));
}

#[test]
fn the_page_shows_each_item_with_its_tests_and_reasons_and_is_up_to_date() {
    let blank = tree(LIST, PROVED, "");
    let page = page::render(&items::read(&blank).unwrap(), &markers::read(&blank).0);
    assert!(page.ends_with(
        "| 1 | Locks | 1 |  |
| 2 | Bars | 0 | all of it |

## Doors

### 1. Locks

Doors are locked.

- a door is locked ([a/doors.rs](../a/doors.rs))

## Windows

### 2. Bars

Windows have bars.

*Not proved:* There are no windows.
"
    ));
    assert_eq!(check(&tree(LIST, PROVED, &page)), []);
    let stale = "it is not what the list and the tests say: `cargo xtask security` writes it";
    assert_eq!(check(&tree(LIST, PROVED, &page.replace("a door", "no door"))), [Problem::of(PAGE, stale)]);
}
