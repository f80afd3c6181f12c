//! [`LaunchForm`]: the page that sends the browser with the token to the module, and [`ReceivedLaunch`], what
//! the module gets.

use std::fmt;
use std::fmt::Write as _;

use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use crate::backend;
use crate::base64url;
use crate::jwt::Jwt;

/// A form that the browser POSTs to a module (HTI 2.0, TOP-KT-007).
#[derive(Clone)]
#[must_use]
pub struct LaunchForm<'a> {
    action: Url,
    fields: Vec<(&'static str, &'a str)>,
    button: &'a str,
}

/// A page to answer the browser with. It holds the token, so `Debug` does not show it.
#[derive(Clone)]
pub struct LaunchPage {
    html: String,
    content_security_policy: String,
}

/// What a module receives: the fields of the form. `Debug` does not show the token.
#[derive(Clone)]
pub struct ReceivedLaunch {
    token: SecretString,
    iss: Option<String>,
}

/// Why there is no page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LaunchFormError {
    /// The address of the module is not an absolute http or https URL. Another scheme, such as `javascript`,
    /// would run in the portal's own page.
    #[error("the address of the module is not an absolute http or https URL; correct its endpoint")]
    Address,
    /// The operating system gives no random numbers.
    #[error("the operating system gives no random numbers")]
    Randomness,
}

/// The body is not that of a launch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the form has no field `launch` (or `token`), or is larger than {} bytes", ReceivedLaunch::MAX_BYTES)]
pub struct NotALaunch;

impl<'a> LaunchForm<'a> {
    /// A launch in Koppeltaal: the fields `launch` and `iss`, which is the base URL of the FHIR server. The
    /// address is that of the module's endpoint.
    ///
    /// # Errors
    ///
    /// [`LaunchFormError::Address`].
    pub fn new(address: &str, token: &'a Jwt, fhir_base: &'a str) -> Result<Self, LaunchFormError> {
        Self::with_fields(address, vec![("launch", token.as_str()), ("iss", fhir_base)])
    }

    /// A launch by HTI alone: the field `token`.
    ///
    /// # Errors
    ///
    /// [`LaunchFormError::Address`].
    pub fn plain(address: &str, token: &'a Jwt) -> Result<Self, LaunchFormError> {
        Self::with_fields(address, vec![("token", token.as_str())])
    }

    fn with_fields(address: &str, fields: Vec<(&'static str, &'a str)>) -> Result<Self, LaunchFormError> {
        let action = Url::parse(address.trim()).map_err(|_| LaunchFormError::Address)?;
        if !matches!(action.scheme(), "http" | "https") || !action.username().is_empty() {
            return Err(LaunchFormError::Address);
        }
        Ok(Self { action, fields, button: "Continue" })
    }

    /// The text of the button for browsers without scripts, instead of `Continue`.
    pub fn button(self, button: &'a str) -> Self {
        Self { button, ..self }
    }

    /// The page, with a new nonce.
    ///
    /// # Errors
    ///
    /// [`LaunchFormError::Randomness`].
    pub fn page(&self) -> Result<LaunchPage, LaunchFormError> {
        let nonce = backend::random::<16>().map(base64url::encode).ok_or(LaunchFormError::Randomness)?;
        Ok(self.page_with_nonce(&nonce))
    }

    /// The page for a Content-Security-Policy that the application sends itself, with its nonce: letters,
    /// digits, `-`, `_`, `+`, `/` and `=`.
    pub fn page_with_nonce(&self, nonce: &str) -> LaunchPage {
        let nonce: String =
            nonce.chars().filter(|c| c.is_ascii_alphanumeric() || "-_+/=".contains(*c)).collect();
        let mut html = String::from(
            "<!DOCTYPE html>\n<html>\n<head><meta charset=\"utf-8\"><title>Launch</title></head>\n<body>\n",
        );
        // Writing to a String does not fail.
        let _ = writeln!(html, "<form method=\"post\" action=\"{}\">", escape(self.action.as_str()));
        for (name, value) in &self.fields {
            let _ = writeln!(html, "<input type=\"hidden\" name=\"{name}\" value=\"{}\">", escape(value));
        }
        let _ = write!(
            html,
            "<noscript><button type=\"submit\">{}</button></noscript>\n</form>\n\
             <script nonce=\"{nonce}\">document.forms[0].submit();</script>\n</body>\n</html>\n",
            escape(self.button)
        );
        // A module redirects to wherever its user logs in, and browsers apply `form-action` to that too.
        let schemes = if self.action.scheme() == "https" { "https:" } else { "http: https:" };
        let content_security_policy =
            format!("default-src 'none'; script-src 'nonce-{nonce}'; form-action {schemes}; base-uri 'none'");
        LaunchPage { html, content_security_policy }
    }
}

impl LaunchPage {
    /// The page. It holds the token, which opens the module as the user: send it to nobody else.
    pub fn html(&self) -> &str {
        &self.html
    }

    /// The headers that the page needs, and those that keep it out of caches.
    pub fn headers(&self) -> [(&'static str, &str); 4] {
        [
            ("content-type", "text/html; charset=utf-8"),
            ("content-security-policy", &self.content_security_policy),
            ("cache-control", "no-store"),
            ("referrer-policy", "no-referrer"),
        ]
    }
}

impl ReceivedLaunch {
    /// How large a form may be.
    pub const MAX_BYTES: usize = 64 << 10;

    /// Reads the body of the POST, `application/x-www-form-urlencoded`.
    ///
    /// # Errors
    ///
    /// [`NotALaunch`].
    pub fn from_form(body: &[u8]) -> Result<Self, NotALaunch> {
        if body.len() > Self::MAX_BYTES {
            return Err(NotALaunch);
        }
        let field = |name: &str| {
            let mut fields = form_urlencoded::parse(body);
            fields.find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.into_owned())
        };
        let token = field("launch").or_else(|| field("token")).ok_or(NotALaunch)?;
        Ok(Self { token: token.into(), iss: field("iss") })
    }

    /// The HTI token, not checked yet.
    pub fn token(&self) -> &str {
        self.token.expose_secret()
    }

    /// The base URL of the FHIR server, as the portal says. Absent in a launch by HTI alone. Only
    /// [known ones](Self::is_from) may be trusted.
    pub fn iss(&self) -> Option<&str> {
        self.iss.as_deref()
    }

    /// Whether the launch names this FHIR server. A slash at the end makes no difference.
    pub fn is_from(&self, fhir_base: &str) -> bool {
        self.iss.as_deref().is_some_and(|iss| crate::claims::is_same_issuer(iss, fhir_base))
    }
}

/// A text for an attribute or an element of HTML.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

impl fmt::Debug for LaunchForm<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LaunchForm").field("action", &self.action.as_str()).finish_non_exhaustive()
    }
}

impl fmt::Debug for LaunchPage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LaunchPage").finish_non_exhaustive()
    }
}

impl fmt::Debug for ReceivedLaunch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReceivedLaunch").field("iss", &self.iss).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> Jwt {
        Jwt::new("a.b.c".to_owned())
    }

    #[test]
    fn the_page_sends_itself_and_has_a_button_for_browsers_without_scripts() {
        let token = token();
        let form =
            LaunchForm::new("https://module.example/launch?a=1&b=2", &token, "https://kt.example/fhir");
        let page = form.expect("a form").button("Verder").page_with_nonce("abc\"><script>");
        insta::assert_snapshot!(page.html(), @r#"
        <!DOCTYPE html>
        <html>
        <head><meta charset="utf-8"><title>Launch</title></head>
        <body>
        <form method="post" action="https://module.example/launch?a=1&amp;b=2">
        <input type="hidden" name="launch" value="a.b.c">
        <input type="hidden" name="iss" value="https://kt.example/fhir">
        <noscript><button type="submit">Verder</button></noscript>
        </form>
        <script nonce="abcscript">document.forms[0].submit();</script>
        </body>
        </html>
        "#);
        assert_eq!(
            page.headers()[1].1,
            "default-src 'none'; script-src 'nonce-abcscript'; form-action https:; base-uri 'none'"
        );
        assert!(!format!("{page:?}").contains("a.b.c"));
    }

    #[test]
    fn each_page_has_a_nonce_of_its_own() {
        let token = token();
        let form = LaunchForm::plain("https://module.example", &token).expect("a form");
        let html = || form.page().expect("a page").html().to_owned();
        assert_ne!(html(), html());
        assert!(html().contains("name=\"token\""));
    }

    #[test]
    fn what_a_value_holds_stays_in_its_attribute() {
        let token = token();
        let form = LaunchForm::new("https://module.example/\"><x>", &token, "\"><script>alert(1)</script>");
        let page = form.expect("a form").button("<b>").page().expect("a page");
        assert_eq!(page.html().matches("<script").count(), 1, "{}", page.html());
        assert!(!page.html().contains("<x>") && !page.html().contains("<b>"), "{}", page.html());
    }

    #[test]
    fn a_module_has_an_address_of_the_web() {
        for address in
            ["javascript:alert(1)", "data:text/html,x", "/launch", "", "https://user:pw@module.example"]
        {
            let refused = LaunchForm::plain(address, &token()).map(|_| ());
            assert_eq!(refused, Err(LaunchFormError::Address), "{address}");
        }
    }

    #[test]
    fn a_launch_is_read_from_the_form() {
        let launch = ReceivedLaunch::from_form(b"iss=https%3A%2F%2Fkt.example%2Ffhir%2F&launch=a.b.c");
        let launch = launch.expect("a launch");
        assert_eq!(launch.token(), "a.b.c");
        assert!(launch.is_from("https://kt.example/fhir") && !launch.is_from("https://kt.example"));
        assert!(!format!("{launch:?}").contains("a.b.c"));
        let plain = ReceivedLaunch::from_form(b"token=a.b.c").expect("a launch");
        assert_eq!((plain.token(), plain.iss()), ("a.b.c", None));
        assert!(!plain.is_from("https://kt.example"));
        assert!(ReceivedLaunch::from_form(b"launch=&iss=x").is_err());
        assert!(ReceivedLaunch::from_form(&vec![b'a'; ReceivedLaunch::MAX_BYTES + 1]).is_err());
    }
}
