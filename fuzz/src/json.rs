//! JSON that is nearly right: objects with the names that the protocol knows, and values of the types that it expects, or others.

use std::fmt::Write as _;

use arbitrary::Arbitrary;

/// Fields, types and values that a payload or an envelope may have, by number.
const WORDS: &[&str] = &[
    "type",
    "seq",
    "service",
    "nickname",
    "name",
    "uuid",
    "version",
    "secret",
    "tags",
    "target",
    "data",
    "intents",
    "kind",
    "head",
    "corrId",
    "id",
    "state",
    "param",
    "value",
    "timeoutAt",
    "pid",
    "ttl",
    "action",
    "actions",
    "awaiter",
    "awaited",
    "address",
    "headers",
    "tasks",
    "cron",
    "promiseId",
    "promiseTimeout",
    "promiseParam",
    "promiseTags",
    "limit",
    "cursor",
    "awaited",
    "resonate:target",
    "resonate:timer",
    "resonate:delay",
    "resonate:branch",
    "resonate:debug_time",
    "IDENTIFY",
    "MESSAGE",
    "SELF_SUBSCRIBE",
    "SELF_UNSUBSCRIBE",
    "SELF_FETCH",
    "SELF_SET_SEQ",
    "SERVICE_CREATE",
    "SERVICE_DELETE",
    "SERVICE_FETCH",
    "SERVICE_FETCH_ALL",
    "CLIENT_FETCH",
    "CLIENT_FETCH_ALL",
    "NAME",
    "UUID",
    "SERVICE",
    "SERVICE_CLIENT_UUID",
    "ALL",
    "HELLO",
    "OK",
    "SERVICE_CREATE_RESULT",
    "CLIENT_JOINED",
    "SERVICE_CLIENT_SUBSCRIBED",
    "ERROR_PROTOCOL",
    "BAD",
    "promise.get",
    "promise.create",
    "promise.settle",
    "promise.register_callback",
    "promise.register_listener",
    "promise.search",
    "promise.subscribe",
    "task.get",
    "task.create",
    "task.acquire",
    "task.release",
    "task.suspend",
    "task.fulfill",
    "task.fence",
    "task.heartbeat",
    "task.halt",
    "task.continue",
    "task.search",
    "schedule.create",
    "schedule.get",
    "schedule.delete",
    "schedule.search",
    "2026-04-01",
    "0.2.0",
    "ada",
    "weather",
    "run:1.0",
    "any@work",
    "poll://any@work/ada",
    "uni@work/ada",
    "pending",
    "resolved",
    "rejected",
    "rejected_canceled",
    "acquired",
    "suspended",
    "* * * * *",
    "{{.id}}:{{.timestamp}}",
    "true",
    "",
    "00000000-0000-4000-8000-000000000001",
];

/// Texts that stand for themselves.
const ODDITIES: &[&str] = &[
    "1e400",
    "-0",
    "0.5",
    "12345678901234567890123",
    "9007199254740991",
    "9007199254740992",
    r#""\ud800""#,
    r#""\u0041""#,
    "tru",
    "{",
    "]",
];

/// A value.
#[derive(Debug, Arbitrary)]
pub(crate) enum Json {
    Object(Vec<(Text, Json)>),
    List(Vec<Json>),
    Text(Text),
    Number(i64),
    Bool(bool),
    Null,
    /// Something odd, or not JSON at all.
    Odd(u8),
    /// So many lists around a value.
    Deep(u8),
}

/// A word of the protocol or another.
#[derive(Debug, Arbitrary)]
pub(crate) enum Text {
    Word(u8),
    Own(String),
    Long(u16),
}

impl Json {
    pub(crate) fn write(&self, to: &mut String) {
        match self {
            Self::Object(fields) => list(to, ['{', '}'], fields, |to, (name, value)| {
                name.write(to);
                to.push(':');
                value.write(to);
            }),
            Self::List(values) => list(to, ['[', ']'], values, |to, value| value.write(to)),
            Self::Text(text) => text.write(to),
            Self::Number(number) => write!(to, "{number}").unwrap(),
            Self::Bool(yes) => write!(to, "{yes}").unwrap(),
            Self::Null => to.push_str("null"),
            Self::Odd(n) => to.push_str(ODDITIES[usize::from(*n) % ODDITIES.len()]),
            Self::Deep(n) => {
                to.extend(std::iter::repeat_n('[', usize::from(*n)));
                to.extend(std::iter::repeat_n(']', usize::from(*n)));
            }
        }
    }
}

impl Text {
    fn write(&self, to: &mut String) {
        let text = match self {
            Self::Word(n) => WORDS[usize::from(*n) % WORDS.len()].to_owned(),
            Self::Own(text) => text.clone(),
            Self::Long(n) => "x".repeat(usize::from(*n) % 2_000),
        };
        to.push_str(&serde_json::to_string(&text).unwrap());
    }
}

fn list<T>(to: &mut String, [open, close]: [char; 2], values: &[T], mut each: impl FnMut(&mut String, &T)) {
    to.push(open);
    for (n, value) in values.iter().enumerate() {
        if n > 0 {
            to.push(',');
        }
        each(to, value);
    }
    to.push(close);
}

/// The text of an input: as it is, or built. `None` when it is no text.
pub(crate) fn text(input: &[u8]) -> Option<String> {
    if input.first() != Some(&0) {
        return String::from_utf8(input.to_vec()).ok();
    }
    let mut text = String::new();
    crate::structured::<Json>(input)?.write(&mut text);
    Some(text)
}
