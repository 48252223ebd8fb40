//! The conversations of PROTOCOL.md as steps (its section "Reading the conversations" says what each line means).

/// One block, from its `given` lines to its end.
#[derive(Debug)]
pub(crate) struct Conversation {
    /// Line of PROTOCOL.md where it begins.
    pub(crate) line: usize,
    /// What happens, in order.
    pub(crate) steps: Vec<Step>,
}

/// One line of a conversation, with those that continue it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// `given ada, bob`: these have entered before.
    Entered(Vec<String>),
    /// `given the secret swordfish`.
    Secret(String),
    /// `given the admin secret swordfish`.
    AdminSecret(String),
    /// `given ada owns weather`.
    Owns(String, String),
    /// `given bob is subscribed to weather`.
    Subscribed(String, String),
    /// `ada connects`.
    Connects(String),
    /// `ada leaves`.
    Leaves(String),
    /// `ada → …`.
    Sends(String, String),
    /// `ada ← …`.
    Receives(String, String),
    /// `ada ← close 4005`.
    Closed(String, u16),
}

/// All conversations of a document.
///
/// # Panics
/// When a line is none of those that PROTOCOL.md lists.
pub(crate) fn conversations(markdown: &str) -> Vec<Conversation> {
    conversations_headed(markdown, "conversation")
}

/// Those in blocks with this info string.
pub(crate) fn conversations_headed(markdown: &str, info: &str) -> Vec<Conversation> {
    blocks(markdown, info)
        .into_iter()
        .map(|(line, text)| Conversation { line, steps: unfold(&text).iter().map(|text| step(line, text)).collect() })
        .collect()
}

/// The fenced blocks with this info string: where each begins, and its text.
pub(crate) fn blocks(markdown: &str, info: &str) -> Vec<(usize, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(bool, usize, String)> = None;
    for (number, line) in (1..).zip(markdown.lines()) {
        match (line.strip_prefix("```"), &mut open) {
            (Some(begins), None) => open = Some((begins == info, number + 1, String::new())),
            (Some(_), Some(_)) => match open.take() {
                Some((true, number, text)) => blocks.push((number, text)),
                _other_block => {}
            },
            (None, Some((_, _, text))) => *text += &format!("{line}\n"),
            (None, None) => {}
        }
    }
    blocks
}

/// The lines, each with those that continue it; without empty ones.
pub(crate) fn unfold(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        match lines.last_mut() {
            Some(last) if line.starts_with(' ') => last.push_str(line.trim_start()),
            _ => lines.push(line.to_owned()),
        }
    }
    lines
}

fn step(block: usize, line: &str) -> Step {
    let owned = str::to_owned;
    if let Some(given) = line.strip_prefix("given ") {
        return if let Some(secret) = given.strip_prefix("the admin secret ") {
            Step::AdminSecret(owned(secret))
        } else if let Some(secret) = given.strip_prefix("the secret ") {
            Step::Secret(owned(secret))
        } else if let Some((client, service)) = given.split_once(" owns ") {
            Step::Owns(owned(client), owned(service))
        } else if let Some((client, service)) = given.split_once(" is subscribed to ") {
            Step::Subscribed(owned(client), owned(service))
        } else {
            Step::Entered(given.split(", ").map(owned).collect())
        };
    }
    match line.split_once(' ') {
        Some((client, "connects")) => Step::Connects(owned(client)),
        Some((client, "leaves")) => Step::Leaves(owned(client)),
        Some((client, rest)) => match (rest.strip_prefix("→ "), rest.strip_prefix("← close "), rest.strip_prefix("← ")) {
            (Some(text), ..) => Step::Sends(owned(client), owned(text)),
            (_, Some(code), _) => Step::Closed(owned(client), code.parse().expect("a close code is a number")),
            (.., Some(text)) => Step::Receives(owned(client), owned(text)),
            _ => panic!("PROTOCOL.md, block at {block}: no such line: {line}"),
        },
        None => panic!("PROTOCOL.md, block at {block}: no such line: {line}"),
    }
}
