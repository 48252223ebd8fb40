//! The committed JSON Schema is the generated one. `UPDATE_EXPECT=1` rewrites it.

use expect_test::expect_file;

#[test]
fn the_committed_schema_is_the_generated_one() {
    let generated = serde_json::to_string_pretty(&concierge_api_rs::schema()).unwrap() + "\n";
    expect_file!["../../docs/protocol.schema.json"].assert_eq(&generated);
}
