//! Where a ledger and its blobs are in this run of the tests.

use super::buckets::bucket_of;
use super::postgres::database_of;
use crate::location::{BucketUrl, DatabaseUrl, Location};
use std::path::{Path, PathBuf};

/// A folder with a ledger as this run of the tests has it: in the folder, or in the database that the environment names.
#[derive(Debug)]
pub struct TestLocation {
    data: PathBuf,
    database: Option<DatabaseUrl>,
    blobs: Option<BucketUrl>,
}

impl TestLocation {
    /// Of a data folder.
    pub fn of(data: &Path) -> TestLocation {
        TestLocation { data: data.to_owned(), database: database_of(data), blobs: bucket_of(data) }
    }
}

impl<'a> From<&'a TestLocation> for Location<'a> {
    fn from(at: &'a TestLocation) -> Location<'a> {
        Location { data: &at.data, database: at.database.as_ref(), blobs: at.blobs.as_ref() }
    }
}
