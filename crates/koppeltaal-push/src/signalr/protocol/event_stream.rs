//! Server-sent events as SignalR writes them: one `data:` line each, cut into chunks anywhere. A line ends with CR, LF or
//! both, each wherever it likes (HTML, section 9.2.5).

/// The first event of every stream, which is not JSON.
const INITIALIZED: &str = "initialized";
/// May stand in front of the whole stream.
const MARK: &[u8] = "\u{feff}".as_bytes();

/// Makes texts out of chunks of bytes.
#[derive(Debug, Default)]
pub(crate) struct EventStream {
    /// The line that is not complete yet.
    line: Vec<u8>,
    /// The last byte was a CR that has ended a line: a LF now belongs to it.
    is_after_return: bool,
    /// A line has ended already.
    has_begun: bool,
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
    pub(crate) fn push(&mut self, mut chunk: &[u8], limit: usize) -> Result<Vec<String>, TooLong> {
        let mut texts = Vec::new();
        while let Some(first) = chunk.first() {
            if std::mem::take(&mut self.is_after_return) && *first == b'\n' {
                chunk = &chunk[1..];
                continue;
            }
            let Some(end) = chunk.iter().position(|byte| matches!(byte, b'\r' | b'\n')) else {
                self.extend(chunk, limit)?;
                break;
            };
            self.extend(&chunk[..end], limit)?;
            self.is_after_return = chunk[end] == b'\r';
            chunk = &chunk[end + 1..];
            texts.extend(self.end_line());
        }
        Ok(texts)
    }

    /// What the line says that is complete now.
    fn end_line(&mut self) -> Option<String> {
        let line = std::mem::take(&mut self.line);
        let is_first = !std::mem::replace(&mut self.has_begun, true);
        data(line.strip_prefix(MARK).filter(|_| is_first).unwrap_or(&line))
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
