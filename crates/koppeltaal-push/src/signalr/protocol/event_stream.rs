//! Server-sent events as SignalR writes them: one `data:` line each, line ends of either kind, cut into
//! chunks anywhere.

/// The first event of every stream, which is not JSON.
const INITIALIZED: &str = "initialized";

/// Makes texts out of chunks of bytes.
#[derive(Debug, Default)]
pub(crate) struct EventStream {
    /// The line that is not complete yet.
    line: Vec<u8>,
}

/// A line is longer than the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooLong;

impl EventStream {
    /// Takes a chunk and gives the texts that are complete with it.
    ///
    /// # Errors
    ///
    /// [`TooLong`]: a line has more than `limit` bytes.
    pub(crate) fn push(&mut self, chunk: &[u8], limit: usize) -> Result<Vec<String>, TooLong> {
        let mut texts = Vec::new();
        let mut lines = chunk.split(|byte| *byte == b'\n');
        // What comes after the last line end starts a line that is not complete.
        let rest = lines.next_back().unwrap_or_default();
        for end in lines {
            self.extend(end, limit)?;
            texts.extend(data(&self.line));
            self.line.clear();
        }
        self.extend(rest, limit)?;
        Ok(texts)
    }

    fn extend(&mut self, bytes: &[u8], limit: usize) -> Result<(), TooLong> {
        if self.line.len() + bytes.len() > limit {
            return Err(TooLong);
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }
}

/// What a line says: nothing, if it is a comment, another field, or the greeting.
fn data(line: &[u8]) -> Option<String> {
    let data = line.strip_prefix(b"data:")?;
    // Not UTF-8 is not JSON either: the frame then proves unreadable.
    let text = String::from_utf8_lossy(data).trim().to_owned();
    (!text.eq_ignore_ascii_case(INITIALIZED)).then_some(text)
}
