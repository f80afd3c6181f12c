//! [`Interaction`]: what a request asks for, by its method and path.

use http::Method;

use crate::audit::RestAction;
use crate::fhir::refusal::Refusal;
use crate::resources::{SERVED, served};

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Interaction {
    /// `GET metadata`; needs no token.
    Capabilities,
    /// `GET ImplementationGuide`; needs no token.
    ImplementationGuide,
    /// Another page of a search.
    Page,
    Search(&'static str),
    Create(&'static str),
    Read(&'static str, String),
    VersionRead(&'static str, String, String),
    History(&'static str, String),
    Update(&'static str, String),
    Patch(&'static str, String),
    Delete(&'static str, String),
}

impl Interaction {
    /// The address without the id, for the log: `Task/{id}`.
    pub(crate) fn route(&self) -> String {
        match self {
            Self::Capabilities => "metadata".to_owned(),
            Self::ImplementationGuide => "ImplementationGuide".to_owned(),
            Self::Page => "(a page of a search)".to_owned(),
            Self::Search(name) | Self::Create(name) => (*name).to_owned(),
            Self::Read(name, _) | Self::Update(name, _) | Self::Patch(name, _) | Self::Delete(name, _) => {
                format!("{name}/{{id}}")
            }
            Self::VersionRead(name, ..) => format!("{name}/{{id}}/_history/{{version}}"),
            Self::History(name, _) => format!("{name}/{{id}}/_history"),
        }
    }

    /// Reads the method and the path below the base.
    ///
    /// # Errors
    ///
    /// An address that does not exist, or not for this method.
    pub(crate) fn parse(method: &Method, path: &str) -> Result<Self, Refusal> {
        let segments: Vec<_> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        let read = *method == Method::GET || *method == Method::HEAD;
        let only = |allowed: &'static str| {
            Refusal::method(allowed, format!("expected one of the methods {allowed}"))
        };
        match segments[..] {
            [] if read => Ok(Self::Page),
            [] => Err(only("GET")),
            ["metadata"] if read => Ok(Self::Capabilities),
            ["ImplementationGuide"] if read => Ok(Self::ImplementationGuide),
            ["metadata" | "ImplementationGuide"] => Err(only("GET")),
            [name, ..] => {
                let resource_type = served(name).ok_or_else(|| {
                    Refusal::not_found(format!("expected one of the types {}", SERVED.join(", ")))
                })?;
                Self::of_type(resource_type, method, &segments[1..])
            }
        }
    }

    fn of_type(resource_type: &'static str, method: &Method, below: &[&str]) -> Result<Self, Refusal> {
        let only = |allowed: &'static str| {
            Refusal::method(allowed, format!("expected one of the methods {allowed}"))
        };
        match (below, method) {
            ([], &Method::GET | &Method::HEAD) => Ok(Self::Search(resource_type)),
            ([], &Method::POST) => Ok(Self::Create(resource_type)),
            ([], _) => Err(only("GET, POST")),
            (["_search"], &Method::POST) => Ok(Self::Search(resource_type)),
            (["_search"], _) => Err(only("POST")),
            (["_history"], _) => Err(Refusal::not_found("the history of a whole type is not offered")),
            ([id], &Method::GET | &Method::HEAD) => Ok(Self::Read(resource_type, (*id).to_owned())),
            ([id], &Method::PUT) => Ok(Self::Update(resource_type, (*id).to_owned())),
            ([id], &Method::PATCH) => Ok(Self::Patch(resource_type, (*id).to_owned())),
            ([id], &Method::DELETE) => Ok(Self::Delete(resource_type, (*id).to_owned())),
            ([_], _) => Err(only("GET, PUT, PATCH, DELETE")),
            ([id, "_history"], &Method::GET | &Method::HEAD) => {
                Ok(Self::History(resource_type, (*id).to_owned()))
            }
            ([id, "_history", version], &Method::GET | &Method::HEAD) => {
                Ok(Self::VersionRead(resource_type, (*id).to_owned(), (*version).to_owned()))
            }
            ([_, "_history"] | [_, "_history", _], _) => Err(only("GET")),
            _ => Err(Refusal::not_found("there is nothing at this address")),
        }
    }

    /// Whether it is for everybody.
    pub(crate) fn is_discovery(&self) -> bool {
        matches!(self, Self::Capabilities | Self::ImplementationGuide)
    }

    /// As AuditEvents name it; `None` for what is not recorded.
    pub(crate) fn action(&self) -> Option<RestAction> {
        match self {
            // An AuditEvent is its own record.
            Self::Create("AuditEvent") => None,
            Self::Capabilities => Some(RestAction::Capabilities),
            Self::Page | Self::Search(_) | Self::ImplementationGuide => Some(RestAction::Search),
            Self::Create(_) => Some(RestAction::Create),
            Self::Read(..) | Self::VersionRead(..) | Self::History(..) => Some(RestAction::Read),
            Self::Update(..) | Self::Patch(..) => Some(RestAction::Update),
            Self::Delete(..) => Some(RestAction::Delete),
        }
    }

    /// The type of resources that it is about, and the id of the one.
    pub(crate) fn subject(&self) -> (&'static str, Option<&str>) {
        match self {
            Self::Capabilities => ("CapabilityStatement", None),
            Self::ImplementationGuide => ("ImplementationGuide", None),
            Self::Page => ("Bundle", None),
            Self::Search(name) | Self::Create(name) => (name, None),
            Self::Read(name, id)
            | Self::VersionRead(name, id, _)
            | Self::History(name, id)
            | Self::Update(name, id)
            | Self::Patch(name, id)
            | Self::Delete(name, id) => (name, Some(id)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_and_paths_are_interactions() {
        let parse = |method: Method, path: &str| {
            Interaction::parse(&method, path).map_err(|refusal| refusal.status.as_u16())
        };
        assert_eq!(parse(Method::GET, "/metadata"), Ok(Interaction::Capabilities));
        assert_eq!(parse(Method::GET, "/"), Ok(Interaction::Page));
        assert_eq!(parse(Method::GET, "/Task"), Ok(Interaction::Search("Task")));
        assert_eq!(parse(Method::POST, "/Task/_search"), Ok(Interaction::Search("Task")));
        assert_eq!(parse(Method::POST, "/Task/"), Ok(Interaction::Create("Task")));
        assert_eq!(parse(Method::HEAD, "/Task/1"), Ok(Interaction::Read("Task", "1".into())));
        assert_eq!(
            parse(Method::GET, "/Task/1/_history/2"),
            Ok(Interaction::VersionRead("Task", "1".into(), "2".into()))
        );
        assert_eq!(parse(Method::GET, "/Location"), Err(404));
        assert_eq!(parse(Method::GET, "/Task/1/x"), Err(404));
        assert_eq!(parse(Method::POST, "/"), Err(405));
        assert_eq!(parse(Method::POST, "/Task/1"), Err(405));
        assert_eq!(parse(Method::PUT, "/Task"), Err(405));
        assert_eq!(parse(Method::DELETE, "/Task/1/_history/2"), Err(405));
    }
}
