use super::*;

#[test]
fn each_banned_word_is_found_where_it_stands_alone() {
    for (word, advice) in BANNED {
        let tree = Tree::of_files(&[("a.rs", &format!("fine\n// {word}: later\n"))]);
        let found: Vec<String> = check(&tree).iter().map(Problem::to_string).collect();
        assert_eq!(found, [format!("a.rs:2: `{word}`: {advice}")]);
    }
}

#[test]
fn a_word_inside_another_is_none() {
    let text = format!("{}S, {}, {}OS\n", BANNED[0].0, BANNED[0].0.to_lowercase(), BANNED[2].0);
    assert_eq!(check(&Tree::of_files(&[("a.rs", &text)])), []);
}
