//! Bodies stream: what is transferred is not kept. Measured in a process of its own.

use crate::house::{House, alone, is_child};

const MIB: u64 = 1024 * 1024;
/// `FILES_TEST_MIB=1024` measures a gibibyte.
const SIZE: u64 = 256 * MIB;

#[test]
fn a_large_file_passes_through_64_mib_of_memory() {
    if is_child() {
        return transfer();
    }
    let output = alone(&[], "memory::a_large_file_passes_through_64_mib_of_memory");
    assert!(output.status.success(), "{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
}

fn transfer() {
    let size = std::env::var("FILES_TEST_MIB").map_or(SIZE, |mib| mib.parse::<u64>().unwrap() * MIB);
    let house = House::with(|options| {
        options.file_bytes = size;
        options.folder_bytes = 3 * size;
    });
    let ada = house.join("ada");
    let piece = vec![7; MIB as usize];
    let mut connection = house.connect();
    connection.request("PUT", "/fs/ada/put", &[ada.header(), ("Content-Length", &size.to_string())], b"");
    (0..size / MIB).for_each(|_| connection.send(&piece));
    assert_eq!(connection.answer().status, 201);
    let head = b"--XX\r\nContent-Disposition: form-data; name=\"f\"; filename=\"post\"\r\n\r\n";
    let length = (head.len() as u64 + size + 10).to_string();
    let form = ("Content-Type", "multipart/form-data; boundary=XX");
    connection.request("POST", "/fs/ada/", &[ada.header(), form, ("Content-Length", &length)], b"");
    connection.send(head);
    (0..size / MIB).for_each(|_| connection.send(&piece));
    connection.send(b"\r\n--XX--\r\n");
    assert_eq!(connection.answer().status, 201);
    for name in ["put", "post"] {
        connection.request("GET", &ada.path(name), &[ada.header()], b"");
        assert_eq!(connection.head().0, 200);
        connection.skip(size);
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    eprintln!("{} MiB put, posted and read twice: peak of the whole process {} MiB", size / MIB, peak / 1024);
    assert!(peak < 64 * 1024, "{peak} KiB");
}
