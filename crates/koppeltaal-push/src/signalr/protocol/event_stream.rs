//! Server-sent events as SignalR writes them: one `data:` line each. Chunks end anywhere. A line ends with
//! CR, LF or CR LF, and lines of one stream may differ (HTML, section 9.2.5).

/// The first event of every stream, which is not JSON.
const INITIALIZED: &str = "initialized";
/// May stand in front of the whole stream.
const MARK: &[u8] = "\u{feff}".as_bytes();

/// Splits chunks of bytes into the texts of events.
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
pub(crate) struct LineTooLong;

impl EventStream {
    /// Takes a chunk and gives the texts that it completes.
    ///
    /// # Errors
    ///
    /// [`LineTooLong`]: a line has more than `limit` bytes.
    pub(crate) fn push(&mut self, mut chunk: &[u8], limit: usize) -> Result<Vec<String>, LineTooLong> {
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

    /// The text of the line that is now complete.
    fn end_line(&mut self) -> Option<String> {
        let line = std::mem::take(&mut self.line);
        let is_first = !std::mem::replace(&mut self.has_begun, true);
        data(line.strip_prefix(MARK).filter(|_| is_first).unwrap_or(&line))
    }

    fn extend(&mut self, bytes: &[u8], limit: usize) -> Result<(), LineTooLong> {
        if self.line.len() + bytes.len() > limit {
            return Err(LineTooLong);
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }
}

/// The text of a line; `None` for a comment, another field, or the greeting.
fn data(line: &[u8]) -> Option<String> {
    let data = line.strip_prefix(b"data:")?;
    // A text that is not UTF-8 is not JSON either, and fails when it is read as a frame.
    let text = String::from_utf8_lossy(data).trim().to_owned();
    (!text.eq_ignore_ascii_case(INITIALIZED)).then_some(text)
}
