//! [`Form`]: the parameters of a query or of a form, each at most once.

/// Parameters, in their order.
#[derive(Default)]
pub(crate) struct Form(Vec<(String, String)>);

/// The longest form, in bytes. A launch has two tokens of at most 16 KiB.
pub(crate) const FORM_BYTES: usize = 64 << 10;

/// A parameter occurs twice (RFC 6749 section 3.1), or there are too many bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotAForm;

impl Form {
    /// Reads `a=b&c=d`.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, NotAForm> {
        if bytes.len() > FORM_BYTES {
            return Err(NotAForm);
        }
        let mut pairs: Vec<(String, String)> = form_urlencoded::parse(bytes).into_owned().collect();
        // A parameter without a value counts as absent (RFC 6749 section 3.1).
        pairs.retain(|(_, value)| !value.is_empty());
        let mut names: Vec<&str> = pairs.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        match names.windows(2).any(|two| two[0] == two[1]) {
            true => Err(NotAForm),
            false => Ok(Self(pairs)),
        }
    }

    /// A parameter that has a value.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// A URL with these parameters added to its query.
pub(crate) fn with_parameters(url: &str, parameters: &[(&str, &str)]) -> String {
    let separator = if url.contains('?') { '&' } else { '?' };
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    format!("{url}{separator}{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_has_one_value() {
        let form = Form::parse(b"a=1&b=&c=x%20y&b=2").expect("a form");
        assert_eq!(
            ["a", "b", "c", "d"].map(|name| form.get(name)),
            [Some("1"), Some("2"), Some("x y"), None]
        );
        assert!(Form::parse(b"a=1&a=1").is_err());
        assert!(Form::parse(&vec![b'a'; FORM_BYTES + 1]).is_err());
    }

    #[test]
    fn parameters_are_added_to_what_is_there() {
        assert_eq!(
            with_parameters("https://a.example/cb", &[("code", "1&2")]),
            "https://a.example/cb?code=1%262"
        );
        assert_eq!(with_parameters("app:/cb?x=1", &[("code", "1")]), "app:/cb?x=1&code=1");
    }
}
