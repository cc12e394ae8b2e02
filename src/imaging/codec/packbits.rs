//! Apple `PackBits` (TIFF 6.0 section 9), the byte coding inside DICOM RLE too (PS3.5 annex G.3.1).

/// Decodes until `want` bytes are out or the input ends; the result may be shorter than `want`, never longer.
pub fn decode(input: &[u8], want: usize) -> Vec<u8> {
    // A run of 2 input bytes gives at most 128 output bytes, so a short input cannot claim a large buffer.
    let mut out = Vec::with_capacity(want.min(input.len().saturating_mul(64)));
    let mut rest = input;
    while out.len() < want {
        let Some((&header, tail)) = rest.split_first() else { break };
        let room = want - out.len();
        match header {
            0..=127 => {
                let count = usize::from(header) + 1;
                let (literal, tail) = tail.split_at(count.min(tail.len()));
                out.extend_from_slice(literal.get(..room.min(literal.len())).unwrap_or_default());
                rest = tail;
            }
            128 => rest = tail,
            129..=255 => {
                let Some((&value, tail)) = tail.split_first() else { break };
                let count = 257 - usize::from(header);
                out.resize(out.len() + count.min(room), value);
                rest = tail;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn the_example_of_apple_technical_note_1023() {
        let packed = [0xFE, 0xAA, 0x02, 0x80, 0x00, 0x2A, 0xFD, 0xAA, 0x03, 0x80, 0x00, 0x2A, 0x22, 0xF7, 0xAA];
        let plain = [
            0xAA, 0xAA, 0xAA, 0x80, 0x00, 0x2A, 0xAA, 0xAA, 0xAA, 0xAA, 0x80, 0x00, 0x2A, 0x22, 0xAA, 0xAA, 0xAA, 0xAA,
            0xAA, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA,
        ];
        assert_eq!(decode(&packed, 24), plain);
        assert_eq!(decode(&packed, 4), plain[..4]);
        assert_eq!(decode(&[5, 1], 9), [1]);
        assert_eq!(decode(&[0xF0], 9), Vec::<u8>::new());
    }
}
