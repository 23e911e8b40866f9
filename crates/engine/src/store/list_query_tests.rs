//! The list language against a naive matcher in memory.

use super::*;
use crate::model::ListQuery;
use crate::store::{Of, Store, db};
use proptest::prelude::*;

fn parse(sort: Option<&str>, q: Option<&str>) -> Result<List, String> {
    let query = ListQuery { sort: sort.map(str::to_owned), q: q.map(str::to_owned), ..ListQuery::default() };
    List::parse(&query, &PROJECTS).map_err(|e| e.to_string())
}

#[test]
fn strings_that_clients_send() {
    let patterns = |q| -> Vec<_> {
        let terms = parse(None, Some(q)).unwrap().terms;
        terms.into_iter().map(|t| (t.compared, t.negated, t.pattern)).collect()
    };
    assert_eq!(patterns("name:suzanne.obj"), [("lower(name)", false, "suzanne.obj".into())]);
    assert_eq!(patterns(r#"name:"mid v1.ply""#), [("lower(name)", false, "mid v1.ply".into())]);
    assert_eq!(patterns(r#"!name:"My *""#), [("lower(name)", true, "My *".into())]);
    let two = [("lower(name)", false, "X: \"y\" z".into()), ("lower(user_id)", false, "auth0|1".into())];
    assert_eq!(patterns(r#"name:"X: "y" z" AND user:"auth0|1""#), two[..].to_vec().as_slice());
    assert_eq!(
        patterns("name:a:b and !id:1*"),
        [("lower(name)", false, "a:b".into()), (ID, true, "1*".into())]
    );
    assert_eq!(patterns("  "), []);
}

#[test]
fn refusals_name_the_place() {
    let cases = [
        (
            None,
            Some("name:My Project"),
            "q: expected AND at position 9, got \"Project\" (a value with spaces needs double quotes)",
        ),
        (None, Some("nme:x"), "q: unknown field \"nme\", expected one of id, user, name at position 1"),
        (None, Some("name:x AND foo"), "q: expected field:value at position 12, got \"foo\""),
        (None, Some("name:x AND"), "q: expected a term after AND at position 11"),
        (None, Some("name:"), "q: expected a value at position 6"),
        (None, Some("name:\"x"), "q: the quote at position 6 has no closing quote"),
        (
            Some("size:1"),
            None,
            "sort: unknown field \"size\", expected one of id, user, name, created, modified",
        ),
        (Some("id"), None, "sort: expected field:1 or field:-1, got \"id\""),
        (Some("id:2"), None, "sort: expected order 1 or -1, got \"2\""),
    ];
    for (sort, q, message) in cases {
        assert_eq!(parse(sort, q).unwrap_err(), message);
    }
    let many = vec!["id:1"; 40].join(" AND ");
    assert_eq!(parse(None, Some(&many)).unwrap_err(), "q: has more than 32 terms");
}

#[tokio::test]
async fn every_field_of_every_resource_is_valid_sql() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::of_test(folder.path()).await;
    let resources = [
        (&PROJECTS, "SELECT * FROM projects WHERE user_id = "),
        (&ASSETS, "SELECT * FROM assets WHERE project_id = "),
        (&JOBS, "SELECT * FROM jobs WHERE project_id = "),
        (&WORKFLOWS, "SELECT * FROM workflows WHERE project_id = "),
    ];
    for (fields, head) in resources {
        for ((sort, _), (search, _)) in fields.sort.iter().zip(fields.search.iter().cycle()) {
            let query = ListQuery {
                sort: Some(format!("{sort}:-1")),
                q: Some(format!("!{search}:*x*")),
                ..ListQuery::default()
            };
            let bound = if fields.table == "projects" { Value::from("u") } else { Value::from(1_i64) };
            let sql = List::parse(&query, fields).unwrap().sql(head, bound, "");
            sql.build().fetch_all(store.reader()).await.unwrap();
        }
    }
}

/// Whole match, `*` any run, A to Z in either case: the definition, exponential and obvious.
fn matches(pattern: &[char], text: &[char]) -> bool {
    match pattern {
        [] => text.is_empty(),
        ['*', rest @ ..] => (0..=text.len()).any(|n| matches(rest, &text[n..])),
        [c, rest @ ..] => {
            text.first().is_some_and(|t| t.eq_ignore_ascii_case(c)) && matches(rest, &text[1..])
        }
    }
}

fn naive(patterns: &[(bool, String)], name: &str) -> bool {
    let chars = |s: &str| s.chars().collect::<Vec<_>>();
    patterns.iter().all(|(negated, p)| matches(&chars(p), &chars(name)) != *negated)
}

#[test]
fn sql_matches_what_the_definition_matches() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let store = runtime.block_on(Store::of_test(folder.path()));
    let name = "[aAbé%_\\\\:. ]{0,6}";
    let pattern = proptest::string::string_regex("[aAbé%_\\\\:. *]{0,5}").unwrap();
    let config = ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() };
    let case = (
        prop::collection::vec(name, 1..8),
        prop::collection::vec((any::<bool>(), pattern), 1..4),
        any::<bool>(),
    );
    let mut runner = proptest::test_runner::TestRunner::new_with_rng(
        config,
        proptest::test_runner::TestRng::deterministic_rng(Default::default()),
    );
    let result = runner.run(&case, |(names, patterns, ascending)| {
        let terms: Vec<_> =
            patterns.iter().map(|(not, p)| format!("{}name:\"{p}\"", if *not { "!" } else { "" })).collect();
        let sort = format!("name:{}", if ascending { 1 } else { -1 });
        let list = parse(Some(&sort), Some(&terms.join(" AND "))).unwrap();
        let mut expected: Vec<_> =
            names.iter().enumerate().filter(|(_, n)| naive(&patterns, n)).map(|(i, n)| (n.clone(), i)).collect();
        expected.sort_by(|a, b| if ascending { a.cmp(b) } else { b.cmp(a) });
        let found = runtime.block_on(async {
            let mut tx = store.begin(Of::Rows).await.unwrap();
            db::query("DELETE FROM projects").execute(&mut *tx).await.unwrap();
            for name in &names {
                let insert = "INSERT INTO projects (user_id, name, access, kind, created, modified) VALUES ('u', $1, '', '', 0, 0)";
                db::query(insert).bind(name).execute(&mut *tx).await.unwrap();
            }
            let sql = list.sql("SELECT name FROM projects WHERE user_id = ", "u", "");
            let rows = sql.build().fetch_all(&mut *tx).await.unwrap();
            rows.iter().map(|r| r.try_get::<String, _>("name").unwrap()).collect::<Vec<_>>()
        });
        prop_assert_eq!(found, expected.into_iter().map(|e| e.0).collect::<Vec<_>>());
        Ok(())
    });
    result.unwrap();
}
