//! [`DataFile`] without the feature `data-file`: nothing is saved, and a configured file is an error.

use std::path::Path;

use super::{DataFileError, Persistent, Record, RecordKind, WriteFailure};

/// No data file. The methods are those that the sandbox calls on a real one.
#[derive(Debug)]
pub(crate) enum DataFile {}

impl DataFile {
    pub(crate) const KINDS: &[RecordKind] = &[];

    pub(crate) fn open(path: &Path, _bytes: u64) -> Result<Self, DataFileError> {
        Err(DataFileError::NotInThisBuild { path: path.to_owned() })
    }

    pub(crate) fn restore<T: Persistent>(&mut self, _part: &mut T) -> Result<(), DataFileError> {
        match *self {}
    }

    pub(crate) fn restored(&mut self, _kinds: &[&[RecordKind]]) -> Result<(), DataFileError> {
        match *self {}
    }

    pub(crate) fn number_set_aside(&self) -> usize {
        match *self {}
    }

    pub(crate) fn secret(&mut self, _name: &str, _fresh: String) -> String {
        match *self {}
    }

    pub(crate) fn write(&mut self, _records: &[Record]) -> Result<(), WriteFailure> {
        match *self {}
    }

    pub(crate) fn batch(&self, _bytes: u64) -> u64 {
        match *self {}
    }

    pub(crate) fn set_limit(&mut self, _bytes: u64) -> Result<(), DataFileError> {
        match *self {}
    }
}
