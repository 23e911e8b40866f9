//! `/operators` and `/job-types`: what graphs and jobs are made of, for user interfaces. Additions; the same for every key.

use super::Shared;
use crate::auth::{AnyScope, Session};
use crate::openapi::answers::Answer;
use crate::openapi::words::Words;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;

const KNOWN: Answer = Answer::empty(304, "The client has it already (If-None-Match)");

pub const OPERATORS: Words = Words::new(
    "getOperators",
    "Operators of shape graphs",
    &[Answer::many("Operator"), KNOWN],
)
.details("Ports, parameters with units, ranges and defaults, and an example of each. An addition to the platform's API.")
.parameters(&["IfNoneMatch"]);

pub async fn operators(State(app): Shared, _: Session<AnyScope>, headers: HeaderMap) -> Response {
    app.operators.answer(&headers)
}

pub const JOB_TYPES: Words = Words::new("getJobTypes", "Types of jobs", &[Answer::many("JobType"), KNOWN])
    .details("Files and parameters in and out, and an example of each. An addition to the platform's API.")
    .parameters(&["IfNoneMatch"]);

pub async fn job_types(State(app): Shared, _: Session<AnyScope>, headers: HeaderMap) -> Response {
    app.job_types.answer(&headers)
}
