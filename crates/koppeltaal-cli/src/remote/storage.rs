//! `koppeltaal storage`: what applications keep at the server for a patient.

use std::io::{self, Write as _};
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::{Args, Subcommand};
use koppeltaal_fhir::Limits;
use koppeltaal_fhir::primitives::Instant;
use koppeltaal_messaging::ResourceUrl;
use koppeltaal_messaging::profiles::StorageItem;
use koppeltaal_transport::{Comparison, StorageQuery, StoredItem};
use serde::Serialize;

use super::RemoteCommand;
use crate::connection::Connection;
use crate::failure::Failure;
use crate::input::bytes;
use crate::output::{Printable, or_hyphen};

/// The storage service: what applications keep at the server for a patient.
#[derive(Debug, Args)]
pub(crate) struct Storage {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Put(Put),
    Get(Get),
    List(List),
    Delete(Delete),
}

/// Store a file. It replaces what is stored for the same patient, type and key.
#[derive(Debug, Args)]
struct Put {
    /// The file; - is standard input.
    file: PathBuf,

    /// The patient that the item is about.
    #[arg(long, value_name = "URL")]
    patient: ResourceUrl,

    /// Its type, which the application chooses.
    #[arg(long = "type", value_name = "TYPE")]
    object_type: String,

    /// Its key, which the application chooses.
    #[arg(long, allow_hyphen_values = true)]
    key: String,

    /// Its media type.
    #[arg(long, value_name = "TYPE", default_value = "application/octet-stream")]
    content_type: String,
}

/// Print the content of a stored item.
#[derive(Debug, Args)]
struct Get {
    /// Its id.
    id: String,

    /// The patient that the item is about.
    #[arg(long, value_name = "URL")]
    patient: Option<ResourceUrl>,
}

/// List stored items.
#[derive(Debug, Args)]
struct List {
    /// Only items of this patient.
    #[arg(long, value_name = "URL")]
    patient: Option<ResourceUrl>,

    /// Only items of this type.
    #[arg(long = "type", value_name = "TYPE")]
    object_type: Option<String>,

    /// Only the item with this key.
    #[arg(long, allow_hyphen_values = true)]
    key: Option<String>,

    /// Only items whose key starts with this.
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    starts_with: Option<String>,

    /// Only items whose key contains this.
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    contains: Option<String>,

    /// Only items that were last changed at this time or later, such as 2020-08-15T07:33:55Z.
    #[arg(long, value_name = "TIME")]
    since: Option<Instant>,

    /// Only items that were last changed before this time.
    #[arg(long, value_name = "TIME")]
    before: Option<Instant>,

    /// List the most recently changed items first.
    #[arg(long)]
    newest_first: bool,

    /// List no more than this many.
    #[arg(long, value_name = "COUNT")]
    limit: Option<usize>,
}

/// Delete a stored item.
#[derive(Debug, Args)]
struct Delete {
    /// Its id.
    id: String,
}

#[derive(Serialize)]
struct ItemLine {
    id: Option<String>,
    #[serde(rename = "type")]
    object_type: Option<String>,
    key: Option<String>,
    content_type: Option<String>,
    last_modified: Option<String>,
    patient: Option<String>,
    url: Option<String>,
}

impl RemoteCommand for Storage {
    async fn run(self, connection: &Connection) -> Result<(), Failure> {
        match self.action {
            Action::Put(put) => put.act(connection).await,
            Action::Get(get) => get.act(connection).await,
            Action::List(list) => list.act(connection).await,
            Action::Delete(delete) => delete.act(connection).await,
        }
    }
}

impl Put {
    async fn act(self, connection: &Connection) -> Result<(), Failure> {
        // Base64 makes four characters of three bytes, and the item is read back by a reader with this limit.
        let content = bytes(&self.file, Limits::default().bytes / 4 * 3)?;
        let client = connection.connect()?.client;
        let query = StorageQuery::default()
            .patient(&self.patient)
            .object_type(&self.object_type)
            .object_key(&self.key)
            .limit(1);
        let stored = client.storage_items(&query).next().await?;
        let item = StorageItem {
            content_type: Some(self.content_type.as_str().into()),
            content: Some(STANDARD.encode(content).as_str().into()),
            patient_identifier: Some((&self.patient.without_version()).into()),
            object_type: Some(self.object_type.clone()),
            object_key: Some(self.key.clone()),
            last_modified: Some(Instant::now()),
            ..StorageItem::default()
        };
        let url = match stored.and_then(|stored| stored.url) {
            Some(current) => client.update_storage_item(&current, &item).await?,
            None => client.create_storage_item(&item).await?,
        };
        Ok(connection.output.print(&ItemLine::new(Some(url), item))?)
    }
}

impl Get {
    async fn act(self, connection: &Connection) -> Result<(), Failure> {
        let client = connection.connect()?.client;
        let stored = client.storage_item(&self.id, self.patient.as_ref()).await?;
        let stored = stored.ok_or_else(|| Failure::NotFound(format!("there is no item {:?}", self.id)))?;
        let text = stored.item.content.as_ref().map(ToString::to_string).unwrap_or_default();
        let text: String = text.split_whitespace().collect();
        let content = STANDARD.decode(text);
        let content = content.map_err(|_| Failure::Protocol("the content of the item is not base64"))?;
        let mut out = io::stdout().lock();
        out.write_all(&content)?;
        Ok(out.flush()?)
    }
}

impl List {
    async fn act(self, connection: &Connection) -> Result<(), Failure> {
        let client = connection.connect()?.client;
        let mut items = client.storage_items(&self.query());
        while let Some(StoredItem { url, item, .. }) = items.next().await? {
            connection.output.print(&ItemLine::new(url, item))?;
        }
        Ok(())
    }

    fn query(&self) -> StorageQuery {
        let mut query = StorageQuery::default();
        if let Some(patient) = &self.patient {
            query = query.patient(patient);
        }
        if let Some(object_type) = &self.object_type {
            query = query.object_type(object_type);
        }
        if let Some(key) = &self.key {
            query = query.object_key(key);
        }
        if let Some(start) = &self.starts_with {
            query = query.object_key_starts_with(start);
        }
        if let Some(part) = &self.contains {
            query = query.object_key_contains(part);
        }
        for (comparison, time) in [(Comparison::NotBefore, &self.since), (Comparison::Before, &self.before)] {
            if let Some(time) = time {
                query = query.last_updated(comparison, time);
            }
        }
        if self.newest_first {
            query = query.newest_first();
        }
        match self.limit {
            Some(limit) => query.limit(limit),
            None => query,
        }
    }
}

impl Delete {
    async fn act(self, connection: &Connection) -> Result<(), Failure> {
        Ok(connection.connect()?.client.delete_storage_item(&self.id).await?)
    }
}

impl ItemLine {
    fn new(url: Option<ResourceUrl>, item: StorageItem) -> Self {
        Self {
            id: url.as_ref().map(|url| url.id().to_owned()),
            object_type: item.object_type,
            key: item.object_key,
            content_type: item.content_type.map(|content_type| content_type.to_string()),
            last_modified: item.last_modified.map(|time| time.to_string()),
            patient: item.patient_identifier.and_then(|patient| patient.reference),
            url: url.map(|url| url.to_string()),
        }
    }
}

impl Printable for ItemLine {
    fn lines(&self) -> Vec<String> {
        vec![format!(
            "{}  {}  {}  {}  {}",
            or_hyphen(self.id.as_deref()),
            or_hyphen(self.object_type.as_deref()),
            or_hyphen(self.key.as_deref()),
            or_hyphen(self.content_type.as_deref()),
            or_hyphen(self.last_modified.as_deref())
        )]
    }
}
