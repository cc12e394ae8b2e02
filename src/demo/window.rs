//! Screenshots of the window on the demonstration: a reader's own read in each field, in Japanese and English, and the
//! adjudicator's workspace. Drawn without a screen by the same code that draws the window.

use std::path::Path;

use crate::domain::{CaseId, ReaderId};
use crate::gui::{ActionId, Portrait, Preset, i18n::Lang};
use crate::project::pixels::{Rendered, write_png};

/// The smallest laptop that the window must fit.
const SIZE: [u32; 2] = [1366, 768];

/// What to photograph: a name, the case, and a frame worth seeing.
pub struct View<'a> {
    pub name: &'a str,
    pub case: &'a CaseId,
    pub frame: Option<u32>,
}

/// Writes the screenshots into `folder`; returns how many.
///
/// # Errors
/// No graphics adapter (the caller goes on without), or a picture that cannot be written.
pub fn write(
    project: &Path,
    home: &Path,
    reader: &str,
    judge: &str,
    views: &[View<'_>],
    folder: &Path,
    languages: &[Lang],
) -> anyhow::Result<usize> {
    let mut count = 0;
    for lang in languages {
        let (lang, word) = (*lang, if *lang == Lang::En { "en" } else { "ja" });
        let mut portrait = Portrait::open(project.to_owned(), home, Some(ReaderId::new(reader)?), lang, SIZE)?;
        for view in views {
            portrait.look_at(view.case, view.frame)?;
            if view.frame.is_some() {
                portrait.call(ActionId::Window(Preset::Lung))?;
            }
            save(&portrait, &folder.join(format!("window-{}-{word}.png", view.name)))?;
            count += 1;
        }
        let mut portrait = Portrait::open(project.to_owned(), home, Some(ReaderId::new(judge)?), lang, SIZE)?;
        if let Some(view) = views.first() {
            portrait.look_at(view.case, view.frame)?;
        }
        portrait.adjudicate()?;
        save(&portrait, &folder.join(format!("window-adjudicate-{word}.png")))?;
        count += 1;
    }
    Ok(count)
}

fn save(portrait: &Portrait, path: &Path) -> anyhow::Result<()> {
    let image = portrait.take()?;
    let size_px = crate::domain::SizePx::new(image.size_px[0], image.size_px[1]);
    write_png(&Rendered { size_px, rgba: image.rgba }, path)?;
    Ok(())
}
