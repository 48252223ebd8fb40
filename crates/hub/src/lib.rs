//! crates/hub
