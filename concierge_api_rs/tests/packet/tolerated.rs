//! What is read though it would not be written so: on the left what comes, on the right what it counts as.

use concierge_api_rs::packet::Packet;

#[test]
fn what_is_missing_or_odd_counts_as_something_plain() {
    #[rustfmt::skip]
    let rows = [
        // missing data is {}, and null is nothing
        (r#"{"type":"q","cmd":"a/b"}"#, r#"{"type":"q","cmd":"a/b","data":{}}"#),
        (r#"{"type":"p","cmd":"a/b","data":null}"#, r#"{"type":"p","cmd":"a/b","data":{}}"#),
        (r#"{"type":"q","cmd":"a/b","_reqid":null,"data":0}"#, r#"{"type":"q","cmd":"a/b","data":0}"#),
        (r#"{"type":"r","status":"ok"}"#, r#"{"type":"r","status":"ok","data":{}}"#),
        // a missing status is an error, and so is one that is not ok
        (r#"{"type":"r","data":{"code":1,"data":{}}}"#, r#"{"type":"r","status":"err","data":{"code":1,"data":{}}}"#),
        (r#"{"type":"r","status":"OK","data":{"code":1}}"#, r#"{"type":"r","status":"err","data":{"code":1,"data":{}}}"#),
        (r#"{"type":"r","status":7,"_reqid":"1"}"#, r#"{"type":"r","status":"err","_reqid":"1","data":{"code":0,"data":{}}}"#),
        // an error that can't be read is a generic one
        (r#"{"type":"r","status":"err"}"#, r#"{"type":"r","status":"err","data":{"code":0,"data":{}}}"#),
        (r#"{"type":"r","status":"err","data":"no"}"#, r#"{"type":"r","status":"err","data":{"code":0,"data":{}}}"#),
        (r#"{"type":"r","status":"err","data":[3,{"items":[]}]}"#, r#"{"type":"r","status":"err","data":{"code":0,"data":{}}}"#),
        (r#"{"type":"r","status":"err","data":{"code":"3","data":{"items":[]}}}"#, r#"{"type":"r","status":"err","data":{"code":0,"data":{"items":[]}}}"#),
        (r#"{"type":"r","status":"err","data":{"code":10,"data":{"why":"x"}}}"#, r#"{"type":"r","status":"err","data":{"code":0,"data":{"why":"x"}}}"#),
        (r#"{"type":"r","status":"err","data":{"code":-1}}"#, r#"{"type":"r","status":"err","data":{"code":0,"data":{}}}"#),
        // its data is an object, with items where the code asks for them
        (r#"{"type":"r","status":"err","data":{"code":5}}"#, r#"{"type":"r","status":"err","data":{"code":5,"data":{"items":[]}}}"#),
        (r#"{"type":"r","status":"err","data":{"code":6,"data":7}}"#, r#"{"type":"r","status":"err","data":{"code":6,"data":{"items":[]}}}"#),
        (r#"{"type":"r","status":"err","data":{"code":2,"data":[null]}}"#, r#"{"type":"r","status":"err","data":{"code":2,"data":{"items":[]}}}"#),
        (r#"{"type":"r","status":"err","data":{"code":2,"data":{"why": "x"}}}"#, r#"{"type":"r","status":"err","data":{"code":2,"data":{"items":[],"why":"x"}}}"#),
        (r#"{"type":"r","status":"err","data":{"code":3,"data":{"items":"a","b":1}}}"#, r#"{"type":"r","status":"err","data":{"code":3,"data":{"b":1,"items":[]}}}"#),
        (r#"{"type":"r","status":"err","data":{"code":1,"data":{"items":null}}}"#, r#"{"type":"r","status":"err","data":{"code":1,"data":{}}}"#),
        // an error is always the end
        (r#"{"type":"r","status":"err","more":true,"data":{"code":1}}"#, r#"{"type":"r","status":"err","data":{"code":1,"data":{}}}"#),
        (r#"{"type":"r","status":"ok","more":"true","data":1}"#, r#"{"type":"r","status":"ok","data":1}"#),
        // any order, any escape, fields that nobody knows
        ("{\"more\":true,\"data\" : [ 1 ],\"status\":\"ok\",\"x\":{},\"type\":\"\\u0072\",\"_reqid\":\"\\u0031\"}", r#"{"type":"r","status":"ok","_reqid":"1","more":true,"data":[ 1 ]}"#),
    ];
    for (comes, counts_as) in rows {
        let packet = format!(r#"{{"data":{comes},"subject":"a"}}"#);
        let read = Packet::decode(&packet).unwrap();
        assert_eq!(read.encode(), format!(r#"{{"subject":"a","data":{counts_as}}}"#), "{comes}");
        assert_eq!(Packet::decode(&read.encode()).unwrap().encode(), read.encode(), "{comes}");
    }
}
