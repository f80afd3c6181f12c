//! The storage service as resources: `Other` with the code `StorageItem`.
//!
//! [`parameter`] names its search parameters, since no public text does.

use axum::http::StatusCode;
use koppeltaal_fhir::Document;
use koppeltaal_messaging::valuesets::IssueType;
use koppeltaal_messaging::vocabulary::search::{ID, storage as parameter};
use koppeltaal_messaging::{Issue, ResourceUrl};

use super::authentication::Caller;
use super::entries;
use super::paging::Paging;
use super::reply::Reply;
use super::request::{Params, RequestDocument};
use crate::app::App;
use crate::links::{FHIR_PATH, Links, storage_number, versioned};
use crate::mailbox::names_another;
use crate::refusal::Refusal;
use crate::storage::{
    Comparison, Draft, Item, KeyMatch, Order, Owner, Reader, Search, Time, foreign, not_found,
};

/// The parameter with each of its modifiers.
const OBJECT_KEYS: [(&str, KeyMatch); 3] = [
    (parameter::OBJECT_KEY, KeyMatch::Start),
    (parameter::OBJECT_KEY_EXACT, KeyMatch::Exact),
    (parameter::OBJECT_KEY_CONTAINS, KeyMatch::Contains),
];
/// The longer ones first.
const PREFIXES: [(&str, Comparison); 5] = [
    (">=", Comparison::NotBefore),
    ("<=", Comparison::NotAfter),
    (">", Comparison::After),
    ("<", Comparison::Before),
    ("", Comparison::Equal),
];
const SORTS: [(&str, Order); 3] = [
    (parameter::SORT, Order::Modified),
    ("_sort:asc", Order::Modified),
    (parameter::SORT_DESCENDING, Order::ModifiedDescending),
];

/// `GET Other?code=StorageItem`
pub(crate) fn list(app: &App, caller: &Caller, links: &Links, params: &Params) -> Result<Reply, Refusal> {
    let (total, items, paging) = search(app, caller, params)?;
    let entries = items.iter().map(|item| entries::storage_item(item, links)).collect();
    let url = links.server(&format!("{FHIR_PATH}/Other/_search"));
    let link = paging.links(&url, params, total);
    let domain = &caller.instance.domain;
    Ok(Reply::ok(entries::search_result(domain, total, entries, link, links, app.now().instant())))
}

/// How many items match the parameters, and the page of them that is asked for.
pub(crate) fn search(
    app: &App,
    caller: &Caller,
    params: &Params,
) -> Result<(usize, Vec<Item>, Paging), Refusal> {
    let search = read_search(params)?;
    let paging = Paging::read(params)?;
    let (total, items) =
        app.storage(|storage| storage.search(&reader(app, caller), &search, paging.skip(), paging.count()))?;
    Ok((total, items, paging))
}

fn read_search(params: &Params) -> Result<Search, Refusal> {
    let id = params.get(ID).map(|id| {
        let id = ResourceUrl::split_version(id).0.rsplit('/').next().unwrap_or(id);
        // No item has the number 0, so an id that is not one finds nothing.
        storage_number(id).or_else(|| id.parse().ok()).unwrap_or(0)
    });
    let keys =
        OBJECT_KEYS.iter().flat_map(|(name, how)| params.all(name).map(|text| (*how, text.to_owned())));
    let times = params.all(parameter::LAST_UPDATED).map(|text| {
        // The empty prefix always matches.
        let (rest, how) = PREFIXES
            .iter()
            .find_map(|(prefix, how)| text.strip_prefix(prefix).map(|rest| (rest, *how)))
            .unwrap_or((text, Comparison::Equal));
        // An offset's plus that was not percent-encoded reads as a blank. No time has a blank.
        let time = Time::read(&rest.trim().replace(' ', "+"));
        Ok((
            how,
            time.ok_or_else(|| {
                Refusal::parameter("lastUpdated is not a time.")
                    .at(parameter::LAST_UPDATED)
                    .expected("a date or time of FHIR, after >, >=, < or <= or alone")
            })?,
        ))
    });
    let order = SORTS.iter().find_map(|(name, order)| params.get(name).map(|by| (by, *order)));
    let order = match order {
        None => Order::default(),
        Some((by, order)) if by.eq_ignore_ascii_case(parameter::LAST_UPDATED) => order,
        Some(_) => {
            return Err(Refusal::parameter("Items can be sorted by lastUpdated only.")
                .expected(parameter::LAST_UPDATED));
        }
    };
    Ok(Search {
        number: id,
        patient: patient(params),
        object_type: params.get(parameter::OBJECT_TYPE).map(str::to_owned),
        object_keys: keys.collect(),
        modified: times.collect::<Result<_, Refusal>>()?,
        order,
    })
}

/// URL without version.
fn patient(params: &Params) -> Option<String> {
    params.get("patient").map(|url| ResourceUrl::split_version(url).0.to_owned())
}

/// `GET Other/ID?code=StorageItem&patient=P`
pub(crate) fn read(
    app: &App,
    caller: &Caller,
    links: &Links,
    params: &Params,
    number: u64,
    version: Option<&str>,
) -> Result<Reply, Refusal> {
    Ok(answer(&find(app, caller, params, number, version)?, links))
}

/// The item with this number, if it has the patient and version that are asked for.
pub(crate) fn find(
    app: &App,
    caller: &Caller,
    params: &Params,
    number: u64,
    version: Option<&str>,
) -> Result<Item, Refusal> {
    let patient = patient(params);
    let item = app.storage(|storage| storage.get(&reader(app, caller), number).cloned())?;
    let item = item.filter(|item| patient.is_none_or(|patient| patient == item.patient));
    let item = item.filter(|item| version.is_none_or(|version| version == item.version.as_str()));
    item.ok_or_else(not_found)
}

/// `POST Other?code=StorageItem`
pub(crate) fn create(
    app: &App,
    caller: &Caller,
    links: &Links,
    received: RequestDocument,
) -> Result<Reply, Refusal> {
    let draft = draft_in(caller, received)?;
    let created = app.storage(|storage| storage.create(&reader(app, caller), draft, app.now()))??;
    Ok(answer(&created, links).status(StatusCode::CREATED))
}

/// `PUT Other/ID?code=StorageItem`
pub(crate) fn update(
    app: &App,
    caller: &Caller,
    links: &Links,
    number: u64,
    version: Option<&str>,
    received: RequestDocument,
) -> Result<Reply, Refusal> {
    let draft = draft_in(caller, received)?;
    let url = links.storage_item(number);
    let updated = app
        .storage(|storage| storage.update(&reader(app, caller), number, &url, version, draft, app.now()))??;
    Ok(answer(&updated, links))
}

/// `DELETE Other/StorageItem:N`
pub(crate) fn delete(app: &App, caller: &Caller, number: u64) -> Result<Reply, Refusal> {
    app.storage(|storage| storage.delete(&reader(app, caller), number))??;
    Ok(deleted())
}

/// An answer with a body: old clients do not understand one without.
pub(crate) fn deleted() -> Reply {
    let severity = Some(koppeltaal_fhir::resources::IssueSeverity::Information);
    let issue = Issue { severity, ..Issue::error(IssueType::Processing, "The item is deleted.") };
    Reply::ok(Document::Resource(Issue::outcome([issue]).into()))
}

/// Whose items the caller may see: its application's, and with a token only the ones about its patient.
pub(crate) fn reader(app: &App, caller: &Caller) -> Reader {
    let owner = Owner {
        domain: caller.instance.domain.to_string(),
        application: app.application_of(&caller.instance).to_owned(),
    };
    Reader { owner, only: caller.patient.clone() }
}

fn answer(item: &Item, links: &Links) -> Reply {
    Reply::resource_at(item.resource(), versioned(&links.storage_item(item.number), Some(&item.version)))
}

/// The item in the body. With a token, it must not name another patient.
fn draft_in(caller: &Caller, received: RequestDocument) -> Result<Draft, Refusal> {
    let bytes = received.source.bytes;
    let is_ambiguous = received.is_ambiguous;
    let sent = received.other()?;
    let names_another = |only| names_another(&sent.clone().into(), "", only, |_| false);
    if caller.patient.as_deref().is_some_and(|only| is_ambiguous || names_another(only)) {
        return Err(foreign());
    }
    Draft::from_resource(sent, bytes)
}
