//! The body of an answer while it is received.

use bytes::Bytes;

use crate::secret;

/// What has been received so far. Most answers come in one piece, which is not copied. Several pieces are
/// joined.
pub(crate) struct Incoming {
    first: Bytes,
    joined: Vec<u8>,
    announced: u64,
    limit: usize,
    /// Whether the body is wiped from memory after use. Wiping takes longer than reading, so only bodies with
    /// tokens are wiped.
    is_secret: bool,
}

/// The body is larger than the limit.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooLarge;

impl Incoming {
    /// A body before its first piece. The server announces this many bytes.
    ///
    /// # Errors
    ///
    /// An announced length above the limit.
    pub(crate) fn new(announced: u64, limit: usize, is_secret: bool) -> Result<Self, TooLarge> {
        if announced > limit as u64 {
            return Err(TooLarge);
        }
        Ok(Self { first: Bytes::new(), joined: Vec::new(), announced, limit, is_secret })
    }

    /// Takes the next piece.
    ///
    /// # Errors
    ///
    /// The body is larger than the limit. The piece is dropped.
    pub(crate) fn push(&mut self, piece: Bytes) -> Result<(), TooLarge> {
        let so_far = self.first.len() + self.joined.len();
        if so_far + piece.len() > self.limit {
            return Err(TooLarge);
        }
        if so_far == 0 && !self.is_secret {
            self.first = piece;
            return Ok(());
        }
        if self.joined.is_empty() {
            // The server may announce too much, so no more is reserved than a usual message needs.
            self.joined.reserve(usize::try_from(self.announced.min(64 << 10)).unwrap_or_default());
            self.joined.extend_from_slice(&std::mem::take(&mut self.first));
        }
        self.joined.extend_from_slice(&piece);
        Ok(())
    }

    /// The whole body.
    pub(crate) fn into_bytes(self) -> Bytes {
        match (self.joined.is_empty(), self.is_secret) {
            (true, _) => self.first,
            (false, true) => secret::wiped(self.joined),
            (false, false) => self.joined.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_piece_is_not_copied_and_several_are_joined() {
        let mut body = Incoming::new(7, 100, false).expect("it fits");
        let piece = Bytes::from_static(b"one ");
        body.push(piece.clone()).expect("it fits");
        body.push(Bytes::new()).expect("it fits");
        body.push(Bytes::from_static(b"two")).expect("it fits");
        assert_eq!(body.into_bytes(), "one two");

        let mut body = Incoming::new(4, 100, false).expect("it fits");
        body.push(piece.clone()).expect("it fits");
        assert_eq!(body.into_bytes().as_ptr(), piece.as_ptr());
    }

    #[test]
    fn more_than_the_limit_is_refused_whether_announced_or_not() {
        assert_eq!(Incoming::new(11, 10, false).err(), Some(TooLarge));
        let mut body = Incoming::new(0, 10, false).expect("nothing is announced");
        body.push(Bytes::from_static(b"12345678")).expect("it fits");
        assert_eq!(body.push(Bytes::from_static(b"901")), Err(TooLarge));
        assert_eq!(body.into_bytes(), "12345678");
    }
}
