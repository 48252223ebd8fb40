use std::net::{IpAddr, Ipv4Addr};
use std::sync::Barrier;

use axum::http::HeaderMap;
use concierge_api_rs::ClientId;
use uuid::Uuid;

use super::*;
use crate::upload::Temporary;
use crate::{Directory, Files, Holder, KeyKind, Options};

/// Everybody is connected, always.
struct Everybody;

impl Directory for Everybody {
    fn holder(&self, key: Uuid) -> Option<Holder> {
        Some(Holder { client: ClientId(key), key: KeyKind::Private, address: IpAddr::V4(Ipv4Addr::LOCALHOST) })
    }

    fn client(&self, _: &str) -> Option<ClientId> {
        None
    }
}

fn staged(files: &Files, folder: &Arc<Folder>) -> Staged {
    staged_at(files, folder, &["sub", "a"])
}

fn staged_at(files: &Files, folder: &Arc<Folder>, parts: &[&str]) -> Staged {
    let (temporary, file) = Temporary::create(Arc::clone(&files.inner.disk)).unwrap();
    let path = FilePath { parts: parts.iter().map(|&part| part.to_owned()).collect(), folder: false };
    Staged { path, meta: Meta::of(&file).unwrap(), temporary, reservation: folder.reserve(0, None).unwrap() }
}

#[test]
fn a_client_that_leaves_while_an_upload_is_put_in_its_place_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let files = Files::open(Options::new(dir.path()), Arc::new(Everybody)).unwrap();
    let conditions = Conditions::parse(&HeaderMap::new()).unwrap();
    let (mut before, mut after) = (0, 0);
    for round in 0..500_u32 {
        let client = ClientId(Uuid::new_v4());
        let folder = files.folder(client, client.0).unwrap();
        let staged = staged(&files, &folder);
        let start = Barrier::new(2);
        let stored = std::thread::scope(|scope| {
            let commit = scope.spawn(|| {
                start.wait();
                files.inner.commit(&folder, vec![staged], &conditions)
            });
            start.wait();
            // At another moment in each round.
            (0..round % 200 * 20).for_each(|_| std::hint::spin_loop());
            files.leave(client);
            commit.join().unwrap()
        });
        *(if stored.is_ok() { &mut after } else { &mut before }) += 1;
        assert!(!dir.path().join("folders").join(client.to_string()).exists(), "round {round}, {:?}", stored.err());
    }
    assert!(before > 0, "some left before the upload was in its place, {after} after");
    assert_eq!(std::fs::read_dir(dir.path().join("incoming")).unwrap().count(), 0);
}

#[test]
fn an_upload_that_makes_the_folder_just_after_its_client_left_takes_it_back() {
    let dir = tempfile::tempdir().unwrap();
    let files = Files::open(Options::new(dir.path()), Arc::new(Everybody)).unwrap();
    let client = ClientId(Uuid::new_v4());
    let folder = files.folder(client, client.0).unwrap();
    let staged = staged(&files, &folder);
    files.leave(client);
    // As if this upload had looked just before.
    files.inner.disk.make_folder(client).unwrap();
    let refused = files.inner.commit(&folder, vec![staged], &Conditions::parse(&HeaderMap::new()).unwrap());
    assert!(matches!(refused, Err(Refusal::UnknownKey)));
    assert_eq!(std::fs::read_dir(dir.path().join("folders")).unwrap().count(), 0);
    assert_eq!(std::fs::read_dir(dir.path().join("incoming")).unwrap().count(), 0);
}

fn names(path: &std::path::Path) -> Vec<String> {
    std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn room(folder: &Folder, files: u64, folders: u64) -> bool {
    folder.admit(Growth { files, folders, ..Growth::default() }).is_ok()
}

#[test]
fn when_one_folder_cannot_be_made_no_file_is_in_its_place_and_no_folder_stays() {
    let dir = tempfile::tempdir().unwrap();
    let files = Files::open(Options::new(dir.path()), Arc::new(Everybody)).unwrap();
    let client = ClientId(Uuid::new_v4());
    let folder = files.folder(client, client.0).unwrap();
    // No request can name the last one: the system refuses to make it, as a full disk would.
    let form = [["in", "one", "a"], ["in", "two", "b"], ["in", "no/way", "c"]].map(|parts| staged_at(&files, &folder, &parts));
    let refused = files.inner.commit(&folder, form.into(), &Conditions::parse(&HeaderMap::new()).unwrap());
    assert!(matches!(refused, Err(Refusal::Internal(_))));
    assert_eq!(names(&dir.path().join("folders").join(client.to_string())), [""; 0]);
    assert_eq!(names(&dir.path().join("incoming")), [""; 0]);
    let most = files.inner.options.folder_files;
    assert!(room(&folder, most, most), "nothing of it is counted");
}

#[test]
fn when_the_disk_fails_between_two_files_the_first_stays_and_is_counted_and_the_folders_of_the_others_go() {
    let dir = tempfile::tempdir().unwrap();
    let files = Files::open(Options::new(dir.path()), Arc::new(Everybody)).unwrap();
    let client = ClientId(Uuid::new_v4());
    let folder = files.folder(client, client.0).unwrap();
    let form = [["in", "one", "a"], ["in", "two", "b"], ["in", "three", "c"]].map(|parts| staged_at(&files, &folder, &parts));
    files.inner.disk.remove_incoming(form[1].temporary.name()).unwrap();
    let refused = files.inner.commit(&folder, form.into(), &Conditions::parse(&HeaderMap::new()).unwrap());
    assert!(matches!(refused, Err(Refusal::Internal(_))));
    let own = dir.path().join("folders").join(client.to_string());
    assert_eq!(names(&own.join("in")), ["one"]);
    assert_eq!(names(&own.join("in/one")), ["a"]);
    assert_eq!(names(&dir.path().join("incoming")), [""; 0]);
    let most = files.inner.options.folder_files;
    assert!(room(&folder, most - 1, most - 2) && !room(&folder, most, 0) && !room(&folder, 0, most - 1));
}
