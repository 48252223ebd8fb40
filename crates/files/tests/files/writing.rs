//! PUT and DELETE.

use std::sync::Barrier;

use crate::house::{House, eventually};

#[test]
fn put_is_201_and_says_where_and_what() {
    let house = House::new();
    let ada = house.join("ada");
    let answer = house.put(&ada, "sub%20one/%C3%A9.txt", b"hello");
    assert_eq!(answer.status, 201);
    assert_eq!(answer.header("location"), Some("/fs/ada/sub%20one/%C3%A9.txt"));
    let told = answer.json();
    assert_eq!((told["path"].as_str(), told["size"].as_u64()), (Some("sub one/é.txt"), Some(5)));
    assert_eq!(told["etag"].as_str(), answer.header("etag"));
    let read = house.ask("GET", answer.header("location").unwrap(), &[ada.header()], b"");
    assert_eq!((read.body.as_slice(), read.header("etag")), (b"hello".as_slice(), answer.header("etag")));
}

#[test]
fn a_body_may_be_empty_or_come_in_chunks() {
    let house = House::new();
    let ada = house.join("ada");
    assert_eq!(house.ask("PUT", "/fs/ada/empty", &[ada.header(), ("Content-Length", "0")], b"").status, 201);
    assert_eq!(house.get(&ada, "empty").body, b"");
    let mut connection = house.connect();
    connection.request("PUT", "/fs/ada/chunks", &[ada.header(), ("Transfer-Encoding", "chunked")], b"");
    connection.send(b"3\r\nabc\r\n5;x=y\r\ndefgh\r\n0\r\n\r\n");
    assert_eq!(connection.answer().json()["size"], 8);
    assert_eq!(house.get(&ada, "chunks").body, b"abcdefgh");
}

#[test]
fn on_disk_a_folder_has_the_uuid_of_its_client_and_not_its_name() {
    let house = House::new();
    let ada = house.join("ada");
    house.put(&ada, "sub/a", b"1");
    let folder = format!("folders/{}", ada.id);
    assert_eq!(house.on_disk(), [folder.clone(), format!("{folder}/sub"), format!("{folder}/sub/a")]);
}

/// Security: 31.
#[test]
fn no_reader_ever_sees_a_partial_file() {
    let house = House::new();
    let ada = house.join("ada");
    let mut connection = house.connect();
    connection.request("PUT", "/fs/ada/a", &[ada.header(), ("Content-Length", "10")], b"");
    connection.send(b"01234");
    eventually("the upload is on its way", || !house.nothing_incoming());
    assert_eq!(house.get(&ada, "a").status, 404);
    assert!(house.get(&ada, "").paths().is_empty());
    connection.send(b"56789");
    assert_eq!(connection.answer().status, 201);
    assert_eq!(house.get(&ada, "a").body, b"0123456789");
    connection.request("PUT", "/fs/ada/a", &[ada.header(), ("Content-Length", "3")], b"");
    connection.send(b"ne");
    eventually("the second upload is on its way", || !house.nothing_incoming());
    assert_eq!(house.get(&ada, "a").body, b"0123456789", "the old one, whole, until the new one is there");
    connection.send(b"w");
    assert_eq!(connection.answer().status, 201);
    assert_eq!(house.get(&ada, "a").body, b"new");
}

#[test]
fn a_reader_keeps_the_version_that_it_began_to_read() {
    let house = House::new();
    let ada = house.join("ada");
    let old = vec![b'o'; 8 * 1024 * 1024];
    house.put(&ada, "a", &old);
    let mut reader = house.connect();
    reader.request("GET", "/fs/ada/a", &[ada.header()], b"");
    let (status, _) = reader.head();
    assert_eq!(house.put(&ada, "a", b"new").status, 201);
    assert_eq!(house.delete(&ada, "a").status, 200);
    assert_eq!(status, 200);
    reader.skip(old.len() as u64);
}

/// Security: 31.
#[test]
fn of_concurrent_uploads_to_one_name_one_stays_whole_and_is_counted_once() {
    let house = House::with(|options| options.folder_files = 20);
    let ada = house.join("ada");
    let start = Barrier::new(16);
    std::thread::scope(|scope| {
        for n in 0..16_u8 {
            let (house, ada, start) = (&house, &ada, &start);
            scope.spawn(move || {
                start.wait();
                assert_eq!(house.put(ada, "a", &vec![n; 100_000 + usize::from(n)]).status, 201);
            });
        }
    });
    let body = house.get(&ada, "a").body;
    assert_eq!(body.len(), 100_000 + usize::from(body[0]));
    assert!(body.iter().all(|byte| *byte == body[0]));
    assert!(house.nothing_incoming());
    for n in 1..20 {
        assert_eq!(house.put(&ada, &n.to_string(), b"").status, 201, "19 more files have room");
    }
    assert_eq!(house.put(&ada, "one-too-many", b"").status, 507);
}

#[test]
fn conditions_keep_two_writers_apart() {
    let house = House::new();
    let ada = house.join("ada");
    let put = |header: (&str, &str)| house.ask("PUT", "/fs/ada/a", &[ada.header(), header], b"1");
    assert_eq!(put(("if-match", "*")).status, 412, "nothing is there");
    let first = put(("if-none-match", "*"));
    assert_eq!(first.status, 201);
    assert_eq!(put(("if-none-match", "*")).status, 412, "something is there");
    assert_eq!(put(("if-match", &first.etag())).status, 201);
    assert_eq!(put(("if-match", &first.etag())).status, 412, "it changed since");
    assert_eq!(put(("if-match", "nonsense")).status, 412);
    let delete = |tag: &str| house.ask("DELETE", "/fs/ada/a", &[ada.header(), ("if-match", tag)], b"").status;
    assert_eq!(delete(&first.etag()), 412);
    assert_eq!(delete(&house.get(&ada, "a").etag()), 200);
}

#[test]
fn of_two_that_create_one_file_at_once_only_one_does() {
    let house = House::new();
    let ada = house.join("ada");
    let mut writers = [house.connect(), house.connect()];
    for writer in &mut writers {
        writer.request("PUT", "/fs/ada/a", &[ada.header(), ("if-none-match", "*"), ("content-length", "2")], b"");
        writer.send(b"x");
    }
    eventually("both are on their way", || house.on_disk().len() == 2);
    let mut statuses = writers.map(|mut writer| {
        writer.send(b"y");
        writer.answer().status
    });
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 412]);
    assert!(house.nothing_incoming());
}

#[test]
fn delete_removes_a_file_and_says_so() {
    let house = House::new();
    let ada = house.join("ada");
    house.put(&ada, "a", b"12");
    house.put(&ada, "b", b"1");
    let answer = house.delete(&ada, "a");
    assert_eq!((answer.status, answer.json()), (200, serde_json::json!({ "path": "a", "files": 1, "bytes": 2 })));
    assert_eq!(house.get(&ada, "a").status, 404);
    assert_eq!(house.delete(&ada, "a").status, 404);
    assert_eq!(house.get(&ada, "").paths(), ["b"]);
}

#[test]
fn a_folder_is_removed_whole_and_nothing_else_is() {
    let house = House::new();
    let ada = house.join("ada");
    for path in ["a", "sub/b", "sub/c", "sub/deep/d", "subway/e"] {
        house.put(&ada, path, b"12");
    }
    let answer = house.delete(&ada, "sub/");
    assert_eq!((answer.status, answer.json()), (200, serde_json::json!({ "path": "sub/", "files": 3, "bytes": 6 })));
    assert_eq!(house.get(&ada, "sub/").status, 404);
    assert_eq!(house.get(&ada, "").paths(), ["a", "subway/"]);
    assert_eq!(house.delete(&ada, "").json()["files"], 2, "the client's own folder is emptied");
    assert_eq!(house.get(&ada, "").body, b"[]");
    assert!(house.on_disk().is_empty());
    assert_eq!(house.delete(&ada, "").status, 200, "and stays the client's");
    assert_eq!(house.put(&ada, "a", b"1").status, 201);
}

#[test]
fn a_sub_folder_is_there_until_it_is_deleted() {
    let house = House::new();
    let ada = house.join("ada");
    house.put(&ada, "sub/a", b"1");
    house.delete(&ada, "sub/a");
    assert_eq!(house.get(&ada, "sub/").body, b"[]");
    assert_eq!(house.put(&ada, "sub", b"1").status, 409);
    assert_eq!(house.delete(&ada, "sub/").status, 200);
    assert_eq!(house.put(&ada, "sub", b"1").status, 201);
}

#[test]
fn an_upload_into_a_folder_that_is_deleted_meanwhile_makes_it_again() {
    let house = House::new();
    let ada = house.join("ada");
    house.put(&ada, "sub/a", b"1");
    let mut connection = house.connect();
    connection.request("PUT", "/fs/ada/sub/b", &[ada.header(), ("Content-Length", "2")], b"");
    connection.send(b"x");
    eventually("the upload is on its way", || !house.nothing_incoming());
    house.delete(&ada, "sub/");
    connection.send(b"y");
    assert_eq!(connection.answer().status, 201);
    assert_eq!(house.get(&ada, "sub/").paths(), ["sub/b"]);
}

#[test]
fn a_part_of_a_file_cannot_be_put() {
    let house = House::new();
    let ada = house.join("ada");
    let answer = house.ask("PUT", "/fs/ada/a", &[ada.header(), ("content-range", "bytes 0-0/2")], b"1");
    assert_eq!(answer.status, 400);
}

#[test]
fn other_methods_are_405() {
    let house = House::new();
    let ada = house.join("ada");
    for method in ["PATCH", "MKCOL", "TRACE"] {
        let answer = house.ask(method, "/fs/ada/a", &[ada.header()], b"");
        assert_eq!((answer.status, answer.header("allow").is_some()), (405, true), "{method}");
    }
}
