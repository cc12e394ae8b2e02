//! Messages of the DIMSE services that a storage provider needs (PS3.7 section 9.3 and annex E): command sets in implicit
//! little endian, without the dataset.

use crate::domain::Sensitive;

/// More than any command set of C-STORE and C-ECHO has.
pub(super) const LONGEST_COMMAND: usize = 16 << 10;

pub(super) const C_STORE: u16 = 0x0001;
pub(super) const C_ECHO: u16 = 0x0030;
/// Says that no dataset follows (PS3.7 annex E.1).
const NO_DATASET: u16 = 0x0101;

/// Answers (PS3.7 annex C, PS3.4 table B.2-1).
pub(super) const SUCCESS: u16 = 0x0000;
pub(super) const OUT_OF_RESOURCES: u16 = 0xA700;
pub(super) const CANNOT_UNDERSTAND: u16 = 0xC000;
pub(super) const CLASS_NOT_SUPPORTED: u16 = 0x0122;
pub(super) const INVALID_INSTANCE: u16 = 0x0117;
pub(super) const UNRECOGNISED: u16 = 0x0211;

/// A request as far as it is answered.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Command {
    pub field: u16,
    pub message: u16,
    pub class: String,
    pub instance: Sensitive<String>,
    pub has_dataset: bool,
}

/// Reads a command set; `None` where it is none.
pub(super) fn read_command(bytes: &[u8]) -> Option<Command> {
    let mut rest = bytes;
    let (mut field, mut message, mut dataset) = (None, None, NO_DATASET);
    let (mut class, mut instance) = (String::new(), String::new());
    while !rest.is_empty() {
        let group = u16::from_le_bytes(rest.get(0..2)?.try_into().ok()?);
        let element = u16::from_le_bytes(rest.get(2..4)?.try_into().ok()?);
        let len = u32::from_le_bytes(rest.get(4..8)?.try_into().ok()?) as usize;
        let end = len.checked_add(8)?;
        let value = rest.get(8..end)?;
        let short = || Some(u16::from_le_bytes(value.get(0..2)?.try_into().ok()?));
        let text = || String::from_utf8_lossy(value).trim_end_matches(['\0', ' ']).to_owned();
        if group != 0 {
            return None;
        }
        match element {
            0x0002 => class = text(),
            0x0100 => field = short(),
            0x0110 => message = short(),
            0x0800 => dataset = short()?,
            0x1000 => instance = text(),
            _ => {}
        }
        rest = rest.get(end..)?;
    }
    Some(Command {
        field: field?,
        message: message?,
        class,
        instance: Sensitive::new(instance),
        has_dataset: dataset != NO_DATASET,
    })
}

/// The answer to a request.
pub(super) fn write_answer(to: &Command, status: u16) -> Vec<u8> {
    let mut body = Vec::new();
    let mut element = |number: u16, value: &[u8]| {
        body.extend_from_slice(&0_u16.to_le_bytes());
        body.extend_from_slice(&number.to_le_bytes());
        let padded = value.len() + value.len() % 2;
        body.extend_from_slice(&u32::try_from(padded).unwrap_or(0).to_le_bytes());
        body.extend_from_slice(value);
        body.resize(body.len() + padded - value.len(), 0);
    };
    if !to.class.is_empty() {
        element(0x0002, to.class.as_bytes());
    }
    element(0x0100, &(to.field | 0x8000).to_le_bytes());
    element(0x0120, &to.message.to_le_bytes());
    element(0x0800, &NO_DATASET.to_le_bytes());
    element(0x0900, &status.to_le_bytes());
    if to.field == C_STORE && !to.instance.reveal().is_empty() {
        element(0x1000, to.instance.reveal().as_bytes());
    }
    let mut out = vec![0, 0, 0, 0, 4, 0, 0, 0];
    out.extend_from_slice(&u32::try_from(body.len()).unwrap_or(0).to_le_bytes());
    out.append(&mut body);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_laid_out_as_the_standard_says() {
        let request = Command {
            field: C_ECHO,
            message: 7,
            class: "1.2.840.10008.1.1".to_owned(),
            instance: Sensitive::default(),
            has_dataset: false,
        };
        // PS3.7 table 9.3-13, byte by byte.
        let mut expected = vec![0, 0, 0, 0, 4, 0, 0, 0, 66, 0, 0, 0, 0, 0, 2, 0, 18, 0, 0, 0];
        expected.extend_from_slice(b"1.2.840.10008.1.1\0");
        expected.extend_from_slice(&[0, 0, 0, 1, 2, 0, 0, 0, 0x30, 0x80]);
        expected.extend_from_slice(&[0, 0, 0x20, 1, 2, 0, 0, 0, 7, 0]);
        expected.extend_from_slice(&[0, 0, 0, 8, 2, 0, 0, 0, 1, 1]);
        expected.extend_from_slice(&[0, 0, 0, 9, 2, 0, 0, 0, 0, 0]);
        assert_eq!(write_answer(&request, SUCCESS), expected);
    }

    #[test]
    fn a_command_that_is_cut_or_lies_about_its_length_is_none() {
        let mut bytes = vec![0, 0, 0, 1, 2, 0, 0, 0, 1, 0, 0, 0, 0x10, 1, 2, 0, 0, 0, 9, 0];
        bytes.extend_from_slice(&[0, 0, 0, 8, 2, 0, 0, 0, 0, 0]);
        let read = read_command(&bytes).unwrap();
        assert_eq!((read.field, read.message, read.has_dataset), (C_STORE, 9, true));
        for cut in 1..bytes.len() {
            assert!(read_command(&bytes[..cut]).is_none_or(|c| !c.has_dataset), "cut at {cut}");
        }
        bytes[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(read_command(&bytes).is_none());
    }
}
