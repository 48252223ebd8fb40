//! A folder lives as long as its client, and the directory of the server is its own.

use std::sync::Arc;
use std::time::{Duration, Instant};

use concierge_api_rs::ClientId;
use concierge_files::{Directory, Files, Holder, OpenError, Options};
use tempfile::TempDir;
use uuid::Uuid;

use crate::house::{House, eventually};

struct Nobody;

impl Directory for Nobody {
    fn holder(&self, _: Uuid) -> Option<Holder> {
        None
    }

    fn client(&self, _: &str) -> Option<ClientId> {
        None
    }
}

fn open(root: impl Into<std::path::PathBuf>) -> Result<Files, OpenError> {
    Files::open(Options::new(root), Arc::new(Nobody))
}

/// Security: 34.
#[test]
fn a_folder_goes_with_its_client_and_no_other_does() {
    let house = House::new();
    let (ada, bob) = (house.join("ada"), house.join("bob"));
    house.put(&ada, "sub/a", b"1");
    house.put(&bob, "b", b"1");
    house.leave(&ada);
    assert!(!house.folder(&ada).exists(), "gone when leaving returns");
    eventually("the disk is cleared", || house.on_disk() == [format!("folders/{}", bob.id), format!("folders/{}/b", bob.id)]);
    assert_eq!(house.ask("GET", "/fs/ada/", &[bob.header()], b"").status, 404);
    assert_eq!(house.get(&bob, "b").status, 200);
    house.leave(&ada);
    house.leave(&house.join("carol"));
}

/// Security: 34.
#[test]
fn who_takes_a_free_name_sees_nothing_of_who_had_it() {
    let house = House::with(|options| options.folder_bytes = 10);
    let first = house.join("ada");
    house.put(&first, "a", b"1234567890");
    house.leave(&first);
    let second = house.join("ada");
    assert_eq!(house.get(&second, "").body, b"[]");
    assert_eq!(house.get(&second, "a").status, 404);
    assert_eq!(house.put(&second, "b", b"1234567890").status, 201, "and has all the room");
}

#[test]
fn a_running_upload_is_cut_and_brings_nothing_back() {
    let house = House::new();
    for writes_before in [false, true] {
        let ada = house.join("ada");
        if writes_before {
            house.put(&ada, "a", b"old");
        }
        let mut connection = house.connect();
        connection.request("PUT", "/fs/ada/a", &[ada.header(), ("Content-Length", "100000")], b"");
        connection.send(b"x");
        eventually("it is on its way", || !house.nothing_incoming());
        let started = Instant::now();
        house.leave(&ada);
        assert!(started.elapsed() < Duration::from_secs(1), "leaving waits for no upload");
        let second = house.join("ada");
        connection.send(b"yz");
        assert_eq!(connection.answer().status, 401, "cut at the next bytes, not at the end");
        eventually("nothing is left", || house.on_disk().is_empty());
        assert_eq!(house.get(&second, "").body, b"[]");
        house.leave(&second);
    }
}

#[test]
fn a_request_that_was_let_in_just_before_its_client_left_brings_nothing_back() {
    let house = House::new();
    for writes_before in [false, true] {
        let ada = house.join("ada");
        if writes_before {
            house.put(&ada, "a", b"old");
        }
        house.leave_when_let_in(&ada);
        assert_eq!(house.put(&ada, "a", b"new").status, 401);
        eventually("nothing is left", || house.on_disk().is_empty());
    }
}

/// Security: 34.
#[test]
fn hundreds_of_joins_and_leaves_among_uploads_leave_nothing_behind() {
    let house = House::new();
    std::thread::scope(|scope| {
        for worker in 0..4 {
            let house = &house;
            scope.spawn(move || {
                for _ in 0..100 {
                    let person = house.join(&format!("worker{worker}"));
                    let mut uploads = [house.connect(), house.connect()];
                    for upload in &mut uploads {
                        upload.request("PUT", &person.path("sub/a"), &[person.header()], b"12345");
                    }
                    house.leave(&person);
                    for mut upload in uploads {
                        let status = upload.answer().status;
                        assert!(matches!(status, 201 | 401), "{status}");
                    }
                }
            });
        }
    });
    // One more, so that the sweeper looks again.
    let last = house.join("last");
    house.put(&last, "a", b"1");
    house.leave(&last);
    eventually("nothing is left", || house.on_disk().is_empty());
}

#[test]
fn a_reader_finishes_although_the_owner_leaves() {
    let house = House::new();
    let (ada, bob) = (house.join("ada"), house.join("bob"));
    let content = vec![b'x'; 16 * 1024 * 1024];
    house.put(&ada, "a", &content);
    let mut reader = house.connect();
    reader.request("GET", "/fs/ada/a", &[bob.header()], b"");
    assert_eq!(reader.head().0, 200);
    house.leave(&ada);
    reader.skip(content.len() as u64);
}

/// Security: 34.
#[test]
fn left_overs_of_a_crash_are_removed_at_start() {
    let dir = TempDir::new().unwrap();
    let root = dir.path().join("files");
    drop(open(&root).unwrap());
    for path in ["folders/0/sub", "incoming/1", "deleted/2/3", "left/4"] {
        std::fs::create_dir_all(root.join(path)).unwrap();
        std::fs::write(root.join(path).join("file"), b"1").unwrap();
    }
    std::fs::write(root.join("incoming/5"), b"1").unwrap();
    std::fs::write(dir.path().join("outside"), b"1").unwrap();
    std::os::unix::fs::symlink(dir.path(), root.join("folders/link")).unwrap();
    std::fs::write(root.join("not ours"), b"1").unwrap();
    eventually("the lock of the first is released", || open(&root).is_ok());
    for path in ["folders", "incoming", "deleted", "left"] {
        assert_eq!(std::fs::read_dir(root.join(path)).unwrap().count(), 0, "{path}");
    }
    assert!(dir.path().join("outside").exists(), "nothing outside is touched");
    assert!(root.join("not ours").exists(), "nor what the server did not make");
}

/// Security: 34.
#[test]
fn a_directory_that_holds_anything_else_is_refused_and_untouched() {
    let dir = TempDir::new().unwrap();
    std::fs::create_dir(dir.path().join("folders")).unwrap();
    std::fs::write(dir.path().join("folders/precious"), b"1").unwrap();
    assert!(matches!(open(dir.path()), Err(OpenError::NotOurs(_))));
    assert!(dir.path().join("folders/precious").exists());
    assert!(matches!(open(dir.path().join("folders/precious")), Err(OpenError::Io { .. })));
}

#[test]
fn an_empty_directory_and_a_new_file_system_are_taken() {
    let dir = TempDir::new().unwrap();
    std::fs::create_dir(dir.path().join("lost+found")).unwrap();
    drop(open(dir.path()).unwrap());
    assert!(dir.path().join("lost+found").exists());
    let below = dir.path().join("folders/deep/down");
    assert!(open(below).is_ok(), "made with what is missing above it");
}

#[test]
fn two_servers_never_share_a_directory() {
    let dir = TempDir::new().unwrap();
    let first = open(dir.path()).unwrap();
    assert!(matches!(open(dir.path()), Err(OpenError::InUse(_))));
    drop(first);
    eventually("the directory is free again", || open(dir.path()).is_ok());
}

#[test]
fn nobody_else_on_the_machine_can_look_into_it() {
    use std::os::unix::fs::PermissionsExt;
    let house = House::new();
    let ada = house.join("ada");
    house.put(&ada, "sub/a", b"1");
    let folder = house.folder(&ada);
    for path in [house.root.clone(), house.root.join("folders"), folder.join("sub"), folder.join("sub/a")] {
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o077, 0, "{}", path.display());
    }
}
