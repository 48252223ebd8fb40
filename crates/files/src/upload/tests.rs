use std::collections::VecDeque;
use std::fs::OpenOptions;

use bytes::Bytes;
use concierge_api_rs::ClientId;
use uuid::Uuid;

use super::*;

impl Chunks for VecDeque<Bytes> {
    async fn next(&mut self) -> Result<Option<Bytes>, Refusal> {
        Ok(self.pop_front())
    }
}

/// Security: 31.
#[tokio::test]
async fn an_upload_to_a_full_device_is_507() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Arc::new(Disk::open(dir.path()).unwrap());
    let folder = Arc::new(Folder::new(ClientId(Uuid::new_v4()), u64::MAX, 1));
    for pieces in [1, 10, 1_000] {
        let device = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut chunks: VecDeque<_> = (0..pieces).map(|_| Bytes::from_static(&[0; 10_000])).collect();
        let mut reservation = folder.reserve(0, None).unwrap();
        let refused = receive(device, &mut chunks, u64::MAX, &mut reservation, &disk).await.unwrap_err();
        assert!(matches!(refused, Refusal::DiskFull(_)), "{pieces}: {refused:?}");
        assert_eq!(refused.status().0, StatusCode::INSUFFICIENT_STORAGE);
    }
}
