//! The `sort` and `q` of lists: a small language, parsed once, matched by SQL.
//!
//! `sort` is `field:1` (ascending) or `field:-1`. `q` is terms joined by `AND`; a term is
//! `field:value`, negated by a leading `!`; `*` in a value is any run of characters; a value with
//! spaces stands in double quotes. A value matches the whole field, letters A to Z in either case.
//! A quote inside a quoted value needs no escape: the closing one is followed by the end or by `AND`.

use crate::error::EngineError;
use crate::model::{ListQuery, Listable};
use crate::store::db::{Builder, Value};

/// What may be sorted and searched, by the names that clients use.
pub(crate) struct Fields {
    pub(super) table: &'static str,
    /// With the column.
    sort: &'static [(&'static str, &'static str)],
    /// With what is compared in SQL: a text in lower case, never null.
    search: &'static [(&'static str, &'static str)],
}

impl Fields {
    /// What lists are sorted by, and what they are searched by, as clients spell it.
    pub(crate) fn names(&self) -> (Vec<&'static str>, Vec<&'static str>) {
        let names = |fields: &'static [(&str, &str)]| fields.iter().map(|(name, _)| *name).collect();
        (names(self.sort), names(self.search))
    }
}

/// What the entries of this list may be sorted and searched by.
pub(crate) fn fields_of(what: Listable) -> &'static Fields {
    match what {
        Listable::Projects => &PROJECTS,
        Listable::Assets(_) => &ASSETS,
        Listable::Jobs(_) => &JOBS,
        Listable::Workflows(_) => &WORKFLOWS,
    }
}

/// What ids are searched by.
const ID: &str = "CAST(id AS TEXT)";

pub(crate) static PROJECTS: Fields = Fields {
    table: "projects",
    sort: &[
        ("id", "id"),
        ("user", "user_id"),
        ("name", "name"),
        ("created", "created"),
        ("modified", "modified"),
    ],
    search: &[("id", ID), ("user", "lower(user_id)"), ("name", "lower(name)")],
};
pub(crate) static ASSETS: Fields = Fields {
    table: "assets",
    sort: &[
        ("id", "id"),
        ("filename", "filename"),
        ("size", "size"),
        ("created", "created"),
        ("modified", "modified"),
    ],
    search: &[("id", ID), ("filename", "lower(filename)")],
};
pub(crate) static JOBS: Fields = Fields {
    table: "jobs",
    sort: &[
        ("id", "id"),
        ("name", "name"),
        ("created", "created"),
        ("started", "started"),
        ("finished", "finished"),
    ],
    search: &[
        ("id", ID),
        ("name", "lower(COALESCE(name, ''))"),
        ("type", "lower(type_name)"),
        ("state", "lower(state)"),
    ],
};
pub(crate) static WORKFLOWS: Fields = Fields {
    table: "workflows",
    sort: &[("id", "id"), ("created", "created"), ("started", "started"), ("finished", "finished")],
    search: &[("id", ID), ("state", "lower(state)")],
};

const MAX_Q_BYTES: usize = 4096;
const MAX_TERMS: usize = 32;

/// One condition of `q`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Term {
    /// What is compared, in SQL.
    compared: &'static str,
    negated: bool,
    /// As sent: `*` is a wildcard.
    pattern: String,
}

/// A checked list request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct List {
    table: &'static str,
    column: &'static str,
    ascending: bool,
    terms: Vec<Term>,
    limit: Option<u32>,
    pub(super) after: Option<i64>,
}

impl List {
    /// Reads `query` against the fields of a resource; the default order is id descending.
    pub(crate) fn parse(query: &ListQuery, fields: &Fields) -> Result<List, EngineError> {
        let (column, ascending) = match query.sort.as_deref() {
            None | Some("") => ("id", false),
            Some(text) => parse_sort(text, fields.sort).map_err(|e| EngineError::invalid("sort", e))?,
        };
        let terms = match query.q.as_deref() {
            None => Vec::new(),
            Some(text) => parse_q(text, fields.search).map_err(|e| EngineError::invalid("q", e))?,
        };
        let ListQuery { limit, after, .. } = *query;
        if limit == Some(0) {
            return Err(EngineError::invalid("limit", "is 0, expected at least 1"));
        }
        Ok(List { table: fields.table, column, ascending, terms, limit, after })
    }

    /// Whether the place of `after` can be found only while its row is there.
    pub(super) fn needs_row_of_after(&self) -> bool {
        self.column != "id"
    }

    /// `head`, then `bound`, then `tail`, then the conditions, the order and one row more than the limit. Columns come from
    /// the lists above; everything the caller wrote is bound.
    pub(crate) fn sql<'a>(
        &self,
        head: &'static str,
        bound: impl Into<Value<'a>>,
        tail: &'static str,
    ) -> Builder<'a> {
        let mut sql = Builder::new(head);
        sql.push_bind(bound).push(tail);
        for term in &self.terms {
            sql.push(if term.negated { " AND NOT " } else { " AND " });
            sql.push(term.compared).push(" LIKE ");
            sql.push_bind(like_pattern(&term.pattern)).push(" ESCAPE '\\'");
        }
        self.push_after(&mut sql);
        let direction = if self.ascending { "ASC" } else { "DESC" };
        sql.push(format_args!(" ORDER BY {} {direction} NULLS LAST, id {direction}", self.column));
        if let Some(limit) = self.limit {
            sql.push(" LIMIT ").push_bind(i64::from(limit) + 1);
        }
        sql
    }

    /// Only rows behind the one with the id `after`, in the order of the list.
    fn push_after(&self, sql: &mut Builder<'_>) {
        let Some(after) = self.after else { return };
        let (table, column, behind) = (self.table, self.column, if self.ascending { ">" } else { "<" });
        if column == "id" {
            sql.push(format_args!(" AND id {behind} ")).push_bind(after);
            return;
        }
        sql.push(format_args!(" AND EXISTS (SELECT 1 FROM {table} AS a WHERE a.id = ")).push_bind(after);
        // What is null comes last in either order.
        sql.push(format_args!(
            " AND (({table}.{column} IS NULL AND a.{column} IS NOT NULL) OR {table}.{column} {behind} a.{column}
                OR ({table}.{column} IS NOT DISTINCT FROM a.{column} AND {table}.id {behind} a.id)))"
        ));
    }
}

fn parse_sort(text: &str, fields: &[(&'static str, &'static str)]) -> Result<(&'static str, bool), String> {
    let (name, order) =
        text.rsplit_once(':').ok_or_else(|| format!("expected field:1 or field:-1, got {text:?}"))?;
    let column = sql_of(name, fields)?;
    match order {
        "1" => Ok((column, true)),
        "-1" => Ok((column, false)),
        _ => Err(format!("expected order 1 or -1, got {order:?}")),
    }
}

fn sql_of(name: &str, fields: &[(&'static str, &'static str)]) -> Result<&'static str, String> {
    let known = fields.iter().find(|(wire, _)| *wire == name);
    let names: Vec<_> = fields.iter().map(|(wire, _)| *wire).collect();
    known.map(|f| f.1).ok_or_else(|| format!("unknown field {name:?}, expected one of {}", names.join(", ")))
}

fn parse_q(text: &str, fields: &[(&'static str, &'static str)]) -> Result<Vec<Term>, String> {
    if text.len() > MAX_Q_BYTES {
        return Err(format!("has {} bytes, at most {MAX_Q_BYTES} are read", text.len()));
    }
    let mut terms = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        if terms.len() == MAX_TERMS {
            return Err(format!("has more than {MAX_TERMS} terms"));
        }
        let (term, after) = parse_term(text, rest, fields)?;
        terms.push(term);
        rest = after.trim_start();
        if rest.is_empty() {
            break;
        }
        rest = strip_and(rest).ok_or_else(|| {
            let word = rest.split_whitespace().next().unwrap_or_default();
            let at = position(text, rest);
            format!("expected AND at position {at}, got {word:?} (a value with spaces needs double quotes)")
        })?;
        if rest.is_empty() {
            return Err(format!("expected a term after AND at position {}", position(text, rest)));
        }
    }
    Ok(terms)
}

fn parse_term<'t>(
    text: &str,
    rest: &'t str,
    fields: &[(&'static str, &'static str)],
) -> Result<(Term, &'t str), String> {
    let (negated, body) = match rest.strip_prefix('!') {
        Some(body) => (true, body),
        None => (false, rest),
    };
    let at = position(text, body);
    let word = body.split_whitespace().next().unwrap_or_default();
    let (name, _) =
        word.split_once(':').ok_or_else(|| format!("expected field:value at position {at}, got {word:?}"))?;
    let compared = sql_of(name, fields).map_err(|e| format!("{e} at position {at}"))?;
    let value = &body[name.len() + 1..];
    let at = position(text, value);
    let (pattern, after) = match value.strip_prefix('"') {
        Some(quoted) => {
            let end = closing_quote(quoted)
                .ok_or_else(|| format!("the quote at position {at} has no closing quote"))?;
            (&quoted[..end], &quoted[end + 1..])
        }
        None => value.split_at(value.find(char::is_whitespace).unwrap_or(value.len())),
    };
    if pattern.is_empty() && !value.starts_with('"') {
        return Err(format!("expected a value at position {at}"));
    }
    Ok((Term { compared, negated, pattern: pattern.to_owned() }, after))
}

/// The first quote after which the text ends or goes on with `AND`.
fn closing_quote(quoted: &str) -> Option<usize> {
    let ends = |at: usize| {
        let after = &quoted[at + 1..];
        let next = after.trim_start();
        next.is_empty() || (next.len() < after.len() && strip_and(next).is_some())
    };
    quoted.match_indices('"').map(|(at, _)| at).find(|at| ends(*at))
}

/// What follows a leading word `AND`.
fn strip_and(rest: &str) -> Option<&str> {
    let (word, after) = rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len()));
    word.eq_ignore_ascii_case("and").then(|| after.trim_start())
}

/// Where `rest`, a part of `text`, begins: in characters, from 1.
fn position(text: &str, rest: &str) -> usize {
    let offset = rest.as_ptr() as usize - text.as_ptr() as usize;
    text[..offset].chars().count() + 1
}

fn like_pattern(pattern: &str) -> String {
    let mut like = String::with_capacity(pattern.len() + 8);
    for c in pattern.chars() {
        match c {
            '*' => like.push('%'),
            '%' | '_' | '\\' => like.extend(['\\', c]),
            // As columns are: by a collation of single characters, which knows A to Z alone.
            _ => like.push(c.to_ascii_lowercase()),
        }
    }
    like
}

#[cfg(test)]
#[path = "list_query_tests.rs"]
mod tests;
