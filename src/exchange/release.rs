//! Writing a release folder: every file hashed as it is written, the whole renamed into place at the end.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::plan::Plan;
use super::release_input::ReleaseInput;
use super::{ReleaseError, SignedLog, coco, geojson_write, merkle_root, prov};
use crate::domain::Digest;
use crate::journal::PublicKey;

/// Annotation formats; provenance, journal and manifest are always there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReleaseFormat {
    Coco,
    GeoJson,
}

impl ReleaseFormat {
    pub const ALL: [Self; 2] = [Self::Coco, Self::GeoJson];

    /// The format of a word on the command line.
    pub fn from_word(word: &str) -> Option<Self> {
        match word.trim().to_ascii_lowercase().as_str() {
            "coco" => Some(Self::Coco),
            "geojson" => Some(Self::GeoJson),
            _ => None,
        }
    }
}

/// One file of a release.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FileEntry {
    /// Relative, with forward slashes.
    pub path: String,
    pub sha256: Digest,
    pub size: u64,
}

/// `manifest.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub format: String,
    pub format_version: u32,
    pub name: String,
    pub version: String,
    pub project: Digest,
    pub root: Digest,
    pub files: Vec<FileEntry>,
}

impl Manifest {
    /// The root that the listed files amount to.
    pub fn computed_root(&self) -> Digest {
        let mut files: Vec<&FileEntry> = self.files.iter().collect();
        files.sort();
        merkle_root(files.iter().map(|f| format!("{}\0{}", f.path, f.sha256)))
    }
}

/// `signature.json`; lies outside the root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SignatureFile {
    pub algorithm: String,
    pub signs: String,
    pub root: Digest,
    pub manifest: Digest,
    pub public_key: PublicKey,
    pub signature: String,
}

/// What the release line of the journal records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReleaseReceipt {
    pub root: Digest,
    /// SHA-256 of `manifest.json`.
    pub manifest: Digest,
    pub files: usize,
    pub bytes: u64,
    pub labels: usize,
}

/// The bytes that the release key signs.
pub fn signature_message(root: &Digest, manifest: &Digest) -> Vec<u8> {
    [b"shoken-release-v1\0".as_slice(), root.as_bytes(), manifest.as_bytes()].concat()
}

pub(super) const FORMAT: &str = "shoken-release";
pub(super) const FORMAT_VERSION: u32 = 1;
pub(super) const MANIFEST: &str = "manifest.json";
pub(super) const SIGNATURE: &str = "signature.json";

/// Plain SHA-256 of a file's bytes.
pub(super) fn sha256(bytes: &[u8]) -> Digest {
    Digest::of(b"", bytes)
}

/// Writes the release into `folder`, which must not exist or be empty. `sign` gets [`signature_message`].
/// The files grow in `folder.partial`; only a whole release takes the name. `log` gives the lines of `input.journal`.
///
/// # Errors
/// [`ReleaseError`]; nothing that looks whole is left then.
pub fn write_release(
    input: ReleaseInput,
    log: &dyn SignedLog,
    folder: &Path,
    formats: &BTreeSet<ReleaseFormat>,
    public_key: PublicKey,
    sign: impl FnOnce(&[u8]) -> Result<[u8; 64], String>,
) -> Result<ReleaseReceipt, ReleaseError> {
    let occupied = std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some());
    if occupied || folder.is_file() {
        return Err(ReleaseError::Exists(folder.to_owned()));
    }
    let mut name = folder.file_name().unwrap_or_default().to_owned();
    name.push(".partial");
    let partial = folder.with_file_name(name);
    if partial.exists() {
        return Err(ReleaseError::Interrupted(partial));
    }
    let input = sorted(input);
    let written = write_into(&input, log, &partial, formats, public_key, sign).and_then(|receipt| {
        let io = |source| ReleaseError::Io { path: folder.to_owned(), source };
        if folder.exists() {
            std::fs::remove_dir(folder).map_err(io)?;
        }
        std::fs::rename(&partial, folder).map_err(io)?;
        Ok(receipt)
    });
    if written.is_err() {
        // The reason for the failure matters more than a leftover that does not look whole.
        let _ = std::fs::remove_dir_all(&partial);
    }
    written
}

/// Brings every list into its final order; two inputs that say the same give the same bytes.
fn sorted(mut input: ReleaseInput) -> ReleaseInput {
    for case in &mut input.cases {
        case.images.sort();
        case.reads.sort_by(|a, b| (&a.reader, a.stream).cmp(&(&b.reader, b.stream)));
    }
    input.cases.sort_by(|a, b| a.case.cmp(&b.case));
    input.excluded.sort_by(|a, b| (&a.case, &a.reason).cmp(&(&b.case, &b.reason)));
    input.packs.sort_by(|a, b| a.pack.cmp(&b.pack));
    for reader in &mut input.readers {
        reader.roles.sort();
        reader.keys.sort();
    }
    input.readers.sort_by(|a, b| a.id.cmp(&b.id));
    input.software.sort();
    input.software.dedup();
    input.openings.sort_by_key(|o| o.digest);
    input.openings.dedup_by(|a, b| a.digest == b.digest);
    input.journal.sort_unstable();
    input.journal.dedup_by_key(|line| line.hash);
    input
}

/// The lines, each read, written and let go.
fn write_journal(input: &ReleaseInput, log: &dyn SignedLog, out: &mut dyn Write) -> Result<(), ReleaseError> {
    for line in &input.journal {
        let signed = log.signed(line.row)?;
        // What was covered is what is written, or a row filed wrongly could show another's work.
        if *signed.hash() != line.hash || signed.stream() != line.stream {
            return Err(ReleaseError::Damaged);
        }
        writeln!(out, "{}", signed.to_line())?;
    }
    Ok(())
}

fn write_into(
    input: &ReleaseInput,
    log: &dyn SignedLog,
    partial: &Path,
    formats: &BTreeSet<ReleaseFormat>,
    public_key: PublicKey,
    sign: impl FnOnce(&[u8]) -> Result<[u8; 64], String>,
) -> Result<ReleaseReceipt, ReleaseError> {
    let plan = Plan::new(input)?;
    let mut folder = Folder { root: partial.to_owned(), files: Vec::new() };
    if formats.contains(&ReleaseFormat::Coco) {
        folder.file("annotations/coco.json", |out| coco::write(&plan, out))?;
    }
    if formats.contains(&ReleaseFormat::GeoJson) {
        for group in plan.items.chunk_by(|a, b| a.image.id == b.image.id && a.roi.frame == b.roi.frame) {
            let Some(first) = group.first() else { continue };
            folder.file(&geojson_write::path_of(first), |out| geojson_write::write(&plan, group, out))?;
        }
    }
    folder.file("provenance/prov.json", |out| prov::write(&plan, out))?;
    folder.file("journal/transactions.jsonl", |out| write_journal(input, log, out))?;
    folder.file("journal/openings.jsonl", |out| write_openings(input, out))?;
    folder.file("dataset.json", |out| write_dataset(&plan, out))?;

    folder.files.sort();
    let mut manifest = Manifest {
        format: FORMAT.to_owned(),
        format_version: FORMAT_VERSION,
        name: input.name.clone(),
        version: input.version.clone(),
        project: input.project,
        root: Digest::from_bytes([0; 32]),
        files: std::mem::take(&mut folder.files),
    };
    manifest.root = manifest.computed_root();
    let mut text = serde_json::to_string_pretty(&manifest)?;
    text.push('\n');
    folder.file(MANIFEST, |out| out.write_all(text.as_bytes()).map_err(ReleaseError::from))?;
    let manifest_digest = sha256(text.as_bytes());
    let signature = sign(&signature_message(&manifest.root, &manifest_digest)).map_err(ReleaseError::Sign)?;
    let signature = SignatureFile {
        algorithm: "Ed25519".to_owned(),
        signs: "\"shoken-release-v1\\0\" || root || SHA-256(manifest.json)".to_owned(),
        root: manifest.root,
        manifest: manifest_digest,
        public_key,
        signature: data_encoding::HEXLOWER.encode(&signature),
    };
    let mut text = serde_json::to_string_pretty(&signature)?;
    text.push('\n');
    folder.file(SIGNATURE, |out| out.write_all(text.as_bytes()).map_err(ReleaseError::from))?;
    Ok(ReleaseReceipt {
        root: manifest.root,
        manifest: manifest_digest,
        files: manifest.files.len() + 2,
        bytes: manifest.files.iter().chain(&folder.files).map(|f| f.size).sum(),
        labels: plan.labels.len(),
    })
}

/// One opening as a line: digest and salt in hex, value in base64.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OpeningLine {
    pub digest: Digest,
    pub salt: Digest,
    pub value: String,
}

fn write_openings(input: &ReleaseInput, out: &mut dyn Write) -> Result<(), ReleaseError> {
    for opening in &input.openings {
        let line = OpeningLine {
            digest: opening.digest,
            salt: Digest::from_bytes(opening.salt),
            value: data_encoding::BASE64.encode(&opening.value),
        };
        serde_json::to_writer(&mut *out, &line)?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

fn write_dataset(plan: &Plan<'_>, out: &mut dyn Write) -> Result<(), ReleaseError> {
    let input = plan.input;
    let dataset = serde_json::json!({
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "name": input.name,
        "version": input.version,
        "project": input.project,
        "frontier": input.frontier,
        "counts": {
            "cases": input.cases.len(),
            "excluded": input.excluded.len(),
            "images": plan.images.len(),
            "labels": plan.labels.len(),
            "outlines": plan.items.len(),
            "reads": input.cases.iter().map(|c| c.reads.len()).sum::<usize>(),
            "transactions": input.journal.len(),
        },
        "cases": input.cases,
        "excluded": input.excluded,
        "images": plan.images,
        "categories": plan.categories,
        "packs": input.packs,
        "guideline": input.guideline,
        "readers": input.readers,
        "software": input.software,
    });
    serde_json::to_writer_pretty(&mut *out, &dataset)?;
    out.write_all(b"\n")?;
    Ok(())
}

struct Folder {
    root: PathBuf,
    files: Vec<FileEntry>,
}

impl Folder {
    /// Writes one file through a hash, and onto the disk before it counts.
    fn file(
        &mut self,
        path: &str,
        fill: impl FnOnce(&mut dyn Write) -> Result<(), ReleaseError>,
    ) -> Result<(), ReleaseError> {
        let target = path.split('/').fold(self.root.clone(), |p, part| p.join(part));
        let io = |source| ReleaseError::Io { path: target.clone(), source };
        if let Some(parent) = target.parent() {
            std::fs::create_dir_all(parent).map_err(io)?;
        }
        let mut out =
            Hashing { file: BufWriter::new(File::create_new(&target).map_err(io)?), hash: Sha256::new(), size: 0 };
        fill(&mut out).map_err(|e| match e {
            ReleaseError::Write(source) => io(source),
            other => other,
        })?;
        out.file.flush().map_err(io)?;
        out.file.get_ref().sync_all().map_err(io)?;
        let sha256 = Digest::from_bytes(out.hash.finalize().into());
        self.files.push(FileEntry { path: path.to_owned(), sha256, size: out.size });
        Ok(())
    }
}

struct Hashing {
    file: BufWriter<File>,
    hash: Sha256,
    size: u64,
}

impl Write for Hashing {
    fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
        let n = self.file.write(buf)?;
        self.hash.update(buf.get(..n).unwrap_or_default());
        self.size += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}
