//! OME-XML in the ImageDescription of the first directory: which directory of which file is which plane, and the size of
//! a pixel (OME-TIFF specification and OME schema 2016-06, openmicroscopy.org).
//!
//! Read are the first image and its planes; other images of the file are read as associated images when they are named
//! label, macro or thumbnail. Names of channels, times and stage positions are not.

use std::collections::BTreeMap;

use roxmltree::{Document, Node, ParsingOptions};

use crate::{
    domain::{Spacing, SpacingSource},
    imaging::limits,
};

/// Elements in a description; a plane takes about three.
const NODES: u32 = 2_000_000;

/// Where a plane is: a file of the set (`None` is the one that holds the text) and the number of its directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plane {
    pub file: Option<FileRef>,
    pub directory: usize,
}

/// A file of the set by its name and the id that its own text carries.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileRef {
    pub name: String,
    pub uuid: String,
}

/// What the text says of the first image.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ome {
    /// The planes that the file lists: by time, then channel, then depth, which varies fastest.
    pub planes: Vec<Plane>,
    /// How many planes the sizes promise.
    pub promised: u64,
    pub spacing: Option<Spacing>,
    pub objective_power: Option<f64>,
    /// Directories of this file that hold its label, macro image and thumbnail.
    pub associated: Vec<(&'static str, usize)>,
}

/// Whether a description is OME-XML.
pub fn is_ome(text: &str) -> bool {
    let head: String = text.chars().take(4096).collect();
    text.trim_start_matches('\u{FEFF}').trim_start().starts_with('<') && head.contains("<OME")
}

/// The id of the file that holds the text.
pub fn uuid(text: &str) -> String {
    parse_xml(text).and_then(|doc| doc.root_element().attribute("UUID").map(str::to_owned)).unwrap_or_default()
}

fn parse_xml(text: &str) -> Option<Document<'_>> {
    // Parsing descends with the text's nesting; a thread's stack is not for the text to spend.
    if deepest(text) > 64 {
        return None;
    }
    let options = ParsingOptions { nodes_limit: NODES, ..ParsingOptions::default() };
    let doc = Document::parse_with_options(text.trim_start_matches('\u{FEFF}').trim(), options).ok()?;
    doc.root_element().has_tag_name_local("OME").then_some(doc)
}

/// An upper bound of how deep elements are nested.
fn deepest(text: &str) -> usize {
    let (mut depth, mut most) = (0_usize, 0);
    for piece in text.split('<').skip(1) {
        if piece.starts_with('/') {
            depth = depth.saturating_sub(1);
        } else if !piece.starts_with(['?', '!']) {
            depth += 1;
            most = most.max(depth);
            if piece.split('>').next().is_some_and(|tag| tag.ends_with('/')) {
                depth -= 1;
            }
        }
    }
    most
}

/// Names without regard to the year of the schema, which is part of the namespace.
trait Local {
    fn has_tag_name_local(&self, name: &str) -> bool;
}

impl Local for Node<'_, '_> {
    fn has_tag_name_local(&self, name: &str) -> bool {
        self.tag_name().name() == name
    }
}

fn child<'a, 'i>(node: Node<'a, 'i>, name: &str) -> Option<Node<'a, 'i>> {
    node.children().find(|child| child.has_tag_name_local(name))
}

fn number(node: Node<'_, '_>, name: &str) -> Option<u64> {
    node.attribute(name).and_then(|value| value.trim().parse().ok())
}

impl Ome {
    /// `None` when the text is no OME-XML with an image in it. `directories` is how many the file has, `samples` how many
    /// channels one of its pixels has.
    pub fn parse(text: &str, directories: usize, samples: u8) -> Option<Self> {
        let doc = parse_xml(text)?;
        let root = doc.root_element();
        let mut images = root.children().filter(|node| node.has_tag_name_local("Image"));
        let first = images.next()?;
        let pixels = child(first, "Pixels")?;
        let own = root.attribute("UUID").unwrap_or_default();
        let (planes, promised) = planes(pixels, own, directories, samples);
        let associated = images.filter_map(|image| {
            let name = image.attribute("Name")?.to_lowercase();
            let known = ["label", "macro", "thumbnail"].into_iter().find(|known| name.contains(known))?;
            let data = child(child(image, "Pixels")?, "TiffData")?;
            Some((known, usize::try_from(number(data, "IFD")?).ok()?))
        });
        Some(Self {
            planes,
            promised,
            spacing: spacing(pixels),
            objective_power: power(root, first),
            associated: associated.collect(),
        })
    }
}

fn planes(pixels: Node<'_, '_>, own: &str, directories: usize, samples: u8) -> (Vec<Plane>, u64) {
    let size = |name: &str| number(pixels, name).unwrap_or(1).clamp(1, limits::FRAMES);
    let (z, t) = (size("SizeZ"), size("SizeT"));
    // A channel of three samples is one plane.
    let listed = pixels.children().filter(|node| node.has_tag_name_local("Channel")).count() as u64;
    let c = if listed > 0 { listed } else { (size("SizeC") / u64::from(samples.max(1))).max(1) };
    let promised = z.saturating_mul(c).saturating_mul(t);
    let order = pixels.attribute("DimensionOrder").unwrap_or("XYZCT").get(2..5).unwrap_or("ZCT");
    let mut found: BTreeMap<(u64, u64, u64), Plane> = BTreeMap::new();
    let mut steps = 0;
    for data in pixels.children().filter(|node| node.has_tag_name_local("TiffData")) {
        let file = child(data, "UUID").and_then(|node| {
            let uuid = node.text().unwrap_or_default().trim().to_owned();
            let name = node.attribute("FileName").unwrap_or_default().to_owned();
            (uuid.is_empty() || uuid != own).then_some(FileRef { name, uuid }).filter(|file| !file.name.is_empty())
        });
        let first = number(data, "IFD").unwrap_or(0);
        let rest = (directories as u64).saturating_sub(first);
        let count = number(data, "PlaneCount").unwrap_or(if data.has_attribute("IFD") { 1 } else { rest });
        let mut at = ["FirstZ", "FirstC", "FirstT"].map(|name| number(data, name).unwrap_or(0));
        for step in 0..count.min(limits::TIFF_DIRECTORIES as u64) {
            steps += 1;
            let [z_at, c_at, t_at] = at;
            if steps > limits::FRAMES || z_at >= z || c_at >= c || t_at >= t {
                break;
            }
            let directory = usize::try_from(first.saturating_add(step)).unwrap_or(usize::MAX);
            found.entry((t_at, c_at, z_at)).or_insert(Plane { file: file.clone(), directory });
            for letter in order.chars() {
                let (axis, size) = match letter {
                    'Z' => (0, z),
                    'C' => (1, c),
                    _ => (2, t),
                };
                let Some(place) = at.get_mut(axis) else { break };
                *place += 1;
                // The last axis is left past its end, which ends the run.
                if *place < size || order.ends_with(letter) {
                    break;
                }
                *place = 0;
            }
        }
    }
    (found.into_values().collect(), promised)
}

/// PhysicalSizeX and PhysicalSizeY; the unit is µm where none is named (schema: default of PhysicalSizeXUnit).
fn spacing(pixels: Node<'_, '_>) -> Option<Spacing> {
    let side = |size: &str, unit: &str| {
        let um = match pixels.attribute(unit).unwrap_or("µm") {
            "µm" | "\u{3BC}m" | "um" => 1.0,
            "nm" => 1e-3,
            "pm" => 1e-6,
            "Å" | "\u{212B}" => 1e-4,
            "mm" => 1e3,
            "cm" => 1e4,
            "m" => 1e6,
            "in" => 25_400.0,
            _ => return None,
        };
        let value: f64 = pixels.attribute(size)?.trim().parse().ok()?;
        Some(value * um).filter(|um| um.is_finite() && *um > 0.0)
    };
    let (x_um, y_um) = (side("PhysicalSizeX", "PhysicalSizeXUnit")?, side("PhysicalSizeY", "PhysicalSizeYUnit")?);
    Some(Spacing { x_um, y_um, source: SpacingSource::OmeXml })
}

fn power(root: Node<'_, '_>, image: Node<'_, '_>) -> Option<f64> {
    let id = child(image, "ObjectiveSettings")?.attribute("ID")?;
    let mut objectives = root.descendants().filter(|node| node.has_tag_name_local("Objective"));
    let found = objectives.find(|node| node.attribute("ID") == Some(id))?;
    let power: f64 = found.attribute("NominalMagnification")?.trim().parse().ok()?;
    Some(power).filter(|power| power.is_finite() && *power > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ome(pixels: &str) -> String {
        format!(
            "<?xml version=\"1.0\"?><OME xmlns=\"http://x/2016-06\" UUID=\"urn:uuid:1\"><Image>{pixels}</Image></OME>"
        )
    }

    #[test]
    fn planes_are_counted_off_in_the_order_that_the_file_names() {
        let text = ome("<Pixels DimensionOrder=\"XYCZT\" SizeC=\"2\" SizeZ=\"3\" SizeT=\"1\"><TiffData/></Pixels>");
        let found = Ome::parse(&text, 6, 1).unwrap();
        let directories: Vec<_> = found.planes.iter().map(|plane| plane.directory).collect();
        assert_eq!((directories.as_slice(), found.promised), ([0, 2, 4, 1, 3, 5].as_slice(), 6));
    }

    #[test]
    fn a_plane_is_in_the_file_that_the_text_names() {
        let text = ome("<Pixels DimensionOrder=\"XYZCT\" SizeC=\"1\" SizeZ=\"2\" SizeT=\"1\" PhysicalSizeX=\"250\" \
             PhysicalSizeXUnit=\"nm\" PhysicalSizeY=\"0.5\"><TiffData IFD=\"0\" FirstZ=\"1\"><UUID \
             FileName=\"b.ome.tif\">urn:uuid:2</UUID></TiffData><TiffData IFD=\"0\"><UUID \
             FileName=\"a.ome.tif\">urn:uuid:1</UUID></TiffData></Pixels>");
        let found = Ome::parse(&text, 1, 1).unwrap();
        let other = FileRef { name: "b.ome.tif".to_owned(), uuid: "urn:uuid:2".to_owned() };
        let planes = [Plane { file: None, directory: 0 }, Plane { file: Some(other), directory: 0 }];
        assert_eq!(found.planes, planes);
        assert_eq!(found.spacing.map(|s| (s.x_um, s.y_um)), Some((0.25, 0.5)));
    }

    #[test]
    fn forged_sizes_and_nesting_cost_nothing() {
        let text = ome(
            "<Pixels SizeC=\"99999999\" SizeZ=\"99999999\" SizeT=\"99999999\"><TiffData PlaneCount=\"99999999\"/></Pixels>",
        );
        assert!(Ome::parse(&text, 3, 1).unwrap().planes.len() <= limits::TIFF_DIRECTORIES);
        let deep = format!("<OME>{}", "<a>".repeat(1_000_000));
        assert_eq!(Ome::parse(&deep, 3, 1), None);
        assert_eq!(Ome::parse("<OME><Image>", 3, 1), None);
    }
}
