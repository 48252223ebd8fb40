//! The committed schema accepts what is written, and refuses what is only tolerated.

use serde_json::Value;

use crate::vectors::VECTORS;

fn validator() -> jsonschema::Validator {
    let mut schema: Value = serde_json::from_str(include_str!("../../../docs/protocol.schema.json")).unwrap();
    schema["$ref"] = "#/$defs/RouterPacket".into();
    jsonschema::draft202012::new(&schema).unwrap()
}

#[test]
fn every_vector_fits_the_schema() {
    let validator = validator();
    for (shape, text, _) in VECTORS {
        if let Err(error) = validator.validate(&serde_json::from_str(text).unwrap()) {
            panic!("{shape}: {error}");
        }
    }
}

#[test]
fn the_schema_refuses_what_is_never_written() {
    let validator = validator();
    for data in [
        r#"{"type":"q","cmd":"a/b"}"#,
        r#"{"type":"q","cmd":"a","data":{}}"#,
        r#"{"type":"q","cmd":"a/b","_reqid":"","data":{}}"#,
        r#"{"type":"r","data":{}}"#,
        r#"{"type":"r","status":"ok","more":false,"data":{}}"#,
        r#"{"type":"r","status":"err","data":{"code":10,"data":{}}}"#,
        r#"{"type":"r","status":"err","data":{"code":5,"data":{}}}"#,
        r#"{"type":"x","cmd":"a/b","data":{}}"#,
    ] {
        let packet = serde_json::from_str(&format!(r#"{{"subject":"a","data":{data}}}"#)).unwrap();
        assert!(!validator.is_valid(&packet), "{data}");
    }
    let subject = serde_json::json!({ "subject": "a.*", "data": { "type": "p", "cmd": "a/b", "data": {} } });
    assert!(!validator.is_valid(&subject));
}
