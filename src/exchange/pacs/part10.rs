//! The head of a DICOM file (PS3.10 section 7.1): preamble, `DICM`, file meta information in explicit little endian.

use crate::domain::Sensitive;

/// Names this program as the writer (PS3.7 annex D.3.3.2); a UUID made once, under the root that PS3.5 annex B.2 gives.
pub(super) const IMPLEMENTATION_UID: &str = "2.25.188463317946218250512694721430589873127";
pub(super) const IMPLEMENTATION_NAME: &str = "SHOKEN";

/// More than any head has.
pub(super) const LONGEST_HEAD: usize = 64 << 10;

/// What the head says of the data set after it.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Head {
    pub class: String,
    pub instance: Sensitive<String>,
    pub syntax: String,
}

/// The bytes that stand before a data set.
pub(super) fn write_head(head: &Head) -> Vec<u8> {
    let mut group = Vec::new();
    element(&mut group, 0x0001, *b"OB", &[0, 1]);
    element(&mut group, 0x0002, *b"UI", head.class.as_bytes());
    element(&mut group, 0x0003, *b"UI", head.instance.reveal().as_bytes());
    element(&mut group, 0x0010, *b"UI", head.syntax.as_bytes());
    element(&mut group, 0x0012, *b"UI", IMPLEMENTATION_UID.as_bytes());
    element(&mut group, 0x0013, *b"SH", IMPLEMENTATION_NAME.as_bytes());
    let mut out = vec![0; 128];
    out.extend_from_slice(b"DICM");
    element(&mut out, 0x0000, *b"UL", &u32::try_from(group.len()).unwrap_or(0).to_le_bytes());
    out.append(&mut group);
    out
}

fn element(out: &mut Vec<u8>, number: u16, vr: [u8; 2], value: &[u8]) {
    let padded = value.len() + value.len() % 2;
    out.extend_from_slice(&2_u16.to_le_bytes());
    out.extend_from_slice(&number.to_le_bytes());
    out.extend_from_slice(&vr);
    if vr == *b"OB" {
        out.extend_from_slice(&[0, 0]);
        out.extend_from_slice(&u32::try_from(padded).unwrap_or(0).to_le_bytes());
    } else {
        out.extend_from_slice(&u16::try_from(padded).unwrap_or(0).to_le_bytes());
    }
    out.extend_from_slice(value);
    if padded > value.len() {
        out.push(if vr == *b"SH" { b' ' } else { 0 });
    }
}

/// Reads the head from a file's first bytes; `None` when they are no DICOM file's.
pub(super) fn read_head(bytes: &[u8]) -> Option<Head> {
    if bytes.get(128..132)? != b"DICM" {
        return None;
    }
    let mut rest = bytes.get(132..)?;
    let (mut class, mut instance, mut syntax) = (None, None, None);
    while let Some((number, value, after)) = next(rest) {
        let text = || String::from_utf8_lossy(value).trim_end_matches(['\0', ' ']).to_owned();
        match number {
            0x0002 => class = Some(text()),
            0x0003 => instance = Some(text()),
            0x0010 => syntax = Some(text()),
            _ => {}
        }
        rest = after;
    }
    Some(Head { class: class?, instance: Sensitive::new(instance.filter(|i| super::is_uid(i))?), syntax: syntax? })
}

/// One element of group 2: its number and value, and what follows.
fn next(bytes: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let two = |at: usize| Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?));
    if two(0)? != 2 {
        return None;
    }
    let number = two(2)?;
    let (start, len): (usize, usize) = match bytes.get(4..6)? {
        b"OB" | b"UN" | b"OW" | b"SQ" | b"UT" => (12, u32::from_le_bytes(bytes.get(8..12)?.try_into().ok()?) as usize),
        _ => (8, usize::from(two(6)?)),
    };
    let end = start.checked_add(len)?;
    Some((number, bytes.get(start..end)?, bytes.get(end..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_head_is_read_by_an_independent_reader_and_by_this_one() {
        let head = Head {
            class: "1.2.840.10008.5.1.4.1.1.2".to_owned(),
            instance: "1.2.3.45".into(),
            syntax: "1.2.840.10008.1.2.1".to_owned(),
        };
        let bytes = write_head(&head);
        assert!(read_head(&bytes).is_some_and(|h| h == head));
        let other = dicom_object::FileMetaTable::from_reader(&bytes[128..]).unwrap();
        assert_eq!(other.media_storage_sop_instance_uid(), "1.2.3.45");
        assert_eq!(other.transfer_syntax(), "1.2.840.10008.1.2.1");
        assert_eq!(other.implementation_class_uid(), IMPLEMENTATION_UID);
        for cut in 0..bytes.len() {
            let _ = read_head(&bytes[..cut]);
        }
        let mut wrong = bytes;
        wrong[130] = b'X';
        assert!(read_head(&wrong).is_none());
    }
}
