//! crates/files
