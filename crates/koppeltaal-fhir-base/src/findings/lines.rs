//! [`Lines`]: which line and column a byte of a text is at.

use std::cell::Cell;

use super::finding::Position;

/// Finds lines in a text. It counts from the last place asked for, not from the start, because places are
/// asked for roughly in order.
#[derive(Debug)]
pub(crate) struct Lines<'t> {
    text: &'t [u8],
    /// An offset and its line, counted from 0.
    known: Cell<(usize, usize)>,
}

impl<'t> Lines<'t> {
    pub(crate) fn new(text: &'t [u8]) -> Self {
        Self { text, known: Cell::default() }
    }

    /// The position of byte `offset`. An offset beyond the end of the text counts as its end.
    pub(crate) fn position(&self, offset: usize) -> Position {
        let offset = offset.min(self.text.len());
        let (known, line) = self.known.get();
        let lines = |from: usize, to: usize| memchr::memchr_iter(b'\n', &self.text[from..to]).count();
        let line = if offset >= known { line + lines(known, offset) } else { line - lines(offset, known) };
        self.known.set((offset, line));
        Position::on_line(line, self.text, offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_counts_lines_and_characters_from_one_in_whatever_order_it_is_asked_for() {
        let text = "één\ntwéé drie\nvier".as_bytes();
        let lines = Lines::new(text);
        let drie = "één\ntwéé ".len();
        for (offset, line, column) in
            [(0, 1, 1), (drie, 2, 6), (9999, 3, 5), (drie, 2, 6), (3, 1, 3), (0, 1, 1)]
        {
            assert_eq!(lines.position(offset), Position { line, column }, "{offset}");
        }
    }
}
