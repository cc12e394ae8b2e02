//! DICOM RLE Lossless (PS3.5 annex G): one segment per byte plane, most significant first.

use super::{Expect, packbits};
use crate::imaging::fault::Fault;

/// Decodes one frame to its byte planes: channel by channel, the high bytes of each first, `bytes_each` (1, 2 or 4) planes a
/// channel.
///
/// # Errors
/// `Damaged` when the segments do not fit the promised size.
pub fn planes(data: &[u8], expect: Expect, bytes_each: usize) -> Result<Vec<Vec<u8>>, Fault> {
    let word = |index: usize| {
        let bytes = data.get(index * 4..index * 4 + 4).and_then(|b| <[u8; 4]>::try_from(b).ok());
        bytes.map(u32::from_le_bytes).ok_or_else(|| Fault::damaged("the RLE header is cut short"))
    };
    let segments = usize::from(expect.channels) * bytes_each;
    if word(0)? as usize != segments {
        return Err(Fault::damaged(format!("{} RLE segments where {segments} were promised", word(0)?)));
    }
    let plane = usize::try_from(u64::from(expect.width) * u64::from(expect.height))
        .map_err(|_| Fault::damaged("the frame is too large"))?;
    if plane as u64 > data.len() as u64 * 64 {
        return Err(Fault::damaged("the RLE data are far too short for the promised size"));
    }
    let mut out = Vec::with_capacity(segments);
    for segment in 0..segments {
        let start = word(1 + segment)? as usize;
        let end = if segment + 1 < segments { word(2 + segment)? as usize } else { data.len() };
        let packed = data.get(start..end).ok_or_else(|| Fault::damaged("an RLE segment lies outside its frame"))?;
        let bytes = packbits::decode(packed, plane);
        if bytes.len() < plane {
            return Err(Fault::damaged("an RLE segment is cut short"));
        }
        out.push(bytes);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixteen_bit_planes_come_high_byte_first() {
        // Two pixels, 0x0102 and 0x0304: segment 0 = high bytes, segment 1 = low bytes.
        let mut data = vec![0; 64];
        data[0] = 2;
        data[4] = 64;
        data[8] = 67;
        data.extend([1, 0x01, 0x03, 1, 0x02, 0x04]);
        let expect = Expect { width: 2, height: 1, channels: 1 };
        assert_eq!(planes(&data, expect, 2).unwrap(), [[0x01, 0x03], [0x02, 0x04]]);
        assert!(planes(&data[..66], expect, 2).is_err());
        assert!(planes(&data[..10], expect, 2).is_err());
    }
}
