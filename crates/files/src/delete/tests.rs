use std::ffi::OsStr;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::ffi::OsStrExt;

use concierge_api_rs::ClientId;
use uuid::Uuid;

use super::*;
use crate::folder::Growth;
use crate::{Directory, Holder, KeyKind, Options};

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

/// Deletes a folder that holds what the request cannot delete, and the sweeper can.
fn delete_what_fails(path: &FilePath) {
    let dir = tempfile::tempdir().unwrap();
    let files = Files::open(Options::new(dir.path()), Arc::new(Everybody)).unwrap();
    let client = ClientId(Uuid::new_v4());
    let folder = files.folder(client, client.0).unwrap();
    let own = dir.path().join("folders").join(client.to_string());
    std::fs::create_dir_all(own.join("sub/deep")).unwrap();
    std::fs::write(own.join("sub/deep/a"), "hello").unwrap();
    std::fs::create_dir(own.join("sub").join(OsStr::from_bytes(b"\xff"))).unwrap();
    let held = Growth { bytes: 5, files: 1, folders: 2, ..Growth::default() };
    folder.reserve(5, None).unwrap().placed(held);

    let removed = files.inner.delete_folder(&folder, path).unwrap();

    assert_eq!(removed, Removed { files: 1, folders: 2, bytes: 5 });
    let (bytes, most) = (files.inner.options.folder_bytes, files.inner.options.folder_files);
    let free = Growth { bytes, files: most, folders: most, ..Growth::default() };
    folder.admit(free).expect("all its room is free again");
    assert_eq!(std::fs::read_dir(dir.path().join("deleted")).unwrap().count(), 0);
    while std::fs::read_dir(dir.path().join("left")).unwrap().count() > 0 {
        std::thread::yield_now();
    }
}

#[test]
fn a_folder_that_a_request_cannot_delete_is_deleted_by_the_sweeper_and_not_counted() {
    delete_what_fails(&FilePath { parts: vec!["sub".into()], folder: true });
}

#[test]
fn a_client_whose_own_folder_cannot_be_deleted_gets_an_empty_one_all_the_same() {
    delete_what_fails(&FilePath { parts: vec![], folder: true });
}
