//! Deflate (zlib and raw) and TIFF LZW into buffers of known size.

use std::io::Read;

use crate::imaging::fault::Fault;

/// zlib stream (TIFF compressions 8 and 32946); at most `want` bytes, fewer where the stream ends early.
pub fn zlib(data: &[u8], want: usize) -> Result<Vec<u8>, Fault> {
    drain(flate2::read::ZlibDecoder::new(data), data.len(), want)
}

/// Raw deflate, as DICOM's deflated transfer syntax has it (PS3.5 A.5).
pub fn raw(data: &[u8], limit: usize) -> Result<Vec<u8>, Fault> {
    drain(flate2::read::DeflateDecoder::new(data), data.len(), limit)
}

/// The first bytes of a gzip stream, as many as there are up to `want`; a stream that is cut or broken gives what it holds.
pub fn gzip_head(data: &[u8], want: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(want);
    // What came out before an error is still the beginning.
    let _ = flate2::read::MultiGzDecoder::new(data).take(want as u64).read_to_end(&mut out);
    out
}

/// A gzip stream (RFC 1952), all of its members; at most `want` bytes.
pub fn gzip(data: &[u8], want: usize) -> Result<Vec<u8>, Fault> {
    drain(flate2::read::MultiGzDecoder::new(data), data.len(), want)
}

fn drain(decoder: impl Read, input: usize, want: usize) -> Result<Vec<u8>, Fault> {
    // Deflate cannot expand more than 1032:1, so the input bounds what is reserved.
    let mut out = Vec::with_capacity(want.min(input.saturating_mul(1032)));
    decoder
        .take(want as u64)
        .read_to_end(&mut out)
        .map_err(|error| Fault::damaged(format!("the deflated data are broken: {error}")))?;
    Ok(out)
}

/// TIFF LZW (compression 5): most significant bit first, early change.
pub fn lzw(data: &[u8], want: usize) -> Result<Vec<u8>, Fault> {
    let mut out = vec![0; want];
    let mut decoder = weezl::decode::Decoder::with_tiff_size_switch(weezl::BitOrder::Msb, 8);
    let (mut read, mut written) = (0, 0);
    while written < want {
        let result =
            decoder.decode_bytes(data.get(read..).unwrap_or_default(), out.get_mut(written..).unwrap_or_default());
        read += result.consumed_in;
        written += result.consumed_out;
        match result.status {
            Ok(weezl::LzwStatus::Ok) if result.consumed_in + result.consumed_out > 0 => {}
            Ok(_) => break,
            Err(error) => return Err(Fault::damaged(format!("the LZW data are broken: {error}"))),
        }
    }
    out.truncate(written);
    Ok(out)
}
