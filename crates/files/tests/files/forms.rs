//! POST of multipart/form-data.

use crate::house::{Answer, House, Person};

const FORM: (&str, &str) = ("content-type", "multipart/form-data; boundary=XX");

fn post(house: &House, person: &Person, path: &str, body: &[u8]) -> Answer {
    house.ask("POST", &person.path(path), &[person.header(), FORM], body)
}

fn file(name: &str, content: &[u8]) -> Vec<u8> {
    let head =
        format!("--XX\r\nContent-Disposition: form-data; name=\"f\"; filename=\"{name}\"\r\nContent-Type: text/plain\r\n\r\n");
    [head.as_bytes(), content, b"\r\n"].concat()
}

fn form(parts: &[Vec<u8>]) -> Vec<u8> {
    [parts.concat().as_slice(), b"--XX--\r\n"].concat()
}

#[test]
fn a_file_goes_below_a_path_that_ends_in_a_slash() {
    let house = House::new();
    let ada = house.join("ada");
    let answer = post(&house, &ada, "sub/", &form(&[file("é 1.txt", b"hello")]));
    assert_eq!((answer.status, answer.header("location")), (201, Some("/fs/ada/sub/%C3%A9%201.txt")));
    assert_eq!((answer.json()["path"].as_str(), answer.json()["size"].as_u64()), (Some("sub/é 1.txt"), Some(5)));
    assert_eq!(house.get(&ada, "sub/%C3%A9%201.txt").body, b"hello");
}

#[test]
fn a_file_takes_the_path_that_does_not_whatever_its_name() {
    let house = House::new();
    let ada = house.join("ada");
    let answer = post(&house, &ada, "sub/a", &form(&[file("../../b", b"hello")]));
    assert_eq!((answer.status, answer.header("location")), (201, Some("/fs/ada/sub/a")));
    assert_eq!(house.get(&ada, "sub/a").body, b"hello");
    let two = post(&house, &ada, "sub/a", &form(&[file("a", b"1"), file("b", b"2")]));
    assert_eq!((two.status, two.error().as_str()), (409, "PARTS_COLLIDE"));
    assert_eq!(house.get(&ada, "sub/a").body, b"hello");
}

/// Security: 33.
#[test]
fn several_files_are_a_list() {
    let house = House::new();
    let ada = house.join("ada");
    let answer = post(&house, &ada, "", &form(&[file("a", b"1"), file("sub/b", b"22"), file("c", b"")]));
    assert_eq!((answer.status, answer.header("location")), (201, Some("/fs/ada/")));
    assert_eq!(answer.paths(), ["a", "sub/b", "c"]);
    assert_eq!(answer.json()[1]["etag"].as_str(), house.get(&ada, "sub/b").header("etag"));
    assert_eq!(house.get(&ada, "c").body, b"");
}

#[test]
fn parts_without_a_file_name_are_no_files() {
    let house = House::new();
    let ada = house.join("ada");
    let field = b"--XX\r\nContent-Disposition: form-data; name=\"comment\"\r\n\r\nhello\r\n".to_vec();
    assert_eq!(post(&house, &ada, "", &form(&[field.clone(), file("", b""), file("a", b"1"), field.clone()])).status, 201);
    assert_eq!(house.get(&ada, "").paths(), ["a"]);
    assert_eq!(post(&house, &ada, "", &form(&[field])).status, 400, "a form without a file");
    assert_eq!(post(&house, &ada, "", &form(&[])).status, 400);
}

#[test]
fn contents_that_look_like_boundaries_survive() {
    let house = House::new();
    let ada = house.join("ada");
    let content = [b"\r\n--X\r\n--XY\r\n-\r\n\r\n--".as_slice(), &[b'\r'; 100_000], b"\r\n--X"].concat();
    assert_eq!(post(&house, &ada, "", &form(&[file("a", &content)])).status, 201);
    assert_eq!(house.get(&ada, "a").body, content);
}

#[test]
fn a_form_may_come_in_pieces_of_one_byte() {
    let house = House::new();
    let ada = house.join("ada");
    let body = form(&[file("a", b"one"), file("b", b"two\r\n--")]);
    let mut connection = house.connect();
    connection.request("POST", "/fs/ada/", &[ada.header(), FORM, ("Transfer-Encoding", "chunked")], b"");
    for byte in body {
        connection.send(&[b'1', b'\r', b'\n', byte, b'\r', b'\n']);
    }
    connection.send(b"0\r\n\r\n");
    assert_eq!(connection.answer().status, 201);
    assert_eq!(house.get(&ada, "b").body, b"two\r\n--");
}

/// Security: 33.
#[test]
fn file_names_obey_the_rules_of_paths() {
    let house = House::new();
    let ada = house.join("ada");
    for name in ["..", "../a", "a/../b", "/etc/passwd", "a\\b", "C:\\a", "~a", "a//b", "a/"] {
        let answer = post(&house, &ada, "sub/", &form(&[file("fine", b"1"), file(name, b"1")]));
        assert!(matches!(answer.status, 400 | 409), "{name}: {}", answer.status);
    }
    assert!(house.on_disk().is_empty(), "nor is the part that was fine kept");
    assert_eq!(post(&house, &ada, "", &form(&[file("%2e%2e", b"1")])).json()["path"], "%2e%2e", "a file name is not encoded");
    assert_eq!(post(&house, &ada, &"d/".repeat(31), &form(&[file("a/b", b"1")])).status, 400);
    assert_eq!(post(&house, &ada, "", &form(&[file("x\"; evil=\"y", b"1")])).json()["path"], "x");
}

#[test]
fn all_files_of_a_form_are_stored_or_none() {
    let house = House::with(|options| {
        options.file_bytes = 1_000;
        options.folder_bytes = 1_500;
        options.folder_files = 5;
    });
    let ada = house.join("ada");
    house.put(&ada, "file", b"");
    house.put(&ada, "folder/x", b"");
    let before = house.on_disk();
    let refused = |parts: &[Vec<u8>]| post(&house, &ada, "", &form(parts)).status;
    assert_eq!(refused(&[file("a", b"1"), file("b", &[0; 1_001])]), 413);
    assert_eq!(refused(&[file("a", &[0; 800]), file("b", &[0; 701])]), 507);
    assert_eq!(refused(&[file("a", b""), file("b", b""), file("c", b""), file("d", b"")]), 507);
    assert_eq!(refused(&[file("a", b"1"), file("folder", b"1")]), 409);
    assert_eq!(refused(&[file("a", b"1"), file("file/b", b"1")]), 409);
    assert_eq!(refused(&[file("a", b"1"), file("a/b", b"1")]), 409);
    assert_eq!(refused(&[file("a", b"1"), file("a", b"2")]), 409);
    assert_eq!(house.on_disk(), before);
    assert_eq!(refused(&[file("a", &[0; 800]), file("b", &[0; 700])]), 201);
}

/// Security: 33.
#[test]
fn malformed_forms_are_refused_and_leave_nothing_behind() {
    let house = House::new();
    let ada = house.join("ada");
    let ask = |kind: &str, body: &[u8]| house.ask("POST", "/fs/ada/", &[ada.header(), ("content-type", kind)], body).status;
    let whole = form(&[file("a", b"1")]);
    assert_eq!(ask("multipart/form-data", &whole), 400, "no boundary");
    assert_eq!(ask("multipart/form-data; boundary=", &whole), 400);
    assert_eq!(ask(&format!("multipart/form-data; boundary={}", "X".repeat(71)), &whole), 400);
    assert_eq!(ask("multipart/form-data; boundary=YY", &whole), 400, "another boundary");
    assert_eq!(ask("multipart/mixed; boundary=XX", &whole), 415);
    assert_eq!(ask("application/x-www-form-urlencoded", b"a=b"), 415);
    assert_eq!(house.ask("POST", "/fs/ada/", &[ada.header()], b"a").status, 415);
    for cut in [0, 1, 10, 60, whole.len() - 11, whole.len() - 7, whole.len() - 4] {
        assert_eq!(ask(FORM.1, &whole[..cut]), 400, "cut after {cut} of {}", whole.len());
    }
    let garbage: Vec<u8> = (0..200_000_u32).map(|n| (n * 31 % 251) as u8).collect();
    assert_eq!(ask(FORM.1, &garbage), 400);
    let endless_head = [b"--XX\r\nContent-Disposition: form-data; name=\"".as_slice(), &[b'a'; 1_000_000]].concat();
    assert_eq!(ask(FORM.1, &endless_head), 400);
    let mut long_field = b"--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n".to_vec();
    long_field.extend(vec![b'a'; 1_000_000]);
    assert_eq!(ask(FORM.1, &[long_field.as_slice(), b"\r\n", &whole].concat()), 400);
    assert_eq!(ask(FORM.1, &[whole.as_slice(), &[b'a'; 1_000_000]].concat()), 400, "an endless end");
    assert!(house.on_disk().is_empty());
}

/// Security: 33.
#[test]
fn a_form_has_a_thousand_parts_and_no_more() {
    let house = House::new();
    let ada = house.join("ada");
    let field = b"--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\r\n".to_vec();
    let mut parts = vec![field; 999];
    parts.push(file("a", b"1"));
    assert_eq!(post(&house, &ada, "", &form(&parts)).status, 201);
    parts.push(file("b", b"1"));
    assert_eq!(post(&house, &ada, "", &form(&parts)).status, 413);
    assert_eq!(house.get(&ada, "").paths(), ["a"]);
}

/// Security: 33.
#[test]
fn a_form_in_a_form_is_a_file_like_any_other() {
    let house = House::new();
    let ada = house.join("ada");
    let inner = b"--YY\r\nContent-Disposition: file; filename=\"b\"\r\n\r\n1\r\n--YY--";
    assert_eq!(post(&house, &ada, "", &form(&[file("a", inner)])).status, 201);
    assert_eq!(house.get(&ada, "").paths(), ["a"]);
    assert_eq!(house.get(&ada, "a").body, inner);
}
