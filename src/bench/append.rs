//! One gesture through the project's door, beside an fsync of the same bytes on the same disk, turn by turn.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use super::line::{Line, percentile};
use crate::domain::{Origin, ProjectKind, RoiSpace, Shape};
use crate::project::{CaseBy, Cause, Clock, Command, FindingCommand, FindingDraft, FindingOrigin, NewProject, Project};
use crate::tasks::{Cancel, Progress};

/// Appends `n` findings of 24 vertices each. Turns alternate with the raw write, so that both see the same disk.
pub fn run(scratch: &Path, n: u32) -> anyhow::Result<()> {
    let picture = scratch.join("picture.png");
    image::RgbImage::new(64, 64).save(&picture)?;
    let mut project = Project::create(NewProject {
        folder: &scratch.join("bench.shoken"),
        home: &scratch.join("home"),
        kind: ProjectKind::Personal,
        name: "bench",
        creator: "owner",
        packs: Vec::new(),
        clock: Clock::system(),
    })?;
    let found = project.import(&[picture], CaseBy::Auto, &Cause::Cli, &Progress::default(), &Cancel::default())?;
    let (case, image) = found.images.into_iter().next().ok_or_else(|| anyhow::anyhow!("nothing was imported"))?;
    let mut raw = File::create(scratch.join("raw.log"))?;
    let (mut door_ms, mut raw_ms, mut bytes) = (Vec::new(), Vec::new(), 0);
    for i in 0..n {
        let ring =
            (0..24_u32).map(|k| [f64::from((i * 7 + k * 3) % 60), f64::from((i * 5 + k * k) % 60) + 0.5]).collect();
        let draft = FindingDraft {
            rois: vec![(
                image.clone(),
                crate::domain::Roi { frame: 0, space: RoiSpace::Image, shape: Shape::Line(ring) },
            )],
            terms: Vec::new(),
            certainty: None,
            attributes: std::collections::BTreeMap::new(),
            origin: FindingOrigin { origin: Origin::Manual, tool: "line".to_owned(), seen: true, model: None },
            comment: None,
        };
        let command = Command::Finding(FindingCommand::Add { case: case.clone(), findings: vec![draft] });
        let before = Instant::now();
        project.execute(command, &Cause::Gesture)?;
        let door = before.elapsed();
        // What the transaction amounts to on disk: signed line and outline.
        let line = last_line_bytes(&project, i)?.unwrap_or(bytes);
        bytes = line;
        let block = vec![b'x'; bytes];
        let before = Instant::now();
        raw.write_all(&block)?;
        raw.sync_all()?;
        let fsync = before.elapsed();
        // The first gesture opens the read and fills caches; it is not what a reader feels.
        if i > 0 {
            door_ms.push(door.as_secs_f64() * 1e3);
            raw_ms.push(fsync.as_secs_f64() * 1e3);
        }
    }
    let (door, fsync) = (percentile(&door_ms, 50.0), percentile(&raw_ms, 50.0));
    let per_second = |ms: &[f64]| 1e3 * ms.len() as f64 / ms.iter().sum::<f64>();
    Line::new("append")
        .text("n", &door_ms.len())
        .text("bytes", &bytes)
        .number("append_p50_ms", door)
        .number("append_p99_ms", percentile(&door_ms, 99.0))
        .number("fsync_p50_ms", fsync)
        .number("fsync_p99_ms", percentile(&raw_ms, 99.0))
        .number("append_max_ms", percentile(&door_ms, 100.0))
        .number("append_ev_s", per_second(&door_ms))
        .number("fsync_ev_s", per_second(&raw_ms))
        .number("ratio_p50", door / fsync)
        .number("ratio_ev_s", per_second(&door_ms) / per_second(&raw_ms))
        .print();
    Ok(())
}

/// Size of the newest line of the journal; measured once, since the gestures are alike.
fn last_line_bytes(project: &Project, turn: u32) -> anyhow::Result<Option<usize>> {
    const OUTLINE_BYTES: usize = 24 * 16 + 14;
    if turn > 0 {
        return Ok(None);
    }
    let mut lines = Vec::new();
    project.export_journal(&mut lines, crate::project::ExportOptions::default())?;
    let last = lines.split(|b| *b == b'\n').rfind(|l| !l.is_empty()).map_or(0, <[u8]>::len);
    Ok(Some(last + OUTLINE_BYTES))
}
