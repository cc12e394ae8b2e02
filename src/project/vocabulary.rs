//! Term packs: those inside the binary and those in a file, read, checked and with the bytes that their hash is of.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use rust_embed::RustEmbed;

use crate::domain::{Digest, Ontology, OntologyProblem, check_ontology};

#[derive(RustEmbed)]
#[folder = "ontologies/"]
struct Embedded;

/// A pack is text that people wrote; anything larger is something else.
const LARGEST_PACK_BYTES: u64 = 32 * 1024 * 1024;

/// A pack as read: the projects that use it keep `bytes` as they are, because their hash is what a stream names.
#[derive(Clone, Debug)]
pub struct TermPack {
    pub ontology: Ontology,
    pub bytes: Vec<u8>,
}

impl TermPack {
    /// SHA-256 of the file's bytes.
    pub fn digest(&self) -> Digest {
        Digest::of(b"", &self.bytes)
    }
}

#[derive(Debug, thiserror::Error)]
pub enum VocabularyError {
    #[error("{}: cannot be read: {source}. Check the path and that you may read the file.", path.display())]
    Io { path: PathBuf, source: std::io::Error },
    #[error("{name}: larger than {LARGEST_PACK_BYTES} bytes, so it is no term pack.")]
    TooLarge { name: String },
    #[error("{name}: not a term pack ({reason}). The format is described in CONTRIBUTING.md.")]
    Malformed { name: String, reason: String },
    #[error("{name}: {} in the pack, the first one: {}. `shoken ontology validate` lists them all.", count(problems.len()), first(problems))]
    Unfit { name: String, problems: Vec<OntologyProblem> },
    #[error("there is no term pack `{name}`. Inside the program are {known}; or give the path of a pack's JSON file.")]
    Unknown { name: String, known: String },
}

fn count(problems: usize) -> String {
    if problems == 1 { "one problem".to_owned() } else { format!("{problems} problems") }
}

fn first(problems: &[OntologyProblem]) -> String {
    problems.first().map(ToString::to_string).unwrap_or_default()
}

/// The packs inside the binary, sorted by id.
///
/// # Errors
/// When the binary was built from a damaged pack, which the tests rule out.
pub fn embedded_packs() -> Result<Vec<TermPack>, VocabularyError> {
    let mut packs = Vec::new();
    for name in Embedded::iter().filter(|n| n.ends_with("/pack.json")) {
        if let Some(file) = Embedded::get(&name) {
            packs.push(parse_pack(&name, file.data.into_owned())?);
        }
    }
    packs.sort_by(|a, b| a.ontology.id.cmp(&b.ontology.id));
    Ok(packs)
}

/// A pack inside the binary by its id (with or without the prefix `shoken-`), else the file at that path.
/// The pack is checked: what this returns may be used to name findings.
///
/// # Errors
/// [`VocabularyError`], which says what to do.
pub fn load_pack(name: &str) -> Result<TermPack, VocabularyError> {
    let pack = find_pack(name)?;
    let problems = check_ontology(&pack.ontology);
    if problems.is_empty() { Ok(pack) } else { Err(VocabularyError::Unfit { name: name.to_owned(), problems }) }
}

/// As [`load_pack`], without the check: for the validator, which shows the problems itself.
///
/// # Errors
/// [`VocabularyError`], except `Unfit`.
pub fn find_pack(name: &str) -> Result<TermPack, VocabularyError> {
    let packs = embedded_packs()?;
    let fits = |p: &TermPack| p.ontology.id == name || p.ontology.id.strip_prefix("shoken-") == Some(name);
    if let Some(at) = packs.iter().position(fits) {
        return packs.into_iter().nth(at).ok_or_else(|| unknown(name, &[]));
    }
    let path = Path::new(name);
    if !path.exists() {
        return Err(unknown(name, &packs));
    }
    // A folder of packs holds one pack a folder, in a file of this name.
    let path = if path.is_dir() { path.join("pack.json") } else { path.to_owned() };
    parse_pack(&path.display().to_string(), read_limited(&path)?)
}

fn unknown(name: &str, packs: &[TermPack]) -> VocabularyError {
    let known: Vec<&str> = packs.iter().map(|p| p.ontology.id.as_str()).collect();
    VocabularyError::Unknown { name: name.to_owned(), known: known.join(", ") }
}

fn read_limited(path: &Path) -> Result<Vec<u8>, VocabularyError> {
    let io = |source| VocabularyError::Io { path: path.to_owned(), source };
    let file = std::fs::File::open(path).map_err(io)?;
    let mut bytes = Vec::new();
    file.take(LARGEST_PACK_BYTES + 1).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() as u64 > LARGEST_PACK_BYTES {
        return Err(VocabularyError::TooLarge { name: path.display().to_string() });
    }
    Ok(bytes)
}

/// Reads a pack from its JSON; `name` is only for messages.
///
/// # Errors
/// `Malformed` when it is not JSON of that form.
pub fn parse_pack(name: &str, bytes: Vec<u8>) -> Result<TermPack, VocabularyError> {
    let ontology = serde_json::from_slice(&bytes)
        .map_err(|e| VocabularyError::Malformed { name: name.to_owned(), reason: e.to_string() })?;
    Ok(TermPack { ontology, bytes })
}
