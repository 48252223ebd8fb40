//! PROTOCOL.md, "Looking around".

use expect_test::expect;

use super::Hub;
use super::hub::identify;

#[tokio::test(start_paused = true)]
async fn self_fetch_is_the_client_and_its_subscriptions() {
    let mut hub = Hub::new();
    let (ada, bob) = (hub.join("ada").await, hub.join("bob").await);
    for service in ["b", "a", "c"] {
        hub.say(ada, &format!(r#"{{"type":"SERVICE_CREATE","service":"{service}"}}"#)).await;
    }
    for service in ["c", "b"] {
        hub.say(bob, &format!(r#"{{"type":"SELF_SUBSCRIBE","service":"{service}"}}"#)).await;
    }
    hub.forget();
    hub.say(bob, r#"{"type":"SELF_FETCH"}"#).await;
    hub.say(ada, r#"{"type":"SELF_FETCH"}"#).await;
    hub.check(expect![[r#"
        bob → {"type":"SELF_FETCH"}
        bob ← {"type":"SELF_FETCH_RESULT","seq":2,"client":{<bob>},"subscriptions":[{"name":"c","nickname":null,"owner_uuid":"@ada","subscribers":["@bob"],"subscriber_count":1},{"name":"b","nickname":null,"owner_uuid":"@ada","subscribers":["@bob"],"subscriber_count":1}]}
        ada → {"type":"SELF_FETCH"}
        ada ← {"type":"SELF_FETCH_RESULT","seq":3,"client":{<ada>},"subscriptions":[]}
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn client_fetch_is_any_client_and_its_subscriptions_or_invalid_uuid() {
    let mut hub = Hub::new();
    let (ada, bob) = (hub.join("ada").await, hub.join("bob").await);
    hub.say(ada, r#"{"type":"SERVICE_CREATE","service":"news"}"#).await;
    hub.say(bob, r#"{"type":"SELF_SUBSCRIBE","service":"news"}"#).await;
    hub.forget();
    hub.say(ada, r#"{"type":"CLIENT_FETCH","uuid":"@bob"}"#).await;
    hub.say(bob, r#"{"type":"CLIENT_FETCH","uuid":"@bob"}"#).await;
    hub.say(bob, r#"{"type":"CLIENT_FETCH","uuid":"00000000-0000-4000-8000-000000000000"}"#).await;
    // the private key is no id
    hub.say(ada, r#"{"type":"CLIENT_FETCH","uuid":"@ada's key"}"#).await;
    hub.check(expect![[r#"
        ada → {"type":"CLIENT_FETCH","uuid":"@bob"}
        ada ← {"type":"CLIENT_FETCH_RESULT","seq":1,"client":{<bob>},"subscriptions":[{"name":"news","nickname":null,"owner_uuid":"@ada","subscribers":["@bob"],"subscriber_count":1}]}
        bob → {"type":"CLIENT_FETCH","uuid":"@bob"}
        bob ← {"type":"CLIENT_FETCH_RESULT","seq":1,"client":{<bob>},"subscriptions":[{"name":"news","nickname":null,"owner_uuid":"@ada","subscribers":["@bob"],"subscriber_count":1}]}
        bob → {"type":"CLIENT_FETCH","uuid":"00000000-0000-4000-8000-000000000000"}
        bob ← {"type":"INVALID_UUID","seq":2,"uuid":"00000000-0000-4000-8000-000000000000"}
        ada → {"type":"CLIENT_FETCH","uuid":"@ada's key"}
        ada ← {"type":"INVALID_UUID","seq":2,"uuid":"@ada's key"}
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn client_fetch_all_is_everybody_in_the_order_they_joined_self_included() {
    let mut hub = Hub::new();
    let cyd = hub.join("cyd").await;
    hub.join("ada").await;
    let bob = hub.connect("bob").await;
    hub.say(bob, r#"{"type":"IDENTIFY","name":"bob","nickname":"Bobby","version":"0.2.0","tags":["b","a"]}"#).await;
    hub.forget();
    hub.say(bob, r#"{"type":"CLIENT_FETCH_ALL"}"#).await;
    hub.check(expect![[r#"
        bob → {"type":"CLIENT_FETCH_ALL"}
        bob ← {"type":"CLIENT_FETCH_ALL_RESULT","seq":0,"clients":[{<cyd>},{<ada>},{"name":"bob","nickname":"Bobby","uuid":"@bob","tags":["b","a"]}]}
    "#]]);
    hub.cut(cyd).await;
    hub.join("cyd again").await;
    hub.forget();
    hub.say(bob, r#"{"type":"CLIENT_FETCH_ALL"}"#).await;
    hub.check(expect![[r#"
        bob → {"type":"CLIENT_FETCH_ALL"}
        bob ← {"type":"CLIENT_FETCH_ALL_RESULT","seq":1,"clients":[{<ada>},{"name":"bob","nickname":"Bobby","uuid":"@bob","tags":["b","a"]},{<cyd again>}]}
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_did_not_identify_is_in_no_list() {
    let mut hub = Hub::new();
    let ada = hub.join("ada").await;
    let bob = hub.connect("bob").await;
    hub.say(ada, r#"{"type":"CLIENT_FETCH_ALL"}"#).await;
    hub.say(ada, r#"{"type":"CLIENT_FETCH","uuid":"@bob"}"#).await;
    hub.say(ada, r#"{"type":"MESSAGE","target":{"type":"ALL"},"data":1}"#).await;
    hub.say(bob, &identify("bob")).await;
    hub.check(expect![[r#"
        ada → {"type":"CLIENT_FETCH_ALL"}
        ada ← {"type":"CLIENT_FETCH_ALL_RESULT","seq":0,"clients":[{<ada>}]}
        ada → {"type":"CLIENT_FETCH","uuid":"@bob"}
        ada ← {"type":"INVALID_UUID","seq":1,"uuid":"@bob"}
        ada → {"type":"MESSAGE","target":{"type":"ALL"},"data":1}
        ada ← {"type":"MESSAGE","origin":{<ada>,"service":null},"target":{"type":"ALL"},"data":1}
        ada ← {"type":"OK","seq":2}
        bob → {"type":"IDENTIFY","name":"bob","version":"0.2.0"}
        ada ← {"type":"CLIENT_JOINED","client":{<bob>}}
        bob ← {"type":"HELLO","uuid":"@bob","version":"0.2.0","fs_key":"@bob's key"}
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn service_fetch_all_is_every_service_in_the_order_of_creation() {
    let mut hub = Hub::new();
    let (ada, bob) = (hub.join("ada").await, hub.join("bob").await);
    hub.say(bob, r#"{"type":"SERVICE_FETCH_ALL"}"#).await;
    hub.check(expect![[r#"
        bob → {"type":"SERVICE_FETCH_ALL"}
        bob ← {"type":"SERVICE_FETCH_ALL_RESULT","seq":0,"services":[]}
    "#]]);
    for (who, service) in [(ada, "news"), (bob, "chess"), (ada, "aaa")] {
        hub.say(who, &format!(r#"{{"type":"SERVICE_CREATE","service":"{service}"}}"#)).await;
    }
    hub.say(ada, r#"{"type":"SERVICE_DELETE","service":"news"}"#).await;
    hub.say(ada, r#"{"type":"SERVICE_CREATE","service":"news","nickname":"N"}"#).await;
    hub.forget();
    hub.say(bob, r#"{"type":"SERVICE_FETCH_ALL"}"#).await;
    hub.check(expect![[r#"
        bob → {"type":"SERVICE_FETCH_ALL"}
        bob ← {"type":"SERVICE_FETCH_ALL_RESULT","seq":2,"services":[{"name":"chess","nickname":null,"owner_uuid":"@bob","subscribers":[],"subscriber_count":0},{"name":"aaa","nickname":null,"owner_uuid":"@ada","subscribers":[],"subscriber_count":0},{"name":"news","nickname":"N","owner_uuid":"@ada","subscribers":[],"subscriber_count":0}]}
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn uuids_may_be_written_in_upper_case_and_anything_else_is_refused() {
    let mut hub = Hub::new();
    let ada = hub.join("ada").await;
    let upper = hub.id("ada").to_uppercase();
    let answer = hub.ask(ada, &format!(r#"{{"type":"CLIENT_FETCH","uuid":"{upper}"}}"#)).await;
    assert_eq!(answer["type"], "CLIENT_FETCH_RESULT");
    for uuid in [r#""ada""#, r#""""#, "7", "null", "[1]"] {
        hub.say(ada, &format!(r#"{{"type":"CLIENT_FETCH","uuid":{uuid}}}"#)).await;
    }
    hub.check(expect![[r#"
        ada → {"type":"CLIENT_FETCH","uuid":"ada"}
        ada ← {"type":"ERROR_PROTOCOL","seq":1,"desc":"uuid: UUID parsing failed: invalid length: found 3"}
        ada → {"type":"CLIENT_FETCH","uuid":""}
        ada ← {"type":"ERROR_PROTOCOL","seq":2,"desc":"uuid: UUID parsing failed: invalid length: found 0"}
        ada → {"type":"CLIENT_FETCH","uuid":7}
        ada ← {"type":"ERROR_PROTOCOL","seq":3,"desc":"uuid: invalid type: integer `7`, expected a formatted UUID string"}
        ada → {"type":"CLIENT_FETCH","uuid":null}
        ada ← {"type":"ERROR_PROTOCOL","seq":4,"desc":"uuid: invalid type: null, expected a formatted UUID string"}
        ada → {"type":"CLIENT_FETCH","uuid":[1]}
        ada ← {"type":"ERROR_PROTOCOL","seq":5,"desc":"uuid: invalid type: sequence, expected a formatted UUID string"}
    "#]]);
}
