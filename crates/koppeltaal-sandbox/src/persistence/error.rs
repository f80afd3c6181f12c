//! [`DataFileError`]: why the state cannot be saved or read back. [`WriteFailure`]: why records cannot be
//! written. [`RecordError`]: why a single record cannot be used.

use std::path::PathBuf;

/// Why the state cannot be saved or read back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataFileError {
    /// The file cannot be opened or made: its folder is not there, or it may not be written to.
    #[error("the data file {} cannot be opened for writing: {source}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Another process has the file open.
    #[error("the data file {} is in use: another sandbox has it open; stop that one, or use another file", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The file is damaged, or it is not a data file of a sandbox.
    #[error(
        "{} is damaged or is no data file of a sandbox ({reason}); it was left as it is: move it away to start with nothing, or \
         put a copy of it back", path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The file is of a later version of the sandbox.
    #[error(
        "the data file {} has the format {found}, and this version of the sandbox knows the formats up to {known}: use the \
         version that wrote it", path.display()
    )]
    Format {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: i64,
        /// The latest format that this version knows.
        known: i64,
    },
    /// The disk is full, or the file is as long as [`Limits::data_bytes`](crate::Limits::data_bytes) allows.
    #[error(
        "there is no room for the data file to grow: the disk is full, or the limit data_bytes is reached"
    )]
    Full,
    /// SQLite cannot read or write the file.
    #[error("the data file cannot be read or written: {0}")]
    Database(Box<dyn std::error::Error + Send + Sync>),
    /// The crate was built without the feature `data-file`.
    #[error("the data file {} needs the feature `data-file` of koppeltaal-sandbox", path.display())]
    NotInThisBuild {
        /// The file.
        path: PathBuf,
    },
    /// A record cannot be written.
    #[error("a record of the data file cannot be written: {0}")]
    Record(String),
}

impl DataFileError {
    /// A record cannot be made. The cause may quote content, so only its kind is named.
    pub(crate) fn unwritable(error: &serde_json::Error) -> Self {
        Self::Record(format!("{:?} error", error.classify()))
    }
}

#[cfg(feature = "data-file")]
impl From<rusqlite::Error> for DataFileError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DiskFull) => Self::Full,
            _ => Self::Database(error.into()),
        }
    }
}

/// Why records cannot be written.
#[derive(Debug)]
pub(crate) enum WriteFailure {
    /// The file would exceed its limit, by this many bytes.
    NoRoom { bytes: u64 },
    /// They cannot be written, however much is forgotten.
    Failed(DataFileError),
}

#[cfg(feature = "data-file")]
impl From<rusqlite::Error> for WriteFailure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl From<WriteFailure> for DataFileError {
    fn from(error: WriteFailure) -> Self {
        match error {
            WriteFailure::NoRoom { .. } => Self::Full,
            WriteFailure::Failed(error) => error,
        }
    }
}

/// Why a record of the data file cannot be used. The reason quotes nothing of the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RecordError(pub(crate) String);

impl RecordError {
    /// The number in a key. A spelling other than the sandbox's own is refused, because it would make a
    /// second record with the same number. So is a number too large to have been given out.
    pub(crate) fn number(key: &str) -> Result<u64, Self> {
        let is_given_out = |number: &u64| *number < 1 << 62 && number.to_string() == key;
        let number = key.parse::<u64>().ok().filter(is_given_out);
        number.ok_or_else(|| Self::new("its key is not a number"))
    }

    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

impl From<serde_json::Error> for RecordError {
    fn from(error: serde_json::Error) -> Self {
        Self(format!(
            "its JSON is not that of such a record ({:?} error, column {})",
            error.classify(),
            error.column()
        ))
    }
}
