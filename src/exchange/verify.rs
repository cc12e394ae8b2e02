//! Verifying a release with nothing but its folder: files, root, signature, journal, openings, labels.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::release::{
    FORMAT, FORMAT_VERSION, MANIFEST, Manifest, OpeningLine, SIGNATURE, SignatureFile, sha256, signature_message,
};
use super::verify_labels;
use crate::domain::{Digest, Roi, Role, decode_roi};
use crate::journal::{UnderHeads, value_digest};
use crate::keys::{Audit, Found, Problem, ProblemKind, audit, verify_bytes};

/// What verification found.
#[derive(Clone, Debug, Default)]
pub struct ReleaseReport {
    pub name: String,
    pub version: String,
    pub root: Option<Digest>,
    pub files: usize,
    pub labels: usize,
    pub outlines: usize,
    pub transactions: u64,
    pub problems: Vec<Problem>,
    /// Oddities that prove nothing wrong.
    pub notes: Vec<String>,
}

impl ReleaseReport {
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty()
    }

    pub(super) fn problem(&mut self, kind: ProblemKind, place: impl Into<String>, detail: impl Into<String>) {
        self.problems.push(Problem { kind, place: place.into(), detail: detail.into() });
    }
}

/// A text file beyond this is not read whole (annotations of a release are, so this bounds memory).
const MAX_TEXT_BYTES: u64 = 4 << 30;

/// Checks a release folder. Never panics; whatever is wrong becomes a [`Problem`].
pub fn verify_release(folder: &Path) -> ReleaseReport {
    let mut report = ReleaseReport::default();
    let Some(manifest) = read_manifest(folder, &mut report) else { return report };
    report.name.clone_from(&manifest.name);
    report.version.clone_from(&manifest.version);
    report.root = Some(manifest.root);
    let present = check_files(folder, &manifest, &mut report);
    let key = check_signature(folder, &manifest, &mut report);
    let audit = check_journal(folder, &present, &mut report);
    check_signer(key, &audit, &mut report);
    if audit.state.project.is_some_and(|p| p != manifest.project) {
        report.problem(ProblemKind::Altered, MANIFEST, "the journal belongs to another project");
    }
    check_frontier(folder, &audit, &manifest, &mut report);
    let openings = check_openings(folder, &present, &audit, &mut report);
    verify_labels::check(folder, &present, &openings, &audit, &mut report);
    report.problems.sort();
    report.problems.dedup();
    report
}

pub(super) fn read_text(folder: &Path, path: &str, report: &mut ReleaseReport) -> Option<String> {
    let mut text = String::new();
    let read = File::open(folder.join(path)).and_then(|f| f.take(MAX_TEXT_BYTES).read_to_string(&mut text));
    match read {
        Ok(_) => Some(text),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            report.problem(ProblemKind::Truncated, path, "the file is missing");
            None
        }
        Err(e) => {
            report.problem(ProblemKind::Format, path, format!("cannot be read: {e}"));
            None
        }
    }
}

fn parse<T: for<'de> Deserialize<'de>>(text: &str, path: &str, report: &mut ReleaseReport) -> Option<T> {
    match serde_json::from_str(text) {
        Ok(value) => Some(value),
        Err(e) => {
            report.problem(ProblemKind::Format, path, format!("not the JSON that belongs there ({e})"));
            None
        }
    }
}

fn read_manifest(folder: &Path, report: &mut ReleaseReport) -> Option<Manifest> {
    let text = read_text(folder, MANIFEST, report)?;
    let manifest: Manifest = parse(&text, MANIFEST, report)?;
    if manifest.format != FORMAT || manifest.format_version > FORMAT_VERSION {
        report.problem(ProblemKind::Format, MANIFEST, "made by a newer version, or no Shoken release");
        return None;
    }
    if manifest.computed_root() != manifest.root {
        report.problem(ProblemKind::Altered, MANIFEST, "its list of files does not amount to its root");
    }
    Some(manifest)
}

fn plain_path(path: &str) -> bool {
    !path.is_empty()
        && path
            .split('/')
            .all(|part| !part.is_empty() && part != "." && part != ".." && !part.contains(['\\', ':', '\0']))
}

/// Files that are there with the bytes the manifest names.
fn check_files(folder: &Path, manifest: &Manifest, report: &mut ReleaseReport) -> BTreeSet<String> {
    let mut present = BTreeSet::new();
    for entry in &manifest.files {
        if !plain_path(&entry.path) {
            report.problem(ProblemKind::Format, MANIFEST, "it lists a path that leaves the release");
            continue;
        }
        let path = folder.join(&entry.path);
        match hash_file(&path) {
            Err(_) => report.problem(ProblemKind::Truncated, &entry.path, "the file is missing or cannot be read"),
            Ok((_, size)) if size < entry.size => {
                let detail = format!("{size} bytes of {} are there", entry.size);
                report.problem(ProblemKind::Truncated, &entry.path, detail);
            }
            Ok((digest, size)) if digest != entry.sha256 || size != entry.size => {
                report.problem(ProblemKind::Altered, &entry.path, "its bytes are not the ones that were released");
            }
            Ok(_) => {
                present.insert(entry.path.clone());
            }
        }
    }
    report.files = manifest.files.len();
    let mut found = Vec::new();
    list(folder, "", &mut found);
    let listed: BTreeSet<&str> = manifest.files.iter().map(|f| f.path.as_str()).chain([MANIFEST, SIGNATURE]).collect();
    for extra in found.iter().filter(|f| !listed.contains(f.as_str())) {
        report.problem(ProblemKind::Altered, extra, "the file is not part of the release");
    }
    present
}

fn list(folder: &Path, prefix: &str, out: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type().is_ok_and(|t| t.is_dir()) {
            list(&entry.path(), &format!("{name}/"), out);
        } else {
            out.push(name);
        }
    }
}

fn hash_file(path: &Path) -> std::io::Result<(Digest, u64)> {
    if !std::fs::symlink_metadata(path)?.is_file() {
        return Err(std::io::Error::other("not a plain file"));
    }
    let mut file = File::open(path)?;
    let (mut hash, mut size, mut buffer) = (Sha256::new(), 0, vec![0_u8; 1 << 16]);
    loop {
        let n = file.read(&mut buffer)?;
        if n == 0 {
            return Ok((Digest::from_bytes(hash.finalize().into()), size));
        }
        hash.update(buffer.get(..n).unwrap_or_default());
        size += n as u64;
    }
}

/// The key that really signed this manifest.
fn check_signature(
    folder: &Path,
    manifest: &Manifest,
    report: &mut ReleaseReport,
) -> Option<crate::journal::PublicKey> {
    let text = read_text(folder, SIGNATURE, report)?;
    let file: SignatureFile = parse(&text, SIGNATURE, report)?;
    let bytes =
        data_encoding::HEXLOWER.decode(file.signature.as_bytes()).ok().and_then(|b| <[u8; 64]>::try_from(b).ok());
    let Some(signature) = bytes else {
        report.problem(ProblemKind::Format, SIGNATURE, "the signature is not 128 hex digits");
        return None;
    };
    let manifest_text = read_text(folder, MANIFEST, report)?;
    let manifest_digest = sha256(manifest_text.as_bytes());
    if file.root != manifest.root || file.manifest != manifest_digest {
        report.problem(ProblemKind::Altered, MANIFEST, "it is not the manifest that was signed");
    }
    let message = signature_message(&manifest.root, &manifest_digest);
    if verify_bytes(&file.public_key, &message, &signature).is_err() {
        report.problem(ProblemKind::BadSignature, SIGNATURE, "the signature does not fit the manifest and the key");
        return None;
    }
    Some(file.public_key)
}

/// A line of `journal/transactions.jsonl`.
#[derive(Deserialize)]
struct Line {
    body: String,
    sig: String,
}

fn check_journal(folder: &Path, present: &BTreeSet<String>, report: &mut ReleaseReport) -> Audit {
    const PATH: &str = "journal/transactions.jsonl";
    if !present.contains(PATH) && !folder.join(PATH).is_file() {
        return Audit::default();
    }
    let mut found = Vec::new();
    let lines = File::open(folder.join(PATH)).map(BufReader::new).into_iter().flat_map(BufRead::lines);
    for (number, line) in (1..).zip(lines) {
        let parsed = line.ok().and_then(|l| serde_json::from_str::<Line>(&l).ok());
        let signature = parsed.as_ref().and_then(|l| data_encoding::HEXLOWER.decode(l.sig.as_bytes()).ok());
        match parsed.zip(signature) {
            Some((line, signature)) => found.push(Found { text: line.body, signature, ..Found::default() }),
            None => report.problem(ProblemKind::Format, format!("{PATH} line {number}"), "not a signed transaction"),
        }
    }
    let audit = audit(found);
    for problem in &audit.problems {
        report.problem(problem.kind, format!("{PATH}: {}", problem.place), problem.detail.clone());
    }
    report.notes.extend(audit.notes.iter().cloned());
    report.transactions = audit.transactions;
    audit
}

fn check_signer(key: Option<crate::journal::PublicKey>, audit: &Audit, report: &mut ReleaseReport) {
    let Some(key) = key else { return };
    let known = audit
        .state
        .register()
        .readers
        .values()
        .any(|r| r.keys.contains_key(&key) && r.roles.contains(&Role::Coordinator));
    if !known {
        report.problem(ProblemKind::UnknownKey, SIGNATURE, "the key that signed is no coordinator's of this project");
    }
}

fn check_frontier(folder: &Path, audit: &Audit, manifest: &Manifest, report: &mut ReleaseReport) {
    const PATH: &str = "dataset.json";
    #[derive(Deserialize)]
    struct Dataset {
        name: String,
        version: String,
        project: Digest,
        frontier: UnderHeads,
    }
    let Some(text) = read_text(folder, PATH, report) else { return };
    let Some(dataset) = parse::<Dataset>(&text, PATH, report) else { return };
    if (&dataset.name, &dataset.version, dataset.project) != (&manifest.name, &manifest.version, manifest.project) {
        report.problem(ProblemKind::Altered, PATH, "it names another release than the manifest");
    }
    for (stream, (seq, hash)) in &dataset.frontier {
        let place = format!("stream {}", stream.get(..12).unwrap_or_default());
        match stream.parse::<Digest>().ok().and_then(|id| audit.state.streams.get(&id)) {
            None => report.problem(
                ProblemKind::Truncated,
                place,
                "the release covers it, but its transactions are not here",
            ),
            Some(s) if s.seq < *seq => {
                report.problem(ProblemKind::Truncated, place, "its last transactions are missing");
            }
            Some(s) if s.seq == *seq && s.hash != *hash => {
                report.problem(ProblemKind::Altered, place, "it ends in another transaction than the release covers");
            }
            Some(_) => {}
        }
    }
}

/// Every opened geometry, by digest.
fn check_openings(
    folder: &Path,
    present: &BTreeSet<String>,
    audit: &Audit,
    report: &mut ReleaseReport,
) -> BTreeMap<Digest, Roi> {
    const PATH: &str = "journal/openings.jsonl";
    let mut out = BTreeMap::new();
    if !present.contains(PATH) && !folder.join(PATH).is_file() {
        return out;
    }
    let lines = File::open(folder.join(PATH)).map(BufReader::new).into_iter().flat_map(BufRead::lines);
    for (number, line) in (1..).zip(lines) {
        let place = format!("{PATH} line {number}");
        let parsed = line.ok().and_then(|l| serde_json::from_str::<OpeningLine>(&l).ok());
        let value = parsed.as_ref().and_then(|o| data_encoding::BASE64.decode(o.value.as_bytes()).ok());
        let Some((opening, value)) = parsed.zip(value) else {
            report.problem(ProblemKind::Format, place, "not an opening");
            continue;
        };
        if value_digest(opening.salt.as_bytes(), &value) != opening.digest {
            report.problem(ProblemKind::Altered, place, "salt and value do not give the digest");
            continue;
        }
        if !audit.names_value(&opening.digest) {
            report.problem(ProblemKind::Altered, &place, "no transaction names this value");
        }
        match decode_roi(&value) {
            Ok(roi) => {
                out.insert(opening.digest, roi);
            }
            Err(e) => report.problem(ProblemKind::Format, place, e.to_string()),
        }
    }
    out
}
