//! The answers and limits that FILESYSTEM.md shows are the real ones; its examples run in the end-to-end tests.

use concierge_api_rs::limits;

use crate::house::House;

const DOCUMENT: &str = include_str!("../../../../FILESYSTEM.md");

/// The blocks of a language.
fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    DOCUMENT.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

/// The rows of the table under a heading, as cells.
fn table(heading: &str) -> Vec<Vec<&'static str>> {
    let section = DOCUMENT.split(&format!("\n## {heading}\n")).nth(1).unwrap().split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with('|')).skip(2);
    rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

#[test]
fn the_answers_in_the_document_have_the_fields_of_real_ones() {
    let house = House::new();
    let ada = house.join("ada");
    let stored = house.put(&ada, "notes/caf%C3%A9%20one.txt", b"hello, concierge\n");
    house.put(&ada, "hello.txt", b"hello, concierge\n");
    let real = [stored.json(), house.get(&ada, "").json(), house.delete(&ada, "").json()];
    for (told, real) in blocks("json").into_iter().zip(real) {
        let told: serde_json::Value = serde_json::from_str(told).unwrap();
        assert_eq!(shape(&told), shape(&real), "{told}");
        assert_eq!(
            told["path"].as_str().filter(|path| path.starts_with("notes")),
            real["path"].as_str().filter(|path| !path.is_empty())
        );
    }
}

/// The keys of an object, or of the objects in a list, in order.
fn shape(value: &serde_json::Value) -> Vec<Vec<String>> {
    let objects = value.as_array().map_or(vec![value], |list| list.iter().collect());
    objects.into_iter().map(|object| object.as_object().unwrap().keys().cloned().collect()).collect()
}

#[test]
fn the_limits_are_those_of_the_code() {
    let defaults: Vec<String> = table("Limits").iter().map(|row| row[1].replace(',', "")).collect();
    let numbers: Vec<u64> = defaults.iter().map(|text| text.split(' ').next().unwrap().parse().unwrap()).collect();
    let expected = [
        limits::FILE_BYTES,
        limits::FOLDER_BYTES,
        limits::FOLDER_FILES,
        limits::UPLOAD_BYTES_PER_SECOND,
        limits::UPLOAD_SLOW_MS,
        limits::PATH_COMPONENT_BYTES as u64,
        limits::PATH_DEPTH as u64,
        1_000,
    ];
    assert_eq!(numbers, expected);
}
