//! Small pictures of assets and projects.

use super::Shared;
use crate::auth::{AssetsRead, Session};
use crate::extract::{InProject, Item};
use crate::openapi::answers::Answer as Told;
use crate::openapi::words::Words;
use crate::wire::error::ApiError;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use fieldstone_engine::Thumbnail;
use fieldstone_engine::model::AssetId;

const ANSWERS: &[Told] = &[
    Told::bytes(200, "PNG, 192 by 192 pixels, transparent around what it shows"),
    Told::empty(304, "The client has it already (If-None-Match)"),
];

pub const OF_ASSET: Words = Words::new("getAssetThumbnail", "See an asset as a small picture", ANSWERS)
    .details(
        "Of meshes, and of volumes that a job has made, of up to 64 MiB; made at low priority when it is first asked for. 404 says why there is \
         none. An addition to the platform's API.",
    )
    .parameters(&["IfNoneMatch"]);

pub async fn of_asset(
    State(app): Shared,
    session: Session<AssetsRead>,
    Item(project, id): Item<AssetId>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    Ok(shown(app.engine.asset_thumbnail(&session.caller, project, id).await?, &headers))
}

pub const OF_PROJECT: Words = Words::new("getProjectThumbnail", "See a project as a small picture", ANSWERS)
    .details("The picture of its newest asset that has one. An addition to the platform's API.")
    .parameters(&["IfNoneMatch"]);

pub async fn of_project(
    State(app): Shared,
    session: Session<AssetsRead>,
    InProject(project): InProject,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    Ok(shown(app.engine.project_thumbnail(&session.caller, project).await?, &headers))
}

fn shown(Thumbnail { tag, png }: Thumbnail, headers: &HeaderMap) -> Response {
    let tag = format!("\"{tag}\"");
    let kept = [(CACHE_CONTROL, "private, no-cache".to_owned()), (ETAG, tag.clone())];
    if headers.get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return (StatusCode::NOT_MODIFIED, kept).into_response();
    }
    (kept, [(CONTENT_TYPE, "image/png")], png).into_response()
}
