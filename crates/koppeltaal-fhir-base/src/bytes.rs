//! Finding bytes in short strings, eight at a time. The scanners and writers of both formats use it.
//!
//! `memchr` is faster on long text, but most strings of a message are shorter than its start-up.

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// The high bit of each byte of `word` that equals `byte`. Bytes after the first match may be marked wrongly.
#[inline]
fn equal(word: u64, byte: u8) -> u64 {
    let difference = word ^ (ONES * byte as u64);
    difference.wrapping_sub(ONES) & !difference
}

/// The index of the first byte of eight that is one of `wanted` or a control character (below 0x20).
#[inline]
fn hit<const N: usize>(chunk: [u8; 8], wanted: [u8; N]) -> Option<usize> {
    let word = u64::from_le_bytes(chunk);
    let mut found = word.wrapping_sub(ONES * 0x20) & !word;
    for byte in wanted {
        found |= equal(word, byte);
    }
    found &= HIGHS;
    (found != 0).then(|| (found.trailing_zeros() / 8) as usize)
}

/// Whether a block has none of `wanted` and no control character (below 0x20).
#[inline]
fn is_plain<const N: usize>(block: &[u8; 16], wanted: [u8; N]) -> bool {
    // Without an early exit the compiler looks at all bytes at once. Each wanted byte has a loop of its own:
    // one loop over all of them is too much for the compiler.
    let has_control = block.iter().fold(false, |found, byte| found | (*byte < b' '));
    wanted.iter().fold(!has_control, |plain, wanted| {
        plain & !block.iter().fold(false, |found, byte| found | (byte == wanted))
    })
}

/// How many bytes there are before the first one that is one of `wanted` or a control character (below 0x20).
#[inline]
pub(crate) fn plain_length<const N: usize>(bytes: &[u8], wanted: [u8; N]) -> usize {
    let is_hit = |byte: u8| wanted.iter().fold(byte < b' ', |hit, wanted| hit | (byte == *wanted));
    let mut at = 0;
    // Most texts are short.
    if let Some((chunk, _)) = bytes.split_first_chunk::<8>() {
        if let Some(index) = hit(*chunk, wanted) {
            return index;
        }
        at = 8;
        while let Some((block, _)) = bytes[at..].split_first_chunk()
            && is_plain(block, wanted)
        {
            at += block.len();
        }
        // The last block overlaps the one before it. The bytes that they share are known to be plain.
        if let Some((_, block)) = bytes.split_last_chunk()
            && bytes.len() - at < block.len()
            && is_plain(block, wanted)
        {
            return bytes.len();
        }
        while let Some((chunk, _)) = bytes[at..].split_first_chunk::<8>() {
            if let Some(index) = hit(*chunk, wanted) {
                return at + index;
            }
            at += 8;
        }
    }
    at + bytes[at..].iter().take_while(|byte| !is_hit(**byte)).count()
}

/// How many bytes at the start are what XML calls white space.
#[inline]
pub(crate) fn space_length(bytes: &[u8]) -> usize {
    // White space is mostly a line break and some blanks.
    let mut rest = bytes.strip_prefix(b"\n").unwrap_or(bytes);
    while let Some(after) = rest.strip_prefix(b"        ") {
        rest = after;
    }
    rest = rest.strip_prefix(b"    ").unwrap_or(rest);
    rest = rest.strip_prefix(b"  ").unwrap_or(rest);
    while let [b' ' | b'\n' | b'\t' | b'\r', after @ ..] = rest {
        rest = after;
    }
    bytes.len() - rest.len()
}

/// Whether all bytes are blanks or control characters (at most 0x20). No bytes at all are not blank.
#[inline]
pub(crate) fn is_blank(bytes: &[u8]) -> bool {
    if bytes.first().is_none_or(|byte| *byte > b' ') {
        return false;
    }
    let mut rest = bytes;
    while let Some((chunk, after)) = rest.split_first_chunk::<8>() {
        let word = u64::from_le_bytes(*chunk);
        // Adding 0x5F carries into the high bit from 0x21 on.
        if (((word & !HIGHS) + ONES * 0x5F) | word) & HIGHS != 0 {
            return false;
        }
        rest = after;
    }
    rest.iter().all(|byte| *byte <= b' ')
}

/// How many bytes of a text are not white space.
pub(crate) fn length_without_space(text: &str) -> usize {
    text.bytes().filter(|byte| !byte.is_ascii_whitespace()).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_bytes_are_counted_up_to_the_first_hit() {
        for length in 0..50 {
            let mut bytes = vec![b'\xE9'; length];
            assert_eq!(plain_length(&bytes, [b'"', b'&']), length);
            for at in (0..length).rev() {
                bytes[at] = [b'"', b'&', b'\n', 0][at % 4];
                assert_eq!(plain_length(&bytes, [b'"', b'&']), at, "{length}");
            }
        }
    }

    #[test]
    fn white_space_is_counted_up_to_the_first_other_byte() {
        for length in 0..40 {
            let space: Vec<u8> = b" \n\t\r         ".iter().copied().cycle().take(length).collect();
            assert_eq!(space_length(&space), length);
            assert_eq!(space_length(&[&space, &b"<  "[..]].concat()), length);
        }
        assert_eq!(space_length(b"\x0B"), 0);
    }

    #[test]
    fn blank_is_what_has_nothing_beyond_a_blank() {
        for length in 1..40 {
            let mut bytes = vec![b' '; length];
            assert!(is_blank(&bytes));
            for at in 0..length {
                for visible in [b'!', b'~', 0x80, 0xFF] {
                    bytes[at] = visible;
                    assert!(!is_blank(&bytes), "{length} {at} {visible}");
                }
                bytes[at] = b'\n';
            }
        }
        assert!(!is_blank(b""));
    }
}
