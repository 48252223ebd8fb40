//! What a path may be, and that none leads out of its folder.

use std::os::unix::fs::symlink;

use crate::house::House;

const SECRET: &[u8] = b"outside";

/// A house with a secret beside the folders, and the folder of ada made.
fn house_with_a_secret() -> (House, crate::house::Person) {
    let house = House::new();
    let ada = house.join("ada");
    house.put(&ada, "a", b"1");
    std::fs::create_dir(house.root.join("folders/outside")).unwrap();
    std::fs::write(house.root.join("folders/outside/secret"), SECRET).unwrap();
    (house, ada)
}

/// Security: 30.
#[test]
fn paths_that_could_mean_something_else_are_400() {
    let (house, ada) = house_with_a_secret();
    let before = house.on_disk();
    let paths = [
        "../outside/secret",
        "..",
        "../",
        ".",
        "./a",
        "a/.",
        "a/../a",
        "sub/../a",
        "..%2foutside%2fsecret",
        "%2e%2e/outside/secret",
        "%2e%2e%2foutside%2fsecret",
        ".%2e/outside/secret",
        "%2E",
        "..\\outside\\secret",
        "..%5coutside%5csecret",
        "a%5cb",
        "a\\b",
        "//",
        "/a",
        "a//b",
        "sub//",
        "a%00",
        "%00",
        "a%2fb",
        "%2fetc%2fpasswd",
        "/etc/passwd",
        "~",
        "~root/a",
        "%7eroot",
        "sub/~",
        "%",
        "a%2",
        "a%zz",
        "%ff",
        "%c0%ae%c0%ae/outside/secret",
    ];
    for path in paths {
        for method in ["GET", "HEAD", "PUT", "POST", "DELETE"] {
            let answer = house.ask(method, &ada.path(path), &[ada.header()], b"");
            assert_eq!(answer.status, 400, "{method} {path}");
        }
    }
    assert_eq!(house.on_disk(), before);
}

/// Security: 30.
#[test]
fn the_name_in_the_path_leads_nowhere_else_either() {
    let (house, ada) = house_with_a_secret();
    for path in [
        "/fs/../folders/outside/secret",
        "/fs/%2e%2e/a",
        "/fs/ada%2f..%2foutside/secret",
        "/fs//a",
        "/fs/./ada/a",
        "/fs/ada%00/a",
    ] {
        assert_eq!(house.ask("GET", path, &[ada.header()], b"").status, 400, "{path}");
    }
    assert_eq!(house.ask("GET", "/fs/outside/secret", &[ada.header()], b"").status, 404);
    assert_eq!(house.ask("GET", &format!("/fs/{}/a", ada.id), &[ada.header()], b"").status, 404, "a uuid is no name");
    assert_eq!(house.ask("GET", "/fs/%61da/a", &[ada.header()], b"").body, b"1", "an encoded name is that name");
}

/// Security: 30.
#[test]
fn percent_decoding_happens_once() {
    let house = House::new();
    let ada = house.join("ada");
    for (path, name) in [("%252e%252e", "%2e%2e"), ("..%252fa", "..%2fa"), ("%2525", "%25"), ("a+b%20c", "a+b c")] {
        let answer = house.put(&ada, path, path.as_bytes());
        assert_eq!((answer.status, answer.json()["path"].as_str()), (201, Some(name)));
        assert!(house.folder(&ada).join(name).is_file(), "{name}");
        assert_eq!(house.get(&ada, path).body, path.as_bytes());
        let location = answer.header("location").unwrap();
        assert_eq!(house.ask("GET", location, &[ada.header()], b"").body, path.as_bytes(), "{location}");
    }
}

/// Security: 30.
#[test]
fn names_that_only_look_odd_are_names() {
    let house = House::new();
    let ada = house.join("ada");
    for path in [
        "...",
        "..a",
        "a..",
        ".hidden",
        "a~",
        "trailing.",
        "trailing%20",
        "CON",
        "-rf",
        "a:b",
        "%0a",
        "%F0%9F%8E%89",
        "a;b=c,d",
        "a&b",
    ] {
        assert_eq!(house.put(&ada, path, path.as_bytes()).status, 201, "{path}");
        assert_eq!(house.get(&ada, path).body, path.as_bytes());
    }
    assert_eq!(house.ask("GET", "/fs/ada/a~?x=../..", &[ada.header()], b"").body, b"a~", "a query means nothing");
}

/// Security: 30.
#[test]
fn a_component_has_255_bytes_and_a_path_32_components() {
    let house = House::new();
    let ada = house.join("ada");
    assert_eq!(house.put(&ada, &"a".repeat(255), b"1").status, 201);
    assert_eq!(house.put(&ada, &"a".repeat(256), b"1").status, 400);
    assert_eq!(house.put(&ada, &"%C3%A9".repeat(127), b"1").status, 201);
    assert_eq!(house.put(&ada, &"%C3%A9".repeat(128), b"1").status, 400, "bytes, not characters");
    let deep = |depth: usize| vec!["d"; depth].join("/");
    assert_eq!(house.put(&ada, &deep(32), b"1").status, 201);
    assert_eq!(house.get(&ada, &deep(32)).body, b"1");
    assert_eq!(house.get(&ada, &format!("{}/", deep(31))).paths(), [deep(32)]);
    assert_eq!(house.put(&ada, &deep(33), b"1").status, 400);
    assert_eq!(house.get(&ada, &deep(1_000)).status, 400);
}

/// Security: 30.
#[test]
fn no_symbolic_link_is_followed() {
    let (house, ada) = house_with_a_secret();
    let folder = house.folder(&ada);
    let secret = house.root.join("folders/outside/secret");
    symlink("../outside/secret", folder.join("to-file")).unwrap();
    symlink(secret.parent().unwrap(), folder.join("to-folder")).unwrap();
    symlink("a", folder.join("to-a")).unwrap();
    assert_eq!(house.get(&ada, "to-file").status, 404);
    assert_eq!(house.get(&ada, "to-a").status, 404, "not even inside the folder");
    for path in ["to-folder/secret", "to-folder/"] {
        assert_eq!(house.get(&ada, path).status, 409, "{path}");
    }
    assert_eq!(house.put(&ada, "to-folder/new", b"1").status, 409);
    assert_eq!(house.delete(&ada, "to-folder/secret").status, 409);
    assert_eq!(house.delete(&ada, "to-folder/").status, 404);
    assert_eq!(house.get(&ada, "").paths(), ["a"], "nor is one listed");
    assert_eq!(house.put(&ada, "to-file", b"mine").status, 201, "an upload takes its place");
    assert_eq!(house.get(&ada, "to-file").body, b"mine");
    assert_eq!(house.delete(&ada, "").status, 200);
    assert_eq!(std::fs::read(secret).unwrap(), SECRET);
    assert!(!house.root.join("folders/outside/new").exists());
}

/// Security: 30.
#[test]
fn a_folder_that_is_itself_a_link_is_not_entered() {
    let (house, _) = house_with_a_secret();
    let bob = house.join("bob");
    symlink("outside", house.folder(&bob)).unwrap();
    assert_ne!(house.get(&bob, "secret").status, 200);
    assert_ne!(house.put(&bob, "secret", b"overwritten").status, 201);
    assert_eq!(std::fs::read(house.root.join("folders/outside/secret")).unwrap(), SECRET);
    house.leave(&bob);
    assert_eq!(std::fs::read(house.root.join("folders/outside/secret")).unwrap(), SECRET);
}

/// Security: 30.
#[test]
fn hard_links_and_pipes_are_not_read() {
    let (house, ada) = house_with_a_secret();
    std::fs::hard_link(house.root.join("folders/outside/secret"), house.folder(&ada).join("hard")).unwrap();
    let made = std::process::Command::new("mkfifo").arg(house.folder(&ada).join("pipe")).status();
    assert_eq!(house.get(&ada, "hard").status, 404);
    if made.is_ok_and(|status| status.success()) {
        assert_eq!(house.get(&ada, "pipe").status, 404, "and nobody waits for a writer");
    }
}
