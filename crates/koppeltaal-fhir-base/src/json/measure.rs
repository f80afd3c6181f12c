//! How much there is in a value that is kept as text, for the weight of a document.

use super::scan::Scanner;
use crate::bytes;
use crate::unknown::ValueCount;

/// How many bytes the scalars in a value have, without white space, names and nulls. Counting stops at
/// `enough`. The value has been checked before.
pub(crate) fn values_length(raw: &str, enough: usize) -> usize {
    let mut length = 0;
    visit_values(raw, |_, scalar| {
        length += scalar.map_or(0, bytes::length_without_space);
        length < enough
    });
    length
}

/// Counts the objects and scalars in a value, which has been checked before. Nulls do not count.
pub(crate) fn count_values(raw: &str) -> ValueCount {
    let mut count = ValueCount::default();
    visit_values(raw, |depth, _| {
        count.values += 1;
        count.items += usize::from(depth == 0);
        true
    });
    count
}

/// Shows `visit` each object (as `None`) and each scalar except null in a value, with the number of objects
/// around it, until it returns false.
fn visit_values(raw: &str, mut visit: impl FnMut(usize, Option<&str>) -> bool) {
    let mut scanner = Scanner::new(raw);
    let mut depth = 0_usize;
    loop {
        scanner.skip_space();
        let goes_on = match scanner.peek_byte() {
            None => return,
            Some(byte @ (b'{' | b'}' | b'[' | b']' | b',' | b':')) => {
                scanner.move_to(scanner.offset() + 1);
                let goes_on = byte != b'{' || visit(depth, None);
                depth = match byte {
                    b'{' => depth + 1,
                    b'}' => depth.saturating_sub(1),
                    _ => depth,
                };
                goes_on
            }
            Some(b'"') => match scanner.string() {
                // The name of a member.
                Ok(_) if scanner.take(b':') => true,
                Ok(string) => visit(depth, Some(&string)),
                Err(_) => return,
            },
            Some(b'-' | b'0'..=b'9') => match scanner.number() {
                Ok(number) => visit(depth, Some(number)),
                Err(_) => return,
            },
            Some(_) => match scanner.literal() {
                Ok("null") => true,
                Ok(literal) => visit(depth, Some(literal)),
                Err(_) => return,
            },
        };
        if !goes_on {
            return;
        }
    }
}
