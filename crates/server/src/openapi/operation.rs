//! One operation of the document: begun by the route's path, filled in by what its handler takes, told by its words.

use super::answers::{
    Answer, BAD_REQUEST, CONFLICT, Header, INSUFFICIENT_STORAGE, NOT_FOUND, QUOTA_EXCEEDED, REQUEST_TIMEOUT,
    Refusal, TOO_LARGE, TOO_MANY_REQUESTS, UNAUTHORIZED, UNAVAILABLE,
};
use super::lists;
use super::schema::{bytes, content, named, object, text};
use super::words::Words;
use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, Method, Uri};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

const NEXT: Header = Header::new("Link", text, "<URL>; rel=\"next\" where there is more (RFC 8288)");

/// One operation of the document.
pub struct Operation {
    /// Lower case.
    pub method: &'static str,
    /// With its placeholders.
    pub path: &'static str,
    words: Words,
    parameters: Vec<&'static str>,
    body: Option<Value>,
    answers: BTreeMap<u16, Value>,
    security: Vec<Value>,
    is_counted: bool,
}

/// What an extractor tells of the requests that it takes: parameters, a body, refusals.
pub trait Described {
    /// Adds what it tells.
    fn describe(operation: &mut Operation);

    /// The same where the handler goes on without it.
    fn describe_optional(operation: &mut Operation) {
        Self::describe(operation);
    }
}

impl<T: Described, E> Described for Result<T, E> {
    fn describe(operation: &mut Operation) {
        T::describe_optional(operation);
    }
}

macro_rules! tell_nothing {
    ($($extractor:ty),+ $(,)?) => {$(
        impl Described for $extractor { fn describe(_: &mut Operation) {} }
    )+};
}
tell_nothing!(HeaderMap, Method, Uri);

impl<T> Described for State<T> {
    fn describe(_: &mut Operation) {}
}

impl<T> Described for Option<Extension<T>> {
    fn describe(_: &mut Operation) {}
}

/// A handler, by what it takes.
pub trait Takes<Arguments> {
    /// Adds what all of that tells.
    fn describe(&self, operation: &mut Operation);
}

macro_rules! takes {
    ($($argument:ident)*) => {
        impl<F: Fn($($argument),*) -> R, R, $($argument: Described),*> Takes<($($argument,)*)> for F {
            fn describe(&self, _operation: &mut Operation) {
                $($argument::describe(_operation);)*
            }
        }
    };
}
takes!();
takes!(A);
takes!(A B);
takes!(A B C);
takes!(A B C D);
takes!(A B C D E);
takes!(A B C D E G);

impl Operation {
    /// The operation of a route; `is_counted` of requests that count against a rate.
    pub fn new<Arguments>(
        (method, path): (&'static str, &'static str),
        handler: &impl Takes<Arguments>,
        words: Words,
        is_counted: bool,
    ) -> Operation {
        let mut operation = Operation {
            method,
            path,
            words,
            parameters: Vec::new(),
            body: None,
            answers: BTreeMap::new(),
            security: Vec::new(),
            is_counted,
        };
        operation.parameters.extend(placeholders(path));
        operation.parameters.extend(words.parameters);
        handler.describe(&mut operation);
        // How the reply is spelled stands last.
        operation.parameters.sort_by_key(|name| *name == PREFER);
        operation.refuse(words.refusals);
        operation.answers.extend(words.answers.iter().map(|answer| (answer.status, answer.to_value())));
        operation
    }

    /// It may answer so.
    pub fn refuse(&mut self, refusals: &[Refusal]) {
        for refusal in refusals {
            let reference = json!({"$ref": format!("#/components/responses/{}", refusal.name)});
            self.answers.insert(refusal.status(), reference);
        }
    }

    /// It reads these parameters.
    pub fn read(&mut self, parameters: &[&'static str]) {
        self.parameters.extend(parameters);
    }

    /// It asks for a key with this scope, or for any.
    pub fn sign_in(&mut self, scope: Option<&'static str>) {
        self.security.push(json!({"bearer": scope.as_slice()}));
        self.read(&[PREFER]);
        self.refuse(&[BAD_REQUEST, UNAUTHORIZED, UNAVAILABLE]);
        if self.is_counted {
            self.refuse(&[TOO_MANY_REQUESTS]);
        }
        match scope {
            Some(scope) if scope.ends_with(":write") => self.refuse(&[INSUFFICIENT_STORAGE]),
            // What lies in a public project is read without a key.
            Some(_) if self.path.starts_with("/projects/{projectId}") => self.security.push(json!({})),
            _ => {}
        }
    }

    /// It asks some for a key, and others not.
    pub fn maybe_sign_in(&mut self) {
        self.security.extend([json!({}), json!({"bearer": []})]);
        self.refuse(&[BAD_REQUEST, UNAUTHORIZED, TOO_MANY_REQUESTS, UNAVAILABLE]);
    }

    /// Its path is read.
    pub fn read_path(&mut self, with_ids: bool) {
        self.refuse(&[BAD_REQUEST]);
        if with_ids {
            self.refuse(&[NOT_FOUND]);
        }
    }

    /// It lists what its words say.
    pub fn list(&mut self) {
        let Some(name) = self.words.lists else { return };
        self.read(&lists::parameters(name));
        self.answers.insert(200, Answer::many(name).with(NEXT).to_value());
        self.refuse(&[BAD_REQUEST, CONFLICT, TOO_LARGE]);
    }

    /// It takes a body of the schema that its words name, in these media types.
    pub fn take_document(&mut self, media: &[&str]) {
        let schema = || named(self.words.takes.unwrap_or_default());
        let content: Map<String, Value> = media
            .iter()
            .map(|media| ((*media).to_owned(), json!({"schema": Value::from(schema())})))
            .collect();
        self.take(Value::Object(content));
    }

    /// It takes a file.
    pub fn take_file(&mut self) {
        let says = "The bytes. Exactly one part of this name, with a filename of at most 255 bytes without /, \\ or control \
                    characters; %22 in it means a double quote.";
        let form = object([("file", bytes().says(says))]).says("Parts with other names are skipped.");
        self.take(content("multipart/form-data", form));
        self.refuse(&[QUOTA_EXCEEDED]);
    }

    /// It takes bytes of this media type, as they are.
    pub fn take_piece(&mut self, media: &str) {
        self.take(content(media, bytes()));
    }

    fn take(&mut self, content: Value) {
        self.body = Some(json!({"required": true, "content": content}));
        self.refuse(&[BAD_REQUEST, REQUEST_TIMEOUT, TOO_LARGE]);
    }

    /// As it stands in the document.
    pub fn to_value(&self) -> Value {
        let Words { id, summary, details, .. } = self.words;
        let mut value = json!({"tags": [tag(self.path)], "operationId": id, "summary": summary});
        let listed = self.words.lists.map(lists::fields).unwrap_or_default();
        let description = [listed.as_str(), details].into_iter().filter(|text| !text.is_empty());
        let description = description.collect::<Vec<_>>().join(" ");
        if !description.is_empty() {
            value["description"] = description.into();
        }
        if !self.parameters.is_empty() {
            let reference = |name: &&str| json!({"$ref": format!("#/components/parameters/{name}")});
            value["parameters"] = self.parameters.iter().map(reference).collect();
        }
        if let Some(body) = &self.body {
            value["requestBody"] = body.clone();
        }
        let answers = self.answers.iter().map(|(status, answer)| (status.to_string(), answer.clone()));
        value["responses"] = answers.collect::<Map<_, _>>().into();
        value["security"] = self.security.clone().into();
        value
    }
}

const PREFER: &str = "Prefer";

/// The placeholders of a path, without their braces.
fn placeholders(path: &'static str) -> impl Iterator<Item = &'static str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

/// The group of a route.
fn tag(path: &str) -> &'static str {
    let mut parts = path.split('/').skip(1);
    match (parts.next(), parts.nth(1)) {
        (Some("projects"), None) => "Projects",
        (Some("projects"), Some("assets" | "uploads")) | (Some("files"), _) => "Assets",
        (Some("projects"), Some("jobs")) => "Jobs",
        (Some("projects"), Some("workflows")) => "Workflows",
        (Some("projects"), _) => "Projects",
        (Some("oauth" | "user"), _) => "User",
        _ => "Service",
    }
}
