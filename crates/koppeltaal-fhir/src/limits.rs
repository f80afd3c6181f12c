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
    /// Findings kept by a tolerant read; later ones are counted, not kept. Default 1,000, or fewer: in memory
    /// they may take twice the length of the text and 16 KiB.
    pub findings: usize,
    /// Size of the value in memory as a multiple of its length as text, beyond a free 24 KiB. Default 14.
    ///
    /// The length is what the content needs at least when it is written on one line in either format: white
    /// space, comments and names in end tags do not count. So what is read once is read again when it was
    /// written, in either format. Ordinary content needs two to five; `[{},{},{},...]` would need hundreds.
    pub expansion: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 64 << 20, depth: 96, entries: 100_000, findings: 1_000, expansion: 14 }
    }
}
