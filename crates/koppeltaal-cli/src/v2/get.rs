//! `koppeltaal v2 get`: one resource of a domain.

use clap::Args;
use koppeltaal_fhir::Format;
use koppeltaal2::{Profile, StoredResource};

use super::document;
use super::domain::DomainArguments;
use super::profiles::{unknown_type, with_profile};
use crate::arguments::format;
use crate::failure::Failure;
use crate::output::Output;

/// Print a resource of a domain, as it is now or as it was in a version.
///
/// Exit code: 0 printed, 1 there is no such resource or the application may not read it, 2 everything else.
#[derive(Debug, Args)]
pub(crate) struct Get {
    #[command(flatten)]
    domain: DomainArguments,

    /// The resource: `Task/ID`, or `Task/ID/_history/VERSION`.
    #[arg(value_name = "TYPE/ID")]
    reference: String,

    /// The format to print it in.
    #[arg(long, value_parser = format(), default_value = "json")]
    format: Format,
}

impl Get {
    pub(crate) async fn run(self, output: Output) -> Result<(), Failure> {
        let Some((name, id)) = self.reference.split_once('/') else {
            let text = format!("{:?} is no reference: give one such as Task/ID", self.reference);
            return Err(Failure::Usage(text));
        };
        let resource =
            with_profile!(name, P => read::<P>(&self.domain, id).await.map(StoredResource::into_resource));
        document::print(output, self.format, &resource.ok_or_else(|| unknown_type(name))??)
    }
}

async fn read<P: Profile>(domain: &DomainArguments, id: &str) -> Result<StoredResource<P>, Failure> {
    let connector = domain.connect().await?;
    Ok(match id.split_once("/_history/") {
        Some((id, version)) => connector.read_version(id, version).await?,
        None => connector.read(id).await?,
    })
}
