//! FFmpeg that says nothing, that says something for ever, and that is slow but gets there: opening and seeking end within
//! ten seconds in all, unless work comes.

#![cfg(unix)]

use std::{
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Child, Stdio},
    time::Instant,
};

use shoken::{domain::TileKey, imaging};

use crate::support::{
    desk::{Desk, child},
    films::{ffmpeg, film},
};

const LONGEST_MS: u64 = 10_000;
const SILENT: &str = "exec sleep 600";

/// The process that opens a film with the programs of a folder: what came, and after how many milliseconds.
#[test]
fn opened() {
    let Ok(folder) = std::env::var("SHOKEN_ATTACK_FOLDER") else { return };
    let folder = Path::new(&folder);
    let report = |what: &str, since: Instant, given: Result<(), String>| {
        println!("@{what} {} {}", since.elapsed().as_millis(), given.err().unwrap_or_else(|| "well".to_owned()));
    };
    let since = Instant::now();
    let source = imaging::open(&folder.join("film.mp4"));
    report("opened", since, source.as_ref().map(drop).map_err(ToString::to_string));
    let Ok(source) = source else { return };
    std::fs::write(folder.join("hush"), "").unwrap();
    let since = Instant::now();
    let given = source.read_tile(TileKey { frame: 150, level: 0, col: 0, row: 0 });
    report("frame", since, given.map(drop).map_err(|error| error.to_string()));
}

/// Starts one with these two programs in place of FFmpeg's; `REAL` is the real one.
fn start(desk: &Desk, ffmpeg_path: &Path, case: &str, ffprobe: &str, ffmpeg: &str) -> Child {
    let folder = desk.path(case);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::copy(desk.path("film.mp4"), folder.join("film.mp4")).unwrap();
    for (name, script) in [("ffprobe", ffprobe), ("ffmpeg", ffmpeg)] {
        let real = ffmpeg_path.with_file_name(name);
        let script =
            script.replace("REAL", real.to_str().unwrap()).replace("HUSH", folder.join("hush").to_str().unwrap());
        let path = folder.join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let home = desk.path(&format!("{case}-home"));
    let values = [
        ("SHOKEN_ATTACK_FOLDER", folder.to_str().unwrap()),
        ("SHOKEN_HOME", home.to_str().unwrap()),
        ("SHOKEN_FFMPEG", folder.to_str().unwrap()),
    ];
    child("imaging_films_silent::opened", &values).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap()
}

/// Milliseconds and words of one report.
fn said(out: &str, what: &str) -> (u64, String) {
    let mark = format!("@{what} ");
    let at = out.find(&mark).unwrap_or_else(|| panic!("no {mark}: {out}"));
    let (number, words) = out[at + mark.len()..].lines().next().unwrap().split_once(' ').unwrap();
    (number.parse().unwrap(), words.to_owned())
}

#[test]
fn films_that_ffmpeg_is_silent_about_are_given_up_in_time() {
    let Some(real) = ffmpeg() else { return };
    let desk = Desk::new();
    film(&real, &desk.path("film.mp4"), "-c:v libx264 -g 50 -bf 2 -preset veryfast");
    let (probe, decode) = ("exec REAL \"$@\"", "exec REAL \"$@\"");
    let endless = "while :; do echo 'packet|pts=1|dts=1|flags=K_'; sleep 1; done";
    let slow = "REAL \"$@\" | while read -r line; do echo \"$line\"; sleep 0.05; done";
    // All at once: each mostly waits.
    let cases = [
        ("both", SILENT, SILENT),
        ("probe", SILENT, decode),
        ("decoder", probe, SILENT),
        ("endless", endless, decode),
        ("later", probe, "if [ -e HUSH ]; then exec sleep 600; fi; exec REAL \"$@\""),
        ("slow", slow, decode),
    ];
    let running: Vec<(&str, Child)> =
        cases.iter().map(|(case, probe, decode)| (*case, start(&desk, &real, case, probe, decode))).collect();
    for (case, process) in running {
        let out = process.wait_with_output().unwrap();
        let out = String::from_utf8_lossy(&out.stdout);
        let (took, words) = said(&out, "opened");
        println!("{case}: opened in {took} ms: {words}");
        match case {
            "slow" => {
                assert!(took > LONGEST_MS && words == "well", "{case}: work came, so it is waited for: {took} {words}");
                assert_eq!(said(&out, "frame").1, "well");
            }
            "later" => {
                assert_eq!(words, "well");
                let (took, words) = said(&out, "frame");
                println!("{case}: a frame in {took} ms: {words}");
                assert!(took < LONGEST_MS && words.contains("damaged"), "{case}: {took} {words}");
            }
            _ => {
                assert!(took < LONGEST_MS && words.contains("within 7 seconds"), "{case}: {took} {words}");
            }
        }
    }
}
