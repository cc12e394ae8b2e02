//! DICOM files written element by element (PS3.5 section 7, explicit VR little endian).

/// Tag, value representation, value.
pub type Element = (u32, [u8; 2], Vec<u8>);

/// A text, padded to an even length.
pub fn text(tag: u32, vr: [u8; 2], value: &str) -> Element {
    let mut bytes = value.as_bytes().to_vec();
    if bytes.len() % 2 == 1 {
        bytes.push(if vr == *b"UI" { 0 } else { b' ' });
    }
    (tag, vr, bytes)
}

pub fn us(tag: u32, values: &[u16]) -> Element {
    (tag, *b"US", values.iter().flat_map(|value| value.to_le_bytes()).collect())
}

/// An item of a sequence.
pub fn item(elements: Vec<Element>) -> Vec<u8> {
    body(elements)
}

pub fn sequence(tag: u32, items: &[Vec<u8>]) -> Element {
    let wrap = |item: &Vec<u8>| {
        let mut out = vec![0xFE, 0xFF, 0x00, 0xE0];
        out.extend((item.len() as u32).to_le_bytes());
        out.extend(item);
        out
    };
    (tag, *b"SQ", items.iter().flat_map(wrap).collect())
}

fn body(mut elements: Vec<Element>) -> Vec<u8> {
    elements.sort_by_key(|(tag, ..)| *tag);
    let mut out = Vec::new();
    for (tag, vr, value) in elements {
        out.extend(((tag >> 16) as u16).to_le_bytes());
        out.extend((tag as u16).to_le_bytes());
        out.extend(vr);
        if matches!(&vr, b"OB" | b"OW" | b"SQ" | b"UN" | b"UT") {
            out.extend([0, 0]);
            out.extend((value.len() as u32).to_le_bytes());
        } else {
            out.extend((value.len() as u16).to_le_bytes());
        }
        out.extend(value);
    }
    out
}

/// A whole file.
pub fn write(elements: Vec<Element>) -> Vec<u8> {
    let mut out = vec![0; 128];
    out.extend(b"DICM");
    out.extend(body(vec![text(0x0002_0010, *b"UI", "1.2.840.10008.1.2.1")]));
    out.extend(body(elements));
    out
}
