//! Our own measurements, one `op=… key=value` line each, in the words of the peers' scripts so that a table is a join.

mod append;
mod dicom;
mod fold;
mod grown;
mod line;
#[cfg(feature = "gui")]
mod mpr_roam;
mod peers;
mod planes;
mod roam;
mod slides;
mod video;
#[cfg(feature = "gui")]
mod wander;
#[cfg(feature = "gui")]
mod wander_slide;

use std::path::PathBuf;

/// What to measure.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// append, fold, grown, roam, wsi_open, wsi_tiles, wsi_trace, trace_limit, wl_mpr, mpr_roam, dicom_series, dicom_decode,
    /// video_decode, or all (append and fold; the others need data or minutes)
    #[arg(default_value = "all")]
    pub name: String,
    /// Data that the measurement works on, where it needs some
    pub files: Vec<PathBuf>,
    /// How many transactions; each measurement has a default of its own
    #[arg(long)]
    pub n: Option<u32>,
    /// Folder on the disk to be measured; a temporary one when left out
    #[arg(long)]
    pub dir: Option<PathBuf>,
    /// Folder with the peers' scripts, run beside ours; without it their columns read 'not run'
    #[arg(long)]
    pub peers: Option<PathBuf>,
    #[command(flatten)]
    pub slides: slides::Options,
}

/// Runs measurements and prints their lines.
///
/// # Errors
/// An unknown name, or a disk that cannot be written.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let scratch = Scratch::new(args.dir.as_deref())?;
    let all = args.name == "all";
    let mut known = false;
    if all || args.name == "append" {
        append::run(&scratch.0, args.n.unwrap_or(1000))?;
        peers::run(args.peers.as_deref(), "eventlog.py", &[scratch.0.as_os_str()]);
        known = true;
    }
    if all || args.name == "fold" {
        fold::run(args.n.unwrap_or(100_000))?;
        known = true;
    }
    if args.name == "grown" {
        // Made once in a folder that was named, so that the next run finds it.
        let dir = args.dir.clone().unwrap_or_else(|| scratch.0.clone());
        grown::run(&dir, args.n.unwrap_or(1_000_000))?;
        grown::bulk(&scratch.0, args.n.unwrap_or(1_000_000))?;
        peers::run(args.peers.as_deref(), "eventlog.py", &[scratch.0.as_os_str()]);
        let database = scratch.0.join("peer.db");
        match args.files.first() {
            Some(polygons) => {
                let arguments = [polygons.as_os_str(), "--db".as_ref(), database.as_os_str()];
                peers::run(args.peers.as_deref(), "sqlite_project.py", &arguments);
            }
            None => println!("peer=sqlite_project.py not run (name the peers' polygon file after `grown`)"),
        }
        known = true;
    }
    let (files, options, peers) = (args.files.as_slice(), &args.slides, args.peers.as_deref());
    match args.name.as_str() {
        "wsi_open" => return slides::wsi_open(files, args.n.unwrap_or(7), options, peers),
        "wsi_tiles" => return slides::wsi_tiles(files, args.n.unwrap_or(3000), options, peers),
        "wsi_trace" => return roam::wsi_trace(files, args.n.unwrap_or(1), options, peers),
        "video_decode" => return video::run(files, peers),
        // Microseconds to decode one tile, measured on the machine that the reference figures are from.
        "trace_limit" => return roam::trace_limit(files, f64::from(args.n.unwrap_or(113)), options, peers),
        #[cfg(feature = "gui")]
        "mpr_roam" => {
            let folder =
                files.first().ok_or_else(|| anyhow::anyhow!("name a folder with a CT series after mpr_roam"))?;
            return mpr_roam::run(folder, args.n.unwrap_or(60), args.dir.as_deref());
        }
        "wl_mpr" => {
            let file = files.first();
            planes::run(file.map(PathBuf::as_path))?;
            match file {
                Some(file) => peers::run(peers, "wl_mpr.py", &[file.as_os_str()]),
                None => println!("peer=wl_mpr.py not run (name the peers' volume file after `wl_mpr`)"),
            }
            return Ok(());
        }
        #[cfg(feature = "gui")]
        "roam" => {
            // In a folder that was named, the slide, the path and the pictures stay.
            let dir = args.dir.clone().unwrap_or_else(|| scratch.0.clone());
            return wander::run(&dir, args.n.unwrap_or(60));
        }
        "dicom_series" => return dicom::series(files, args.n.unwrap_or(3), options, peers),
        "dicom_decode" => return dicom::decode(files, args.n.unwrap_or(5), peers),
        _ if known => return Ok(()),
        _ => {}
    }
    let known = "append, fold, grown, roam, wsi_open, wsi_tiles, wsi_trace, trace_limit, wl_mpr, mpr_roam, dicom_series, \
                 dicom_decode, video_decode and all";
    let reason = format!("there is no such measurement; known are {known}");
    Err(crate::project::ProjectError::Refused { file: args.name.clone(), reason }.into())
}

/// A folder of our own, removed afterwards.
struct Scratch(PathBuf);

impl Scratch {
    fn new(dir: Option<&std::path::Path>) -> anyhow::Result<Self> {
        let base = dir.map_or_else(std::env::temp_dir, std::path::Path::to_owned);
        let folder = base.join(format!("shoken-bench-{}", std::process::id()));
        std::fs::create_dir_all(&folder).map_err(|e| {
            anyhow::anyhow!("{}: cannot be used: {e}; name another folder with --dir", folder.display())
        })?;
        Ok(Self(folder))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A leftover in the temporary folder harms nobody.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
