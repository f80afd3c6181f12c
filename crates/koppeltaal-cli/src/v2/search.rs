//! `koppeltaal v2 search`: the resources of a domain that a search finds.

use clap::{Args, value_parser};
use futures_util::StreamExt as _;
use koppeltaal_fhir::Format;
use koppeltaal2::{Profile, Search, StoredResource};
use serde::Serialize;

use super::document;
use super::domain::DomainArguments;
use super::profiles::{unknown_type, with_profile};
use crate::failure::Failure;
use crate::output::{Output, Printable, or_hyphen};

/// List the resources that a search finds, the newest first unless it says `_sort`.
///
/// `koppeltaal v2 search 'Task?status=ready&owner=Patient/ID'`. The quotes keep the shell from running the
/// rest of the line.
///
/// Exit code: 0 done, 1 the server refuses the search, 2 everything else.
#[derive(Debug, Args)]
pub(crate) struct SearchDomain {
    #[command(flatten)]
    domain: DomainArguments,

    /// What to look for, as the criteria of a subscription have it: a type, and parameters after `?`.
    #[arg(value_name = "TYPE?PARAMETERS")]
    criteria: String,

    /// Print the resources themselves, in JSON.
    #[arg(long)]
    resources: bool,

    /// Print no more than this many.
    #[arg(long, value_name = "COUNT", default_value_t = 100, value_parser = value_parser!(u32).range(1..))]
    limit: u32,
}

/// A resource in a list.
#[derive(Serialize)]
struct Line {
    reference: String,
    version: String,
    last_updated: Option<String>,
    /// The Device of the application that created it.
    resource_origin: Option<String>,
}

impl SearchDomain {
    pub(crate) async fn run(self, output: Output) -> Result<(), Failure> {
        let (name, parameters) = self.criteria.split_once('?').unwrap_or((&self.criteria, ""));
        with_profile!(name, P => self.list::<P>(parameters, output).await)
            .ok_or_else(|| unknown_type(name))?
    }

    async fn list<P: Profile>(&self, parameters: &str, output: Output) -> Result<(), Failure> {
        let search = form_urlencoded::parse(parameters.as_bytes())
            .fold(Search::<P>::new(), |search, (name, value)| search.raw(&name, &value));
        let connector = self.domain.connect().await?;
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let mut found = connector.search(search).take(limit);
        let mut count = 0;
        while let Some(resource) = found.next().await {
            let resource: StoredResource<P> = resource?;
            count += 1;
            match self.resources {
                true => document::print(output, Format::Json, &resource.into_resource())?,
                false => output.print(&Line::new(&resource))?,
            }
        }
        output.remark_limit(count, limit);
        Ok(())
    }
}

impl Line {
    fn new<P: Profile>(resource: &StoredResource<P>) -> Self {
        let origin = resource.resource_origin();
        Self {
            reference: resource.reference(),
            version: resource.version.clone(),
            last_updated: resource.last_updated.as_ref().map(ToString::to_string),
            resource_origin: origin.and_then(|origin| origin.reference.as_str()).map(str::to_owned),
        }
    }
}

impl Printable for Line {
    fn lines(&self) -> Vec<String> {
        let (origin, time) = (self.resource_origin.as_deref(), self.last_updated.as_deref());
        vec![format!(
            "{}  version {}  {}  {}",
            self.reference,
            self.version,
            or_hyphen(time),
            or_hyphen(origin)
        )]
    }
}
