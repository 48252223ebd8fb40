//! PROTOCOL.md, "Services": creating, deleting, fetching.

use expect_test::expect;
use serde_json::json;

use super::Hub;

#[tokio::test(start_paused = true)]
async fn a_created_service_is_answered_and_then_told_to_every_client_the_creator_too() {
    let mut hub = Hub::new();
    let ada = hub.join("ada").await;
    hub.join("bob").await;
    hub.say(ada, r#"{"type":"SERVICE_CREATE","service":"news","nickname":"The News"}"#).await;
    hub.check(expect![[r#"
        ada → {"type":"SERVICE_CREATE","service":"news","nickname":"The News"}
        ada ← {"type":"SERVICE_CREATE_RESULT","seq":0,"successful":true,"service":{"name":"news","nickname":"The News","owner_uuid":"@ada","subscribers":[],"subscriber_count":0}}
        ada ← {"type":"SERVICE_CREATE_RESULT","successful":true,"service":{"name":"news","nickname":"The News","owner_uuid":"@ada","subscribers":[],"subscriber_count":0}}
        bob ← {"type":"SERVICE_CREATE_RESULT","successful":true,"service":{"name":"news","nickname":"The News","owner_uuid":"@ada","subscribers":[],"subscriber_count":0}}
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn creating_a_service_does_not_subscribe_its_owner() {
    let mut hub = Hub::new();
    let ada = hub.join("ada").await;
    hub.say(ada, r#"{"type":"SERVICE_CREATE","service":"news"}"#).await;
    hub.forget();
    hub.say(ada, r#"{"type":"SELF_FETCH"}"#).await;
    hub.check(expect![[r#"
        ada → {"type":"SELF_FETCH"}
        ada ← {"type":"SELF_FETCH_RESULT","seq":1,"client":{<ada>},"subscriptions":[]}
    "#]]);
}

/// Security: 21.
#[tokio::test(start_paused = true)]
async fn a_service_that_exists_is_answered_false_as_it_is_and_nobody_is_told() {
    let mut hub = Hub::new();
    let (ada, bob) = (hub.join("ada").await, hub.join("bob").await);
    hub.say(ada, r#"{"type":"SERVICE_CREATE","service":"news","nickname":"Ada's"}"#).await;
    hub.say(bob, r#"{"type":"SELF_SUBSCRIBE","service":"news"}"#).await;
    hub.forget();
    hub.say(bob, r#"{"type":"SERVICE_CREATE","service":"news","nickname":"Bob's"}"#).await;
    hub.say(ada, r#"{"type":"SERVICE_CREATE","service":"news"}"#).await;
    hub.check(expect![[r#"
        bob → {"type":"SERVICE_CREATE","service":"news","nickname":"Bob's"}
        bob ← {"type":"SERVICE_CREATE_RESULT","seq":1,"successful":false,"service":{"name":"news","nickname":"Ada's","owner_uuid":"@ada","subscribers":["@bob"],"subscriber_count":1}}
        ada → {"type":"SERVICE_CREATE","service":"news"}
        ada ← {"type":"SERVICE_CREATE_RESULT","seq":1,"successful":false,"service":{"name":"news","nickname":"Ada's","owner_uuid":"@ada","subscribers":["@bob"],"subscriber_count":1}}
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn create_service_and_delete_service_are_the_same_under_another_name() {
    let mut hub = Hub::new();
    let ada = hub.join("ada").await;
    hub.join("bob").await;
    hub.say(ada, r#"{"type":"CREATE_SERVICE","service":"news"}"#).await;
    hub.say(ada, r#"{"type":"DELETE_SERVICE","service":"news"}"#).await;
    hub.check(expect![[r#"
        ada → {"type":"CREATE_SERVICE","service":"news"}
        ada ← {"type":"SERVICE_CREATE_RESULT","seq":0,"successful":true,"service":{"name":"news","nickname":null,"owner_uuid":"@ada","subscribers":[],"subscriber_count":0}}
        ada ← {"type":"SERVICE_CREATE_RESULT","successful":true,"service":{"name":"news","nickname":null,"owner_uuid":"@ada","subscribers":[],"subscriber_count":0}}
        bob ← {"type":"SERVICE_CREATE_RESULT","successful":true,"service":{"name":"news","nickname":null,"owner_uuid":"@ada","subscribers":[],"subscriber_count":0}}
        ada → {"type":"DELETE_SERVICE","service":"news"}
        ada ← {"type":"SERVICE_DELETE_RESULT","seq":1,"service":{"name":"news","nickname":null,"owner_uuid":"@ada","subscribers":[],"subscriber_count":0}}
        ada ← {"type":"SERVICE_DELETE_RESULT","service":{"name":"news","nickname":null,"owner_uuid":"@ada","subscribers":[],"subscriber_count":0}}
        bob ← {"type":"SERVICE_DELETE_RESULT","service":{"name":"news","nickname":null,"owner_uuid":"@ada","subscribers":[],"subscriber_count":0}}
    "#]]);
}

/// Security: 25.
#[tokio::test(start_paused = true)]
async fn a_service_name_is_1_to_64_characters_of_its_alphabet() {
    let mut hub = Hub::new();
    let ada = hub.join("ada").await;
    let (longest, longer) = ("s".repeat(64), "s".repeat(65));
    for name in ["a", "A-Z", "a.b:c_d-e", "0", ":", &longest] {
        let answer = hub.ask(ada, &json!({ "type": "SERVICE_CREATE", "service": name }).to_string()).await;
        assert_eq!((&answer["type"], &answer["successful"]), (&json!("SERVICE_CREATE_RESULT"), &json!(true)), "{name}");
    }
    for kind in ["SERVICE_CREATE", "SERVICE_DELETE", "SERVICE_FETCH", "SELF_SUBSCRIBE", "SELF_UNSUBSCRIBE"] {
        for name in ["", " ", "a b", "a/b", "é", "a\n", &longer] {
            let answer = hub.ask(ada, &json!({ "type": kind, "service": name }).to_string()).await;
            assert_eq!(answer["type"], "ERROR_PROTOCOL", "{kind} {name:?}");
            assert_eq!(answer["desc"], "service: a name is 1 to 64 characters of A-Z a-z 0-9 _ . : -", "{kind} {name:?}");
        }
    }
}

/// Security: 25.
#[tokio::test(start_paused = true)]
async fn a_service_nickname_has_at_most_128_characters() {
    let mut hub = Hub::new();
    let ada = hub.join("ada").await;
    let create = |name: &str, chars: usize| json!({ "type": "SERVICE_CREATE", "service": name, "nickname": "é".repeat(chars) });
    assert_eq!(hub.ask(ada, &create("a", 128).to_string()).await["successful"], true);
    assert_eq!(hub.ask(ada, &create("b", 129).to_string()).await["desc"], "nickname: more than 128 characters");
    assert_eq!(hub.ask(ada, r#"{"type":"SERVICE_FETCH","service":"b"}"#).await["type"], "INVALID_SERVICE");
}

#[tokio::test(start_paused = true)]
async fn a_deleted_service_is_answered_to_its_owner_and_then_told_to_every_client_the_owner_too() {
    let mut hub = Hub::new();
    let (ada, bob) = (hub.join("ada").await, hub.join("bob").await);
    hub.join("cyd").await;
    hub.say(ada, r#"{"type":"SERVICE_CREATE","service":"news"}"#).await;
    hub.say(bob, r#"{"type":"SELF_SUBSCRIBE","service":"news"}"#).await;
    hub.forget();
    hub.say(ada, r#"{"type":"SERVICE_DELETE","service":"news"}"#).await;
    hub.check(expect![[r#"
        ada → {"type":"SERVICE_DELETE","service":"news"}
        ada ← {"type":"SERVICE_DELETE_RESULT","seq":1,"service":{"name":"news","nickname":null,"owner_uuid":"@ada","subscribers":["@bob"],"subscriber_count":1}}
        ada ← {"type":"SERVICE_DELETE_RESULT","service":{"name":"news","nickname":null,"owner_uuid":"@ada","subscribers":["@bob"],"subscriber_count":1}}
        bob ← {"type":"SERVICE_DELETE_RESULT","service":{"name":"news","nickname":null,"owner_uuid":"@ada","subscribers":["@bob"],"subscriber_count":1}}
        cyd ← {"type":"SERVICE_DELETE_RESULT","service":{"name":"news","nickname":null,"owner_uuid":"@ada","subscribers":["@bob"],"subscriber_count":1}}
    "#]]);
}

/// Security: 21.
#[tokio::test(start_paused = true)]
async fn only_the_owner_deletes_a_service() {
    let mut hub = Hub::new();
    let (ada, bob) = (hub.join("ada").await, hub.join("bob").await);
    hub.say(ada, r#"{"type":"SERVICE_CREATE","service":"news"}"#).await;
    hub.say(bob, r#"{"type":"SELF_SUBSCRIBE","service":"news"}"#).await;
    hub.forget();
    hub.say(bob, r#"{"type":"SERVICE_DELETE","service":"news"}"#).await;
    hub.say(bob, r#"{"type":"SERVICE_DELETE","service":"none"}"#).await;
    hub.say(bob, r#"{"type":"SERVICE_FETCH","service":"news"}"#).await;
    hub.check(expect![[r#"
        bob → {"type":"SERVICE_DELETE","service":"news"}
        bob ← {"type":"BAD","seq":1}
        bob → {"type":"SERVICE_DELETE","service":"none"}
        bob ← {"type":"INVALID_SERVICE","seq":2,"service":"none"}
        bob → {"type":"SERVICE_FETCH","service":"news"}
        bob ← {"type":"SERVICE_FETCH_RESULT","seq":3,"service":{"name":"news","nickname":null,"owner_uuid":"@ada","subscribers":["@bob"],"subscriber_count":1}}
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn a_deleted_service_leaves_every_members_subscriptions_and_its_name_begins_anew() {
    let mut hub = Hub::new();
    let (ada, bob) = (hub.join("ada").await, hub.join("bob").await);
    for (who, payload) in [
        (ada, r#"{"type":"SERVICE_CREATE","service":"news"}"#),
        (bob, r#"{"type":"SELF_SUBSCRIBE","service":"news"}"#),
        (ada, r#"{"type":"SERVICE_DELETE","service":"news"}"#),
    ] {
        hub.say(who, payload).await;
    }
    hub.forget();
    hub.say(bob, r#"{"type":"SELF_FETCH"}"#).await;
    hub.say(bob, r#"{"type":"SERVICE_CREATE","service":"news"}"#).await;
    hub.say(ada, r#"{"type":"MESSAGE","target":{"type":"SERVICE","service":"news"},"data":1}"#).await;
    hub.check(expect![[r#"
        bob → {"type":"SELF_FETCH"}
        bob ← {"type":"SELF_FETCH_RESULT","seq":1,"client":{<bob>},"subscriptions":[]}
        bob → {"type":"SERVICE_CREATE","service":"news"}
        ada ← {"type":"SERVICE_CREATE_RESULT","successful":true,"service":{"name":"news","nickname":null,"owner_uuid":"@bob","subscribers":[],"subscriber_count":0}}
        bob ← {"type":"SERVICE_CREATE_RESULT","seq":2,"successful":true,"service":{"name":"news","nickname":null,"owner_uuid":"@bob","subscribers":[],"subscriber_count":0}}
        bob ← {"type":"SERVICE_CREATE_RESULT","successful":true,"service":{"name":"news","nickname":null,"owner_uuid":"@bob","subscribers":[],"subscriber_count":0}}
        ada → {"type":"MESSAGE","target":{"type":"SERVICE","service":"news"},"data":1}
        ada ← {"type":"BAD","seq":2}
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn a_service_is_fetched_by_anybody() {
    let mut hub = Hub::new();
    let (ada, bob) = (hub.join("ada").await, hub.join("bob").await);
    hub.say(ada, r#"{"type":"SERVICE_CREATE","service":"news","nickname":"The News"}"#).await;
    hub.say(ada, r#"{"type":"SELF_SUBSCRIBE","service":"news"}"#).await;
    hub.forget();
    hub.say(bob, r#"{"type":"SERVICE_FETCH","service":"news"}"#).await;
    hub.say(bob, r#"{"type":"SERVICE_FETCH","service":"none"}"#).await;
    hub.check(expect![[r#"
        bob → {"type":"SERVICE_FETCH","service":"news"}
        bob ← {"type":"SERVICE_FETCH_RESULT","seq":0,"service":{"name":"news","nickname":"The News","owner_uuid":"@ada","subscribers":["@ada"],"subscriber_count":1}}
        bob → {"type":"SERVICE_FETCH","service":"none"}
        bob ← {"type":"INVALID_SERVICE","seq":1,"service":"none"}
    "#]]);
}

/// Security: 25.
#[tokio::test(start_paused = true)]
async fn a_client_owns_at_most_128_services_and_has_room_again_after_a_deletion() {
    let mut hub = Hub::new();
    let (ada, bob) = (hub.join("ada").await, hub.join("bob").await);
    let create = |n: usize| json!({ "type": "SERVICE_CREATE", "service": format!("s{n}") }).to_string();
    for n in 0..128 {
        assert_eq!(hub.ask(ada, &create(n)).await["successful"], true);
    }
    hub.say(ada, &create(128)).await;
    hub.say(ada, &create(0)).await;
    hub.check(expect![[r#"
        ada → {"type":"SERVICE_CREATE","service":"s128"}
        ada ← {"type":"ERROR_PROTOCOL","seq":128,"desc":"service: a client has at most 128 services"}
        ada → {"type":"SERVICE_CREATE","service":"s0"}
        ada ← {"type":"SERVICE_CREATE_RESULT","seq":129,"successful":false,"service":{"name":"s0","nickname":null,"owner_uuid":"@ada","subscribers":[],"subscriber_count":0}}
    "#]]);
    assert_eq!(hub.ask(bob, &create(128)).await["successful"], true);
    assert_eq!(hub.ask(ada, r#"{"type":"SERVICE_DELETE","service":"s5"}"#).await["type"], "SERVICE_DELETE_RESULT");
    assert_eq!(hub.ask(ada, &create(129)).await["successful"], true);
}

/// Security: 25.
#[tokio::test(start_paused = true)]
async fn all_clients_together_own_as_many_services_as_there_may_be() {
    let mut hub = Hub::with(|config| config.limits.services = 3);
    let (ada, bob) = (hub.join("ada").await, hub.join("bob").await);
    let create = |name: &str| json!({ "type": "SERVICE_CREATE", "service": name }).to_string();
    for (owner, name) in [(ada, "a"), (ada, "b"), (bob, "c")] {
        assert_eq!(hub.ask(owner, &create(name)).await["successful"], true);
    }
    hub.say(bob, &create("d")).await;
    hub.check(expect![[r#"
        bob → {"type":"SERVICE_CREATE","service":"d"}
        bob ← {"type":"ERROR_PROTOCOL","seq":1,"desc":"service: there are 3 services, as many as there may be"}
    "#]]);
    assert_eq!(hub.ask(bob, &create("a")).await["successful"], false, "one that is there already is told apart");
    hub.cut(ada).await;
    assert_eq!(hub.ask(bob, &create("d")).await["successful"], true);
}
