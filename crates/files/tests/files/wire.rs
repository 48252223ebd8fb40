//! What follows a request on its connection is never taken for something else.

use crate::house::{House, eventually};

/// A request that would delete, if anybody took a body for it.
fn smuggled(person: &crate::house::Person) -> Vec<u8> {
    format!("DELETE /fs/{}/a HTTP/1.1\r\nHost: hub\r\nx-fs-key: {}\r\n\r\n", person.name, person.header().1).into_bytes()
}

#[test]
fn the_body_of_a_refused_upload_is_never_taken_for_a_request() {
    let house = House::with(|options| options.file_bytes = 5_000);
    let ada = house.join("ada");
    house.put(&ada, "a", b"1");
    let refused = [
        ("PUT", "/fs/ada/big", ada.header(), 413),
        ("PUT", "/fs/ada/a/b", ada.header(), 409),
        ("PUT", "/fs/ada/..", ada.header(), 400),
        ("PUT", "/fs/ada/b", ("x-fs-key", "nonsense"), 400),
        ("PUT", "/fs/ada/b", ("x-nothing", "1"), 401),
        ("PUT", "/fs/nobody/b", ada.header(), 404),
        ("POST", "/fs/ada/b", ada.header(), 415),
        ("PATCH", "/fs/ada/b", ada.header(), 405),
        ("GET", "/fs/ada/a", ada.header(), 200),
        ("DELETE", "/fs/ada/b", ada.header(), 404),
    ];
    for (method, path, key, status) in refused {
        let body = smuggled(&ada).repeat(if status == 413 { 100 } else { 10 });
        let mut connection = house.connect();
        connection.request(method, path, &[key], &body);
        let answer = connection.answer_to(method);
        assert_eq!((answer.status, answer.header("connection")), (status, Some("close")), "{method} {path}");
        assert!(connection.rest().is_empty(), "{method} {path}: one request, one answer");
    }
    assert_eq!(house.get(&ada, "a").body, b"1");
}

#[test]
fn the_answer_to_a_refused_upload_reaches_who_sends_it_all_before_reading() {
    let house = House::with(|options| options.file_bytes = 10_000);
    let ada = house.join("ada");
    let body = vec![0; 12 * 1024 * 1024];
    let mut connection = house.connect();
    connection.request("PUT", "/fs/ada/a", &[ada.header()], &body);
    assert_eq!(connection.answer().status, 413);
    assert!(connection.rest().is_empty());
}

#[test]
fn a_connection_goes_on_after_a_refusal_without_a_rest() {
    let house = House::with(|options| options.folder_bytes = 10);
    let ada = house.join("ada");
    let mut connection = house.connect();
    let steps = [
        ("GET", "/fs/ada/a", b"".as_slice(), 404),
        ("PUT", "/fs/ada/a", b"1", 201),
        ("GET", "/fs/ada/..", b"", 400),
        ("GET", "/fs/ada/a/", b"", 409),
        ("PUT", "/fs/ada/a", b"12", 201),
        ("DELETE", "/fs/ada/a", b"", 200),
    ];
    for (method, path, body, status) in steps {
        connection.request(method, path, &[ada.header()], body);
        assert_eq!(connection.answer().status, status, "{method} {path}");
    }
}

#[test]
fn requests_may_follow_each_other_without_waiting() {
    let house = House::new();
    let ada = house.join("ada");
    let mut connection = house.connect();
    connection.request("PUT", "/fs/ada/a", &[ada.header()], b"1");
    connection.request("GET", "/fs/ada/a", &[ada.header()], b"");
    connection.request("PUT", "/fs/ada/a", &[ada.header()], b"22");
    connection.request("GET", "/fs/ada/a", &[ada.header()], b"");
    assert_eq!([(); 4].map(|()| connection.answer().status), [201, 200, 201, 200]);
}

#[test]
fn who_waits_for_100_continue_is_refused_without_it_and_accepted_with_it() {
    let house = House::with(|options| options.file_bytes = 10);
    let ada = house.join("ada");
    let expect = ("Expect", "100-continue");
    let mut refused = house.connect();
    refused.request("PUT", "/fs/ada/a", &[ada.header(), expect, ("Content-Length", "11")], b"");
    let answer = refused.answer();
    assert_eq!((answer.status, answer.header("connection")), (413, Some("close")));
    assert!(refused.rest().is_empty());
    let mut accepted = house.connect();
    accepted.request("PUT", "/fs/ada/a", &[ada.header(), expect, ("Content-Length", "2")], b"");
    assert_eq!(accepted.answer().status, 100);
    accepted.send(b"ok");
    assert_eq!(accepted.answer().status, 201);
}

/// Security: 31.
#[test]
fn two_lengths_are_never_two_opinions() {
    // With both, RFC 9112 lets chunks decide and wants the connection closed.
    let house = House::new();
    let ada = house.join("ada");
    house.put(&ada, "a", b"1");
    for lengths in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: 5, 6",
        "Content-Length: +5",
        "Content-Length: -1",
        "Transfer-Encoding: gzip",
        "Transfer-Encoding: chunked, identity",
    ] {
        let mut connection = house.connect();
        connection.send(
            format!("PUT /fs/ada/b HTTP/1.1\r\nHost: hub\r\nx-fs-key: {}\r\n{lengths}\r\n\r\n0\r\n\r\n", ada.header().1)
                .as_bytes(),
        );
        connection.send(&smuggled(&ada));
        let said = String::from_utf8(connection.rest()).unwrap();
        assert_eq!(said.matches("HTTP/1.1 ").count(), 1, "{lengths}: {said}");
        assert!(said.contains("\r\nconnection: close\r\n"), "{lengths}: {said}");
        let status = if lengths.contains('\n') && lengths.contains("chunked") { "201" } else { "400" };
        assert!(said.starts_with(&format!("HTTP/1.1 {status} ")), "{lengths}: {said}");
    }
    assert_eq!(house.get(&ada, "a").body, b"1");
}

/// Security: 31.
#[test]
fn broken_chunks_leave_nothing_behind() {
    let house = House::new();
    let ada = house.join("ada");
    for body in ["zz\r\nabc", "-1\r\nabc", "3\r\nabcX", "fffffffffffffffff\r\nabc"] {
        let mut connection = house.connect();
        connection.request("PUT", "/fs/ada/a", &[ada.header(), ("Transfer-Encoding", "chunked")], b"");
        connection.send(body.as_bytes());
        connection.send(&smuggled(&ada));
        let said = String::from_utf8(connection.rest()).unwrap();
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 400 "), "{body}: {said}");
        assert!(said.matches("HTTP/1.1 ").count() <= 1, "{body}: {said}");
        eventually("nothing is left", || house.on_disk().is_empty());
    }
}

/// Security: 31.
#[test]
fn an_upload_that_breaks_off_leaves_nothing_behind() {
    let house = House::new();
    let ada = house.join("ada");
    house.put(&ada, "a", b"old");
    let before = house.on_disk();
    for headers in [[ada.header(), ("Content-Length", "1000000")], [ada.header(), ("Transfer-Encoding", "chunked")]] {
        let mut connection = house.connect();
        connection.request("PUT", "/fs/ada/a", &headers, b"");
        connection.send(b"fff\r\nnew");
        eventually("it is on its way", || !house.nothing_incoming());
        drop(connection);
        eventually("nothing is left", || house.on_disk() == before);
    }
    assert_eq!(house.get(&ada, "a").body, b"old");
}
