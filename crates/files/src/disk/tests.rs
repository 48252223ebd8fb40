use super::*;
use crate::tree::Meta;

#[test]
fn no_two_files_have_the_same_time_even_when_the_clock_stands_still() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Disk::open(dir.path()).unwrap();
    let in_2100 = 4_102_444_800_000_000_000;
    disk.stamp.store(in_2100, Ordering::Relaxed);
    let (_, file) = disk.incoming().unwrap();
    let times = (1..=3).map(|_| {
        disk.stamp(&file).unwrap();
        Meta::of(&file).unwrap().modified()
    });
    let expected: Vec<_> = (1..=3).map(|n| UNIX_EPOCH + Duration::from_nanos(in_2100 + n)).collect();
    assert_eq!(times.collect::<Vec<_>>(), expected);
}
