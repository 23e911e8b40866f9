//! Cryptography of TLS, chosen once for all clients of this process.

use tokio_rustls::rustls::crypto::{CryptoProvider, ring};

/// TLS clients of this process (reqwest) take their cryptography from a global that somebody has to choose before the first one
/// is made; the first choice counts, and calling it again is free.
pub fn choose_cryptography() {
    if CryptoProvider::get_default().is_none() {
        // Lost only to another thread that chose the same.
        let _ = ring::default_provider().install_default();
    }
}
