//! Films for the tests, made by FFmpeg from the sinus frames or from FFmpeg's own pattern; nothing where FFmpeg is missing.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use shoken::tasks::ffmpeg::Tools;

use super::samples;

/// FFmpeg, or `None` (said on stdout) where it is not installed.
pub fn ffmpeg() -> Option<PathBuf> {
    let found = Tools::find().map(|tools| tools.ffmpeg);
    if found.is_none() {
        println!("skipped: no FFmpeg (apt install ffmpeg)");
    }
    found
}

/// Eight seconds of pictures that differ from frame to frame: `arguments` say how they are coded.
pub fn film(ffmpeg: &Path, out: &Path, arguments: &str) {
    let mut command = Command::new(ffmpeg);
    command.args(["-v", "error", "-y", "-nostdin"]);
    // Other colours in every run: a table of frames that an earlier version kept must not answer for this one.
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let hue = since.as_millis() % 360_000 / 7;
    let sinus = samples().map(|folder| folder.join("endoscopy/frame-sequence-sinus/0000%04d.jpg"));
    match &sinus {
        Some(frames) => {
            command.args(["-framerate", "25", "-loop", "1", "-start_number", "4584", "-t", "8", "-i"]).arg(frames);
            command.args(["-vf", &format!("scale=320:180,hue=h=n*3+{hue},format=yuv420p")]);
        }
        None => {
            command.args(["-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=8"]);
            command.args(["-vf", &format!("hue=h=n*3+{hue},format=yuv420p")]);
        }
    }
    // Without build marks and times, so that the same FFmpeg makes the same bytes.
    command.args(["-threads", "1", "-fflags", "+bitexact", "-flags:v", "+bitexact"]);
    command.args(arguments.split_whitespace()).arg(out);
    run(&mut command);
}

/// FFmpeg with a line of arguments, in which `IN` and `OUT` stand for two files.
pub fn remake(ffmpeg: &Path, from: &Path, out: &Path, arguments: &str) {
    let mut command = Command::new(ffmpeg);
    command.args(["-v", "error", "-y", "-nostdin"]);
    for word in arguments.split_whitespace() {
        match word {
            "IN" => command.arg(from),
            "OUT" => command.arg(out),
            other => command.arg(other),
        };
    }
    run(&mut command);
}

fn run(command: &mut Command) {
    let output = command.output().expect("FFmpeg starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
