//! The coordinator's examples in PROTOCOL.md as steps (its paragraph "Reading the examples" says what each line means).

/// One line of an example, with those that continue it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// `given ada`, `given w1 of workers`, `w1 of workers comes`: a client, and its group.
    Comes(String, Option<String>),
    /// `clock 1767225601000`.
    Clock(i64),
    /// `ada → …`.
    Asks(String, String),
    /// `ada ← …`, when it is an answer.
    IsAnswered(String, String),
    /// `w1 ← …`, when it is a message.
    IsTold(String, String),
}

/// The steps of the example that stands in this block.
///
/// # Panics
/// When a line is none of those that PROTOCOL.md lists.
pub(crate) fn steps(block: usize, text: &str) -> Vec<Step> {
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        match lines.last_mut() {
            Some(last) if line.starts_with(' ') => last.push_str(line.trim_start()),
            _ => lines.push(line.to_owned()),
        }
    }
    lines.iter().map(|line| step(line).unwrap_or_else(|| panic!("PROTOCOL.md, block at {block}: no such line: {line}"))).collect()
}

fn step(line: &str) -> Option<Step> {
    let owned = str::to_owned;
    if let Some(instant) = line.strip_prefix("clock ") {
        return Some(Step::Clock(instant.parse().ok()?));
    }
    if let Some((client, text)) = line.split_once(" → ") {
        return Some(Step::Asks(owned(client), owned(text)));
    }
    if let Some((client, text)) = line.split_once(" ← ") {
        let step = if is_answer(text) { Step::IsAnswered } else { Step::IsTold };
        return Some(step(owned(client), owned(text)));
    }
    let coming = line.strip_prefix("given ").or_else(|| line.strip_suffix(" comes"))?;
    let (client, group) = coming.split_once(" of ").map_or((coming, None), |(client, group)| (client, Some(owned(group))));
    Some(Step::Comes(owned(client), group))
}

/// Whether an envelope is an answer; else it is a message.
pub(crate) fn is_answer(envelope: &str) -> bool {
    !envelope.contains(r#","head":{},"#)
}
