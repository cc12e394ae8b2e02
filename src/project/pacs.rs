//! Picture archives from the door: which servers the user wrote into the settings, and fetched images into a project.
//!
//! ```toml
//! [[pacs]]
//! name = "archive"
//! url = "https://pacs.example.org/dicom-web"
//! auth = "basic"                        # none (as without it), basic, bearer
//! user = "reader"
//! secret_file = "/home/me/.archive"     # password or token; asked for when it is not named
//! ca_file = "/etc/ssl/hospital.pem"     # the only authority to trust; without it the system's
//! timeout_s = 60
//! allow_unencrypted = false
//! ```

use std::path::{Path, PathBuf};
use std::time::Duration;

use toml_edit::{DocumentMut, Table};

use crate::domain::Sensitive;
pub use crate::exchange::pacs::{
    Auth, FetchLimits, FetchRequest, Fetched, Filter, PacsError, Page, ReceiveOptions, Received, Receiver, Secret,
    SeriesRow, Server, StudyRow, fetch, find_series, find_studies,
};

const TIMEOUT_S: u64 = 60;
const KNOWN: &[&str] = &["name", "url", "auth", "user", "secret_file", "ca_file", "timeout_s", "allow_unencrypted"];

/// A server of the settings.
#[derive(Clone, Debug)]
pub struct PacsEntry {
    pub server: Server,
    secret_file: Option<PathBuf>,
}

impl PacsEntry {
    /// Whether a password or token is wanted that no file holds, so that the user must be asked.
    pub const fn must_ask(&self) -> bool {
        !matches!(self.server.auth, Auth::None) && self.secret_file.is_none()
    }

    /// The password or token from its file.
    ///
    /// # Errors
    /// [`PacsError::Settings`] for a file that cannot be read, is empty, or that others may read.
    pub fn secret(&self) -> Result<Option<Secret>, PacsError> {
        let Some(path) = self.secret_file.as_ref().filter(|_| self.server.auth != Auth::None) else { return Ok(None) };
        let wrong = |reason: String| PacsError::Settings {
            server: self.server.name.clone(),
            reason: format!("secret_file {} {reason}", path.display()),
        };
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(path).map_err(|e| wrong(format!("cannot be read: {}", e.kind())))?;
            if mode.permissions().mode() & 0o077 != 0 {
                return Err(wrong("may be read by others; run chmod 600 on it".to_owned()));
            }
        }
        let text = std::fs::read_to_string(path).map_err(|e| wrong(format!("cannot be read: {}", e.kind())))?;
        let secret = text.lines().next().unwrap_or_default().trim();
        if secret.is_empty() {
            return Err(wrong("is empty".to_owned()));
        }
        Ok(Some(Secret::new(secret.to_owned())))
    }
}

/// The servers in `home/settings.toml`, in its order. Nothing connects.
///
/// # Errors
/// [`PacsError::Settings`] for an entry that cannot be used, [`PacsError::Disk`] for a file that cannot be read.
pub fn pacs_servers(home: &Path) -> Result<Vec<PacsEntry>, PacsError> {
    let path = home.join("settings.toml");
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(PacsError::Disk { path, source }),
    };
    let wrong =
        |server: &str, reason: &str| PacsError::Settings { server: server.to_owned(), reason: reason.to_owned() };
    let document: DocumentMut = text.parse().map_err(|_| wrong("?", "the settings file cannot be read"))?;
    let Some(item) = document.get("pacs") else { return Ok(Vec::new()) };
    let tables = item.as_array_of_tables().ok_or_else(|| wrong("?", "write each server under a line [[pacs]]"))?;
    let mut entries: Vec<PacsEntry> = Vec::new();
    for table in tables {
        let entry = entry(table)?;
        if entries.iter().any(|e| e.server.name == entry.server.name) {
            return Err(wrong(&entry.server.name, "two servers have this name"));
        }
        entries.push(entry);
    }
    Ok(entries)
}

/// The server of this name.
///
/// # Errors
/// As [`pacs_servers`], and [`PacsError::Settings`] for a name that is not there.
pub fn pacs_server(home: &Path, name: &str) -> Result<PacsEntry, PacsError> {
    let entries = pacs_servers(home)?;
    let names: Vec<_> = entries.iter().map(|e| e.server.name.clone()).collect();
    entries.into_iter().find(|e| e.server.name == name).ok_or_else(|| PacsError::Settings {
        server: name.to_owned(),
        reason: format!(
            "there is no such server in {} (there: {}); add it under a line [[pacs]] with name and url",
            home.join("settings.toml").display(),
            if names.is_empty() { "none".to_owned() } else { names.join(", ") }
        ),
    })
}

fn entry(table: &Table) -> Result<PacsEntry, PacsError> {
    let named = table.get("name").and_then(|i| i.as_str()).map(str::trim).filter(|n| !n.is_empty());
    let wrong = |reason: String| PacsError::Settings { server: named.unwrap_or("?").to_owned(), reason };
    let name = named.ok_or_else(|| wrong("name is missing".to_owned()))?;
    for key in ["password", "token", "secret"] {
        if table.contains_key(key) {
            return Err(wrong(format!(
                "{key} does not belong into the settings; write it into a file and name that as secret_file"
            )));
        }
    }
    // A key that is misspelt would otherwise be a rule that silently does not hold.
    if let Some((key, _)) = table.iter().find(|(key, _)| !KNOWN.contains(key)) {
        return Err(wrong(format!("there is no key {key}; known are {}", KNOWN.join(", "))));
    }
    let text = |key: &str| match table.get(key) {
        None => Ok(None),
        Some(item) => item.as_str().map(|s| Some(s.to_owned())).ok_or_else(|| wrong(format!("{key} is no text"))),
    };
    let url = text("url")?.ok_or_else(|| wrong("url is missing".to_owned()))?;
    let auth = match text("auth")?.as_deref() {
        None | Some("none") => Auth::None,
        Some("bearer") => Auth::Bearer,
        Some("basic") => {
            Auth::Basic { user: Sensitive::new(text("user")?.ok_or_else(|| wrong("user is missing".to_owned()))?) }
        }
        Some(other) => return Err(wrong(format!("auth = \"{other}\" is not known: none, basic or bearer"))),
    };
    let timeout = match table.get("timeout_s") {
        None => TIMEOUT_S,
        Some(item) => item
            .as_integer()
            .and_then(|n| u64::try_from(n).ok())
            .filter(|n| (1..=3600).contains(n))
            .ok_or_else(|| wrong("timeout_s is a number from 1 to 3600".to_owned()))?,
    };
    let allow_unencrypted = match table.get("allow_unencrypted") {
        None => false,
        Some(item) => item.as_bool().ok_or_else(|| wrong("allow_unencrypted is true or false".to_owned()))?,
    };
    let server = Server {
        name: name.to_owned(),
        url: Sensitive::new(url),
        auth,
        ca_file: text("ca_file")?.map(PathBuf::from),
        timeout: Duration::from_secs(timeout),
        allow_unencrypted,
    };
    server.check()?;
    Ok(PacsEntry { server, secret_file: text("secret_file")?.map(PathBuf::from) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<PacsEntry>, String> {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("settings.toml"), text).unwrap();
        pacs_servers(home.path()).map_err(|e| e.to_string())
    }

    #[test]
    fn servers_are_what_the_user_wrote_and_nothing_else() {
        assert!(pacs_servers(Path::new("/nowhere")).unwrap().is_empty());
        assert!(read("language = \"en\"\n").unwrap().is_empty());
        let two = "[[pacs]]\nname = \"a\"\nurl = \"https://a.example/dicom-web\"\n[[pacs]]\nname = \"b\"\nurl = \"https://b.example\"\nauth = \"bearer\"\n";
        let entries = read(two).unwrap();
        assert_eq!(entries.iter().map(|e| e.server.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(entries.iter().map(PacsEntry::must_ask).collect::<Vec<_>>(), [false, true]);
        let with =
            |line: &str| read(&format!("[[pacs]]\nname = \"a\"\nurl = \"https://a.example\"\n{line}\n")).unwrap_err();
        assert!(with("password = \"hunter2\"").contains("secret_file"));
        assert!(!with("password = \"hunter2\"").contains("hunter2"));
        assert!(with("alow_unencrypted = true").contains("alow_unencrypted"));
        assert!(with("timeout_s = 0").contains("3600"));
        assert!(with("auth = \"basic\"").contains("user"));
        assert!(with("[[pacs]]\nname = \"a\"\nurl = \"https://b.example\"").contains("two servers"));
        assert!(read("pacs = 3").unwrap_err().contains("[[pacs]]"));
    }

    #[cfg(unix)]
    #[test]
    fn a_secret_that_others_may_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("secret");
        std::fs::write(&file, "s3cret\n").unwrap();
        let settings = format!(
            "[[pacs]]\nname = \"a\"\nurl = \"https://a.example\"\nauth = \"bearer\"\nsecret_file = '{}'\n",
            file.display()
        );
        std::fs::write(home.path().join("settings.toml"), settings).unwrap();
        let entry = pacs_server(home.path(), "a").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(entry.secret().unwrap_err().to_string().contains("chmod 600"));
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert!(entry.secret().unwrap().is_some());
        assert!(pacs_server(home.path(), "b").unwrap_err().to_string().contains("there: a"));
    }
}
