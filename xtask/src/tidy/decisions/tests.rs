use super::*;

const WHOLE: &str = "# A title\n\n## Question\n\n## Choice\n\n## What would change our mind\n";

const BRIEF: &str = "# A title\n\n**Question.** Which?\n\n**Choice.** This.\n\n**What would change our mind.** That.\n";

fn found(files: &[(&str, &str)]) -> Vec<String> {
    check(&Tree::of_files(files)).iter().map(Problem::to_string).collect()
}

#[test]
fn whole_decisions_with_numbers_of_their_own_are_fine() {
    let files = [("docs/decisions/0001-a.md", WHOLE), ("docs/decisions/0002-b.md", BRIEF), ("docs/decisions/README.md", "")];
    assert_eq!(found(&files), Vec::<String>::new());
}

#[test]
fn a_number_that_is_taken_is_named() {
    let files = [("docs/decisions/0001-a.md", WHOLE), ("docs/decisions/0001-b.md", WHOLE)];
    assert_eq!(found(&files), ["docs/decisions/0001-b.md: take the next free number: docs/decisions/0001-a.md has this one"]);
}

#[test]
fn a_missing_part_is_named() {
    let files = [("docs/decisions/0001-a.md", "# A title\n\n## Question\n\n## Choice\n")];
    assert_eq!(found(&files), ["docs/decisions/0001-a.md: add the part `## What would change our mind`"]);
}
