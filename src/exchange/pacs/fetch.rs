//! WADO-RS (PS3.18 section 10.4): images of a study to a folder, part by part as they stream in; what is there is not fetched
//! again, so that a fetch that was cut off goes on where it was.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::http::{Client, block_on};
use super::landing::{Incoming, Landing};
use super::multipart::{Event, Parts};
use super::query::images;
use super::server::{Secret, Server};
use super::{PacsError, is_uid};
use crate::domain::Sensitive;
use crate::tasks::{Cancel, Progress};

/// Images as they are stored there, in whichever transfer syntax (PS3.18 section 8.7.3.3).
const DICOM: &str = "multipart/related; type=\"application/dicom\"; transfer-syntax=*";

/// Bounds on what a server may make us write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetchLimits {
    /// Of one image. Whole slides have many gigabytes.
    pub image_bytes: u64,
    /// Of one fetch.
    pub total_bytes: u64,
}

impl Default for FetchLimits {
    fn default() -> Self {
        Self { image_bytes: 64 << 30, total_bytes: 1 << 40 }
    }
}

/// What to fetch, and where to.
#[derive(Clone)]
pub struct FetchRequest {
    pub study: Sensitive<String>,
    /// Only these series; all of the study when empty.
    pub series: Vec<Sensitive<String>>,
    pub folder: PathBuf,
    pub limits: FetchLimits,
}

/// What is there now.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Fetched {
    /// Every image that was asked for, in the order of their series.
    pub files: Vec<PathBuf>,
    /// How many of them came now, and their bytes.
    pub new: usize,
    pub new_bytes: u64,
}

impl std::fmt::Debug for Fetched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Fetched({} images, {} new)", self.files.len(), self.new)
    }
}

/// Fetches a study. `images` counts images, `bytes` what came (its total is not known).
///
/// # Errors
/// [`PacsError`]; images that came whole stay in the folder whatever happens, and are not fetched again.
pub fn fetch(
    server: &Server,
    secret: Option<&Secret>,
    request: &FetchRequest,
    images: &Progress,
    bytes: &Progress,
    cancel: &Cancel,
) -> Result<Fetched, PacsError> {
    for uid in request.series.iter().chain([&request.study]) {
        if !is_uid(uid.reveal()) {
            return Err(PacsError::NotAUid(uid.reveal().clone()));
        }
    }
    let client = Client::new(server, secret, cancel)?;
    let disk = |source| PacsError::Disk { path: request.folder.clone(), source };
    let landing = Landing::open(&request.folder).map_err(disk)?;
    let here = landing.instances().map_err(disk)?;
    block_on(&server.name, Job { client, request, landing, here, images, bytes, new: 0, new_bytes: 0 }.run())
}

struct Job<'a> {
    client: Client<'a>,
    request: &'a FetchRequest,
    landing: Landing,
    here: BTreeMap<Sensitive<String>, PathBuf>,
    images: &'a Progress,
    bytes: &'a Progress,
    new: usize,
    new_bytes: u64,
}

impl Job<'_> {
    async fn run(mut self) -> Result<Fetched, PacsError> {
        let wanted = self.wanted().await?;
        let total: usize = wanted.values().map(BTreeSet::len).sum();
        if total == 0 {
            return Err(PacsError::Nothing { server: self.client.server().name.clone() });
        }
        let missing = |job: &Self, list: &BTreeSet<String>| -> BTreeSet<String> {
            list.iter().filter(|i| !job.here.contains_key(&Sensitive::new((*i).clone()))).cloned().collect()
        };
        self.images.set_total(total as u64);
        let already: usize = wanted.values().map(|l| l.len() - missing(&self, l).len()).sum();
        self.images.advance(already as u64);
        for (series, list) in &wanted {
            let left = missing(&self, list);
            let study = self.request.study.reveal().clone();
            if left.len() == list.len() {
                self.take(&format!("/studies/{study}/series/{series}"), &left)
                    .await
                    .map_err(|e| self.cut(e, &wanted))?;
            } else {
                for image in &left {
                    let one = BTreeSet::from([image.clone()]);
                    let path = format!("/studies/{study}/series/{series}/instances/{image}");
                    self.take(&path, &one).await.map_err(|e| self.cut(e, &wanted))?;
                }
            }
            if !missing(&self, list).is_empty() {
                let reason = PacsError::Protocol {
                    server: self.client.server().name.clone(),
                    reason: "it left some images out".to_owned(),
                };
                return Err(self.cut(reason, &wanted));
            }
        }
        let files = wanted.values().flatten().filter_map(|i| self.here.get(&Sensitive::new(i.clone())).cloned());
        Ok(Fetched { files: files.collect(), new: self.new, new_bytes: self.new_bytes })
    }

    /// Images by series.
    async fn wanted(&mut self) -> Result<BTreeMap<String, BTreeSet<String>>, PacsError> {
        let study = self.request.study.reveal().clone();
        let mut list = Vec::new();
        if self.request.series.is_empty() {
            list = images(&mut self.client, &study, None).await?;
        }
        for series in &self.request.series {
            list.extend(images(&mut self.client, &study, Some(series.reveal())).await?);
        }
        let mut wanted: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (series, image) in list {
            wanted.entry(series).or_default().insert(image);
        }
        Ok(wanted)
    }

    /// An answer that broke off, with how far it came.
    fn cut(&self, error: PacsError, wanted: &BTreeMap<String, BTreeSet<String>>) -> PacsError {
        let all = wanted.values().flatten();
        let arrived = all.clone().filter(|i| self.here.contains_key(&Sensitive::new((*i).clone()))).count();
        match error {
            PacsError::Protocol { server, reason } if arrived > 0 => {
                PacsError::Incomplete { server, arrived, wanted: all.count(), reason }
            }
            other => other,
        }
    }

    /// Streams one answer to disk. Images that were not asked for are refused.
    async fn take(&mut self, path: &str, wanted: &BTreeSet<String>) -> Result<(), PacsError> {
        let Some(response) = self.client.get(path, DICOM).await? else {
            return Err(self.client.broken("an empty answer"));
        };
        let mut parts = Parts::new(&self.client.boundary(&response)?);
        let mut body = response.into_body();
        let mut open: Option<Incoming> = None;
        while let Some(bytes) = self.client.next(&mut body).await? {
            self.bytes.advance(bytes.len() as u64);
            let malformed = {
                let server = self.client.server().name.clone();
                move |reason: &str| PacsError::Protocol { server: server.clone(), reason: reason.to_owned() }
            };
            parts.feed(&bytes, &malformed, |event| match event {
                Event::Begin(kind) if kind.is_empty() || kind == "application/dicom" => {
                    open = Some(self.landing.begin().map_err(|e| disk(&self.landing, e))?);
                    Ok(())
                }
                Event::Begin(_) => Err(malformed("a part that is no DICOM file")),
                Event::Data(data) => match &mut open {
                    Some(file) => write(&self.landing, file, data, &self.request.limits, self.new_bytes),
                    None => Ok(()),
                },
                Event::End => {
                    let Some(file) = open.take() else { return Ok(()) };
                    let head = file.head().ok_or_else(|| malformed("a part that is no DICOM file"))?;
                    if !wanted.contains(head.instance.reveal()) {
                        return Err(malformed("an image that was not asked for"));
                    }
                    let landed = file.finish().map_err(|e| disk(&self.landing, e))?;
                    if self.here.insert(head.instance, landed.path).is_none() {
                        self.new += 1;
                        self.images.advance(1);
                    }
                    self.new_bytes += landed.bytes;
                    Ok(())
                }
            })?;
        }
        // An image ends with the delimiter after it: with all of them here, it does not matter what is missing behind.
        let has_all = wanted.iter().all(|i| self.here.contains_key(&Sensitive::new(i.clone())));
        if parts.is_over() || has_all { Ok(()) } else { Err(self.client.broken("the answer was cut off")) }
    }
}

fn write(
    landing: &Landing,
    file: &mut Incoming,
    data: &[u8],
    limits: &FetchLimits,
    before: u64,
) -> Result<(), PacsError> {
    let now = file.bytes() + data.len() as u64;
    if now > limits.image_bytes {
        return Err(PacsError::TooMuch { what: "bytes of one image", limit: limits.image_bytes });
    }
    if before.saturating_add(now) > limits.total_bytes {
        return Err(PacsError::TooMuch { what: "bytes of one fetch", limit: limits.total_bytes });
    }
    file.write(data).map_err(|e| disk(landing, e))
}

fn disk(landing: &Landing, source: std::io::Error) -> PacsError {
    PacsError::Disk { path: Path::to_owned(landing.folder()), source }
}
