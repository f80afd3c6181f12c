//! [`Subscriber`]: what a Subscription asks for, and the rules for it.

use http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use koppeltaal_r4::Primitive;
use koppeltaal_r4::resources::{Subscription, SubscriptionChannelType, SubscriptionStatus};

use crate::search::query::Query;

/// How many headers a Subscription has at most.
const MOST_HEADERS: usize = 50;

/// Whom to tell of what.
pub(crate) struct Subscriber {
    pub(crate) query: Query,
    pub(crate) criteria: String,
    pub(crate) endpoint: Uri,
    /// The headers of each notification, which may be secrets.
    pub(crate) headers: HeaderMap,
}

/// What is wrong with a Subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Where: `Subscription.criteria`.
    pub(crate) expression: &'static str,
    /// What is wrong, what belongs there.
    pub(crate) text: String,
}

fn problem(expression: &'static str, text: impl Into<String>) -> Problem {
    Problem { expression, text: text.into() }
}

/// Headers that belong to the server.
const RESERVED: [HeaderName; 4] =
    [header::HOST, header::CONTENT_LENGTH, header::CONNECTION, header::TRANSFER_ENCODING];

impl Subscriber {
    /// Reads a Subscription.
    ///
    /// # Errors
    ///
    /// Everything that keeps it from working.
    pub(crate) fn read(subscription: &Subscription) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let channel = subscription.channel.clone().unwrap_or_default();
        if channel.r#type.get() != Some(&SubscriptionChannelType::RestHook) {
            problems.push(problem("Subscription.channel.type", "expected rest-hook"));
        }
        if !channel.payload.is_absent() {
            let text = "expected nothing: a notification has no content in Koppeltaal";
            problems.push(problem("Subscription.channel.payload", text));
        }
        let mut keep = |found: Result<_, Problem>| found.map_err(|problem| problems.push(problem)).ok();
        let endpoint = keep(endpoint(channel.endpoint.as_str().unwrap_or_default()));
        let headers = {
            let headers = headers(&channel.header);
            headers.map_err(|problem| problems.push(problem)).ok()
        };
        let criteria = subscription.criteria.as_str().unwrap_or_default();
        let query = Query::parse_relative(criteria)
            .map_err(|error| problems.push(problem("Subscription.criteria", error.to_string())))
            .ok();
        match (query, endpoint, headers) {
            (Some(query), Some(endpoint), Some(headers)) if problems.is_empty() => {
                Ok(Self { query, criteria: criteria.to_owned(), endpoint, headers })
            }
            _ => Err(problems),
        }
    }
}

/// Makes a Subscription active that asks for it.
pub(crate) fn activate(subscription: &mut Subscription) {
    if matches!(subscription.status.get(), Some(SubscriptionStatus::Requested | SubscriptionStatus::Active)) {
        subscription.status = SubscriptionStatus::Active.into();
        subscription.error = Primitive::default();
    }
}

/// An address by https, or one of this machine.
fn endpoint(text: &str) -> Result<Uri, Problem> {
    const EXPRESSION: &str = "Subscription.channel.endpoint";
    let uri: Uri = text.parse().map_err(|_| problem(EXPRESSION, "expected a URL"))?;
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let is_loopback = host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    match uri.scheme_str() {
        Some("https") => Ok(uri),
        Some("http") if is_loopback => Ok(uri),
        _ => Err(problem(EXPRESSION, "expected a URL by https; by http only on this machine, as 127.0.0.1")),
    }
}

fn headers(lines: &[Primitive<String>]) -> Result<HeaderMap, Problem> {
    const EXPRESSION: &str = "Subscription.channel.header";
    if lines.len() > MOST_HEADERS {
        return Err(problem(EXPRESSION, format!("expected at most {MOST_HEADERS} headers")));
    }
    let mut headers = HeaderMap::new();
    for line in lines.iter().filter_map(Primitive::as_str) {
        let parsed = line.split_once(':').and_then(|(name, value)| {
            let name = HeaderName::from_bytes(name.trim().as_bytes()).ok()?;
            let mut value = HeaderValue::from_str(value.trim()).ok()?;
            value.set_sensitive(true);
            Some((name, value))
        });
        // The line may hold a secret, so it is not quoted.
        let Some((name, value)) = parsed else { return Err(problem(EXPRESSION, "expected \"Name: value\"")) };
        if RESERVED.contains(&name) {
            return Err(problem(EXPRESSION, format!("the header {name} is the server's")));
        }
        headers.append(name, value);
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use koppeltaal_r4::resources::SubscriptionChannel;

    use super::*;

    fn subscription(criteria: &str, endpoint: &str, header: &str) -> Subscription {
        Subscription {
            status: SubscriptionStatus::Requested.into(),
            criteria: criteria.into(),
            channel: Some(SubscriptionChannel {
                r#type: SubscriptionChannelType::RestHook.into(),
                endpoint: endpoint.into(),
                header: vec![header.into()],
                ..Default::default()
            }),
            ..Default::default()
        }
    }

    fn expressions(subscription: &Subscription) -> Vec<&'static str> {
        let problems = Subscriber::read(subscription).err().unwrap_or_default();
        problems.iter().map(|problem| problem.expression).collect()
    }

    #[test]
    fn a_subscription_has_a_secure_endpoint_headers_and_criteria() {
        for (criteria, endpoint, header, expected) in [
            ("Task?status=ready", "https://game.example/hook", "X-Secret: 1", &[][..]),
            ("Task", "http://127.0.0.1:80/hook", "X-Secret: a:b", &[]),
            ("Task", "http://localhost/hook", "X-Secret: 1", &[]),
            ("Task", "http://[::1]/hook", "X-Secret: 1", &[]),
            ("Task", "http://game.example/hook", "X-Secret: 1", &["Subscription.channel.endpoint"]),
            ("Task", "", "X-Secret: 1", &["Subscription.channel.endpoint"]),
            ("Task", "https://game.example", "X-Secret", &["Subscription.channel.header"]),
            ("Task", "https://game.example", "Host: x", &["Subscription.channel.header"]),
            ("Task?x=1", "https://game.example", "X-Secret: 1", &["Subscription.criteria"]),
            ("", "https://game.example", "X-Secret: 1", &["Subscription.criteria"]),
        ] {
            let found = expressions(&subscription(criteria, endpoint, header));
            assert_eq!(found, expected, "{criteria} {endpoint} {header}");
        }
    }

    #[test]
    fn only_the_rest_hook_without_content_is_offered() {
        let mut subscription = subscription("Task", "https://game.example", "X-Secret: 1");
        let channel = subscription.channel.get_or_insert_default();
        channel.r#type = SubscriptionChannelType::Email.into();
        channel.payload = "application/fhir+json".into();
        assert_eq!(expressions(&subscription), ["Subscription.channel.type", "Subscription.channel.payload"]);
    }

    #[test]
    fn one_that_is_requested_becomes_active_and_one_that_is_off_stays_off() {
        let mut subscription = subscription("Task", "https://game.example", "X-Secret: 1");
        subscription.error = "status 500".into();
        activate(&mut subscription);
        assert_eq!(subscription.status.get(), Some(&SubscriptionStatus::Active));
        assert!(subscription.error.is_absent());
        subscription.status = SubscriptionStatus::Off.into();
        activate(&mut subscription);
        assert_eq!(subscription.status.get(), Some(&SubscriptionStatus::Off));
    }
}
