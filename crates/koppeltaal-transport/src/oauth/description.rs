//! The words of an OAuth server, as far as a log may show them.

use std::fmt;

/// What stands for words that are left out.
const LEFT_OUT: &str = "\u{2026}";

/// The longest text that is shown, in characters.
const MAX_SHOWN: usize = 200;

/// The longest word that is shown.
const MAX_WORD: usize = 20;

/// Words that are shown with a capital letter too, and as parts of names such as `redirect_uri`. Any other
/// word with a capital letter may be somebody's name.
const WORDS: [&str; 79] = [
    "a",
    "access",
    "account",
    "activation",
    "an",
    "application",
    "audience",
    "authentication",
    "authorisation",
    "authorization",
    "bad",
    "bearer",
    "body",
    "challenge",
    "client",
    "code",
    "credentials",
    "denied",
    "description",
    "domain",
    "duplicate",
    "error",
    "expired",
    "expires",
    "failed",
    "for",
    "grant",
    "header",
    "http",
    "https",
    "id",
    "identifier",
    "in",
    "internal",
    "invalid",
    "is",
    "it",
    "json",
    "key",
    "launch",
    "login",
    "method",
    "mismatch",
    "missing",
    "no",
    "not",
    "oauth",
    "of",
    "or",
    "parameter",
    "password",
    "pkce",
    "please",
    "redirect",
    "refresh",
    "request",
    "required",
    "resource",
    "response",
    "scope",
    "secret",
    "server",
    "session",
    "signature",
    "state",
    "the",
    "this",
    "to",
    "token",
    "tokens",
    "type",
    "unauthorized",
    "unknown",
    "unsupported",
    "uri",
    "url",
    "user",
    "username",
    "verifier",
];

/// The description of a refusal without the words that may be a secret or data of a person: those with a
/// digit, a sign, or a capital letter. What is shown are plain words in lower case, and words of OAuth.
pub(crate) fn shown(description: &str) -> impl fmt::Display + '_ {
    fmt::from_fn(move |f| {
        let end = description.char_indices().nth(MAX_SHOWN).map(|(end, _)| end);
        let mut separator = "";
        let mut leaves_out = false;
        for word in description[..end.unwrap_or(description.len())].split_whitespace() {
            if is_plain(word) {
                write!(f, "{separator}{word}")?;
                leaves_out = false;
            } else if !leaves_out {
                write!(f, "{separator}{LEFT_OUT}")?;
                leaves_out = true;
            }
            separator = " ";
        }
        // The last word may have been cut.
        if end.is_some() && !leaves_out { f.write_str(LEFT_OUT) } else { Ok(()) }
    })
}

/// Whether a log may show a word: punctuation at its ends does not matter.
fn is_plain(word: &str) -> bool {
    let word = word.trim_start_matches('(').trim_end_matches([')', '.', ',', ';', ':', '!', '?']);
    if word.is_empty() || word.len() > MAX_WORD {
        return false;
    }
    let is_known = |part: &str| WORDS.iter().any(|known| known.eq_ignore_ascii_case(part));
    word.bytes().all(|byte| byte.is_ascii_lowercase()) || word.split('_').all(is_known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_words_are_shown_and_what_may_be_a_secret_or_a_name_is_not() {
        for (description, expected) in [
            ("the launch is not known or has expired", "the launch is not known or has expired"),
            ("Invalid Authorization Code.", "Invalid Authorization Code."),
            ("redirect_uri is not that of the request", "redirect_uri is not that of the request"),
            ("token abc123 has expired", "token \u{2026} has expired"),
            ("refresh-two of Lieke de Vries (123456782)", "\u{2026} of \u{2026} de \u{2026}"),
            ("client_secret=geheim is wrong", "\u{2026} is wrong"),
            ("eyJhbGciOi.J9 eyJzdWIi", "\u{2026}"),
            ("see https://k.example/?code=1, please", "see \u{2026} please"),
            ("user 'portal' 2041", "user \u{2026}"),
            ("abcdefghijklmnopqrstuvwxyz", "\u{2026}"),
            ("\u{e9}\u{e9}n code", "\u{2026} code"),
            ("", ""),
        ] {
            assert_eq!(shown(description).to_string(), expected, "{description}");
        }
    }

    #[test]
    fn a_long_text_is_cut() {
        let text = shown(&"far too long ".repeat(100)).to_string();
        assert!(text.chars().count() <= MAX_SHOWN + 1 && text.ends_with(LEFT_OUT), "{text}");
    }

    #[test]
    fn the_words_are_in_order_and_in_lower_case() {
        assert!(WORDS.is_sorted() && WORDS.iter().all(|word| is_plain(word)));
    }
}
