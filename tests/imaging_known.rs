//! The list of formats claims nothing that a file does not show.

use shoken::imaging::{self, KNOWN_FORMATS, Verified};

use crate::support::{desk::Desk, samples};

#[test]
fn every_format_said_to_be_verified_on_a_real_file_opens_with_that_reader() {
    let Some(samples) = samples() else { return };
    let mut wrong = Vec::new();
    for known in KNOWN_FORMATS {
        let Verified::RealFile(sample) = known.verified else { continue };
        if known.reader.starts_with("ffmpeg") && shoken::tasks::ffmpeg::Tools::find().is_none() {
            println!("skipped: {} (no FFmpeg)", known.name);
            continue;
        }
        match imaging::open(&samples.join(sample)) {
            Ok(source) if source.meta().reader != known.reader => {
                wrong.push(format!("{}: read by {}", known.name, source.meta().reader));
            }
            Ok(_) => {}
            Err(error) => wrong.push(format!("{}: {}", known.name, error.reason())),
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_readme_and_the_program_list_the_same_formats() {
    let readme = include_str!("../README.md");
    let missing: Vec<String> = KNOWN_FORMATS
        .iter()
        .map(|known| format!("| {} | {} | {} |", known.name, known.reader, known.verified))
        .filter(|row| !readme.contains(row.as_str()))
        .collect();
    assert!(missing.is_empty(), "add to the README's table of formats:\n{}", missing.join("\n"));
    let printed = Desk::new().ok(&["inspect", "--formats"]);
    assert_eq!(printed.lines().count(), KNOWN_FORMATS.len());
    let json: serde_json::Value = serde_json::from_str(&Desk::new().ok(&["inspect", "--formats", "--json"])).unwrap();
    assert_eq!(json.as_array().unwrap().len(), KNOWN_FORMATS.len());
}
