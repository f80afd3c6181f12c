//! Bytes that are wiped from memory when the last clone is dropped.

use bytes::Bytes;
use secrecy::zeroize::Zeroizing;

/// These bytes. All clones share them, and dropping the last clone wipes them.
pub(crate) fn wiped(bytes: Vec<u8>) -> Bytes {
    Bytes::from_owner(Zeroizing::new(bytes))
}
