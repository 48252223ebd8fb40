//! The rules of subjects, commands, categories and request ids.

use concierge_api_rs::limits::{CMD_BYTES, REQID_BYTES, SUBJECT_BYTES, SUBJECT_TOKENS};
use concierge_api_rs::packet::{Category, Cmd, ReqId, Subject};

#[test]
fn a_subject_is_tokens_with_dots_between_them() {
    let most = ["a"; SUBJECT_TOKENS].join(".");
    for subject in ["a", "api.Orders-2.new_one", "_INBOX.x.1", &most, &"a".repeat(SUBJECT_BYTES)] {
        assert_eq!(Subject::parse(subject).unwrap().as_str(), subject);
    }
    let tokens = format!("{most}.a");
    for subject in
        ["", ".", "a.", ".a", "a..b", "a.*", "a.>", "$SYS.a", "a b", "a/b", "é", "a\n", &tokens, &"a".repeat(SUBJECT_BYTES + 1)]
    {
        assert!(Subject::parse(subject).is_err(), "{subject}");
    }
}

#[test]
fn a_subject_begins_with_whole_tokens_and_a_prefix_goes_before_it() {
    let subject = |text: &str| Subject::parse(text).unwrap();
    for (prefix, begins) in [("a", true), ("a.bc", true), ("a.bc.d", true), ("a.b", false), ("a.bc.d.e", false), ("b", false)] {
        assert_eq!(subject("a.bc.d").begins_with(&subject(prefix)), begins, "{prefix}");
    }
    assert_eq!(subject("acme.prod").join(&subject("orders")).unwrap().as_str(), "acme.prod.orders");
    assert!(subject("a").join(&subject(&["a"; SUBJECT_TOKENS].join("."))).is_err());
}

#[test]
fn a_command_is_a_category_and_an_action() {
    for (cmd, category, action) in
        [("a/b", "a", "b"), ("api-command-cat/action", "api-command-cat", "action"), ("a_1/b/c/", "a_1", "b/c/")]
    {
        let cmd = Cmd::parse(cmd).unwrap();
        assert_eq!((cmd.category().as_str(), cmd.action()), (category, action));
    }
    assert!(Cmd::parse(&format!("a/{}", "b".repeat(CMD_BYTES - 2))).is_ok());
    for cmd in ["", "a", "/", "a/", "/b", "A/b", "a/B", "a b/c", "a.b/c", "é/b", &format!("a/{}", "b".repeat(CMD_BYTES - 1))] {
        assert!(Cmd::parse(cmd).is_err(), "{cmd}");
    }
}

#[test]
fn a_category_is_what_stands_before_the_slash_and_the_longest_one_fits_a_command() {
    let longest = "c".repeat(CMD_BYTES - 2);
    assert_eq!(Cmd::parse(&format!("{longest}/a")).unwrap().category(), Category::parse(&longest).unwrap());
    for category in ["", "a/b", "A", "c.d", &"c".repeat(CMD_BYTES - 1)] {
        assert!(Category::parse(category).is_err(), "{category}");
    }
}

#[test]
fn a_request_id_is_any_text_of_some_length() {
    for reqid in ["1", " ", "é\"\n\0", &"r".repeat(REQID_BYTES)] {
        assert_eq!(ReqId::parse(reqid).unwrap().as_str(), reqid);
    }
    for reqid in ["", &"r".repeat(REQID_BYTES + 1), &"é".repeat(REQID_BYTES / 2 + 1)] {
        assert!(ReqId::parse(reqid).is_err(), "{reqid}");
    }
}
