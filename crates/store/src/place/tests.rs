use super::*;

#[test]
fn a_place_is_read_and_shown_as_it_was_written() {
    for text in ["memory:", "sqlite:coordinator.db", "sqlite:/var/lib/concierge/with space.db", "sqlite:C:\\concierge.db"] {
        assert_eq!(text.parse::<Place>().unwrap().to_string(), text);
    }
    assert_eq!("postgres://ada@db/x".parse::<Place>().unwrap(), Place::Postgres("postgres://ada@db/x".to_owned()));
}

#[test]
fn what_is_no_place_is_refused_with_what_could_be_written() {
    let error = |text: &str| text.parse::<Place>().unwrap_err();
    assert_eq!(error("sqlite:"), PlaceError::NoPath);
    assert_eq!(error("sqlite::memory:"), PlaceError::SqliteMemory);
    assert_eq!(error("memory:x"), PlaceError::MemoryPath);
    for text in ["", "coordinator.db", "mysql://x", "postgres:x", "SQLITE:x"] {
        assert_eq!(error(text), PlaceError::Unknown, "{text}");
    }
}

#[test]
fn a_password_is_never_shown() {
    for url in [
        "postgres://ada:s3cret@db:5432/x",
        "postgresql://ada:s3:c@ret@db/x?password=s3cret",
        "postgres://db/x?user=ada&password=s3cret",
        "postgres://ada:s3cret@db/x#s3cret",
    ] {
        let place: Place = url.parse().unwrap();
        let shown = format!("{place} {place:?}");
        assert!(!shown.contains("s3") && shown.contains("db"), "{shown}");
    }
    for wrong in ["postgres://ada:s3?cret@db/x", "postgres://ada:s3/cret@db/x", "postgres://db/x?password=s3@cret"] {
        let place: Place = wrong.parse().unwrap();
        assert_eq!(place.to_string(), "postgres://…");
    }
}
