//! PROTOCOL.md, "Messages": the table of deliveries, row by row.

use expect_test::expect;

use super::{Hub, Who};

/// ada owns `news`, bob and ada are subscribed to it, cyd is not.
async fn newsroom() -> (Hub, Who, Who, Who) {
    let mut hub = Hub::new();
    let (ada, bob, cyd) = (hub.join("ada").await, hub.join("bob").await, hub.join("cyd").await);
    hub.say(ada, r#"{"type":"SERVICE_CREATE","service":"news","nickname":"The News"}"#).await;
    for who in [ada, bob] {
        hub.say(who, r#"{"type":"SELF_SUBSCRIBE","service":"news"}"#).await;
    }
    hub.forget();
    (hub, ada, bob, cyd)
}

#[tokio::test(start_paused = true)]
async fn an_owner_speaks_to_its_subscribers_but_not_to_itself_and_they_answer_the_owner_only() {
    let (mut hub, ada, bob, cyd) = newsroom().await;
    hub.say(cyd, r#"{"type":"SELF_SUBSCRIBE","service":"news"}"#).await;
    hub.forget();
    hub.say(ada, r#"{"type":"MESSAGE","target":{"type":"SERVICE","service":"news"},"data":"extra!"}"#).await;
    hub.say(bob, r#"{"type":"MESSAGE","target":{"type":"SERVICE","service":"news"},"data":"really?"}"#).await;
    hub.check(expect![[r#"
        ada → {"type":"MESSAGE","target":{"type":"SERVICE","service":"news"},"data":"extra!"}
        ada ← {"type":"OK","seq":2}
        bob ← {"type":"MESSAGE","origin":{<ada>,"service":{"name":"news","nickname":"The News","owner_uuid":"@ada","subscribers":[],"subscriber_count":3}},"target":{"type":"SERVICE","service":"news"},"data":"extra!"}
        cyd ← {"type":"MESSAGE","origin":{<ada>,"service":{"name":"news","nickname":"The News","owner_uuid":"@ada","subscribers":[],"subscriber_count":3}},"target":{"type":"SERVICE","service":"news"},"data":"extra!"}
        bob → {"type":"MESSAGE","target":{"type":"SERVICE","service":"news"},"data":"really?"}
        ada ← {"type":"MESSAGE","origin":{<bob>,"service":{"name":"news","nickname":"The News","owner_uuid":"@ada","subscribers":[],"subscriber_count":3}},"target":{"type":"SERVICE","service":"news"},"data":"really?"}
        bob ← {"type":"OK","seq":1}
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn an_owner_without_subscribers_is_answered_ok_too() {
    let mut hub = Hub::new();
    let ada = hub.join("ada").await;
    hub.join("bob").await;
    hub.say(ada, r#"{"type":"SERVICE_CREATE","service":"news"}"#).await;
    hub.forget();
    hub.say(ada, r#"{"type":"MESSAGE","target":{"type":"SERVICE","service":"news"},"data":1}"#).await;
    hub.say(ada, r#"{"type":"SELF_SUBSCRIBE","service":"news"}"#).await;
    hub.say(ada, r#"{"type":"MESSAGE","target":{"type":"SERVICE","service":"news"},"data":2}"#).await;
    hub.check(expect![[r#"
        ada → {"type":"MESSAGE","target":{"type":"SERVICE","service":"news"},"data":1}
        ada ← {"type":"OK","seq":1}
        ada → {"type":"SELF_SUBSCRIBE","service":"news"}
        ada ← {"type":"SELF_SUBSCRIBE_RESULT","seq":2,"successful":true,"service":{"name":"news","nickname":null,"owner_uuid":"@ada","subscribers":["@ada"],"subscriber_count":1}}
        ada ← {"type":"SERVICE_CLIENT_SUBSCRIBED","client":{<ada>},"service":{"name":"news","nickname":null,"owner_uuid":"@ada","subscribers":["@ada"],"subscriber_count":1}}
        ada → {"type":"MESSAGE","target":{"type":"SERVICE","service":"news"},"data":2}
        ada ← {"type":"OK","seq":3}
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn a_subscriber_reaches_an_owner_that_is_not_subscribed() {
    let (mut hub, ada, bob, _) = newsroom().await;
    hub.say(ada, r#"{"type":"SELF_UNSUBSCRIBE","service":"news"}"#).await;
    hub.forget();
    hub.say(bob, r#"{"type":"MESSAGE","target":{"type":"SERVICE","service":"news"},"data":1}"#).await;
    hub.check(expect![[r#"
        bob → {"type":"MESSAGE","target":{"type":"SERVICE","service":"news"},"data":1}
        ada ← {"type":"MESSAGE","origin":{<bob>,"service":{"name":"news","nickname":"The News","owner_uuid":"@ada","subscribers":[],"subscriber_count":1}},"target":{"type":"SERVICE","service":"news"},"data":1}
        bob ← {"type":"OK","seq":1}
    "#]]);
}

/// Security: 21.
#[tokio::test(start_paused = true)]
async fn anyone_else_to_a_service_is_bad_and_nobody_gets_it() {
    let (mut hub, _, bob, cyd) = newsroom().await;
    hub.say(cyd, r#"{"type":"MESSAGE","target":{"type":"SERVICE","service":"news"},"data":1}"#).await;
    hub.say(bob, r#"{"type":"SELF_UNSUBSCRIBE","service":"news"}"#).await;
    hub.forget();
    hub.say(bob, r#"{"type":"MESSAGE","target":{"type":"SERVICE","service":"news"},"data":1}"#).await;
    hub.check(expect![[r#"
        bob → {"type":"MESSAGE","target":{"type":"SERVICE","service":"news"},"data":1}
        bob ← {"type":"BAD","seq":2}
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn an_owner_reaches_one_client_through_its_service_subscribed_or_not_itself_too() {
    let (mut hub, ada, ..) = newsroom().await;
    for who in ["bob", "cyd", "ada"] {
        let target = format!(r#"{{"type":"SERVICE_CLIENT_UUID","service":"news","uuid":"@{who}"}}"#);
        hub.say(ada, &format!(r#"{{"type":"MESSAGE","target":{target},"data":1}}"#)).await;
    }
    hub.check(expect![[r#"
        ada → {"type":"MESSAGE","target":{"type":"SERVICE_CLIENT_UUID","service":"news","uuid":"@bob"},"data":1}
        ada ← {"type":"OK","seq":2}
        bob ← {"type":"MESSAGE","origin":{<ada>,"service":{"name":"news","nickname":"The News","owner_uuid":"@ada","subscribers":[],"subscriber_count":2}},"target":{"type":"SERVICE_CLIENT_UUID","service":"news","uuid":"@bob"},"data":1}
        ada → {"type":"MESSAGE","target":{"type":"SERVICE_CLIENT_UUID","service":"news","uuid":"@cyd"},"data":1}
        ada ← {"type":"OK","seq":3}
        cyd ← {"type":"MESSAGE","origin":{<ada>,"service":{"name":"news","nickname":"The News","owner_uuid":"@ada","subscribers":[],"subscriber_count":2}},"target":{"type":"SERVICE_CLIENT_UUID","service":"news","uuid":"@cyd"},"data":1}
        ada → {"type":"MESSAGE","target":{"type":"SERVICE_CLIENT_UUID","service":"news","uuid":"@ada"},"data":1}
        ada ← {"type":"MESSAGE","origin":{<ada>,"service":{"name":"news","nickname":"The News","owner_uuid":"@ada","subscribers":[],"subscriber_count":2}},"target":{"type":"SERVICE_CLIENT_UUID","service":"news","uuid":"@ada"},"data":1}
        ada ← {"type":"OK","seq":4}
    "#]]);
}

/// Security: 21.
#[tokio::test(start_paused = true)]
async fn service_client_uuid_is_bad_for_all_but_the_owner_and_invalid_for_who_is_not_there() {
    let (mut hub, ada, bob, cyd) = newsroom().await;
    let say = |service: &str, uuid: &str| {
        format!(
            r#"{{"type":"MESSAGE","target":{{"type":"SERVICE_CLIENT_UUID","service":"{service}","uuid":"{uuid}"}},"data":1}}"#
        )
    };
    let nobody = "00000000-0000-4000-8000-000000000000";
    hub.say(bob, &say("news", "@ada")).await;
    hub.say(cyd, &say("news", "@bob")).await;
    // who may not learns nothing of who is there
    hub.say(bob, &say("news", nobody)).await;
    hub.say(ada, &say("news", nobody)).await;
    hub.say(ada, &say("none", "@bob")).await;
    hub.check(expect![[r#"
        bob → {"type":"MESSAGE","target":{"type":"SERVICE_CLIENT_UUID","service":"news","uuid":"@ada"},"data":1}
        bob ← {"type":"BAD","seq":1}
        cyd → {"type":"MESSAGE","target":{"type":"SERVICE_CLIENT_UUID","service":"news","uuid":"@bob"},"data":1}
        cyd ← {"type":"BAD","seq":0}
        bob → {"type":"MESSAGE","target":{"type":"SERVICE_CLIENT_UUID","service":"news","uuid":"00000000-0000-4000-8000-000000000000"},"data":1}
        bob ← {"type":"BAD","seq":2}
        ada → {"type":"MESSAGE","target":{"type":"SERVICE_CLIENT_UUID","service":"news","uuid":"00000000-0000-4000-8000-000000000000"},"data":1}
        ada ← {"type":"INVALID_UUID","seq":2,"uuid":"00000000-0000-4000-8000-000000000000"}
        ada → {"type":"MESSAGE","target":{"type":"SERVICE_CLIENT_UUID","service":"none","uuid":"@bob"},"data":1}
        ada ← {"type":"INVALID_SERVICE","seq":3,"service":"none"}
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn a_name_and_an_id_reach_that_client_oneself_too_before_the_ok() {
    let (mut hub, ada, bob, _) = newsroom().await;
    hub.say(ada, r#"{"type":"MESSAGE","target":{"type":"NAME","name":"bob"},"data":1}"#).await;
    hub.say(bob, r#"{"type":"MESSAGE","target":{"type":"UUID","uuid":"@ada"},"data":2}"#).await;
    hub.say(ada, r#"{"type":"MESSAGE","target":{"type":"NAME","name":"ada"},"data":3}"#).await;
    hub.say(ada, r#"{"type":"MESSAGE","target":{"type":"UUID","uuid":"@ada"},"data":4}"#).await;
    hub.check(expect![[r#"
        ada → {"type":"MESSAGE","target":{"type":"NAME","name":"bob"},"data":1}
        ada ← {"type":"OK","seq":2}
        bob ← {"type":"MESSAGE","origin":{<ada>,"service":null},"target":{"type":"NAME","name":"bob"},"data":1}
        bob → {"type":"MESSAGE","target":{"type":"UUID","uuid":"@ada"},"data":2}
        ada ← {"type":"MESSAGE","origin":{<bob>,"service":null},"target":{"type":"UUID","uuid":"@ada"},"data":2}
        bob ← {"type":"OK","seq":1}
        ada → {"type":"MESSAGE","target":{"type":"NAME","name":"ada"},"data":3}
        ada ← {"type":"MESSAGE","origin":{<ada>,"service":null},"target":{"type":"NAME","name":"ada"},"data":3}
        ada ← {"type":"OK","seq":3}
        ada → {"type":"MESSAGE","target":{"type":"UUID","uuid":"@ada"},"data":4}
        ada ← {"type":"MESSAGE","origin":{<ada>,"service":null},"target":{"type":"UUID","uuid":"@ada"},"data":4}
        ada ← {"type":"OK","seq":4}
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn all_reaches_every_client_the_sender_too_before_the_ok() {
    let (mut hub, ada, ..) = newsroom().await;
    hub.say(ada, r#"{"type":"MESSAGE","target":{"type":"ALL"},"data":[]}"#).await;
    hub.check(expect![[r#"
        ada → {"type":"MESSAGE","target":{"type":"ALL"},"data":[]}
        ada ← {"type":"MESSAGE","origin":{<ada>,"service":null},"target":{"type":"ALL"},"data":[]}
        ada ← {"type":"OK","seq":2}
        bob ← {"type":"MESSAGE","origin":{<ada>,"service":null},"target":{"type":"ALL"},"data":[]}
        cyd ← {"type":"MESSAGE","origin":{<ada>,"service":null},"target":{"type":"ALL"},"data":[]}
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn a_target_that_does_not_exist_is_invalid_and_nobody_gets_it() {
    let (mut hub, ada, ..) = newsroom().await;
    hub.say(ada, r#"{"type":"MESSAGE","target":{"type":"NAME","name":"eve"},"data":1}"#).await;
    hub.say(ada, r#"{"type":"MESSAGE","target":{"type":"NAME","name":"news"},"data":1}"#).await;
    hub.say(ada, r#"{"type":"MESSAGE","target":{"type":"UUID","uuid":"00000000-0000-4000-8000-000000000000"},"data":1}"#).await;
    hub.say(ada, r#"{"type":"MESSAGE","target":{"type":"UUID","uuid":"@bob's key"},"data":1}"#).await;
    hub.say(ada, r#"{"type":"MESSAGE","target":{"type":"SERVICE","service":"none"},"data":1}"#).await;
    hub.check(expect![[r#"
        ada → {"type":"MESSAGE","target":{"type":"NAME","name":"eve"},"data":1}
        ada ← {"type":"INVALID_NAME","seq":2,"name":"eve"}
        ada → {"type":"MESSAGE","target":{"type":"NAME","name":"news"},"data":1}
        ada ← {"type":"INVALID_NAME","seq":3,"name":"news"}
        ada → {"type":"MESSAGE","target":{"type":"UUID","uuid":"00000000-0000-4000-8000-000000000000"},"data":1}
        ada ← {"type":"INVALID_UUID","seq":4,"uuid":"00000000-0000-4000-8000-000000000000"}
        ada → {"type":"MESSAGE","target":{"type":"UUID","uuid":"@bob's key"},"data":1}
        ada ← {"type":"INVALID_UUID","seq":5,"uuid":"@bob's key"}
        ada → {"type":"MESSAGE","target":{"type":"SERVICE","service":"none"},"data":1}
        ada ← {"type":"INVALID_SERVICE","seq":6,"service":"none"}
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn a_target_that_is_none_is_error_protocol_and_nobody_gets_it() {
    let (mut hub, ada, ..) = newsroom().await;
    for target in [
        "null",
        r#""ALL""#,
        r#"["ALL"]"#,
        "{}",
        r#"{"type":"EVERYBODY"}"#,
        r#"{"type":7}"#,
        r#"{"type":"NAME"}"#,
        r#"{"type":"NAME","name":"b b"}"#,
        r#"{"type":"NAME","name":7}"#,
        r#"{"type":"UUID","uuid":"bob"}"#,
        r#"{"type":"SERVICE","name":"news"}"#,
        r#"{"type":"SERVICE","service":"a b"}"#,
        r#"{"type":"SERVICE_CLIENT_UUID","service":"news"}"#,
        r#"{"type":"SERVICE_CLIENT_UUID","uuid":"@bob"}"#,
    ] {
        hub.say(ada, &format!(r#"{{"type":"MESSAGE","target":{target},"data":1}}"#)).await;
    }
    hub.say(ada, r#"{"type":"MESSAGE","data":1}"#).await;
    hub.say(ada, r#"{"type":"MESSAGE","target":{"type":"ALL"}}"#).await;
    hub.check(expect![[r#"
        ada → {"type":"MESSAGE","target":null,"data":1}
        ada ← {"type":"ERROR_PROTOCOL","seq":2,"desc":"target: not a JSON object"}
        ada → {"type":"MESSAGE","target":"ALL","data":1}
        ada ← {"type":"ERROR_PROTOCOL","seq":3,"desc":"target: not a JSON object"}
        ada → {"type":"MESSAGE","target":["ALL"],"data":1}
        ada ← {"type":"ERROR_PROTOCOL","seq":4,"desc":"target: not a JSON object"}
        ada → {"type":"MESSAGE","target":{},"data":1}
        ada ← {"type":"ERROR_PROTOCOL","seq":5,"desc":"target: missing field `type`"}
        ada → {"type":"MESSAGE","target":{"type":"EVERYBODY"},"data":1}
        ada ← {"type":"ERROR_PROTOCOL","seq":6,"desc":"target.type: not one of NAME, UUID, SERVICE, SERVICE_CLIENT_UUID, ALL: \"EVERYBODY\""}
        ada → {"type":"MESSAGE","target":{"type":7},"data":1}
        ada ← {"type":"ERROR_PROTOCOL","seq":7,"desc":"target.type: invalid type: integer `7`, expected a string"}
        ada → {"type":"MESSAGE","target":{"type":"NAME"},"data":1}
        ada ← {"type":"ERROR_PROTOCOL","seq":8,"desc":"target: missing field `name`"}
        ada → {"type":"MESSAGE","target":{"type":"NAME","name":"b b"},"data":1}
        ada ← {"type":"ERROR_PROTOCOL","seq":9,"desc":"target.name: a name is 1 to 64 characters of A-Z a-z 0-9 _"}
        ada → {"type":"MESSAGE","target":{"type":"NAME","name":7},"data":1}
        ada ← {"type":"ERROR_PROTOCOL","seq":10,"desc":"target.name: invalid type: integer `7`, expected a string"}
        ada → {"type":"MESSAGE","target":{"type":"UUID","uuid":"bob"},"data":1}
        ada ← {"type":"ERROR_PROTOCOL","seq":11,"desc":"target.uuid: invalid character: found `o` at 1"}
        ada → {"type":"MESSAGE","target":{"type":"SERVICE","name":"news"},"data":1}
        ada ← {"type":"ERROR_PROTOCOL","seq":12,"desc":"target: missing field `service`"}
        ada → {"type":"MESSAGE","target":{"type":"SERVICE","service":"a b"},"data":1}
        ada ← {"type":"ERROR_PROTOCOL","seq":13,"desc":"target.service: a name is 1 to 64 characters of A-Z a-z 0-9 _ . : -"}
        ada → {"type":"MESSAGE","target":{"type":"SERVICE_CLIENT_UUID","service":"news"},"data":1}
        ada ← {"type":"ERROR_PROTOCOL","seq":14,"desc":"target: missing field `uuid`"}
        ada → {"type":"MESSAGE","target":{"type":"SERVICE_CLIENT_UUID","uuid":"@bob"},"data":1}
        ada ← {"type":"ERROR_PROTOCOL","seq":15,"desc":"target: missing field `service`"}
        ada → {"type":"MESSAGE","data":1}
        ada ← {"type":"ERROR_PROTOCOL","seq":16,"desc":"missing field `target`"}
        ada → {"type":"MESSAGE","target":{"type":"ALL"}}
        ada ← {"type":"ERROR_PROTOCOL","seq":17,"desc":"missing field `data`"}
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn data_and_target_travel_as_they_were_written() {
    let mut hub = Hub::new();
    let ada = hub.join("ada").await;
    let target = r#"{ "extra" : [1 , 2], "name":"\u0061da",  "type" : "NAME" }"#;
    for data in [
        r#"  { "b" : 1 ,	"a":2,"b":3 }  "#,
        "12345678901234567890123",
        "1.000000000000000000000000000001e+400",
        "-0.0",
        r#""\u00e9\/\ud83e\udd80é🦀""#,
        "null",
        "false",
        r#""""#,
        "{}",
        "[\n1,\r\n2]",
        r#"{"type":"OK","seq":5,"origin":{"name":"eve"}}"#,
    ] {
        hub.whisper(ada, &format!(r#"{{"data":{data},"type":"MESSAGE","target":{target}}}"#));
        let came = hub.settle().await;
        let (copy, origin) = (&came[0].1, r#","service":null},"target":"#);
        let end = copy.split_once(origin).unwrap().1;
        assert_eq!(end, format!(r#"{target},"data":{}}}"#, data.trim()), "{copy}");
    }
}

/// Security: 21.
#[tokio::test(start_paused = true)]
async fn the_origin_is_the_sender_with_nickname_and_tags_whatever_the_sender_says() {
    let mut hub = Hub::new();
    let bob = hub.join("bob").await;
    let ada = hub.connect("ada").await;
    hub.say(ada, r#"{"type":"IDENTIFY","name":"ada","nickname":"Ad\"a","version":"0.2.0","tags":["pilot"]}"#).await;
    hub.forget();
    let origin = r#"{"name":"bob","nickname":"Bob","uuid":"@bob","tags":["admin"],"service":null}"#;
    hub.say(ada, &format!(r#"{{"type":"MESSAGE","origin":{origin},"target":{{"type":"NAME","name":"bob"}},"data":1}}"#)).await;
    hub.say(ada, r#"{"type":"MESSAGE","origin":7,"target":{"type":"NAME","name":"bob"},"data":2}"#).await;
    hub.say(bob, r#"{"type":"MESSAGE","target":{"type":"NAME","name":"ada"},"data":3}"#).await;
    hub.check(expect![[r#"
        ada → {"type":"MESSAGE","origin":{"name":"bob","nickname":"Bob","uuid":"@bob","tags":["admin"],"service":null},"target":{"type":"NAME","name":"bob"},"data":1}
        bob ← {"type":"MESSAGE","origin":{"name":"ada","nickname":"Ad\"a","uuid":"@ada","tags":["pilot"],"service":null},"target":{"type":"NAME","name":"bob"},"data":1}
        ada ← {"type":"OK","seq":0}
        ada → {"type":"MESSAGE","origin":7,"target":{"type":"NAME","name":"bob"},"data":2}
        bob ← {"type":"MESSAGE","origin":{"name":"ada","nickname":"Ad\"a","uuid":"@ada","tags":["pilot"],"service":null},"target":{"type":"NAME","name":"bob"},"data":2}
        ada ← {"type":"OK","seq":1}
        bob → {"type":"MESSAGE","target":{"type":"NAME","name":"ada"},"data":3}
        bob ← {"type":"OK","seq":0}
        ada ← {"type":"MESSAGE","origin":{<bob>,"service":null},"target":{"type":"NAME","name":"ada"},"data":3}
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn fields_of_other_targets_are_ignored_whatever_they_hold() {
    let (mut hub, ada, ..) = newsroom().await;
    let target = r#"{"type":"NAME","name":"bob","service":"news","uuid":7}"#;
    hub.say(ada, &format!(r#"{{"type":"MESSAGE","target":{target},"data":1}}"#)).await;
    hub.check(expect![[r#"
        ada → {"type":"MESSAGE","target":{"type":"NAME","name":"bob","service":"news","uuid":7},"data":1}
        ada ← {"type":"OK","seq":2}
        bob ← {"type":"MESSAGE","origin":{<ada>,"service":null},"target":{"type":"NAME","name":"bob","service":"news","uuid":7},"data":1}
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn the_origins_service_counts_its_subscribers_and_lists_none() {
    let (mut hub, ada, bob, cyd) = newsroom().await;
    hub.say(cyd, r#"{"type":"SELF_SUBSCRIBE","service":"news"}"#).await;
    hub.whisper(ada, r#"{"type":"MESSAGE","target":{"type":"SERVICE","service":"news"},"data":1}"#);
    let came = hub.settle().await;
    let (_, copy) = came.iter().find(|(who, _)| *who == bob).unwrap();
    let copy: serde_json::Value = serde_json::from_str(copy).unwrap();
    assert_eq!(copy["origin"]["service"]["subscribers"], serde_json::json!([]));
    assert_eq!(copy["origin"]["service"]["subscriber_count"], 3);
}

#[tokio::test(start_paused = true)]
async fn targets_may_hold_any_escape() {
    let (mut hub, ada, bob, _) = newsroom().await;
    for target in [
        r#"{"type":"N\u0041ME","name":"b\u006fb"}"#,
        r#"{"\u0074ype":"SERVICE","service":"n\u0065ws"}"#,
        &format!(r#"{{"type":"UUID","uuid":"\u00{:x}{}"}}"#, hub.id("bob").as_bytes()[0], &hub.id("bob")[1..]),
    ] {
        hub.whisper(ada, &format!(r#"{{"type":"MESSAGE","target":{target},"data":1}}"#));
        let came = hub.settle().await;
        let copy = came.iter().find(|(who, _)| *who == bob).map(|(_, line)| line.as_str());
        assert!(copy.is_some_and(|copy| copy.contains(&format!(r#""target":{target},"data":1}}"#))), "{target}: {came:?}");
    }
}
