//! What was said, with names for ids, so that it can be compared.

use std::fmt::Write as _;

/// One line of a transcript.
struct Line {
    who: String,
    arrow: &'static str,
    text: String,
}

/// Everything that was said since the last look.
#[derive(Default)]
pub(super) struct Transcript {
    lines: Vec<Line>,
    /// Ids and what they are called: `"@ada"` is ada's id, `"@ada's key"` her private one.
    ids: Vec<(String, String)>,
}

impl Transcript {
    pub(super) fn sent(&mut self, who: &str, text: impl Into<String>) {
        self.lines.push(Line { who: who.to_owned(), arrow: "→", text: text.into() });
    }

    pub(super) fn came(&mut self, who: &str, text: impl Into<String>) {
        self.lines.push(Line { who: who.to_owned(), arrow: "←", text: text.into() });
    }

    pub(super) fn call(&mut self, id: &str, name: String) {
        self.ids.push((id.to_owned(), name));
    }

    pub(super) fn id(&self, name: &str) -> &str {
        self.ids.iter().find(|(_, n)| n == name).map(|(id, _)| id.as_str()).expect("a client of that name said IDENTIFY")
    }

    /// Names for ids, and `<ada>` for the whole of a client info that holds nothing but a name.
    pub(super) fn shorten(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (id, name) in &self.ids {
            text = text.replace(&format!("\"{id}\""), &format!("\"@{name}\""));
            let plain = name.split(' ').next().unwrap_or(name);
            let info = format!(r#""name":"{plain}","nickname":null,"uuid":"@{name}","tags":[]"#);
            text = text.replace(&info, &format!("<{name}>"));
        }
        text
    }

    /// Ids for names: the other way round.
    pub(super) fn spell_out(&self, text: &str) -> String {
        self.ids.iter().fold(text.to_owned(), |text, (id, name)| text.replace(&format!("\"@{name}\""), &format!("\"{id}\"")))
    }

    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }

    pub(super) fn truncate(&mut self, len: usize) {
        self.lines.truncate(len);
    }

    /// All of it, and nothing is left.
    pub(super) fn take(&mut self) -> String {
        let mut all = String::new();
        for Line { who, arrow, text } in std::mem::take(&mut self.lines) {
            writeln!(all, "{who} {arrow} {}", self.shorten(&text)).unwrap();
        }
        all
    }
}
