//! [`Limits`]: what a reader accepts at most.

/// Bounds on what a reader accepts, against hostile input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Length of the text in bytes. Default 64 MiB.
    pub bytes: usize,
    /// Nesting of elements or objects. Default 96; the deepest official example needs 19.
    pub depth: usize,
    /// Entries of one bundle. Default 100,000.
    pub entries: usize,
    /// Findings kept by a tolerant read; later ones are counted, not kept. Default 1,000, or fewer: they take
    /// at most twice the length of the text plus 16 KiB of memory.
    pub findings: usize,
    /// Size of the value in memory as a multiple of its length as text, beyond a free 24 KiB. Default 14.
    ///
    /// The length is the least that the content needs on one line in either format: white space, comments and
    /// names in end tags do not count. So a document that was read once can be written in either format and
    /// read again. Ordinary content needs two to five; `[{},{},{},...]` would need hundreds.
    pub expansion: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 64 << 20, depth: 96, entries: 100_000, findings: 1_000, expansion: 14 }
    }
}
