//! A small world for tests: rows, a clock, and requests as they are written.
