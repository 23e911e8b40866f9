//! The one list of job types, and the laws that hold for all of them.

pub mod mesh_preprocess;

use crate::job_type::JobEntry;

/// Every job type, in the order of the documentation.
pub static JOB_TYPES: &[&JobEntry] = &[&mesh_preprocess::ENTRY];

/// The job type called `type_name`, if there is one.
pub fn find(type_name: &str) -> Option<&'static JobEntry> {
    JOB_TYPES.iter().copied().find(|e| e.type_name == type_name)
}
