//! The challenges of `WWW-Authenticate` (RFC 9110 section 11.6.1): whether they say that a token is invalid
//! (RFC 6750 section 3).

use http::{HeaderMap, header};

/// How many parameters are read, of all challenges together.
const PARAMETERS: usize = 100;

/// Whether one of the challenges is a `Bearer` with `error="invalid_token"`: the token has expired or was
/// revoked, and a new one helps (RFC 6750 section 3.1).
pub(crate) fn wants_new_token(headers: &HeaderMap) -> bool {
    let fields = headers.get_all(header::WWW_AUTHENTICATE).iter();
    // Fields are not always ASCII: descriptions are in any language.
    let mut parameters = fields.flat_map(|field| parameters(field.as_bytes())).take(PARAMETERS);
    parameters.any(|parameter| {
        parameter.scheme.eq_ignore_ascii_case(b"bearer")
            && parameter.name.eq_ignore_ascii_case(b"error")
            && parameter.value.trim_ascii().eq_ignore_ascii_case(b"invalid_token")
    })
}

/// A parameter of a challenge.
struct Parameter<'a> {
    scheme: &'a [u8],
    name: &'a [u8],
    value: Vec<u8>,
}

/// The parameters of all challenges in a field, in order. Anything but schemes and parameters is skipped.
fn parameters(field: &[u8]) -> impl Iterator<Item = Parameter<'_>> {
    let mut rest = field;
    let mut scheme: &[u8] = b"";
    std::iter::from_fn(move || {
        loop {
            rest = rest.trim_ascii_start();
            let (&first, behind) = rest.split_first()?;
            if !is_token_byte(first) {
                // A comma, or a character that does not belong here. A quoted string is skipped whole.
                rest = if first == b'"' { unquote(behind).1 } else { behind };
                continue;
            }
            let (word, behind) = split(rest, is_token_byte);
            // A word with an equals sign is a parameter, or a token68 such as `dGVzdA==`, whose name matches
            // no parameter that is looked for. Any other word is a scheme, or a token68 that the next scheme
            // replaces.
            let Some(value) = behind.trim_ascii_start().strip_prefix(b"=") else {
                (scheme, rest) = (word, behind);
                continue;
            };
            let value = value.trim_ascii_start();
            let (value, behind) = match value.strip_prefix(b"\"") {
                Some(quoted) => unquote(quoted),
                None => {
                    let (value, behind) = split(value, is_token_byte);
                    (value.to_vec(), behind)
                }
            };
            rest = behind;
            return Some(Parameter { scheme, name: word, value });
        }
    })
}

/// The text up to the closing quotation mark, without backslashes, and the rest after it. Without a closing
/// mark, all is text.
fn unquote(text: &[u8]) -> (Vec<u8>, &[u8]) {
    let mut value = Vec::new();
    let mut rest = text;
    while let Some((&first, behind)) = rest.split_first() {
        rest = behind;
        match first {
            b'"' => break,
            b'\\' => {
                let Some((&escaped, behind)) = rest.split_first() else { break };
                value.push(escaped);
                rest = behind;
            }
            _ => value.push(first),
        }
    }
    (value, rest)
}

fn split(text: &[u8], is: fn(u8) -> bool) -> (&[u8], &[u8]) {
    text.split_at(text.iter().position(|byte| !is(*byte)).unwrap_or(text.len()))
}

/// Whether a token may have this byte (RFC 9110 section 5.6.2).
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn wants(fields: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        for field in fields {
            let value = HeaderValue::from_bytes(field.as_bytes()).expect("a value");
            headers.append(header::WWW_AUTHENTICATE, value);
        }
        wants_new_token(&headers)
    }

    #[test]
    fn an_invalid_token_is_seen_in_whatever_form_the_challenge_has() {
        for fields in [
            &[r#"Bearer error="invalid_token""#][..],
            &["bearer error=invalid_token"],
            &[r#"BEARER realm="k", error = "invalid_token" , error_description="expired, at last""#],
            &[r#"Bearer realm="a \"b\", error=\"x\"",error="invalid_token""#],
            &[r#"Basic realm="k", Bearer realm="k",error="invalid_token""#],
            &[r#"Negotiate, Bearer error="invalid_token", Basic realm="k""#],
            &[r#"Negotiate dGVzdA==, Bearer error="invalid_token""#],
            &["Basic realm=\"k\"", "Bearer error=\"invalid_token\""],
            &[r#"Bearer,error="invalid_token""#],
            &["Bearer error_description=\"verlopen é\", ERROR=\"Invalid_Token\""],
            &[r#"Bearer ,, scope=, error="invalid_token""#],
        ] {
            assert!(wants(fields), "{fields:?}");
        }
    }

    #[test]
    fn what_only_looks_like_an_invalid_token_is_none() {
        for fields in [
            &[][..],
            &["Bearer"],
            &[r#"Bearer realm="k""#],
            &[r#"Bearer error="insufficient_scope""#],
            &[r#"Bearer realm="error=invalid_token""#],
            &[r#"Bearer realm="x\", error=\"invalid_token""#],
            &[r#"Basic error="invalid_token""#],
            &[r#"Bearer realm="k", Basic error="invalid_token""#],
            &[r#"Bearer error_description="invalid_token""#],
            &["invalid_token"],
            &["=,\"\\"],
        ] {
            assert!(!wants(fields), "{fields:?}");
        }
    }

    #[test]
    fn a_field_of_any_bytes_is_read_to_its_end() {
        // Every short field made of the characters that matter.
        let signs = b"a=,\" \\";
        for length in 0..=6 {
            for number in 0..signs.len().pow(length) {
                let digits = (0..length).map(|digit| signs[number / signs.len().pow(digit) % signs.len()]);
                let field: Vec<u8> = digits.collect();
                assert!(parameters(&field).count() <= field.len());
            }
        }
    }
}
