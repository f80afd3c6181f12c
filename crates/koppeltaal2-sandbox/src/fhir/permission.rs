//! Permissions: what an application's token allows, as values without which no interaction is carried out.
//!
//! Each interaction takes one of these types, and only the checks here make them. So none can be forgotten.

use std::marker::PhantomData;
use std::sync::Arc;

use http::HeaderMap;
use http::header::AUTHORIZATION;
use koppeltaal_smart::{Access, Operation};

use crate::caller::{Caller, TokenCheck};
use crate::fhir::refusal::Refusal;
use crate::search::query::Query;
use crate::store::{Entry, Lookup, Store, Version};

/// The application that sends a request, by its access token.
///
/// # Errors
///
/// No token, or one that is not valid.
pub(crate) fn authenticate(tokens: &dyn TokenCheck, headers: &HeaderMap) -> Result<Caller, Refusal> {
    let value = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = value
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("Bearer"));
    let Some((_, token)) = token else { return Err(Refusal::unauthorized()) };
    tokens.caller(token.trim()).map_err(|error| {
        tracing::debug!(%error, "a request without a valid token");
        Refusal::unauthorized()
    })
}

/// Whose resources of a type an application reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Reach {
    All,
    /// Those of these Devices.
    Origins(Vec<String>),
}

impl Reach {
    fn of(caller: &Caller, resource_type: &str, operation: Operation) -> Result<Self, Refusal> {
        match caller.scopes.access(resource_type, operation) {
            Access::All => Ok(Self::All),
            Access::Limited(origins) => Ok(Self::Origins(origins)),
            Access::Denied => Err(Refusal::forbidden()),
        }
    }

    /// Whether it includes a resource of this origin.
    fn includes(&self, origin: Option<&str>) -> bool {
        match self {
            Self::All => true,
            Self::Origins(origins) => origins.iter().any(|own| Some(own.as_str()) == origin),
        }
    }
}

/// Restricts a query to what an application may read, also in what it says about other resources.
fn narrow(caller: &Caller, query: &mut Query) {
    let readable = |resource_type: &str| match Reach::of(caller, resource_type, Operation::Read) {
        Ok(Reach::All) => Some(None),
        Ok(Reach::Origins(origins)) => Some(Some(origins)),
        Err(_) => None,
    };
    match readable(query.resource_type) {
        Some(None) => {}
        Some(Some(origins)) => query.narrow_to_origins(&origins),
        None => query.narrow_to_origins(&[]),
    }
    query.narrow_chains(readable);
}

/// The permission to create a resource of a type.
#[derive(Debug)]
pub(crate) struct MayCreate {
    resource_type: &'static str,
    caller: Caller,
}

impl MayCreate {
    /// # Errors
    ///
    /// 403.
    pub(crate) fn check(caller: &Caller, resource_type: &'static str) -> Result<Self, Refusal> {
        // Whose resources it reaches does not matter for a new one.
        Reach::of(caller, resource_type, Operation::Create)?;
        Ok(Self { resource_type, caller: caller.clone() })
    }

    pub(crate) fn resource_type(&self) -> &'static str {
        self.resource_type
    }

    /// The application that creates it.
    pub(crate) fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Restricts a query to what the application may read.
    pub(crate) fn narrow(&self, query: &mut Query) {
        narrow(&self.caller, query);
    }
}

/// What can be done with one resource.
pub(crate) trait Right {
    const OPERATION: Operation;
}

/// The right to read it.
#[derive(Debug)]
pub(crate) enum Read {}

/// The right to write a new version of it.
#[derive(Debug)]
pub(crate) enum Update {}

/// The right to delete it.
#[derive(Debug)]
pub(crate) enum Delete {}

impl Right for Read {
    const OPERATION: Operation = Operation::Read;
}

impl Right for Update {
    const OPERATION: Operation = Operation::Update;
}

impl Right for Delete {
    const OPERATION: Operation = Operation::Delete;
}

/// The permission to do one thing with one resource.
#[derive(Debug)]
pub(crate) struct May<R> {
    version: Arc<Version>,
    right: PhantomData<R>,
}

impl<R: Right> May<R> {
    /// # Errors
    ///
    /// 404 and 410 if there is no such resource, which everybody may know; else 403.
    pub(crate) fn check(
        caller: &Caller,
        store: &Store,
        (resource_type, id): (&'static str, &str),
    ) -> Result<Self, Refusal> {
        let version = match store.read(resource_type, id) {
            Lookup::Found(version) => version,
            Lookup::Gone => return Err(gone(resource_type)),
            Lookup::Unknown => return Err(unknown(resource_type)),
        };
        let reach = Reach::of(caller, resource_type, R::OPERATION)?;
        let may = reach.includes(version.origin());
        if may { Ok(Self { version, right: PhantomData }) } else { Err(Refusal::forbidden()) }
    }

    /// The current version of the resource.
    pub(crate) fn version(&self) -> &Arc<Version> {
        &self.version
    }
}

/// The permission to read all versions of one resource, also if it was deleted.
#[derive(Debug)]
pub(crate) struct MayReadHistory {
    entries: Vec<Entry>,
}

impl MayReadHistory {
    /// # Errors
    ///
    /// 404 if there never was such a resource; else 403.
    pub(crate) fn check(
        caller: &Caller,
        store: &Store,
        (resource_type, id): (&'static str, &str),
    ) -> Result<Self, Refusal> {
        let entries = store.history(resource_type, id);
        let live = entries.iter().find_map(|entry| match entry {
            Entry::Live(version) => Some(version),
            Entry::Deleted { .. } => None,
        });
        let Some(version) = live else { return Err(unknown(resource_type)) };
        let reach = Reach::of(caller, resource_type, Operation::Read)?;
        let may = reach.includes(version.origin());
        if may { Ok(Self { entries }) } else { Err(Refusal::forbidden()) }
    }

    /// The versions, the newest first.
    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }
}

/// The permission to search a type, among some of its resources.
#[derive(Debug)]
pub(crate) struct MaySearch {
    resource_type: &'static str,
    caller: Caller,
    reach: Reach,
}

impl MaySearch {
    /// # Errors
    ///
    /// 403.
    pub(crate) fn check(caller: &Caller, resource_type: &'static str) -> Result<Self, Refusal> {
        let reach = Reach::of(caller, resource_type, Operation::Read)?;
        Ok(Self { resource_type, caller: caller.clone(), reach })
    }

    pub(crate) fn resource_type(&self) -> &'static str {
        self.resource_type
    }

    /// The application that searches.
    pub(crate) fn client_id(&self) -> &str {
        &self.caller.client_id
    }

    /// Restricts a query to what the application may read.
    pub(crate) fn narrow(&self, query: &mut Query) {
        narrow(&self.caller, query);
    }

    /// Whether it may find a resource of this origin.
    pub(crate) fn includes(&self, origin: Option<&str>) -> bool {
        self.reach.includes(origin)
    }
}

fn unknown(resource_type: &str) -> Refusal {
    Refusal::not_found(format!("there is no {resource_type} with this id"))
}

fn gone(resource_type: &str) -> Refusal {
    Refusal::gone(format!("this {resource_type} was deleted; its history can be read"))
}
