//! The page at the root: what domain this is, its applications, and what was refused.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use http::StatusCode;

use crate::application::{Applications, RegisteredApplication};
use crate::domain::Domain;
use crate::page::{escape, page};
use crate::refusal::Refusals;

/// What the page shows.
#[derive(Clone)]
pub(crate) struct Home {
    pub(crate) organization: String,
    pub(crate) domain: Arc<Domain>,
    pub(crate) applications: Applications,
    pub(crate) refusals: Refusals,
}

/// How many refusals the page shows.
const SHOWN: usize = 20;

/// The page, at the root. Other addresses that are none get a text that says where the domain is.
pub(crate) fn router(home: Home) -> Router {
    Router::new().route("/", get(show)).fallback(nothing).with_state(Arc::new(home))
}

async fn nothing(State(home): State<Arc<Home>>) -> (StatusCode, String) {
    let base = &home.domain.fhir_base;
    (
        StatusCode::NOT_FOUND,
        format!("There is nothing here. The FHIR interface of this domain is at {base}\n"),
    )
}

async fn show(State(home): State<Arc<Home>>) -> Response {
    page(".", StatusCode::OK, "Koppeltaal sandbox", &html(&home))
}

fn html(home: &Home) -> String {
    let (organization, base) = (escape(&home.organization), escape(&home.domain.fhir_base));
    let mut html = format!(
        "<h1>Koppeltaal 2.0 sandbox</h1>\n<p class=\"soft\">The domain of {organization}</p>\n\
         <h2>FHIR interface</h2>\n<p><code>{base}</code></p>\n\
         <p><a href=\"fhir/DEFAULT/metadata\">metadata</a>, \
         <a href=\"fhir/DEFAULT/.well-known/smart-configuration\">smart-configuration</a></p>\n\
         <h2>Applications</h2>\n"
    );
    for application in home.applications.all() {
        describe(&mut html, application);
    }
    let refusals = home.refusals.all();
    if !refusals.is_empty() {
        html.push_str("<h2>Refused lately</h2>\n");
        for refusal in refusals.iter().rev().take(SHOWN) {
            let _ = writeln!(
                html,
                "<dl>\n<dt><code>{}</code> {}</dt>\n<dd>{}</dd>\n<dd class=\"soft\"><code>{}</code></dd>\n</dl>",
                refusal.endpoint,
                refusal.status,
                escape(&refusal.reason),
                escape(&refusal.reference)
            );
        }
    }
    html
}

fn describe(html: &mut String, application: &RegisteredApplication) {
    let (name, client_id) = (escape(application.name()), escape(application.client_id()));
    let role = application.role().name();
    let approved = if application.is_approved() { "" } else { ", not approved" };
    let _ = writeln!(
        html,
        "<dl>\n<dt>{name} <span class=\"soft\">{role}{approved}</span></dt>\n<dd><code>{client_id}</code></dd>"
    );
    for uri in application.redirect_uris() {
        let _ = writeln!(html, "<dd class=\"soft\"><code>{}</code></dd>", escape(uri));
    }
    html.push_str("</dl>\n");
}
