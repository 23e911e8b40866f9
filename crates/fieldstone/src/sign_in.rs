//! What the settings say about TLS and about an external issuer, made ready for the server.

use crate::settings::Settings;
use anyhow::{Context, anyhow};
use fieldstone_server::{AppClient, Issuer, IssuerConfig, Tls};
use std::path::PathBuf;

/// The issuer that is trusted, if any.
pub fn issuer(settings: &Settings) -> anyhow::Result<Option<Issuer>> {
    let Some(issuer) = &settings.issuer else { return Ok(None) };
    let audience = settings.audience.as_ref().or(settings.public_url.as_ref());
    let audience = audience.ok_or_else(|| anyhow!("setting issuer needs the setting audience"))?;
    let mut config = IssuerConfig::new(issuer, audience);
    config.jwks_url = settings.jwks_url.clone();
    config.app = settings.issuer_client.as_ref().map(AppClient::new);
    if let (Some(app), Some(scopes)) = (&mut config.app, &settings.issuer_scopes) {
        app.scope.clone_from(scopes);
    }
    if let Some(path) = &settings.issuer_ca {
        let pem = std::fs::read(path).with_context(|| format!("setting issuer_ca: {}", path.display()))?;
        config.ca_pem = Some(pem);
    }
    Issuer::new(config).map(Some).map_err(|e| anyhow!(e))
}

/// The certificate that the settings name, if they do.
pub fn given_certificate(settings: &Settings) -> anyhow::Result<Option<Tls>> {
    let Some((cert, key)) = settings.tls_cert.as_ref().zip(settings.tls_key.as_ref()) else {
        return Ok(None);
    };
    Tls::read(cert, key).map(Some).map_err(|e| anyhow!("settings tls_cert, tls_key: {e}"))
}

/// The certificate of our own making, and the file that clients must trust. The data folder must be there.
pub fn own_certificate(settings: &Settings) -> anyhow::Result<(Tls, PathBuf)> {
    let mut names: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
    let public = settings.public_url.as_ref().and_then(|url| url.split_once("://"));
    let public = public.map(|(_, rest)| rest.split(['/', ':']).next().unwrap_or_default());
    let listen = settings.tls_listen.as_ref().and_then(|address| address.rsplit_once(':'));
    let listen = listen.map(|(host, _)| host.trim_matches(['[', ']']));
    for name in public.into_iter().chain(listen) {
        let names_nobody = ["", "0.0.0.0", "::"].contains(&name);
        if !names_nobody && !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    Tls::self_signed(&settings.data.join("tls"), &names).map_err(|e| anyhow!(e))
}
