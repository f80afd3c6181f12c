//! [`guard`] keeps pages of other sites away from what needs no login. Requests have to name a host that no
//! other site can have, and what a browser sends has to come from the page.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::app::App;

/// Answers 403 to a request of another site's page. If the name of that site leads to this machine (DNS
/// rebinding), the page asks under that name; if it sends something, its browser names its origin.
pub(crate) async fn guard(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let names = Names { listens: app.listens(), is_admin: app.is_admin(), public_url: app.public_url() };
    let (host, origin) = (text(request.headers(), header::HOST), text(request.headers(), header::ORIGIN));
    if !names.has_host(host) {
        return foreign(WRONG_HOST.to_owned());
    }
    if !request.method().is_safe() && !names.has_origin(origin, host) {
        return foreign(names.wrong_origin(host));
    }
    next.run(request).await
}

/// A header as text. One that is not text counts as empty.
fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).map(|value| value.to_str().unwrap_or_default())
}

const WRONG_HOST: &str = "This is not shown under this name: use localhost, the address that the sandbox \
                          listens on, or the name in its public URL.";

fn foreign(details: String) -> Response {
    (StatusCode::FORBIDDEN, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], details).into_response()
}

/// The names under which the page may be asked for.
struct Names<'a> {
    /// Where the sandbox listens.
    listens: IpAddr,
    is_admin: bool,
    public_url: Option<&'a str>,
}

impl Names<'_> {
    /// Whether `Host` is a name of loopback, the address that the sandbox listens on, or the host of the
    /// public URL. When it listens on all addresses, any IP address will do: no site can have one as its
    /// name. Browsers always send `Host`.
    fn has_host(&self, host: Option<&str>) -> bool {
        let Some(host) = host else { return true };
        let Ok(host) = host.parse::<Authority>() else { return false };
        let name = host.host().trim_matches(['[', ']']);
        if let Ok(ip) = name.parse::<IpAddr>() {
            let is_listened = self.listens.is_unspecified() || ip == self.listens;
            return ip.is_loopback() || (self.is_admin && is_listened);
        }
        let is_public = self.public().is_some_and(|(_, public)| public.host().eq_ignore_ascii_case(name));
        name.eq_ignore_ascii_case("localhost") || is_public
    }

    /// Whether `Origin` is that of the page: the host of the request, or the public URL. Browsers send it
    /// with everything that a page sends; other clients do not.
    fn has_origin(&self, origin: Option<&str>, host: Option<&str>) -> bool {
        let Some(origin) = origin else { return true };
        let Some((scheme, authority)) = origin.split_once("://") else { return false };
        let is_asked = host.is_some_and(|host| host.eq_ignore_ascii_case(authority));
        let is_public = self.public().is_some_and(|(public_scheme, public)| {
            public_scheme.eq_ignore_ascii_case(scheme) && public.as_str().eq_ignore_ascii_case(authority)
        });
        is_asked || is_public
    }

    /// Which origins the page has, and what to do about another one.
    fn wrong_origin(&self, host: Option<&str>) -> String {
        let host = host.unwrap_or("the address of the sandbox");
        let public = self.public().map(|(scheme, authority)| format!(" or {scheme}://{authority}"));
        format!(
            "The request comes from a page of another origin, so nothing was changed. Expected: the header Origin \
             with http://{host}{}, or none. Open the sandbox's page under that name. If a proxy gives it another \
             name, start the sandbox with the public URL that browsers use.",
            public.unwrap_or_default()
        )
    }

    /// Scheme and authority of the public URL.
    fn public(&self) -> Option<(String, Authority)> {
        let parts = self.public_url?.parse::<Uri>().ok()?.into_parts();
        Some((parts.scheme?.as_str().to_owned(), parts.authority?))
    }
}
