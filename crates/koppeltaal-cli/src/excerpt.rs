//! [`Places`] in a text, and the [`Excerpt`] of the line around one, safe to be shown on a terminal.

use koppeltaal_fhir::Position;

/// How many characters to show on either side of the place: messages on the wire are often one long line.
const BEFORE: usize = 60;
const AFTER: usize = 60;

/// A part of one line, in three pieces.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Excerpt {
    /// The text before the place.
    pub(crate) before: String,
    /// The text at the place: a name, a number, a string in quotes. Empty at the end of a line.
    pub(crate) place: String,
    /// The text after the place.
    pub(crate) after: String,
}

/// Finds places in a text. One pass over the text is enough for any number of places in order.
#[derive(Debug)]
pub(crate) struct Places<'text> {
    /// The name of the text in messages.
    pub(crate) name: &'text str,
    text: &'text [u8],
    /// The place that was asked for last, and its offset.
    last: (Position, usize),
}

const START: (Position, usize) = (Position { line: 1, column: 1 }, 0);

impl<'text> Places<'text> {
    pub(crate) fn new(name: &'text str, text: &'text [u8]) -> Self {
        Self { name, text, last: START }
    }

    /// The text at `position`; `None` if there is no such line.
    pub(crate) fn excerpt(&mut self, position: Position) -> Option<Excerpt> {
        let offset = self.offset(position)?;
        // A character has at most four bytes. Characters that are cut apart at the ends are not shown.
        let from = offset.saturating_sub(4 * BEFORE);
        let to = self.text.len().min(offset + 4 * AFTER);
        let (left, right) = (&self.text[from..offset], &self.text[offset..to]);
        let line_start = left.iter().rposition(|byte| *byte == b'\n').map(|newline| newline + 1);
        let line_end = right.iter().position(|byte| *byte == b'\n');
        let left = String::from_utf8_lossy(&left[line_start.unwrap_or(0)..]);
        let right = String::from_utf8_lossy(&right[..line_end.unwrap_or(right.len())]);

        let before = last_characters(&left, BEFORE);
        let line = right.trim_end();
        let (place, after) = line.split_at(token_length(line));
        let place = first_characters(place, AFTER);
        let after = first_characters(after, AFTER.saturating_sub(place.chars().count()));

        let cut = |is_cut: bool| if is_cut { "…" } else { "" };
        let cut_before = cut(before.len() < left.len() || line_start.is_none() && from > 0);
        let cut_after =
            cut(place.len() + after.len() < line.len() || line_end.is_none() && to < self.text.len());
        Some(Excerpt {
            before: format!("{cut_before}{}", visible(before)),
            place: visible(place),
            after: format!("{}{cut_after}", visible(after)),
        })
    }

    /// The offset of a position, or of the end of its line if that is shorter.
    fn offset(&mut self, position: Position) -> Option<usize> {
        if position < self.last.0 {
            self.last = START;
        }
        let (Position { mut line, mut column }, mut offset) = self.last;
        while line < position.line {
            offset += self.text[offset..].iter().position(|byte| *byte == b'\n')? + 1;
            (line, column) = (line + 1, 1);
        }
        while column < position.column && self.text.get(offset).is_some_and(|byte| *byte != b'\n') {
            // A character ends where the next byte does not continue it (UTF-8: 10xxxxxx).
            offset += 1;
            while self.text.get(offset).is_some_and(|byte| byte & 0xC0 == 0x80) {
                offset += 1;
            }
            column += 1;
        }
        self.last = (Position { line, column }, offset);
        Some(offset)
    }
}

/// A text without characters that control the terminal. A file from elsewhere may hold escape sequences, or
/// marks that reverse the direction of writing.
pub(crate) fn visible(text: &str) -> String {
    let controls = |letter: char| {
        letter.is_control()
            || matches!(letter, '\u{200E}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
    };
    let visible = |letter| match letter {
        '\t' => ' ',
        letter if controls(letter) => '\u{FFFD}',
        letter => letter,
    };
    text.chars().map(visible).collect()
}

fn first_characters(text: &str, count: usize) -> &str {
    text.char_indices().nth(count).map_or(text, |(end, _)| &text[..end])
}

fn last_characters(text: &str, count: usize) -> &str {
    text.char_indices().rev().nth(count.saturating_sub(1)).map_or(text, |(start, _)| &text[start..])
}

/// The length of the first token: a string in quotes, the name of a tag or a member, a number, or one
/// character.
fn token_length(text: &str) -> usize {
    let quoted = text.strip_prefix('"').and_then(|rest| rest.find('"')).map(|length| length + 2);
    let tag = text.strip_prefix(['<', '-']).map_or(0, |_| 1);
    let is_part = |letter: char| letter.is_alphanumeric() || "_-.:/".contains(letter);
    let word = text[tag..].find(|letter| !is_part(letter)).map_or(text.len(), |length| tag + length);
    let one = text.chars().next().map_or(0, char::len_utf8);
    quoted.unwrap_or(word).max(one)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str, line: u32, column: u32) -> [String; 3] {
        let excerpt = Places::new("test", text.as_bytes())
            .excerpt(Position { line, column })
            .expect("the line is there");
        [excerpt.before, excerpt.place, excerpt.after]
    }

    #[test]
    fn an_excerpt_is_the_line_and_what_stands_at_the_place() {
        let text = "{\r\n  \"náme\": \"Lieke\",\r\n  \"birthDate\": -1970\n}";
        assert_eq!(at(text, 2, 11), ["  \"náme\": ", "\"Lieke\"", ","]);
        assert_eq!(at(text, 3, 16), ["  \"birthDate\": ", "-1970", ""]);
        assert_eq!(at(text, 4, 2), ["}", "", ""]);
        assert_eq!(at("  <gender value='m'/>", 1, 3), ["  ", "<gender", " value='m'/>"]);
        assert_eq!(at("  </gender>", 1, 3), ["  ", "</gender", ">"]);
        assert_eq!(Places::new("test", text.as_bytes()).excerpt(Position { line: 5, column: 1 }), None);
    }

    #[test]
    fn a_long_line_is_cut_on_both_sides() {
        let text = format!("{}<gender value=\"é\"/>{}", "é".repeat(5000), "x".repeat(5000));
        let before = format!("…{}", "é".repeat(60));
        let after = format!(" value=\"é\"/>{}…", "x".repeat(41));
        assert_eq!(at(&text, 1, 5001), [before.as_str(), "<gender", &after]);
        assert_eq!(at(&"x".repeat(100), 1, 1), ["", &"x".repeat(60), "…"]);
    }

    #[test]
    fn places_are_found_in_any_order() {
        let text = "één\ntwéé drie\n\nvier";
        let mut places = Places::new("test", text.as_bytes());
        for (line, column, expected) in
            [(2, 6, "drie"), (2, 1, "twéé"), (4, 1, "vier"), (1, 1, "één"), (3, 1, "")]
        {
            let excerpt = places.excerpt(Position { line, column });
            assert_eq!(excerpt.map(|excerpt| excerpt.place).as_deref(), Some(expected));
        }
        assert_eq!(places.excerpt(Position { line: 5, column: 1 }), None);
        assert_eq!(places.offset(Position { line: 1, column: 99 }), Some("één".len()));
    }

    #[test]
    fn text_that_is_not_utf8_has_excerpts_too() {
        let excerpt = Places::new("test", b"ab\xFFcd")
            .excerpt(Position { line: 1, column: 3 })
            .expect("the line is there");
        assert_eq!((excerpt.before.as_str(), excerpt.after.as_str()), ("ab", "cd"));
    }

    #[test]
    fn nothing_shown_controls_the_terminal() {
        assert_eq!(visible("a\tb\x1B[2J\u{202E}é\n"), "a b\u{FFFD}[2J\u{FFFD}é\u{FFFD}");
    }
}
