//! PROTOCOL.md, "Entering".

use std::collections::BTreeSet;

use expect_test::expect;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use super::hub::identify;
use super::{Hub, Who};

const HELLO: &str = "HELLO";

/// What the hub says to a connection whose first message is `first`: HELLO, or `close …`.
async fn answer(hub: &mut Hub, first: &str) -> String {
    let who = hub.connect("new").await;
    answer_to(hub, who, first).await
}

async fn answer_to(hub: &mut Hub, who: Who, first: &str) -> String {
    hub.whisper(who, first);
    let came: Vec<String> = hub.settle().await.into_iter().filter(|(from, _)| *from == who).map(|(_, line)| line).collect();
    hub.forget();
    match &came[..] {
        [hello] => {
            let hello: Value = serde_json::from_str(hello).unwrap();
            hub.cut(who).await;
            hub.forget();
            hello["type"].as_str().unwrap().to_owned()
        }
        [close, end] => {
            assert_eq!(end, "end", "{first}");
            close.clone()
        }
        other => panic!("{first} was answered {other:?}"),
    }
}

async fn answers(hub: &mut Hub, firsts: &[&str]) -> String {
    let mut all = String::new();
    for first in firsts {
        all += &format!("{first}\n    {}\n", answer(hub, first).await);
    }
    all
}

#[tokio::test(start_paused = true)]
async fn hello_is_the_answer_and_every_other_client_is_told() {
    let mut hub = Hub::new();
    hub.join("bob").await;
    hub.join("cyd").await;
    let ada = hub.connect("ada").await;
    hub.say(ada, r#"{"type":"IDENTIFY","name":"ada","nickname":"Ada","version":"0.2.0","secret":null,"tags":["pilot","x"]}"#)
        .await;
    hub.check(expect![[r#"
        ada → {"type":"IDENTIFY","name":"ada","nickname":"Ada","version":"0.2.0","secret":null,"tags":["pilot","x"]}
        bob ← {"type":"CLIENT_JOINED","client":{"name":"ada","nickname":"Ada","uuid":"@ada","tags":["pilot","x"]}}
        cyd ← {"type":"CLIENT_JOINED","client":{"name":"ada","nickname":"Ada","uuid":"@ada","tags":["pilot","x"]}}
        ada ← {"type":"HELLO","uuid":"@ada","version":"0.2.0","fs_key":"@ada's key"}
    "#]]);
}

/// Security: 29.
#[tokio::test(start_paused = true)]
async fn hello_names_a_public_id_a_version_and_a_private_key() {
    let mut hub = Hub::new();
    let ada = hub.connect("ada").await;
    hub.whisper(ada, &identify("ada"));
    let came = hub.settle().await;
    let hello: Value = serde_json::from_str(&came[0].1).unwrap();
    let fields: BTreeSet<&str> = hello.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(fields, BTreeSet::from(["fs_key", "type", "uuid", "version"]));
    assert!(hello["version"].as_str().unwrap().starts_with("0.2."));
    assert_ne!(hello["uuid"], hello["fs_key"]);
    let bob = hub.join("bob").await;
    for fetch in ["CLIENT_FETCH_ALL", "SELF_FETCH"] {
        let all = hub.ask(bob, &json!({ "type": fetch }).to_string()).await.to_string();
        assert!(!all.contains(hello["fs_key"].as_str().unwrap()));
    }
    let ada_as_seen = hub.ask(bob, r#"{"type":"CLIENT_FETCH","uuid":"@ada"}"#).await;
    assert_eq!(ada_as_seen["client"]["uuid"], hello["uuid"]);
    assert!(!ada_as_seen.to_string().contains(hello["fs_key"].as_str().unwrap()));
}

#[tokio::test(start_paused = true)]
async fn hello_comes_before_any_broadcast() {
    let mut hub = Hub::new();
    let ada = hub.join("ada").await;
    let bob = hub.connect("bob").await;
    for n in 0..3 {
        hub.whisper(ada, &format!(r#"{{"type":"MESSAGE","target":{{"type":"ALL"}},"data":{n}}}"#));
    }
    hub.whisper(bob, &identify("bob"));
    for n in 3..6 {
        hub.whisper(ada, &format!(r#"{{"type":"MESSAGE","target":{{"type":"ALL"}},"data":{n}}}"#));
    }
    let came = hub.settle().await;
    let first = came.iter().find(|(who, _)| *who == bob).unwrap();
    assert!(first.1.contains(HELLO), "{}", first.1);
}

#[tokio::test(start_paused = true)]
async fn two_clients_that_join_at_once_each_learn_of_the_other() {
    let mut hub = Hub::new();
    let (ada, bob) = (hub.connect("ada").await, hub.connect("bob").await);
    for who in [ada, bob] {
        hub.whisper(who, &identify(if who == ada { "ada" } else { "bob" }));
        hub.whisper(who, r#"{"type":"CLIENT_FETCH_ALL"}"#);
    }
    hub.settle().await;
    hub.check(expect![[r#"
        ada → {"type":"IDENTIFY","name":"ada","version":"0.2.0"}
        ada → {"type":"CLIENT_FETCH_ALL"}
        bob → {"type":"IDENTIFY","name":"bob","version":"0.2.0"}
        bob → {"type":"CLIENT_FETCH_ALL"}
        ada ← {"type":"HELLO","uuid":"@ada","version":"0.2.0","fs_key":"@ada's key"}
        ada ← {"type":"CLIENT_FETCH_ALL_RESULT","seq":0,"clients":[{<ada>}]}
        ada ← {"type":"CLIENT_JOINED","client":{<bob>}}
        bob ← {"type":"HELLO","uuid":"@bob","version":"0.2.0","fs_key":"@bob's key"}
        bob ← {"type":"CLIENT_FETCH_ALL_RESULT","seq":0,"clients":[{<ada>},{<bob>}]}
    "#]]);
}

/// Security: 4, 16.
#[tokio::test(start_paused = true)]
async fn no_identify_within_five_seconds_is_4004() {
    let mut hub = Hub::new();
    hub.connect("ada").await;
    hub.until(4_998).await;
    hub.check(expect![[""]]);
    hub.until(5_000).await;
    hub.check(expect![[r#"
        ada ← close 4004 "no IDENTIFY in time"
        ada ← end
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn an_identify_just_in_time_is_let_in_and_the_clock_of_4004_stops() {
    let mut hub = Hub::new();
    let ada = hub.connect("ada").await;
    hub.until(4_998).await;
    hub.say(ada, &identify("ada")).await;
    hub.until(6_000).await;
    hub.check(expect![[r#"
        ada → {"type":"IDENTIFY","name":"ada","version":"0.2.0"}
        ada ← {"type":"HELLO","uuid":"@ada","version":"0.2.0","fs_key":"@ada's key"}
    "#]]);
}

/// Security: 4, 16.
#[tokio::test(start_paused = true)]
async fn pings_and_half_a_message_are_no_identify_in_time() {
    let mut hub = Hub::new();
    let (ada, bob) = (hub.connect("ada").await, hub.connect("bob").await);
    hub.until(3_000).await;
    hub.send(ada, "ping", Message::Ping("still here".into())).await;
    hub.send_frame(bob, "text, not final", 0x01, identify("bob").as_bytes()).await;
    hub.until(5_000).await;
    hub.check(expect![[r#"
        ada → ping
        ada ← pong "still here"
        bob → text, not final
        ada ← close 4004 "no IDENTIFY in time"
        bob ← close 4004 "no IDENTIFY in time"
        ada ← end
        bob ← end
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn a_ping_before_identify_is_answered_and_not_punished() {
    let mut hub = Hub::new();
    let ada = hub.connect("ada").await;
    hub.send(ada, "ping", Message::Ping("hello?".into())).await;
    hub.send(ada, "pong", Message::Pong("unasked".into())).await;
    hub.say(ada, &identify("ada")).await;
    hub.check(expect![[r#"
        ada → ping
        ada ← pong "hello?"
        ada → pong
        ada → {"type":"IDENTIFY","name":"ada","version":"0.2.0"}
        ada ← {"type":"HELLO","uuid":"@ada","version":"0.2.0","fs_key":"@ada's key"}
    "#]]);
}

/// Security: 16.
#[tokio::test(start_paused = true)]
async fn a_binary_first_message_is_4002_whatever_it_holds() {
    let mut hub = Hub::new();
    let ada = hub.connect("ada").await;
    hub.send(ada, "binary", Message::binary(identify("ada"))).await;
    hub.check(expect![[r#"
        ada → binary
        ada ← close 4002 "the first message is binary, not an IDENTIFY payload"
        ada ← end
    "#]]);
}

/// Security: 16.
#[tokio::test(start_paused = true)]
async fn a_first_message_that_is_no_payload_is_4002() {
    let mut hub = Hub::new();
    let firsts =
        ["", "hello", "{", "null", "[]", r#""IDENTIFY""#, "{}", r#"{"type":null}"#, r#"{"type":7}"#, r#"{"name":"ada"}"#];
    let answers = answers(&mut hub, &firsts).await;
    expect![[r#"

            close 4002 "not JSON: EOF while parsing a value at line 1 column 0"
        hello
            close 4002 "not JSON: expected value at line 1 column 1"
        {
            close 4002 "not JSON: EOF while parsing an object at line 1 column 1"
        null
            close 4002 "not a JSON object"
        []
            close 4002 "not a JSON object"
        "IDENTIFY"
            close 4002 "not a JSON object"
        {}
            close 4002 "missing field `type`"
        {"type":null}
            close 4002 "type: invalid type: null, expected a string"
        {"type":7}
            close 4002 "type: invalid type: integer `7`, expected a string"
        {"name":"ada"}
            close 4002 "missing field `type`"
    "#]]
    .assert_eq(&answers);
}

#[tokio::test(start_paused = true)]
async fn an_identify_with_a_missing_or_ill_typed_field_is_4002_and_the_reason_names_it() {
    let mut hub = Hub::new();
    let firsts = [
        r#"{"type":"IDENTIFY","version":"0.2.0"}"#,
        r#"{"type":"IDENTIFY","name":"ada"}"#,
        r#"{"type":"IDENTIFY","name":null,"version":"0.2.0"}"#,
        r#"{"type":"IDENTIFY","name":7,"version":"0.2.0"}"#,
        r#"{"type":"IDENTIFY","name":"ada","version":0.2}"#,
        r#"{"type":"IDENTIFY","name":"ada","version":"0.2.0","nickname":["Ada"]}"#,
        r#"{"type":"IDENTIFY","name":"ada","version":"0.2.0","secret":1234}"#,
        r#"{"type":"IDENTIFY","name":"ada","version":"0.2.0","tags":"pilot"}"#,
        r#"{"type":"IDENTIFY","name":"ada","version":"0.2.0","tags":["pilot",1]}"#,
    ];
    let answers = answers(&mut hub, &firsts).await;
    expect![[r#"
        {"type":"IDENTIFY","version":"0.2.0"}
            close 4002 "missing field `name`"
        {"type":"IDENTIFY","name":"ada"}
            close 4002 "missing field `version`"
        {"type":"IDENTIFY","name":null,"version":"0.2.0"}
            close 4002 "name: invalid type: null, expected a string"
        {"type":"IDENTIFY","name":7,"version":"0.2.0"}
            close 4002 "name: invalid type: integer `7`, expected a string"
        {"type":"IDENTIFY","name":"ada","version":0.2}
            close 4002 "version: invalid type: floating point `0.2`, expected a string"
        {"type":"IDENTIFY","name":"ada","version":"0.2.0","nickname":["Ada"]}
            close 4002 "nickname: invalid type: sequence, expected a string"
        {"type":"IDENTIFY","name":"ada","version":"0.2.0","secret":1234}
            close 4002 "secret: invalid type: integer `1234`, expected a string"
        {"type":"IDENTIFY","name":"ada","version":"0.2.0","tags":"pilot"}
            close 4002 "tags: invalid type: string \"pilot\", expected a sequence"
        {"type":"IDENTIFY","name":"ada","version":"0.2.0","tags":["pilot",1]}
            close 4002 "tags[1]: invalid type: integer `1`, expected a string"
    "#]]
    .assert_eq(&answers);
}

/// Security: 16.
#[tokio::test(start_paused = true)]
async fn a_payload_of_any_other_type_first_is_4003() {
    let mut hub = Hub::new();
    let firsts = [
        r#"{"type":"SELF_FETCH"}"#,
        r#"{"type":"CLIENT_FETCH_ALL"}"#,
        r#"{"type":"MESSAGE","target":{"type":"ALL"},"data":1}"#,
        r#"{"type":"HELLO"}"#,
        r#"{"type":"identify","name":"ada","version":"0.2.0"}"#,
        r#"{"type":"SOMETHING_OF_TOMORROW"}"#,
        r#"{"type":""}"#,
    ];
    for first in firsts {
        assert_eq!(answer(&mut hub, first).await, r#"close 4003 "IDENTIFY first""#, "{first}");
    }
}

/// Security: 19.
#[tokio::test(start_paused = true)]
async fn a_name_is_1_to_64_letters_digits_and_underscores_else_4002() {
    let mut hub = Hub::new();
    let (longest, longer) = ("n".repeat(64), "n".repeat(65));
    for name in ["a", "Z", "_", "0", "Ada_Lovelace_1815", &longest] {
        let first = json!({ "type": "IDENTIFY", "name": name, "version": "0.2.0" }).to_string();
        assert_eq!(answer(&mut hub, &first).await, HELLO, "{name}");
    }
    for name in ["", " ", "a b", "a-b", "a.b", "adé", "ada\n", "\u{0}", "٣", &longer] {
        let first = json!({ "type": "IDENTIFY", "name": name, "version": "0.2.0" }).to_string();
        let expected = r#"close 4002 "name: a name is 1 to 64 characters of A-Z a-z 0-9 _""#;
        assert_eq!(answer(&mut hub, &first).await, expected, "{name:?}");
    }
}

/// Security: 19.
#[tokio::test(start_paused = true)]
async fn a_nickname_has_at_most_128_characters_and_there_are_at_most_32_tags_of_at_most_64_else_4002() {
    let mut hub = Hub::new();
    let first = |nickname: &str, tags: Vec<String>| {
        json!({ "type": "IDENTIFY", "name": "ada", "version": "0.2.0", "nickname": nickname, "tags": tags }).to_string()
    };
    let tag = "é".repeat(64);
    for (nickname, tags, expected) in [
        ("é".repeat(128), vec![tag.clone(); 32], HELLO),
        (String::new(), vec![String::new()], HELLO),
        ("é".repeat(129), vec![], r#"close 4002 "nickname: more than 128 characters""#),
        (String::new(), vec![String::new(); 33], r#"close 4002 "tags: more than 32""#),
        (String::new(), vec![tag.clone(), tag + "é"], r#"close 4002 "tags[1]: more than 64 characters""#),
    ] {
        assert_eq!(answer(&mut hub, &first(&nickname, tags)).await, expected);
    }
}

/// Security: 17.
#[tokio::test(start_paused = true)]
async fn a_wrong_or_missing_secret_is_4006_at_a_hub_that_has_one() {
    let mut hub = Hub::with(|config| config.secret = Some("swordfish".to_owned()));
    for secret in [json!(null), json!(""), json!("herring"), json!("Swordfish"), json!("swordfish "), json!("swordfis")] {
        let first = json!({ "type": "IDENTIFY", "name": "ada", "version": "0.2.0", "secret": secret }).to_string();
        assert_eq!(answer(&mut hub, &first).await, r#"close 4006 "secret: wrong or missing""#, "{secret}");
    }
    assert_eq!(answer(&mut hub, &identify("ada")).await, r#"close 4006 "secret: wrong or missing""#);
    let right = r#"{"type":"IDENTIFY","name":"ada","version":"0.2.0","secret":"swordfish"}"#;
    assert_eq!(answer(&mut hub, right).await, HELLO);
}

/// Security: 17.
#[tokio::test(start_paused = true)]
async fn after_ten_wrong_secrets_an_address_is_4010_for_a_minute_whatever_it_says_and_others_enter() {
    let mut hub = Hub::with(|config| config.secret = Some("swordfish".to_owned()));
    let say = |secret: &str| json!({ "type": "IDENTIFY", "name": "ada", "version": "0.2.0", "secret": secret }).to_string();
    hub.address = [192, 0, 2, 1].into();
    let member = hub.connect("member").await;
    hub.say(member, &say("swordfish").replace("ada", "member")).await;
    for n in 0..10 {
        assert_eq!(answer(&mut hub, &say(&format!("herring {n}"))).await, r#"close 4006 "secret: wrong or missing""#);
    }
    for first in [&say("herring"), &say("swordfish"), "{", r#"{"type":"SELF_FETCH"}"#] {
        let said = answer(&mut hub, first).await;
        assert!(said.starts_with(r#"close 4010 "too many wrong secrets from this address: try again in "#), "{first}: {said}");
    }
    assert_eq!(hub.ask(member, r#"{"type":"SERVICE_FETCH_ALL"}"#).await["seq"], 0, "who is in stays in");
    hub.address = [192, 0, 2, 2].into();
    assert_eq!(answer(&mut hub, &say("swordfish")).await, HELLO);
    hub.address = [192, 0, 2, 1].into();
    tokio::time::advance(std::time::Duration::from_secs(60)).await;
    hub.settle().await; // the member was silent for as long, and goes
    assert_eq!(answer(&mut hub, &say("swordfish")).await, HELLO);
}

/// Security: 17.
#[tokio::test(start_paused = true)]
async fn an_empty_secret_is_a_secret_and_a_missing_one_does_not_match_it() {
    let mut hub = Hub::with(|config| config.secret = Some(String::new()));
    assert_eq!(answer(&mut hub, &identify("ada")).await, r#"close 4006 "secret: wrong or missing""#);
    let empty = r#"{"type":"IDENTIFY","name":"ada","version":"0.2.0","secret":""}"#;
    assert_eq!(answer(&mut hub, empty).await, HELLO);
}

#[tokio::test(start_paused = true)]
async fn a_hub_without_a_secret_ignores_what_it_is_given() {
    let mut hub = Hub::new();
    let first = r#"{"type":"IDENTIFY","name":"ada","version":"0.2.0","secret":"herring"}"#;
    assert_eq!(answer(&mut hub, first).await, HELLO);
}

/// Security: 19.
#[tokio::test(start_paused = true)]
async fn a_version_that_is_none_or_does_not_match_is_4007() {
    let mut hub = Hub::new();
    let first = |version: &str| json!({ "type": "IDENTIFY", "name": "ada", "version": version }).to_string();
    for version in ["0.2.0", "0.2.1", "0.2.17", "0.2.0+build.5"] {
        assert_eq!(answer(&mut hub, &first(version)).await, HELLO, "{version}");
    }
    for version in ["", "0", "0.2", "v0.2.0", "0.2.0.0", "latest", "0.1.9", "0.3.0", "1.0.0", "1.2.0", "0.2.0-beta", "^0.2.0"] {
        let answer = answer(&mut hub, &first(version)).await;
        assert!(answer.starts_with("close 4007 \"version: "), "{version}: {answer}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_name_in_use_is_4005_and_the_newcomer_loses() {
    let mut hub = Hub::new();
    let ada = hub.join("ada").await;
    let other = hub.connect("other").await;
    hub.say(other, &identify("ada")).await;
    hub.say(ada, r#"{"type":"CLIENT_FETCH_ALL"}"#).await;
    hub.check(expect![[r#"
        other → {"type":"IDENTIFY","name":"ada","version":"0.2.0"}
        other ← close 4005 "name: another client has it"
        other ← end
        ada → {"type":"CLIENT_FETCH_ALL"}
        ada ← {"type":"CLIENT_FETCH_ALL_RESULT","seq":0,"clients":[{<ada>}]}
    "#]]);
    assert_eq!(hub.sessions(), 1);
}

#[tokio::test(start_paused = true)]
async fn of_two_newcomers_with_one_name_one_is_let_in() {
    let mut hub = Hub::new();
    let (one, two) = (hub.connect("one").await, hub.connect("two").await);
    for who in [one, two] {
        hub.whisper(who, &identify("ada"));
    }
    hub.settle().await;
    hub.check(expect![[r#"
        one → {"type":"IDENTIFY","name":"ada","version":"0.2.0"}
        two → {"type":"IDENTIFY","name":"ada","version":"0.2.0"}
        one ← {"type":"HELLO","uuid":"@one","version":"0.2.0","fs_key":"@one's key"}
        two ← close 4005 "name: another client has it"
        two ← end
    "#]]);
    assert_eq!(hub.sessions(), 1);
}

#[tokio::test(start_paused = true)]
async fn names_that_differ_in_case_are_different() {
    let mut hub = Hub::new();
    hub.join("ada").await;
    assert_eq!(answer(&mut hub, &identify("ADA")).await, HELLO);
}

/// Security: 17.
#[tokio::test(start_paused = true)]
async fn the_checks_run_in_the_order_of_the_table() {
    let mut hub = Hub::with(|config| config.secret = Some("swordfish".to_owned()));
    let ada = hub.connect("ada").await;
    hub.say(ada, r#"{"type":"IDENTIFY","name":"ada","version":"0.2.0","secret":"swordfish"}"#).await;
    hub.forget();
    let firsts = [
        // another type, and everything else wrong too
        r#"{"type":"SELF_SUBSCRIBE","name":"a b","version":"9","nickname":7}"#,
        // a bad name, secret and version
        r#"{"type":"IDENTIFY","name":"a b","version":"9","secret":"herring"}"#,
        // too many characters, a bad secret and version
        &format!(r#"{{"type":"IDENTIFY","name":"ada","version":"9","nickname":"{}"}}"#, "n".repeat(129)),
        // a bad secret and version, and a name in use
        r#"{"type":"IDENTIFY","name":"ada","version":"9","secret":"herring"}"#,
        // a bad version, and a name in use
        r#"{"type":"IDENTIFY","name":"ada","version":"9.0.0","secret":"swordfish"}"#,
        // a name in use
        r#"{"type":"IDENTIFY","name":"ada","version":"0.2.0","secret":"swordfish"}"#,
    ];
    let mut codes = Vec::new();
    for first in firsts {
        let answer = answer(&mut hub, first).await;
        codes.push(answer.split(' ').nth(1).unwrap().to_owned());
    }
    assert_eq!(codes, ["4003", "4002", "4002", "4006", "4007", "4005"]);
}

#[tokio::test(start_paused = true)]
async fn a_long_close_reason_is_cut_to_123_bytes_on_a_character_boundary() {
    let mut hub = Hub::new();
    for shift in 0..4 {
        let tags = "x".repeat(shift) + &"🦀".repeat(60);
        let first = json!({ "type": "IDENTIFY", "name": "ada", "version": "0.2.0", "tags": tags }).to_string();
        let answer = answer(&mut hub, &first).await;
        let reason: String = serde_json::from_str(answer.strip_prefix("close 4002 ").unwrap()).unwrap();
        assert!((120..=123).contains(&reason.len()), "{} bytes: {reason}", reason.len());
        assert!(reason.starts_with("tags: ") && reason.ends_with('🦀'), "{reason}");
    }
}

#[tokio::test(start_paused = true)]
async fn unknown_fields_are_ignored_and_null_is_the_same_as_absent() {
    let mut hub = Hub::new();
    let first = r#"{"v":[1],"type":"IDENTIFY","name":"ada","version":"0.2.0","nickname":null,"secret":null,"tags":null,"x":{}}"#;
    let ada = hub.connect("ada").await;
    hub.whisper(ada, first);
    hub.settle().await;
    hub.forget();
    hub.say(ada, r#"{"type":"SELF_FETCH"}"#).await;
    hub.check(expect![[r#"
        ada → {"type":"SELF_FETCH"}
        ada ← {"type":"SELF_FETCH_RESULT","seq":0,"client":{<ada>},"subscriptions":[]}
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn strings_may_hold_any_escape() {
    let mut hub = Hub::new();
    let ada = hub.connect("ada").await;
    hub.say(ada, r#"{"\u0074ype":"IDENT\u0049FY","name":"\u0061da","nickname":"Ad\u00e9 \ud83e\udd80","version":"0.2\u002e0","tags":["\"\n"]}"#).await;
    hub.say(ada, r#"{"type":"SELF\u005fFETCH"}"#).await;
    hub.check(expect![[r#"
        ada → {"\u0074ype":"IDENT\u0049FY","name":"\u0061da","nickname":"Ad\u00e9 \ud83e\udd80","version":"0.2\u002e0","tags":["\"\n"]}
        ada ← {"type":"HELLO","uuid":"@ada","version":"0.2.0","fs_key":"@ada's key"}
        ada → {"type":"SELF\u005fFETCH"}
        ada ← {"type":"SELF_FETCH_RESULT","seq":0,"client":{"name":"ada","nickname":"Adé 🦀","uuid":"@ada","tags":["\"\n"]},"subscriptions":[]}
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn a_first_message_that_nests_too_deep_is_4002() {
    let mut hub = Hub::new();
    let nested = |deep: usize| {
        format!(r#"{{"type":"IDENTIFY","name":"ada","version":"0.2.0","x":{}{}}}"#, "[".repeat(deep), "]".repeat(deep))
    };
    assert_eq!(answer(&mut hub, &nested(127)).await, HELLO);
    assert_eq!(answer(&mut hub, &nested(128)).await, r#"close 4002 "nested deeper than 128""#);
}
