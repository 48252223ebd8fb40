//! The rules of the book, one sentence each.
