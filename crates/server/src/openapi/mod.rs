//! The API's document, OpenAPI 3.1, made of parts: the router's index, what handlers take, their words, schemas beside the wire.

pub mod answers;
mod lists;
pub mod operation;
mod parameters;
pub mod schema;
pub mod words;

use answers::REFUSALS;
use operation::Operation;
use schema::Schemas;
use serde_json::{Map, Value, json};

/// Groups of routes, in the order of the page.
const TAGS: [&str; 6] = ["Projects", "Assets", "Workflows", "Jobs", "User", "Service"];

/// The document of these operations. `schemas` are all that they name, `scopes` what a key may be good for (word, meaning).
pub fn document(operations: &[Operation], schemas: &[Schemas], scopes: &[(&str, &str)]) -> Value {
    let mut paths = Map::new();
    for operation in operations {
        let methods = paths.entry(operation.path).or_insert_with(|| json!({}));
        methods[operation.method] = operation.to_value();
    }
    let schemas: Map<String, Value> = schemas
        .iter()
        .copied()
        .flatten()
        .map(|(name, schema)| ((*name).to_owned(), schema().into()))
        .collect();
    let responses: Map<String, Value> =
        REFUSALS.iter().map(|refusal| (refusal.name.to_owned(), refusal.to_value())).collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Fieldstone REST API",
            "version": "1.0.0",
            "description": "Implicit geometry as a service: the REST API of the Metafold 3D platform, self-hosted. Every reply \
                            that is not 2xx or 304 has the body Error. Every answer has the header X-Request-Id.",
        },
        "servers": [{"url": "/"}],
        "tags": TAGS.map(|name| json!({"name": name})),
        "paths": paths,
        "components": {
            "securitySchemes": security_schemes(scopes),
            "parameters": parameters::all(),
            "responses": responses,
            "schemas": schemas,
        },
    })
}

fn security_schemes(scopes: &[(&str, &str)]) -> Value {
    let words = scopes.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ");
    let meanings: Map<String, Value> =
        scopes.iter().map(|(word, meaning)| ((*word).to_owned(), json!(meaning))).collect();
    let bearer = format!(
        "An API key (fst_…), a token bought at /oauth/token (fsa_…), or, where the server is told to trust one, a JWT of an \
         external issuer; 503 while that issuer's keys cannot be fetched. Scopes: {words}; a key without scopes may do \
         everything. What lies in a public project is read without any."
    );
    json!({
        "bearer": {"type": "http", "scheme": "bearer", "description": bearer},
        "oauth2": {
            "type": "oauth2",
            "description": "OAuth 2.0 client credentials; the token is then sent as a bearer token.",
            "flows": {"clientCredentials": {"tokenUrl": "/oauth/token", "scopes": meanings}},
        },
    })
}
