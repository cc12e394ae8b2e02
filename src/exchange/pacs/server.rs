//! A picture archive as the user described it, checked before anything connects.

use std::path::PathBuf;
use std::time::Duration;

use hyper::Uri;
use zeroize::Zeroizing;

use super::PacsError;
use crate::domain::Sensitive;

/// How the user proves who they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Auth {
    None,
    /// User name and password (RFC 7617).
    Basic {
        user: Sensitive<String>,
    },
    /// A token (RFC 6750).
    Bearer,
}

/// A password or token; wiped from memory when dropped.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("<hidden>")
    }
}

/// One DICOMweb server of the settings.
#[derive(Clone, Debug)]
pub struct Server {
    /// What the user calls it.
    pub name: String,
    /// The service's base, `https://host[:port]/path`.
    pub url: Sensitive<String>,
    pub auth: Auth,
    /// PEM certificates of the only authorities to trust; without it those that the system trusts.
    pub ca_file: Option<PathBuf>,
    /// How long the server may be silent.
    pub timeout: Duration,
    /// Whether images may travel unencrypted to another computer.
    pub allow_unencrypted: bool,
}

/// Where to connect and what stands before every path.
#[derive(Debug)]
pub(super) struct Target {
    pub host: String,
    pub port: u16,
    pub tls: bool,
    pub base: String,
}

impl Server {
    pub(super) fn wrong(&self, reason: impl Into<String>) -> PacsError {
        PacsError::Settings { server: self.name.clone(), reason: reason.into() }
    }

    /// Checks what the settings say without connecting.
    ///
    /// # Errors
    /// [`PacsError::Settings`] with what is wrong.
    pub fn check(&self) -> Result<(), PacsError> {
        self.target().map(drop)
    }

    pub(super) fn target(&self) -> Result<Target, PacsError> {
        let uri: Uri = self.url.reveal().parse().map_err(|_| self.wrong("the url cannot be read"))?;
        let tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(self.wrong("the url must begin with https:// or http://")),
        };
        let authority = uri.authority().ok_or_else(|| self.wrong("the url names no computer"))?;
        if authority.as_str().contains('@') {
            return Err(
                self.wrong("the url holds a user or a password; name the user as user and a file as secret_file")
            );
        }
        if uri.query().is_some() {
            return Err(self.wrong("the url has a question mark"));
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let is_here = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
        if !tls && !is_here && !self.allow_unencrypted {
            return Err(self.wrong(
                "http:// would send images and passwords unencrypted; use https://, or allow_unencrypted = true inside a closed network",
            ));
        }
        Ok(Target {
            host,
            port: authority.port_u16().unwrap_or(if tls { 443 } else { 80 }),
            tls,
            base: uri.path().trim_end_matches('/').to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(url: &str) -> Server {
        Server {
            name: "a".to_owned(),
            url: url.into(),
            auth: Auth::None,
            ca_file: None,
            timeout: Duration::from_secs(1),
            allow_unencrypted: false,
        }
    }

    #[test]
    fn an_address_is_checked_before_anything_connects() {
        let target = server("https://pacs.example.org/dicom-web/").target().unwrap();
        assert_eq!((target.port, target.tls, target.base.as_str()), (443, true, "/dicom-web"));
        assert_eq!(server("http://[::1]:8042").target().unwrap().host, "::1");
        let says = |url: &str| server(url).check().unwrap_err().to_string();
        assert!(says("http://pacs.example.org/").contains("unencrypted"));
        assert!(says("https://me:secret@pacs.example.org/").contains("secret_file"));
        assert!(!says("https://me:secret@pacs.example.org/").contains("me:"), "the message repeats no password");
        assert!(says("ftp://pacs.example.org/").contains("https://"));
        assert!(server("http://pacs/").check().is_err());
        let allowed = Server { allow_unencrypted: true, ..server("http://pacs/") };
        assert!(allowed.check().is_ok());
    }

    #[test]
    fn secrets_and_addresses_are_not_in_debug_output() {
        let secret = Secret::new("tell-nobody".to_owned());
        let server =
            Server { auth: Auth::Basic { user: "dr-yamada".into() }, ..server("https://pacs.example.org/dicom-web") };
        let text = format!("{secret:?} {server:?}");
        assert!(!text.contains("tell") && !text.contains("yamada") && !text.contains("example"), "{text}");
    }
}
