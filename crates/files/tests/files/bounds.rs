//! How much, how many, how slowly.

use std::sync::Barrier;
use std::time::{Duration, Instant};

use concierge_files::Options;

use crate::house::{House, eventually};

#[test]
fn the_defaults_are_the_documented_ones() {
    let options = Options::new("/nowhere");
    assert_eq!((options.file_bytes, options.folder_bytes, options.folder_files), (104_857_600, 1_073_741_824, 10_000));
    assert_eq!((options.upload_bytes_per_second, options.upload_slow_ms), (1_024, 10_000));
}

/// Security: 31.
#[test]
fn a_file_over_the_limit_is_413_and_leaves_nothing_behind() {
    let house = House::with(|options| options.file_bytes = 1_000);
    let ada = house.join("ada");
    let announced = house.put(&ada, "sub/a", &[0; 1_001]);
    assert_eq!((announced.status, announced.error().as_str()), (413, "FILE_TOO_LARGE"));
    let mut connection = house.connect();
    connection.request("PUT", "/fs/ada/sub/a", &[ada.header(), ("Transfer-Encoding", "chunked")], b"");
    connection.send(b"3e9\r\n");
    connection.send(&[0; 1_001]);
    connection.send(b"\r\n0\r\n\r\n");
    assert_eq!(connection.answer().status, 413);
    assert!(house.on_disk().is_empty());
    assert_eq!(house.put(&ada, "sub/a", &[0; 1_000]).status, 201);
}

/// Security: 31.
#[test]
fn a_client_over_its_bytes_is_507_and_leaves_nothing_behind() {
    let house = House::with(|options| options.folder_bytes = 1_000);
    let ada = house.join("ada");
    assert_eq!(house.put(&ada, "a", &[0; 600]).status, 201);
    let before = house.on_disk();
    let refused = house.put(&ada, "sub/b", &[0; 401]);
    assert_eq!((refused.status, refused.error().as_str()), (507, "FOLDER_FULL"));
    let mut connection = house.connect();
    connection.request("PUT", "/fs/ada/sub/b", &[ada.header(), ("Transfer-Encoding", "chunked")], b"");
    connection.send(b"191\r\n");
    connection.send(&[0; 401]);
    connection.send(b"\r\n0\r\n\r\n");
    assert_eq!(connection.answer().status, 507);
    assert_eq!(house.on_disk(), before);
    assert_eq!(house.put(&ada, "b", &[0; 400]).status, 201);
    let bob = house.join("bob");
    assert_eq!(house.put(&bob, "b", &[0; 1_000]).status, 201, "each client has its own bounds");
}

#[test]
fn overwriting_and_deleting_give_room_back() {
    let house = House::with(|options| options.folder_bytes = 1_000);
    let ada = house.join("ada");
    for _ in 0..5 {
        assert_eq!(house.put(&ada, "a", &[0; 1_000]).status, 201, "a full folder takes a new version");
    }
    assert_eq!(house.put(&ada, "a", &[0; 100]).status, 201);
    assert_eq!(house.put(&ada, "sub/b", &[0; 900]).status, 201);
    assert_eq!(house.put(&ada, "c", &[0; 1]).status, 507);
    assert_eq!(house.delete(&ada, "sub/").status, 200);
    assert_eq!(house.put(&ada, "c", &[0; 900]).status, 201);
    assert_eq!(house.delete(&ada, "c").status, 200);
    assert_eq!(house.put(&ada, "d", &[0; 901]).status, 507);
    assert_eq!(house.put(&ada, "d", &[0; 900]).status, 201);
    assert_eq!(house.delete(&ada, "").status, 200);
    assert_eq!(house.put(&ada, "e", &[0; 1_000]).status, 201);
}

/// Security: 31.
#[test]
fn a_client_over_its_files_is_507() {
    let house = House::with(|options| options.folder_files = 3);
    let ada = house.join("ada");
    for name in ["a", "b", "sub/c"] {
        assert_eq!(house.put(&ada, name, b"").status, 201);
    }
    let refused = house.put(&ada, "d", b"");
    assert_eq!((refused.status, refused.error().as_str()), (507, "TOO_MANY_FILES"));
    assert_eq!(house.put(&ada, "a", b"again").status, 201);
    assert_eq!(house.delete(&ada, "b").status, 200);
    assert_eq!(house.put(&ada, "d", b"").status, 201);
    assert_eq!(house.put(&ada, "e", b"").status, 507);
}

/// Security: 31.
#[test]
fn sub_folders_are_as_many_as_files() {
    let house = House::with(|options| options.folder_files = 3);
    let ada = house.join("ada");
    assert_eq!(house.put(&ada, "1/2/3/4/a", b"").status, 507);
    assert!(house.on_disk().iter().all(|path| !path.ends_with("/1")), "none of them is left behind");
    assert_eq!(house.put(&ada, "1/2/3/a", b"").status, 201);
    assert_eq!(house.delete(&ada, "1/2/3/a").status, 200);
    assert_eq!(house.put(&ada, "4/a", b"").status, 507, "empty folders count");
    assert_eq!(house.delete(&ada, "1/2/").status, 200);
    assert_eq!(house.put(&ada, "4/5/a", b"").status, 201);
}

/// Security: 31.
#[test]
fn the_bounds_hold_whatever_runs_at_once_and_the_counts_stay_right() {
    let house = House::with(|options| {
        options.folder_bytes = 50_000;
        options.folder_files = 12;
    });
    let ada = house.join("ada");
    let start = Barrier::new(8);
    std::thread::scope(|scope| {
        for writer in 0..8_usize {
            let (house, ada, start) = (&house, &ada, &start);
            scope.spawn(move || {
                start.wait();
                for round in 0..25_usize {
                    let path = format!("{}/{}", (writer + round) % 3, (writer * 7 + round * 5) % 6);
                    let answer = match round % 6 {
                        4 => house.delete(ada, &path),
                        5 => house.delete(ada, &format!("{}/", round % 3)),
                        _ => house.put(ada, &path, &vec![0; 1_000 + (writer * 997 + round * 3_301) % 9_000]),
                    };
                    assert!(matches!(answer.status, 200 | 201 | 404 | 507), "{}", answer.status);
                    let (files, bytes) = held(house, ada);
                    assert!(files <= 12 && bytes <= 50_000, "{files} files, {bytes} bytes");
                }
            });
        }
    });
    let (files, bytes) = held(&house, &ada);
    assert!(house.nothing_incoming());
    let free = usize::try_from(50_000 - bytes).unwrap();
    if files < 12 {
        assert_eq!(house.put(&ada, "rest", &vec![0; free + 1]).status, 507);
        assert_eq!(house.put(&ada, "rest", &vec![0; free]).status, 201, "exactly what is free has room");
    }
    house.delete(&ada, "");
    assert_eq!(house.put(&ada, "all", &[0; 50_000]).status, 201, "nothing of it all is still counted");
    for n in 1..12 {
        assert_eq!(house.put(&ada, &n.to_string(), b"").status, 201);
    }
    assert_eq!(house.put(&ada, "13", b"").status, 507);
}

/// Files and bytes in a folder; what vanishes while this looks is not there.
fn held(house: &House, person: &crate::house::Person) -> (usize, u64) {
    let folder = format!("folders/{}/", person.id);
    let paths = house.on_disk().into_iter().filter(|path| path.starts_with(&folder)).map(|path| house.root.join(path));
    let sizes: Vec<u64> =
        paths.filter_map(|path| path.metadata().ok().filter(|meta| meta.is_file()).map(|meta| meta.len())).collect();
    (sizes.len(), sizes.iter().sum())
}

#[test]
fn room_for_what_is_announced_is_kept_while_it_comes() {
    let house = House::with(|options| options.folder_bytes = 1_000);
    let ada = house.join("ada");
    let mut slow = house.connect();
    slow.request("PUT", "/fs/ada/a", &[ada.header(), ("Content-Length", "700")], b"");
    slow.send(b"x");
    eventually("the upload is on its way", || !house.nothing_incoming());
    assert_eq!(house.put(&ada, "b", &[0; 301]).status, 507);
    assert_eq!(house.put(&ada, "b", &[0; 300]).status, 201);
    drop(slow);
    eventually("it is given up", || house.put(&ada, "c", &[0; 700]).status == 201);
}

/// Security: 31.
#[test]
fn an_upload_that_is_too_slow_is_cut_with_408_and_leaves_nothing_behind() {
    let house = House::with(|options| {
        options.upload_slow_ms = 300;
        options.upload_bytes_per_second = 100_000;
    });
    let ada = house.join("ada");
    for first in [b"".as_slice(), b"a few bytes", &[0; 29_999]] {
        let mut connection = house.connect();
        let started = Instant::now();
        connection.request("PUT", "/fs/ada/sub/a", &[ada.header(), ("Content-Length", "1000000")], b"");
        connection.send(first);
        let answer = connection.answer();
        assert_eq!((answer.status, answer.error().as_str()), (408, "TOO_SLOW"));
        assert!(started.elapsed() >= Duration::from_millis(290), "{:?}", started.elapsed());
        assert_eq!(answer.header("connection"), Some("close"));
        assert!(house.on_disk().is_empty());
    }
}
