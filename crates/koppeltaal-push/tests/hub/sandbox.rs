//! Against the hub of the sandbox: other code than this crate's, written from the same protocol notes.
