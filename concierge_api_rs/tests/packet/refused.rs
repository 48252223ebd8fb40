//! What is no packet, and how that is answered.

use concierge_api_rs::packet::{Datagram, Packet};

fn answer(text: &str) -> String {
    let refused = Packet::decode(text).unwrap_err();
    refused.answer().map_or("nothing".to_owned(), |packet| packet.encode())
}

#[test]
fn what_is_no_packet_is_answered_with_the_field_and_with_what_could_be_read_of_it() {
    #[rustfmt::skip]
    let rows = [
        ("", "router", "", 3, "packet"),
        ("{", "router", "", 3, "packet"),
        ("[]", "router", "", 3, "packet"),
        (r#"{"subject":"a","subject":"a","data":{"type":"q","cmd":"a/b"}}"#, "router", "", 3, "packet"),
        ("{}", "router", "", 4, "subject"),
        (r#"{"subject":"a"}"#, "a", "", 4, "data"),
        (r#"{"subject":"a","data":"q"}"#, "a", "", 3, "data"),
        (r#"{"subject":"a","data":{}}"#, "a", "", 4, "type"),
        (r#"{"subject":"a","data":{"type":"x","_reqid":"1"}}"#, "a", "1", 3, "type"),
        (r#"{"subject":"a","data":{"type":7,"_reqid":"1"}}"#, "a", "1", 3, "type"),
        (r#"{"subject":"a","data":{"type":"q","_reqid":"1"}}"#, "a", "1", 4, "cmd"),
        (r#"{"subject":"a","data":{"type":"q","cmd":"add","_reqid":"1"}}"#, "a", "1", 3, "cmd"),
        (r#"{"subject":"a","data":{"type":"q","cmd":"a/b","_reqid":1}}"#, "a", "", 3, "_reqid"),
        (r#"{"subject":"a","data":{"type":"q","cmd":"a/b","_reqid":""}}"#, "a", "", 3, "_reqid"),
        (r#"{"subject":"a","data":{"type":"q","cmd":"a/b","_reqid":"1","reply":"soon"}}"#, "a", "1", 3, "reply"),
        (r#"{"subject":"a","data":{"type":"q","cmd":"a/b","_reqid":"1","reply":{}}}"#, "a", "1", 3, "reply"),
        (r#"{"subject":"a","data":{"type":"q","cmd":"a/b","_reqid":"1","reply":"durable","promise":""}}"#, "a", "1", 3, "promise"),
        (r#"{"subject":"a","data":{"type":"q","cmd":"a/b","_reqid":"1","reply":"durable","within_ms":0}}"#, "a", "1", 3, "within_ms"),
        (r#"{"subject":"a","data":{"type":"q","cmd":"a/b","_reqid":"1","reply":"durable","within_ms":"9"}}"#, "a", "1", 3, "within_ms"),
        (r#"{"data":{"type":"q","cmd":"a/b","_reqid":"1"}}"#, "router", "1", 4, "subject"),
        (r#"{"subject":"a.*","data":{"type":"q","cmd":"a/b","_reqid":"1"}}"#, "router", "1", 3, "subject"),
        (r#"{"subject":"$SYS.a","data":{"type":"q","cmd":"x","_reqid":"1"}}"#, "router", "1", 3, "subject"),
    ];
    for (text, subject, reqid, code, item) in rows {
        let reqid = if reqid.is_empty() { String::new() } else { format!(r#","_reqid":"{reqid}""#) };
        let data = format!(r#"{{"type":"r","status":"err"{reqid},"data":{{"code":{code},"data":{{"items":["{item}"]}}}}}}"#);
        assert_eq!(answer(text), format!(r#"{{"subject":"{subject}","data":{data}}}"#), "{text}");
    }
}

#[test]
fn a_push_and_a_response_are_never_answered_not_even_when_they_are_wrong() {
    for text in [
        r#"{"subject":"a","data":{"type":"p"}}"#,
        r#"{"subject":"a","data":{"type":"p","cmd":"A/b","_reqid":"1"}}"#,
        r#"{"subject":"","data":{"type":"p","cmd":"a/b"}}"#,
        r#"{"data":{"type":"p","cmd":"a"}}"#,
        r#"{"data":{"type":"r","status":"ok","_reqid":"1"}}"#,
        r#"{"subject":"a","data":{"type":"r","_reqid":1}}"#,
    ] {
        assert_eq!(answer(text), "nothing", "{text}");
    }
}

#[test]
fn bytes_that_are_no_text_and_what_nests_too_deep_are_refused() {
    assert_eq!(Packet::decode_bytes(b"{\"subject\":\"\xff\"}").unwrap_err().to_string(), "3 INVALID: packet");
    let deep = format!(r#"{{"type":"q","cmd":"a/b","data":{}{}}}"#, "[".repeat(200), "]".repeat(200));
    assert_eq!(Datagram::decode(&deep).unwrap_err().to_string(), "3 INVALID: packet");
    assert_eq!(Packet::decode(&format!(r#"{{"subject":"a","data":{deep}}}"#)).unwrap_err().to_string(), "3 INVALID: packet");
}
