//! What becomes of a text on a bad way: pieces of it are replaced.

const TOKENS: &[&str] = &[
    "{", "}", "[", "]", "\"", "\\", ",", ":", "null", "true", "1e400", "-1", "7", "\\ud800", "\0", "é", "🦀", "_reqid", "items",
    ".",
];

/// Each damage: where, which token comes there, and how many characters it replaces.
pub(crate) fn mangled(text: &str, damages: &[(usize, usize, usize)]) -> String {
    let mut text: Vec<char> = text.chars().collect();
    for (at, token, cut) in damages {
        let at = at % (text.len() + 1);
        let end = (at + cut).min(text.len());
        drop(text.splice(at..end, TOKENS[token % TOKENS.len()].chars()));
    }
    text.into_iter().collect()
}
