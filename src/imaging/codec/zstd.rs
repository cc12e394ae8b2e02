//! Zstandard (RFC 8878) into a buffer of known size, by ruzstd.

use std::io::Read;

use ruzstd::decoding::StreamingDecoder;

use crate::imaging::fault::Fault;

/// Window that a frame may ask for: the 8 MiB that RFC 8878 recommends for exchange, with room for stronger writers.
const WINDOW_BYTES: u64 = 64 << 20;

/// At most `want` bytes, fewer where the data end early. Frames that follow one another are one stream (RFC 8878, 3).
///
/// # Errors
/// `Damaged` when the data are no Zstandard, are broken, or ask for a window beyond the limit.
pub fn decode(data: &[u8], want: usize) -> Result<Vec<u8>, Fault> {
    let broken = |error: &dyn std::fmt::Display| Fault::damaged(format!("the Zstandard data are broken: {error}"));
    let mut out = Vec::new();
    let mut rest = data;
    while out.len() < want && !rest.is_empty() {
        let before = rest.len();
        let mut decoder =
            StreamingDecoder::new_with_max_window_size(&mut rest, WINDOW_BYTES).map_err(|error| broken(&error))?;
        let room = want - out.len();
        Read::by_ref(&mut decoder).take(room as u64).read_to_end(&mut out).map_err(|error| broken(&error))?;
        if rest.len() == before {
            break;
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::decode;

    /// A frame of one run-length block (RFC 8878, 3.1.1.2.2): magic, single segment with a size of one byte, block.
    fn run(byte: u8, count: u8) -> Vec<u8> {
        let block = (u32::from(count) << 3 | 0b011).to_le_bytes();
        [&[0x28, 0xB5, 0x2F, 0xFD, 0x20, count], &block[..3], &[byte]].concat()
    }

    #[test]
    fn frames_follow_one_another_and_no_more_is_decoded_than_wanted() {
        let two = [run(7, 3), run(9, 2)].concat();
        assert_eq!(decode(&two, 100).unwrap(), [7, 7, 7, 9, 9]);
        assert_eq!(decode(&two, 4).unwrap(), [7, 7, 7, 9]);
    }

    #[test]
    fn what_is_no_zstandard_is_refused() {
        assert!(decode(b"no compressed data", 100).is_err());
        assert!(decode(&run(7, 3)[..8], 100).is_err());
        // A window of 1 TiB, asked for by a header of six bytes.
        assert!(decode(&[0x28, 0xB5, 0x2F, 0xFD, 0, 0xF0, 1, 0, 0], 100).is_err());
    }
}
