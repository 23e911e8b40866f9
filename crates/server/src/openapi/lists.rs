//! Lists in the document: how they are sorted and searched, by the fields that the engine's lists have.

use super::schema::{Schema, text};
use fieldstone_engine::Engine;
use fieldstone_engine::model::{Listable, ProjectId};
use serde_json::{Map, Value, json};

/// What is listed, the schema of its entries and the names of the parameters. The project does not matter.
const LISTS: [(&str, [&str; 4], Listable); 4] = [
    ("Project", ["ProjectSort", "ProjectQuery", "limit", "after"], Listable::Projects),
    ("Asset", ["AssetSort", "AssetQuery", "limit", "after"], Listable::Assets(ProjectId(0))),
    ("Job", ["JobSort", "JobQuery", "limit", "after"], Listable::Jobs(ProjectId(0))),
    ("Workflow", ["WorkflowSort", "WorkflowQuery", "limit", "after"], Listable::Workflows(ProjectId(0))),
];

/// The parameters of the list of what has the schema of this name.
pub(super) fn parameters(name: &str) -> [&'static str; 4] {
    let found = LISTS.iter().find(|(known, ..)| *known == name);
    found.map(|(_, parameters, _)| *parameters).expect("what is listed has a line in LISTS")
}

/// What it is sorted and searched by, as a sentence.
pub(super) fn fields(name: &str) -> String {
    let Some((.., what)) = LISTS.iter().find(|(known, ..)| *known == name) else { return String::new() };
    let (sort, search) = Engine::list_fields(*what);
    format!("Sort fields: {}. Search fields: {}.", sort.join(", "), search.join(", "))
}

/// What the parameters of all lists are.
pub(super) fn components() -> Map<String, Value> {
    let mut components = Map::new();
    let query = |name: &str, says: &str, schema: Schema| json!({"name": name, "in": "query", "description": says, "schema": Value::from(schema)});
    for (_, [sort, q, ..], what) in LISTS {
        let (sortable, searchable) = Engine::list_fields(what);
        let pattern = format!("^(({}):-?1)?$", sortable.join("|"));
        let says = "field:1 ascending or field:-1 descending; default id:-1";
        components.insert(sort.to_owned(), query("sort", says, text().with("pattern", pattern)));
        let value = "([^\\s\"\\u0085][^\\s\\u0085]*|\"[^\"]*\")";
        let term = format!("!?({}):{value}", searchable.join("|"));
        let schema =
            text().with("maxLength", 1024).with("pattern", format!("^({term}( AND {term}){{0,31}})?$"));
        let says = "Terms field:value joined by AND; ! negates, * is any run of characters, values may stand in double quotes; \
                    case does not matter";
        components.insert(q.to_owned(), query("q", says, schema));
    }
    let says = "So many at most; then the Link header leads to the next. Without it the list is whole";
    components
        .insert("limit".to_owned(), query("limit", says, text().with("pattern", "^([1-9][0-9]{0,8})?$")));
    let says = "What comes after the one with this ID";
    components
        .insert("after".to_owned(), query("after", says, text().with("pattern", "^(0|[1-9][0-9]{0,17})?$")));
    components
}
