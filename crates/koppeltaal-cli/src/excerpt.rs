//! [`Excerpt`]: the part of a line around a place in a text, safe to be shown on a terminal.

use koppeltaal_fhir::Position;

/// How many characters to show on either side of the place: messages on the wire are often one long line.
const BEFORE: usize = 60;
const AFTER: usize = 40;

/// A part of one line, in three pieces.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Excerpt {
    /// What stands before the place.
    pub(crate) before: String,
    /// What stands at the place: a name, a number, a string in quotes. Empty at the end of a line.
    pub(crate) place: String,
    /// What comes behind it.
    pub(crate) after: String,
}

impl Excerpt {
    /// What stands at `position`. Nothing, if the text has no such line.
    pub(crate) fn at(text: &[u8], position: Position) -> Option<Self> {
        let index = usize::try_from(position.line.checked_sub(1)?).ok()?;
        let line = text.split(|byte| *byte == b'\n').nth(index)?.trim_ascii_end();
        let split = byte_offset(line, usize::try_from(position.column.saturating_sub(1)).ok()?);
        // A character has at most four bytes. What that cuts apart at the ends is not shown anyway.
        let left = String::from_utf8_lossy(&line[split.saturating_sub(4 * BEFORE)..split]);
        let right = String::from_utf8_lossy(&line[split..line.len().min(split + 4 * AFTER)]);
        let before = last_characters(&left, BEFORE);
        let (place, after) = right.split_at(token_length(&right));
        let place = first_characters(place, AFTER);
        let after = first_characters(after, AFTER.saturating_sub(place.chars().count()));

        let cut = |is_cut: bool| if is_cut { "…" } else { "" };
        let cut_before = cut(before.len() < split);
        let cut_after = cut(place.len() + after.len() < line.len() - split);
        Some(Self {
            before: format!("{cut_before}{}", visible(before)),
            place: visible(place),
            after: format!("{}{cut_after}", visible(after)),
        })
    }
}

/// A text in which nothing steers the terminal: a file from elsewhere may hold escape sequences, or marks that turn
/// the direction of writing round.
pub(crate) fn visible(text: &str) -> String {
    let steers = |letter: char| {
        letter.is_control()
            || matches!(letter, '\u{200E}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
    };
    let visible = |letter| match letter {
        '\t' => ' ',
        letter if steers(letter) => '\u{FFFD}',
        letter => letter,
    };
    text.chars().map(visible).collect()
}

/// Where the character `column` (from 0) of a line starts. Counts in blocks, since a line can be the whole message.
fn byte_offset(line: &[u8], column: usize) -> usize {
    // A character starts at each byte that does not continue one (UTF-8: 10xxxxxx).
    let starts = |byte: &u8| byte & 0xC0 != 0x80;
    let mut left = column;
    let mut offset = 0;
    for block in line.chunks(4096) {
        let characters = block.iter().filter(|byte| starts(byte)).count();
        if characters > left {
            let within = block.iter().enumerate().filter(|(_, byte)| starts(byte)).nth(left);
            return offset + within.map_or(0, |(index, _)| index);
        }
        left -= characters;
        offset += block.len();
    }
    line.len()
}

fn first_characters(text: &str, count: usize) -> &str {
    text.char_indices().nth(count).map_or(text, |(end, _)| &text[..end])
}

fn last_characters(text: &str, count: usize) -> &str {
    text.char_indices().rev().nth(count.saturating_sub(1)).map_or(text, |(start, _)| &text[start..])
}

/// The length of what a text starts with: a string in quotes, the name of a tag or a member, a number, or one character.
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
        let excerpt = Excerpt::at(text.as_bytes(), Position { line, column }).expect("the line is there");
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
        assert_eq!(Excerpt::at(text.as_bytes(), Position { line: 5, column: 1 }), None);
    }

    #[test]
    fn a_long_line_is_cut_on_both_sides() {
        let text = format!("{}<gender value=\"é\"/>{}", "é".repeat(5000), "x".repeat(5000));
        let before = format!("…{}", "é".repeat(60));
        let after = format!(" value=\"é\"/>{}…", "x".repeat(21));
        assert_eq!(at(&text, 1, 5001), [before.as_str(), "<gender", &after]);
        assert_eq!(at(&"x".repeat(100), 1, 1), ["", &"x".repeat(40), "…"]);
    }

    #[test]
    fn text_that_is_not_utf8_has_excerpts_too() {
        let excerpt = Excerpt::at(b"ab\xFFcd", Position { line: 1, column: 3 }).expect("the line is there");
        assert_eq!((excerpt.before.as_str(), excerpt.after.as_str()), ("ab", "cd"));
    }

    #[test]
    fn nothing_shown_steers_the_terminal() {
        assert_eq!(visible("a\tb\x1B[2J\u{202E}é\n"), "a b\u{FFFD}[2J\u{FFFD}é\u{FFFD}");
    }
}
