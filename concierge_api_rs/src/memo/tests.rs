use super::*;
use crate::PayloadIn;

fn message(text: &str) -> MessageIn<'_> {
    let PayloadIn::Message(message) = PayloadIn::decode(text).unwrap() else { panic!("{text}") };
    message
}

fn memo_of(text: &str) -> MessageMemo {
    let mut memo = MessageMemo::new(b"something old".to_vec());
    memo.remember(text, &message(text));
    memo
}

/// The memo reads `next` as decoding does, or leaves it to decoding. Whether it read it.
fn reads(memo: &MessageMemo, next: &str) -> bool {
    let Some((target, data)) = memo.read(next) else { return false };
    let decoded = message(next);
    assert_eq!((target, data.get()), (decoded.target_json.get(), decoded.data.get()), "{next}");
    true
}

const ADA: &str = r#"{"type":"MESSAGE","target":{"type":"NAME","name":"ada"},"data":"#;

#[test]
fn the_next_message_to_the_same_target_is_read_from_its_data_on() {
    let memo = memo_of(&format!("{ADA}1}}"));
    for data in
        ["2", "-1e400", r#""\u00e9}""#, "[[],{}]", r#"{"a": {"type":"MESSAGE"}}"#, "null", r#""""#, "12345678901234567890123"]
    {
        assert!(reads(&memo, &format!("{ADA}{data}}}")), "{data}");
    }
    let spaced = r#" { "data-" : 3, "target" : {"type":"ALL"}, "type":"MESSAGE" , "data":7}"#;
    assert!(reads(&memo_of(spaced), &spaced.replace('7', "[8]")));
}

#[test]
fn what_is_not_just_other_data_is_left_to_decoding() {
    let memo = memo_of(&format!("{ADA}1}}"));
    let bob = ADA.replace("ada", "bob");
    for next in [
        format!("{bob}1}}"),
        format!("{ADA} 1}}"),
        format!("{ADA}1 }}"),
        format!("{ADA}1}} "),
        format!("{ADA}1}}\u{c}"),
        format!(r#"{ADA}1,"target":{{"type":"ALL"}}}}"#),
        format!(r#"{ADA}1,"x":2}}"#),
        format!("{ADA}1}}}}"),
        format!("{ADA}1"),
        format!("{ADA}}}"),
        format!("{ADA}01}}"),
        format!("{ADA}\"\u{1}\"}}"),
        format!("{ADA}{}{}}}", "[".repeat(128), "]".repeat(128)),
        ADA.to_owned(),
        ADA[..ADA.len() - 1].to_owned(),
        String::new(),
    ] {
        assert!(!reads(&memo, &next), "{next}");
    }
}

#[test]
fn what_can_only_be_read_as_a_whole_is_not_remembered() {
    let after = r#"{"type":"MESSAGE","data":1,"target":{"type":"ALL"}}"#;
    let behind = r#"{"type":"MESSAGE","target":{"type":"ALL"},"data":1,"x":2}"#;
    let space = r#"{"type":"MESSAGE","target":{"type":"ALL"},"data":1 }"#;
    let long = format!(r#"{{"x":"{}",{}1}}"#, "x".repeat(HEAD_BYTES), &ADA[1..]);
    for text in [after, behind, space, &long] {
        let memo = memo_of(text);
        assert!(memo.head.is_empty() && !reads(&memo, text), "{text}");
    }
    assert!(MessageMemo::default().read("").is_none() && MessageMemo::default().read("{}").is_none());
}
