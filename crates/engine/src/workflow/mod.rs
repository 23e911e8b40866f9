//! Workflows before they have rows: YAML text and dispatch maps become checked drafts of jobs.

pub(crate) mod dag;
mod definition;
mod graph;
mod plan;
#[cfg(test)]
mod tests;

pub(crate) use plan::plan;
