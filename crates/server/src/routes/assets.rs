//! `/projects/{projectId}/assets`.

use super::upload::{self, FileBody};
use super::{Answer, Shared, StatusCode};
use crate::auth::{AssetsRead, AssetsWrite, Session};
use crate::extract::{Base, InProject, Item, Page, Params, content_length};
use crate::links::{self, Target};
use crate::lists;
use crate::openapi::answers::{Answer as Told, CONFLICT};
use crate::openapi::operation::{Described, Operation};
use crate::openapi::words::Words;
use crate::wire::error::ApiError;
use crate::wire::volumes;
use axum::extract::State;
use axum::response::Response;
use fieldstone_engine::Engine;
use fieldstone_engine::filename::check_filename;
use fieldstone_engine::model::{AssetId, Caller, Listable, Timestamp};
use serde::Deserialize;
use std::sync::Arc;

pub const LIST: Words = Words::list("getAssets", "List project assets", "Asset");

pub async fn list(
    State(app): Shared,
    session: Session<AssetsRead>,
    InProject(project): InProject,
    page: Page,
) -> Answer {
    let read = move |engine: Engine, caller: Arc<Caller>, ids: Vec<i64>| async move {
        engine.listed_assets(&caller, project, &ids).await
    };
    lists::answer(&app, &session, Listable::Assets(project), page, read).await
}

pub const CREATE: Words = Words::new("createAsset", "Upload an asset", &[Told::one(201, "Created", "Asset")]);

pub async fn create(
    State(app): Shared,
    session: Session<AssetsWrite>,
    InProject(project): InProject,
    FileBody(request): FileBody,
) -> Answer {
    // Refuse before the body comes, not after a gigabyte of it.
    app.engine.get_project(&session.caller, project).await?;
    // The file has at most the bytes of the body, less its framing, which is short.
    let declared = content_length(request.headers()).unwrap_or(0).saturating_sub(upload::FRAMING_BYTES);
    app.engine.check_room(project, declared).await?;
    let file = upload::receive(&app, project, 0, request).await?;
    session.still_opens(&app, project).await?;
    let asset = file.upload.finish(&session.caller, &file.filename).await?;
    session.tell("asset", asset.id);
    Ok(session.one(StatusCode::CREATED, &asset))
}

pub const REPLACE: Words =
    Words::new("replaceAsset", "Replace the content of an asset", &[Told::ok("Asset")])
        .details("Kept for older clients; the id stays.");

pub async fn replace(
    State(app): Shared,
    session: Session<AssetsWrite>,
    Item(project, id): Item<AssetId>,
    FileBody(request): FileBody,
) -> Answer {
    let old = app.engine.get_asset(&session.caller, project, id).await?;
    let file = upload::receive(&app, project, old.size, request).await?;
    session.still_opens(&app, project).await?;
    let asset = file.upload.replace(&session.caller, id, &file.filename).await?;
    Ok(session.one(StatusCode::OK, &asset))
}

/// `?download=true|1[&filename=…]`.
#[derive(Deserialize)]
pub struct Download {
    download: Option<String>,
    filename: Option<String>,
}

impl Described for Download {
    fn describe(operation: &mut Operation) {
        operation.read(&["download", "saveAs"]);
    }
}

impl Download {
    fn wanted(&self) -> Result<bool, ApiError> {
        match self.download.as_deref().map(str::to_ascii_lowercase).as_deref() {
            Some("true" | "1") => Ok(true),
            None | Some("" | "false" | "0") => Ok(false),
            Some(other) => {
                Err(ApiError::bad_request(format!("download is {other:?}, expected true or false")))
            }
        }
    }
}

pub const GET: Words = Words::new("getAsset", "Get project asset by ID", &[Told::ok("AssetWithLink")]).details(
    "With download=true the reply also holds a link to the bytes that needs no Authorization and is valid for one hour.",
);

pub async fn get(
    State(app): Shared,
    session: Session<AssetsRead>,
    Item(project, id): Item<AssetId>,
    Params(query): Params<Download>,
    base: Result<Base, ApiError>,
) -> Answer {
    let download = query.wanted()?;
    let filename = query.filename.as_deref().filter(|name| !name.is_empty());
    filename.map_or(Ok(()), check_filename).map_err(ApiError::bad_request)?;
    let asset = app.engine.get_asset(&session.caller, project, id).await?;
    if !download {
        return Ok(session.one(StatusCode::OK, &asset));
    }
    let filename = filename.unwrap_or(&asset.filename);
    let now = Timestamp::now().0.div_euclid(1_000_000);
    let expires = now.saturating_add_unsigned(app.config.link_lifetime_s);
    let target = Target { project, asset: id, sha256: &asset.sha256, filename, expires };
    let link = links::sign(&app.engine.signing_key().await?, &base?.0, &target);
    Ok(session.linked(StatusCode::OK, &asset, &link))
}

/// `?stride=4`.
#[derive(Deserialize)]
pub struct Stride {
    stride: Option<String>,
}

impl Described for Stride {
    fn describe(operation: &mut Operation) {
        operation.read(&["stride"]);
    }
}

pub const VOLUME: Words = Words::new(
    "getVolume",
    "See a volume at a lower resolution",
    &[Told::bytes(200, "A line of JSON that says what the samples are, then the samples")],
)
.details(
    "Samples 0, stride, 2·stride, … of each axis, x fastest, int8 or float32 as the asset has them; the line has samples, resolution, \
     offset, size and stride. Only of volumes that a job has made (409). An addition to the platform's API.",
)
.refuses(&[CONFLICT]);

pub async fn volume(
    State(app): Shared,
    session: Session<AssetsRead>,
    Item(project, id): Item<AssetId>,
    Params(query): Params<Stride>,
) -> Result<Response, ApiError> {
    let stride = volumes::stride(query.stride.as_deref())?;
    volumes::written(app.engine.thin_volume(&session.caller, project, id, stride).await?, stride)
}

pub const DELETE: Words = Words::new("deleteAsset", "Delete project asset", &[Told::deleted()]);

pub async fn delete(
    State(app): Shared,
    session: Session<AssetsWrite>,
    Item(project, id): Item<AssetId>,
) -> Answer {
    app.engine.delete_asset(&session.caller, project, id).await?;
    Ok(session.deleted())
}
