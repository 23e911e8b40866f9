//! The graph of a definition: who needs whom, and that nobody needs themselves.

use crate::draft::{AssetSource, Draft, ParamSource};
use crate::error::Problems;
use std::collections::HashMap;

/// Jobs of a cycle that an error names; the middle of a longer one is left out.
const MOST_NAMED: usize = 12;

/// Adds the needs that references imply, and reports jobs that do not exist and cycles.
pub(super) fn connect(drafts: &mut [Draft], problems: &mut Problems) {
    let names: HashMap<String, usize> =
        drafts.iter().enumerate().filter_map(|(i, d)| Some((d.name.clone()?, i))).collect();
    let mut edges = Vec::with_capacity(drafts.len());
    for draft in drafts.iter_mut() {
        let own = draft.name.clone().unwrap_or_default();
        for need in &draft.needs {
            if !names.contains_key(need) {
                problems
                    .push(format!("jobs.{own}.needs"), format!("no job called {need:?} in this workflow"));
            }
        }
        for (field, job) in references(draft) {
            if !names.contains_key(&job) {
                let hint = "files are named when the workflow is dispatched";
                let msg = format!("no job called {job:?} in this workflow ({hint})");
                problems.push(format!("jobs.{own}.{field}"), msg);
            } else if !draft.needs.contains(&job) {
                draft.needs.push(job);
            }
        }
        edges.push(draft.needs.iter().filter_map(|n| names.get(n).copied()).collect());
    }
    if let Some(cycle) = find_cycle(&edges) {
        let name = |i: &usize| drafts[*i].name.as_deref().unwrap_or_default();
        let mut path: Vec<_> = cycle.iter().map(name).collect();
        if path.len() > MOST_NAMED {
            path.splice(MOST_NAMED - 2..path.len() - 2, ["…"]);
        }
        problems.push(format!("jobs.{}.needs", path[0]), format!("is a cycle: {}", path.join(" -> ")));
    }
}

/// Upstream jobs that inputs refer to, with the field that does.
fn references(draft: &Draft) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (slot, sources) in &draft.assets {
        for source in sources {
            if let AssetSource::Upstream { job, .. } = source {
                found.push((format!("assets.{slot}"), job.clone()));
            }
        }
    }
    for (name, source) in &draft.params {
        if let ParamSource::Upstream { job, .. } = source {
            found.push((format!("parameters.{name}"), job.clone()));
        }
    }
    found
}

/// A path along `edges` that ends where it begins. Without recursion: the depth is the caller's.
fn find_cycle(edges: &[Vec<usize>]) -> Option<Vec<usize>> {
    let mut finished = vec![false; edges.len()];
    let mut on_path = vec![false; edges.len()];
    for start in 0..edges.len() {
        let mut path: Vec<(usize, usize)> = vec![(start, 0)];
        if finished[start] {
            continue;
        }
        on_path[start] = true;
        while let Some((node, next)) = path.last_mut() {
            let Some(&to) = edges[*node].get(*next) else {
                finished[*node] = true;
                on_path[*node] = false;
                path.pop();
                continue;
            };
            *next += 1;
            if on_path[to] {
                let from = path.iter().position(|(n, _)| *n == to).unwrap_or(0);
                return Some(path[from..].iter().map(|(n, _)| *n).chain([to]).collect());
            }
            if !finished[to] {
                on_path[to] = true;
                path.push((to, 0));
            }
        }
    }
    None
}
