//! Colour profiles inside photographs: gathered from the segments they are cut into, and looked at before they are kept.

use std::sync::Arc;

/// A profile larger than this is no profile of a camera or a processor.
const LARGEST: usize = 16 << 20;
const MARK: &[u8] = b"ICC_PROFILE\0";

/// Keeps a profile that at least looks like one (ICC.1:2022, 7.2: its own length first, `acsp` at 36).
pub fn sane(profile: Vec<u8>) -> Option<Arc<[u8]>> {
    let claimed = profile.get(..4).and_then(|bytes| <[u8; 4]>::try_from(bytes).ok()).map(u32::from_be_bytes)?;
    let whole = usize::try_from(claimed).is_ok_and(|len| len <= profile.len() && len >= 132);
    let marked = profile.get(36..40) == Some(b"acsp");
    (whole && marked && profile.len() <= LARGEST).then(|| profile.into())
}

/// The profile of a JPEG, from its APP2 segments (ICC.1:2022, annex B.4). `None` when a part is missing.
pub fn of_jpeg(data: &[u8]) -> Option<Vec<u8>> {
    let mut parts: Vec<(u8, &[u8])> = Vec::new();
    let (mut at, mut count) = (2, 0);
    loop {
        let marker = *data.get(at + 1)?;
        if data.get(at) != Some(&0xFF) || marker == 0xFF {
            at += 1;
            continue;
        }
        if matches!(marker, 0x00 | 0x01 | 0xD0..=0xD8) {
            at += 2;
            continue;
        }
        if matches!(marker, 0xDA | 0xD9) {
            break;
        }
        let length = data.get(at + 2..at + 4)?.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)).max(2);
        if let (0xE2, Some([number, of, part @ ..])) =
            (marker, data.get(at + 4..at + 2 + length).and_then(|body| body.strip_prefix(MARK)))
        {
            count = *of;
            parts.push((*number, part));
        }
        at += 2 + length;
    }
    parts.sort_by_key(|(number, _)| *number);
    let whole = count > 0 && parts.iter().map(|(number, _)| *number).eq(1..=count);
    whole.then(|| parts.into_iter().flat_map(|(_, part)| part.iter().copied()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(number: u8, of: u8, part: &[u8]) -> Vec<u8> {
        let length = u16::try_from(2 + MARK.len() + 2 + part.len()).unwrap().to_be_bytes();
        [&[0xFF, 0xE2], &length[..], MARK, &[number, of], part].concat()
    }

    #[test]
    fn parts_come_in_any_order_and_none_may_be_missing() {
        let jpeg = |parts: &[Vec<u8>]| [&[0xFF, 0xD8][..], &parts.concat(), &[0xFF, 0xDA]].concat();
        let whole = jpeg(&[segment(2, 2, b"cd"), segment(1, 2, b"ab")]);
        assert_eq!(of_jpeg(&whole), Some(b"abcd".to_vec()));
        assert_eq!(of_jpeg(&jpeg(&[segment(1, 2, b"ab")])), None);
        assert_eq!(of_jpeg(&jpeg(&[segment(1, 2, b"ab"), segment(1, 2, b"ab")])), None);
        assert_eq!(of_jpeg(&jpeg(&[])), None);
    }

    #[test]
    fn what_is_no_profile_is_not_kept() {
        let mut profile = vec![0; 200];
        profile[3] = 200;
        assert!(sane(profile.clone()).is_none());
        profile[36..40].copy_from_slice(b"acsp");
        assert!(sane(profile.clone()).is_some());
        profile[3] = 201;
        assert!(sane(profile).is_none());
    }
}
