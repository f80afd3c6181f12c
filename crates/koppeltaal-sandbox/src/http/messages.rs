//! The mailbox's handlers: post a message, find and claim messages, set their status.

use std::sync::Arc;

use axum::extract::State;
use axum::http::Uri;
use koppeltaal_fhir::resources::MessageHeader;
use koppeltaal_fhir::{Document, Entry, Link, Resource};
use koppeltaal_messaging::vocabulary::search as parameter;
use koppeltaal_messaging::{Event, ProcessingState, ProcessingStatus, ResourceUrl};
use uuid::Uuid;

use super::authentication::Caller;
use super::entries;
use super::paging::Paging;
use super::reply::Reply;
use super::request::{LinksFor, Params, RequestDocument, Target};
use crate::app::App;
use crate::clock::Timestamp;
use crate::faults::Occasion;
use crate::links::{FHIR_PATH, Links, header_number};
use crate::mailbox::{Acknowledgement, Filter, Lookup, Posting};
use crate::refusal::{Refusal, RefusalKind};

/// `POST Mailbox`
pub(crate) async fn post(
    State(app): State<Arc<App>>,
    caller: Caller,
    LinksFor(links): LinksFor,
    received: RequestDocument,
) -> Result<Reply, Refusal> {
    let Document::Bundle(bundle) = received.document else {
        return Err(Refusal::malformed("A message is a bundle, not a single resource.")
            .at("the body")
            .expected("a bundle"));
    };
    if caller.patient.is_some() && received.is_ambiguous {
        return Err(Refusal::forbidden(
            "The message has elements twice or of an unknown kind, so the sandbox cannot check that it is about the patient of the token.",
        ));
    }
    let posting = Posting::read(bundle, received.source)?;
    let event = posting.event;
    let now = app.now();
    let receipt = app.mailbox(|mailbox| {
        if let Some(only) = &caller.patient {
            mailbox.check_bound(&caller.instance, &posting, only)?;
        }
        mailbox.post(&caller.instance, posting, Uuid::new_v4(), now)
    })??;
    tracing::debug!(%event, message = receipt.number, "posted");
    Ok(Reply::ok(entries::receipt(&receipt, &links)).event(event))
}

/// `GET MessageHeader/_search`: claims the next message, gives one whole message, or lists headers.
pub(crate) async fn search(
    State(app): State<Arc<App>>,
    caller: Caller,
    LinksFor(links): LinksFor,
    uri: Uri,
    params: Params,
) -> Result<Reply, Refusal> {
    let (path, now) = (uri.path(), app.now());
    let search = Search { app: &app, caller: &caller, links: &links, path, params: &params, now };
    if let Some(query) = params.get(parameter::QUERY) {
        search.claim(query)
    } else if let Some(id) = params.get(parameter::ID) {
        search.one(id)
    } else {
        search.list()
    }
}

struct Search<'a> {
    app: &'a App,
    caller: &'a Caller,
    links: &'a Links,
    path: &'a str,
    params: &'a Params,
    now: Timestamp,
}

impl Search<'_> {
    fn claim(&self, query: &str) -> Result<Reply, Refusal> {
        if query != parameter::CLAIM {
            return Err(Refusal::unsupported("The query is not supported.")
                .at(parameter::QUERY)
                .expected(parameter::CLAIM)
                .details(format!("The query '{query}' is not supported")));
        }
        if self.params.get(parameter::PROCESSING_STATUS).is_some() {
            return Err(Refusal::parameter("ProcessingStatus is not allowed together with _query.")
                .at(parameter::PROCESSING_STATUS));
        }
        let filter = self.filter()?;
        let instance = &self.caller.instance;
        let claimed = self.app.mailbox(|mailbox| {
            let event = mailbox.next_event(instance, &filter, self.now)?;
            let username = Some(&*instance.username);
            let occasion = Occasion { path: self.path, instance: username, event: Some(event) };
            mailbox.claim(instance, &filter, self.app.faults().claim_expires(occasion), self.now)
        })?;
        let event = claimed.as_ref().map(|delivery| delivery.message.event);
        let reply = self.one_or_none(claimed.map(|delivery| entries::delivery(&delivery, self.links)));
        Ok(match event {
            Some(event) => reply.event(event),
            None => reply,
        })
    }

    /// One message by number, by URL with or without version, or by `MessageHeader.identifier`.
    fn one(&self, id: &str) -> Result<Reply, Refusal> {
        let only = &self.caller.patient;
        let is_shown = |found: &Lookup| only.is_none() || *only == found.message().patient;
        let found = self.app.mailbox(|mailbox| {
            let number = header_number(id).or_else(|| id.parse().ok());
            let found = number.and_then(|number| mailbox.numbered(&self.caller.instance, number, self.now));
            // Senders exist whose identifiers are numbers.
            let found = found.filter(is_shown);
            found.or_else(|| mailbox.identified(&self.caller.instance, id, self.now).filter(is_shown))
        })?;
        Ok(self.one_or_none(found.map(|found| match found {
            Lookup::Received(delivery) => entries::delivery(&delivery, self.links),
            Lookup::Posted(posted) => entries::posted(&posted, self.links),
        })))
    }

    fn one_or_none(&self, entries: Option<Vec<Entry>>) -> Reply {
        let path = [FHIR_PATH, "/MessageHeader/_search?", &self.params.query()].concat();
        let url = self.links.server(&path);
        let link = Link::new("self", url);
        Reply::ok(entries::one_result(
            &self.caller.instance.domain,
            entries.unwrap_or_default(),
            link,
            self.links,
            self.now.instant(),
        ))
    }

    fn filter(&self) -> Result<Filter, Refusal> {
        Ok(Filter { only: self.caller.patient.clone(), ..filter(self.params)? })
    }

    fn list(&self) -> Result<Reply, Refusal> {
        let filter = self.filter()?;
        let paging = Paging::read(self.params)?;
        let (total, page) = self.app.mailbox(|mailbox| {
            mailbox.list(&self.caller.instance, &filter, paging.skip(), paging.count(), self.now)
        })?;
        let entries = page.iter().map(|delivery| entries::delivery_header(delivery, self.links)).collect();
        let url = self.links.server(&format!("{FHIR_PATH}/MessageHeader/_search"));
        let link = paging.links(&url, self.params, total);
        let domain = &self.caller.instance.domain;
        Ok(Reply::ok(entries::search_result(domain, total, entries, link, self.links, self.now.instant())))
    }
}

/// The filters of every search of headers.
fn filter(params: &Params) -> Result<Filter, Refusal> {
    let patient = params.get(parameter::PATIENT).map(|url| ResourceUrl::split_version(url).0.to_owned());
    // A token may come with its system: `http://...|CreateOrUpdatePatient`.
    let token =
        |name: &str| params.get(name).map(|value| value.rsplit_once('|').map_or(value, |(_, code)| code));
    let event: Option<Event> =
        token(parameter::EVENT).map(|code| code.parse().map_err(|_| not_an_event(code))).transpose()?;
    let status: Option<ProcessingStatus> = token(parameter::PROCESSING_STATUS)
        .map(|code| code.parse().map_err(|_| not_a_status(code, parameter::PROCESSING_STATUS)))
        .transpose()?;
    Ok(Filter { patient, event, status, only: None })
}

/// `PUT MessageHeader/N[/_history/V]`: sets the processing status
pub(crate) async fn acknowledge(
    State(app): State<Arc<App>>,
    caller: Caller,
    LinksFor(links): LinksFor,
    target: Target,
    received: RequestDocument,
) -> Result<Reply, Refusal> {
    let number = target.id.parse().map_err(|_| Refusal::not_found("There is no such message."))?;
    let header = header_in(&received.document).ok_or_else(|| {
        Refusal::malformed("The body is not a MessageHeader.").at("the body").expected("a MessageHeader")
    })?;
    let (status, exception) = reported(header)?;
    let report = Acknowledgement { status, exception, header_version: target.version };
    let only = caller.patient.as_deref();
    let now = app.now();
    let delivery =
        app.mailbox(|mailbox| mailbox.acknowledge(&caller.instance, number, &report, only, now))??;
    tracing::debug!(message = number, status = %delivery.status, "acknowledged");
    let entry = entries::delivery_header(&delivery, &links);
    let location = entry.link("self").unwrap_or_default().to_owned();
    let header: Resource = entry.content.unwrap_or_else(|| MessageHeader::default().into());
    let reply = Reply::ok(Document::Resource(header)).event(delivery.message.event);
    Ok(reply.header(axum::http::header::CONTENT_LOCATION, location))
}

/// The header: the resource itself, or the first entry of a whole message.
pub(super) fn header_in(document: &Document) -> Option<&MessageHeader> {
    match document {
        Document::Resource(resource) => resource.get(),
        Document::Bundle(bundle) => bundle.resources().next()?.get(),
    }
}

/// The longest exception, in bytes. It is stored with the message.
const MAXIMUM_EXCEPTION: usize = 64 << 10;

/// The place of the processing status in a header.
const STATUS_PLACE: &str = "MessageHeader.extension (ProcessingStatus)";

pub(super) fn not_an_event(code: &str) -> Refusal {
    Refusal::parameter("The parameter is not an event.")
        .at(parameter::EVENT)
        .expected("a code of Koppeltaal's events")
        .details(format!("'{code}' is not an event."))
}

pub(super) fn not_a_status(code: &str, place: &'static str) -> Refusal {
    let statuses = ProcessingStatus::ALL.iter().map(ToString::to_string).collect::<Vec<_>>();
    Refusal::parameter("The text is not a processing status.")
        .at(place)
        .expected(format!("one of {}", statuses.join(", ")))
        .details(format!("'{code}' is not a processing status."))
}

/// The status and the exception in a receiver's header. Nothing else is taken from it.
fn reported(header: &MessageHeader) -> Result<(ProcessingStatus, Option<String>), Refusal> {
    let state = header.extension.iter().find_map(ProcessingState::from_extension);
    let state = state
        .ok_or_else(|| Refusal::required("The MessageHeader has no ProcessingStatus.").at(STATUS_PLACE))?;
    let code = state
        .code()
        .ok_or_else(|| Refusal::required("The ProcessingStatus has no status.").at(STATUS_PLACE))?;
    let status = code.parse().map_err(|_| not_a_status(code, STATUS_PLACE))?;
    let exception = state.exception();
    if exception.is_some_and(|exception| exception.len() > MAXIMUM_EXCEPTION) {
        return Err(Refusal::new(RefusalKind::TooLarge, "too-long", "The exception is too long.")
            .at(STATUS_PLACE)
            .expected(format!("at most {MAXIMUM_EXCEPTION} bytes"))
            .details(format!("The exception is longer than {MAXIMUM_EXCEPTION} bytes.")));
    }
    Ok((status, exception.map(str::to_owned)))
}
