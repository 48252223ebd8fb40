//! A disk that is really full: the test runs once more in a mount namespace of its own, where it may mount one of half a megabyte.
//! Where the system does not allow that, `an_upload_to_a_full_device_is_507` (beside `upload`) still meets the same error.

use std::io::Write;
use std::process::Command;

use crate::house::{House, alone, is_child};

const NAME: &str = "disk_full::a_full_disk_is_507_and_leaves_nothing_behind";

/// Security: 31.
#[test]
fn a_full_disk_is_507_and_leaves_nothing_behind() {
    if is_child() {
        return on_a_small_disk();
    }
    if !Command::new("unshare")
        .args(["-rm", "mount", "-t", "tmpfs", "none", "/mnt"])
        .status()
        .is_ok_and(|status| status.success())
    {
        // straight to stderr: of a test that passes, the macros' output is not shown
        let _ = writeln!(std::io::stderr(), "{NAME}: this system lets nobody mount anything, so no disk was filled");
        return;
    }
    let output = alone(&["unshare", "-rm"], NAME);
    assert!(output.status.success(), "{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
}

fn on_a_small_disk() {
    let dir = tempfile::tempdir().unwrap();
    let mounted =
        Command::new("mount").args(["-t", "tmpfs", "-o", "size=512k,nr_inodes=64", "none"]).arg(dir.path()).status().unwrap();
    assert!(mounted.success());
    let house = House::on(dir, |_| {});
    let ada = house.join("ada");
    assert_eq!(house.put(&ada, "old", &[1; 100_000]).status, 201);
    let before = house.on_disk();
    for path in ["new", "old", "sub/new"] {
        let refused = house.put(&ada, path, &[2; 450_000]);
        assert_eq!((refused.status, refused.error().as_str()), (507, "DISK_FULL"), "{path}");
        assert_eq!(house.on_disk(), before);
    }
    let part = |name: &str, size: usize| {
        let head = format!("--XX\r\nContent-Disposition: form-data; name=\"f\"; filename=\"{name}\"\r\n\r\n");
        [head.as_bytes(), &vec![3; size], b"\r\n"].concat()
    };
    let form = [part("a", 200_000), part("b", 300_000), b"--XX--".to_vec()].concat();
    let headers = [ada.header(), ("content-type", "multipart/form-data; boundary=XX")];
    assert_eq!(house.ask("POST", "/fs/ada/", &headers, &form).status, 507);
    assert_eq!(house.on_disk(), before);
    assert_eq!(house.get(&ada, "old").body, [1; 100_000]);
    assert_eq!(house.put(&ada, "new", &[2; 300_000]).status, 201, "what fits is still stored");
    no_folder_has_room(&house, &ada);
}

/// All of these folders would need more inodes than there are.
fn no_folder_has_room(house: &House, ada: &crate::house::Person) {
    for n in 0..48 {
        house.put(ada, &format!("file{n}"), b"");
    }
    let before = house.on_disk();
    let refused = house.put(ada, "d/".repeat(20).trim_end_matches('/'), b"");
    assert_eq!((refused.status, refused.error().as_str()), (507, "DISK_FULL"));
    assert_eq!(house.on_disk(), before, "not even the folders that could be made");
}
