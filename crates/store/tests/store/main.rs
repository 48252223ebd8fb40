//! The store from outside: one suite on every kind of place, the places against each other, and what only a file can suffer.

mod differential;
mod home;
mod wishes;
