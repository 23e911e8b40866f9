//! Workflows before they have rows: YAML text and dispatch maps become checked drafts of jobs.

mod definition;
mod graph;
mod plan;
#[cfg(test)]
mod tests;

pub(crate) use plan::plan;
