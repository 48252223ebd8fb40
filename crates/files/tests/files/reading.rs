//! GET and HEAD.

use crate::house::House;

/// Security: 32.
#[test]
fn a_file_comes_back_with_its_type_and_its_name_and_no_browser_renders_it() {
    let house = House::new();
    let ada = house.join("ada");
    house.put(&ada, "page.html", b"<script>alert(1)</script>");
    let answer = house.get(&ada, "page.html");
    assert_eq!((answer.status, answer.body.as_slice()), (200, b"<script>alert(1)</script>".as_slice()));
    assert_eq!(answer.header("content-type"), Some("text/html"));
    assert_eq!(answer.header("content-length"), Some("25"));
    assert_eq!(answer.header("content-disposition"), Some("attachment; filename=\"page.html\"; filename*=UTF-8''page.html"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(answer.header("content-security-policy"), Some("sandbox; default-src 'none'"));
    assert_eq!(answer.header("accept-ranges"), Some("bytes"));
    assert!(answer.header("last-modified").is_some_and(|date| date.ends_with("GMT")));
}

#[test]
fn the_type_goes_by_the_extension_whatever_was_said_on_upload() {
    let house = House::new();
    let ada = house.join("ada");
    let cases = [
        ("a.png", "image/png"),
        ("a.JSON", "application/json"),
        ("a", "application/octet-stream"),
        ("a.zzz", "application/octet-stream"),
    ];
    for (name, kind) in cases {
        house.ask("PUT", &ada.path(name), &[ada.header(), ("content-type", "text/html")], b"x");
        assert_eq!(house.get(&ada, name).header("content-type"), Some(kind), "{name}");
    }
}

/// Security: 32.
#[test]
fn names_are_told_in_ascii_and_exactly_and_inject_nothing() {
    let house = House::new();
    let ada = house.join("ada");
    let cases = [
        ("caf%C3%A9%20%E2%82%AC.txt", "attachment; filename=\"caf_ _.txt\"; filename*=UTF-8''caf%C3%A9%20%E2%82%AC.txt"),
        ("a%22%3B%20b%25.txt", "attachment; filename=\"a_; b_.txt\"; filename*=UTF-8''a%22%3B%20b%25.txt"),
        ("a%0D%0Ax-evil:%201", "attachment; filename=\"a__x-evil: 1\"; filename*=UTF-8''a%0D%0Ax-evil%3A%201"),
        ("o'neil(*)", "attachment; filename=\"o'neil(*)\"; filename*=UTF-8''o%27neil%28%2A%29"),
    ];
    for (path, disposition) in cases {
        assert_eq!(house.put(&ada, path, b"1").status, 201, "{path}");
        let answer = house.get(&ada, path);
        assert_eq!(answer.header("content-disposition"), Some(disposition));
        assert!(answer.header("x-evil").is_none());
    }
}

#[test]
fn head_says_what_get_says_and_sends_nothing() {
    let house = House::new();
    let ada = house.join("ada");
    house.put(&ada, "a.txt", b"12345");
    let get = house.get(&ada, "a.txt");
    let mut connection = house.connect();
    connection.request("HEAD", &ada.path("a.txt"), &[ada.header()], b"");
    let head = connection.answer_to("HEAD");
    for name in ["content-type", "content-length", "etag", "last-modified", "content-disposition"] {
        assert_eq!(head.header(name), get.header(name), "{name}");
    }
    connection.request("GET", &ada.path("a.txt"), &[ada.header()], b"");
    assert_eq!(connection.answer().body, b"12345", "the connection goes on right after the head");
}

#[test]
fn a_range_is_206_and_one_beyond_the_end_416() {
    let house = House::new();
    let ada = house.join("ada");
    house.put(&ada, "a", b"0123456789");
    for (range, body, told) in
        [("bytes=2-4", "234", "bytes 2-4/10"), ("bytes=7-", "789", "bytes 7-9/10"), ("bytes=-2", "89", "bytes 8-9/10")]
    {
        let answer = house.get_with(&ada, "a", ("range", range));
        assert_eq!((answer.status, answer.body.as_slice()), (206, body.as_bytes()), "{range}");
        assert_eq!(answer.header("content-range"), Some(told));
        assert_eq!(answer.header("content-length"), Some(body.len().to_string().as_str()));
    }
    let beyond = house.get_with(&ada, "a", ("range", "bytes=10-"));
    assert_eq!((beyond.status, beyond.header("content-range")), (416, Some("bytes */10")));
}

/// Security: 32.
#[test]
fn several_ranges_get_the_whole_file_once() {
    let house = House::new();
    let ada = house.join("ada");
    house.put(&ada, "a", b"0123456789");
    let many = format!("bytes={}", vec!["0-"; 1_000].join(","));
    for range in ["bytes=0-1,4-5", many.as_str()] {
        let answer = house.get_with(&ada, "a", ("range", range));
        assert_eq!((answer.status, answer.body.len()), (200, 10));
    }
}

#[test]
fn a_range_of_another_version_is_the_whole_file() {
    let house = House::new();
    let ada = house.join("ada");
    let old = house.put(&ada, "a", b"0123456789").etag();
    let ask = |tag: &str| house.ask("GET", "/fs/ada/a", &[ada.header(), ("range", "bytes=0-1"), ("if-range", tag)], b"").status;
    assert_eq!(ask(&old), 206);
    house.put(&ada, "a", b"9876543210");
    assert_eq!(ask(&old), 200);
    let date = house.get(&ada, "a").header("last-modified").unwrap().to_owned();
    assert_eq!(ask(&date), 200, "a date tells no two writes of one second apart");
}

/// Security: 32.
#[test]
fn an_entity_tag_is_strong_and_changes_with_every_write() {
    let house = House::new();
    let ada = house.join("ada");
    let mut tags: Vec<String> = (0..50).map(|_| house.put(&ada, "a", b"same").etag()).collect();
    assert!(tags.iter().all(|tag| tag.starts_with('"') && tag.ends_with('"')));
    assert_eq!(&house.get(&ada, "a").etag(), tags.last().unwrap());
    tags.sort();
    tags.dedup();
    assert_eq!(tags.len(), 50);
}

#[test]
fn who_has_the_file_already_gets_304() {
    let house = House::new();
    let ada = house.join("ada");
    let etag = house.put(&ada, "a", b"1").etag();
    let date = house.get(&ada, "a").header("last-modified").unwrap().to_owned();
    let weak = format!("\"other\", W/{etag}");
    for header in
        [("if-none-match", etag.as_str()), ("if-none-match", &weak), ("if-none-match", "*"), ("if-modified-since", &date)]
    {
        let answer = house.get_with(&ada, "a", header);
        assert_eq!((answer.status, answer.header("etag")), (304, Some(etag.as_str())), "{header:?}");
        assert!(answer.body.is_empty());
        assert_eq!(answer.header("content-length"), None, "that would be the length of the file");
    }
    for header in [
        ("if-none-match", "\"other\""),
        ("if-modified-since", "Thu, 01 Jan 1970 00:00:01 GMT"),
        ("if-modified-since", "nonsense"),
    ] {
        assert_eq!(house.get_with(&ada, "a", header).status, 200, "{header:?}");
    }
    let both = [ada.header(), ("if-none-match", "\"other\""), ("if-modified-since", &date)];
    assert_eq!(house.ask("GET", "/fs/ada/a", &both, b"").status, 200, "the tag decides");
}

#[test]
fn reading_on_a_condition_that_fails_is_412() {
    let house = House::new();
    let ada = house.join("ada");
    let etag = house.put(&ada, "a", b"1").etag();
    assert_eq!(house.get_with(&ada, "a", ("if-match", &etag)).status, 200);
    assert_eq!(house.get_with(&ada, "a", ("if-match", "\"other\"")).status, 412);
}

#[test]
fn a_path_that_ends_in_a_slash_lists_the_folder() {
    let house = House::new();
    let ada = house.join("ada");
    house.put(&ada, "b.txt", b"12");
    house.put(&ada, "sub/deep/c.txt", b"123");
    let etag = house.put(&ada, "a.txt", b"1").etag();
    let root = house.get(&ada, "");
    assert_eq!((root.status, root.header("content-type")), (200, Some("application/json")));
    assert_eq!(root.paths(), ["a.txt", "b.txt", "sub/"]);
    let first = &root.json()[0];
    assert_eq!((first["size"].as_u64(), first["etag"].as_str()), (Some(1), Some(etag.as_str())));
    assert!(first["modified"].as_u64().unwrap() > 1_600_000_000_000);
    let folder = &root.json()[2];
    assert_eq!((folder["size"].as_u64(), folder["etag"].as_str()), (Some(0), Some("")));
    assert_eq!(house.get(&ada, "sub/").paths(), ["sub/deep/"]);
    assert_eq!(house.get(&ada, "sub/deep/").paths(), ["sub/deep/c.txt"]);
    assert_eq!(house.ask("HEAD", &ada.path("sub/"), &[ada.header()], b"").status, 200);
}

#[test]
fn a_client_owns_its_folder_before_it_ever_wrote() {
    let house = House::new();
    let ada = house.join("ada");
    let answer = house.get(&ada, "");
    assert_eq!((answer.status, answer.body.as_slice()), (200, b"[]".as_slice()));
    assert!(house.on_disk().is_empty(), "on disk it is made by the first write");
}

#[test]
fn a_long_listing_is_whole() {
    let house = House::new();
    let ada = house.join("ada");
    let mut connection = house.connect();
    for n in 0..200 {
        connection.request("PUT", &ada.path(&format!("{n:03}")), &[ada.header(), ("Content-Length", "0")], b"");
        assert_eq!(connection.answer().status, 201);
    }
    assert_eq!(house.get(&ada, "").paths(), (0..200).map(|n| format!("{n:03}")).collect::<Vec<_>>());
}

#[test]
fn a_folder_where_a_file_is_meant_or_the_reverse_is_409() {
    let house = House::new();
    let ada = house.join("ada");
    house.put(&ada, "file", b"1");
    house.put(&ada, "folder/a", b"1");
    for method in ["GET", "HEAD", "DELETE"] {
        for path in ["/fs/ada/file/", "/fs/ada/file/x", "/fs/ada/folder", "/fs/ada"] {
            assert_eq!(house.ask(method, path, &[ada.header()], b"").status, 409, "{method} {path}");
        }
    }
    for path in ["/fs/ada/file/x", "/fs/ada/folder", "/fs/ada/folder/", "/fs/ada/new/", "/fs/ada", "/fs/ada/"] {
        assert_eq!(house.ask("PUT", path, &[ada.header()], b"1").status, 409, "PUT {path}");
    }
    assert_eq!(house.get(&ada, "").paths(), ["file", "folder/"]);
}
