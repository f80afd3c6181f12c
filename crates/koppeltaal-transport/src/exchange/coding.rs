//! Content codings: decompression of bodies (RFC 9110 section 8.4.1).
//!
//! reqwest's own decoding is off: it knows one spelling of each coding, and stops after the first member of
//! gzip.

use std::io::Read;

use bytes::Bytes;
use flate2::bufread::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use http::{HeaderMap, header};

use crate::error::protocol::ProtocolProblem;
use crate::secret;

/// What requests say in `Accept-Encoding`.
pub(crate) const ACCEPT: &str = "gzip";

/// How many codings one body may have.
const CODINGS: usize = 4;

#[derive(Clone, Copy)]
enum Coding {
    Identity,
    Gzip,
    Deflate,
}

/// The names are compared without regard to case.
const NAMES: [(&str, Coding); 5] = [
    ("gzip", Coding::Gzip),
    ("x-gzip", Coding::Gzip),
    ("deflate", Coding::Deflate),
    ("identity", Coding::Identity),
    ("", Coding::Identity),
];

/// Undoes all codings that the headers list, the last first. Each result has `limit` bytes at most.
///
/// # Errors
///
/// A coding that is not known, a body that was damaged or cut off, or one that becomes larger than the limit.
pub(crate) fn decode(
    headers: &HeaderMap,
    body: &Bytes,
    limit: usize,
    is_secret: bool,
) -> Result<Bytes, ProtocolProblem> {
    let mut codings = Vec::new();
    for field in headers.get_all(header::CONTENT_ENCODING) {
        for name in field.to_str().map_err(|_| ProtocolProblem::Compression)?.split(',') {
            let known = NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name.trim()));
            match known.ok_or(ProtocolProblem::Compression)?.1 {
                Coding::Identity => {}
                _ if codings.len() == CODINGS => return Err(ProtocolProblem::Compression),
                coding => codings.push(coding),
            }
        }
    }
    let mut body = body.clone();
    while let Some(coding) = codings.pop() {
        // An empty body has no coding, whatever the label says.
        if body.is_empty() {
            break;
        }
        let decoded = undo(coding, &body, limit)?;
        body = if is_secret { secret::wiped(decoded) } else { decoded.into() };
    }
    Ok(body)
}

fn undo(coding: Coding, body: &[u8], limit: usize) -> Result<Vec<u8>, ProtocolProblem> {
    let mut reader: Box<dyn Read + '_> = match coding {
        Coding::Identity => Box::new(body),
        // All members (RFC 1952 section 2.2).
        Coding::Gzip => Box::new(MultiGzDecoder::new(body)),
        Coding::Deflate if is_zlib(body) => Box::new(ZlibDecoder::new(body)),
        // Some servers leave the wrapper of zlib out (RFC 9110 section 8.4.1.2).
        Coding::Deflate => Box::new(DeflateDecoder::new(body)),
    };
    let mut decoded = Vec::new();
    reader.by_ref().take(limit as u64).read_to_end(&mut decoded).map_err(|_| ProtocolProblem::Compression)?;
    match reader.read(&mut [0]) {
        Ok(0) => Ok(decoded),
        Ok(_) => Err(ProtocolProblem::TooLarge { limit }),
        Err(_) => Err(ProtocolProblem::Compression),
    }
}

/// Whether the bytes begin with the header of zlib (RFC 1950 section 2.2).
fn is_zlib(body: &[u8]) -> bool {
    matches!(body, [first, second, ..] if first & 0x0F == 8 && u16::from_be_bytes([*first, *second]) % 31 == 0)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use http::HeaderValue;

    use super::*;

    const LIMIT: usize = 1000;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).expect("memory");
        encoder.finish().expect("memory")
    }

    fn decoded(fields: &[&str], body: &[u8]) -> Result<Bytes, ProtocolProblem> {
        let mut headers = HeaderMap::new();
        for field in fields {
            headers.append(header::CONTENT_ENCODING, HeaderValue::from_str(field).expect("a value"));
        }
        decode(&headers, &Bytes::copy_from_slice(body), LIMIT, false)
    }

    #[test]
    fn codings_are_known_by_all_their_names() {
        for (fields, body) in [
            (&[][..], b"text".to_vec()),
            (&[""], b"text".to_vec()),
            (&["Identity"], b"text".to_vec()),
            (&["gzip"], gzip(b"text")),
            (&["GZIP"], gzip(b"text")),
            (&["X-GZip"], gzip(b"text")),
            (&["identity, gzip ,"], gzip(b"text")),
            (&["gzip, gzip"], gzip(&gzip(b"text"))),
            (&["gzip", "gzip"], gzip(&gzip(b"text"))),
            (&["gzip"], [gzip(b"te"), gzip(b""), gzip(b"xt")].concat()),
        ] {
            assert_eq!(decoded(fields, &body), Ok(Bytes::from("text")), "{fields:?}");
        }
        assert_eq!(decoded(&["gzip"], b""), Ok(Bytes::new()), "there is no body");
    }

    #[test]
    fn codings_are_undone_last_first_and_deflate_with_and_without_wrapper() {
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
        zlib.write_all(b"text").expect("memory");
        let zlib = zlib.finish().expect("memory");
        let mut raw = DeflateEncoder::new(Vec::new(), Compression::default());
        raw.write_all(b"text").expect("memory");
        assert_eq!(decoded(&["deflate"], &zlib), Ok(Bytes::from("text")));
        assert_eq!(decoded(&["Deflate"], &raw.finish().expect("memory")), Ok(Bytes::from("text")));
        assert_eq!(decoded(&["deflate, gzip"], &gzip(&zlib)), Ok(Bytes::from("text")));
        assert_eq!(decoded(&["gzip, deflate"], &gzip(&zlib)), Err(ProtocolProblem::Compression));
    }

    #[test]
    fn a_coding_that_cannot_be_undone_is_an_error() {
        let whole = gzip(b"a longer text, so that it can be cut off");
        for (field, body) in [
            ("br", &whole[..]),
            ("compress", &whole),
            ("gzip, br", &whole),
            ("gzip", &whole[..whole.len() - 1]),
            ("gzip", b"{}"),
            ("deflate", b"{}"),
            ("gzip, gzip, gzip, gzip, gzip", &whole),
        ] {
            assert_eq!(decoded(&[field], body), Err(ProtocolProblem::Compression), "{field}");
        }
    }

    #[test]
    fn no_more_is_decoded_than_the_limit_allows() {
        assert!(decoded(&["gzip"], &gzip(&[b'x'; LIMIT])).is_ok());
        let too_large = Err(ProtocolProblem::TooLarge { limit: LIMIT });
        assert_eq!(decoded(&["gzip"], &gzip(&[b'x'; LIMIT + 1])), too_large);
        // The innermost text is empty, but the outer layer decodes to more than the limit.
        let members = std::iter::repeat_n(gzip(b""), 100).collect::<Vec<_>>().concat();
        assert_eq!(decoded(&["gzip, gzip"], &gzip(&members)), too_large);
        assert_eq!(decoded(&["gzip"], &gzip(&vec![0; 10 << 20])), too_large);
    }
}
