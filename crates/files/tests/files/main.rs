//! FILESYSTEM.md as tests: a real server on the loopback, and what is said on its sockets.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the message")]
mod bounds;
mod browsers;
mod disk_full;
mod document;
mod forms;
mod house;
mod keys;
mod leaving;
mod memory;
mod paths;
mod reading;
mod wire;
mod writing;
