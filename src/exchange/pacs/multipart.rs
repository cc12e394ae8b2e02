//! `multipart/related` (RFC 2046 section 5.1, RFC 2387) read as it streams in: the memory it takes is that of one part's
//! header and one delimiter, whatever the parts hold.

use memchr::memmem::Finder;

/// Longest header of one part, and longest text before the first.
const LONGEST_HEADER: usize = 16 << 10;

/// What comes out, in order: `Begin`, any number of `Data`, `End`, for each part.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Event<'a> {
    /// A part's content type in lower case without its parameters; empty where the part names none.
    Begin(&'a str),
    Data(&'a [u8]),
    End,
}

/// The boundary of a `multipart/related` content type, or why there is none.
pub(super) fn boundary(content_type: &str) -> Result<String, String> {
    let (kind, parameters) = content_type.split_once(';').unwrap_or((content_type, ""));
    if !kind.trim().eq_ignore_ascii_case("multipart/related") {
        return Err(format!("'{}' instead of multipart/related", shown(kind.trim())));
    }
    let value = parameters_of(parameters).find(|(name, _)| name.eq_ignore_ascii_case("boundary")).map(|(_, v)| v);
    value.filter(|b| !b.is_empty() && b.len() <= 256).ok_or_else(|| "a multipart answer without a boundary".to_owned())
}

/// A foreign word as it may stand in a message.
fn shown(text: &str) -> String {
    text.chars().filter(char::is_ascii_graphic).take(60).collect()
}

/// `name=value` and `name="value"`, separated by semicolons that stand outside quotes.
fn parameters_of(text: &str) -> impl Iterator<Item = (&str, String)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches([';', ' ', '\t']);
        let (name, after) = rest.split_once('=')?;
        let (value, left) = match after.trim_start().strip_prefix('"') {
            Some(quoted) => {
                let (value, left) = quoted.split_once('"')?;
                (value.to_owned(), left)
            }
            None => {
                let end = after.find(';').unwrap_or(after.len());
                (after.get(..end)?.trim().to_owned(), after.get(end..)?)
            }
        };
        rest = left;
        Some((name.trim(), value))
    })
}

enum State {
    /// Before the first delimiter.
    Preamble,
    /// A delimiter was seen; the two bytes after it say whether more follows.
    Delimited,
    Header,
    /// The line end that closes the header is still there: a delimiter right after it ends an empty body.
    Fresh,
    Body,
    Over,
}

pub(super) struct Parts {
    needle: Vec<u8>,
    finder: Finder<'static>,
    /// What is not yet told apart. Begins with a line end, as the first delimiter may have none before it.
    pending: Vec<u8>,
    state: State,
}

impl Parts {
    pub(super) fn new(boundary: &str) -> Self {
        let needle = format!("\r\n--{boundary}").into_bytes();
        let finder = Finder::new(&needle).into_owned();
        Self { needle, finder, pending: b"\r\n".to_vec(), state: State::Preamble }
    }

    /// Whether the closing delimiter came; without it the answer was cut off.
    pub(super) const fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// The sink's, or what is wrong with the stream as `malformed` puts it.
    pub(super) fn feed<E>(
        &mut self,
        bytes: &[u8],
        malformed: impl Fn(&str) -> E,
        mut sink: impl FnMut(Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.pending.extend_from_slice(bytes);
        loop {
            match self.state {
                State::Preamble => match self.finder.find(&self.pending) {
                    Some(at) => {
                        self.drop_front(at + self.needle.len());
                        self.state = State::Delimited;
                    }
                    None if self.pending.len() > LONGEST_HEADER => {
                        return Err(malformed("a multipart answer that does not begin"));
                    }
                    None => return Ok(()),
                },
                State::Delimited => {
                    // RFC 2046 allows blanks after the delimiter.
                    let blanks = self.pending.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
                    match self.pending.get(blanks..blanks + 2) {
                        Some(b"\r\n") => {
                            // The line end stays: a header that is empty begins with it.
                            self.drop_front(blanks);
                            self.state = State::Header;
                        }
                        Some(b"--") if blanks == 0 => {
                            self.state = State::Over;
                            self.pending = Vec::new();
                        }
                        Some(_) => return Err(malformed("a delimiter with something after it")),
                        None if blanks > LONGEST_HEADER => return Err(malformed("a delimiter that does not end")),
                        None => return Ok(()),
                    }
                }
                State::Header => match memchr::memmem::find(&self.pending, b"\r\n\r\n") {
                    Some(at) if at <= LONGEST_HEADER => {
                        let header = String::from_utf8_lossy(self.pending.get(..at).unwrap_or_default()).into_owned();
                        self.drop_front(at + 2);
                        self.state = State::Fresh;
                        sink(Event::Begin(&content_type(&header)))?;
                    }
                    None if self.pending.len() <= LONGEST_HEADER => return Ok(()),
                    _ => return Err(malformed("a part with an endless header")),
                },
                State::Fresh if self.pending.starts_with(&self.needle) => {
                    sink(Event::End)?;
                    self.drop_front(self.needle.len());
                    self.state = State::Delimited;
                }
                State::Fresh if self.needle.starts_with(&self.pending) => return Ok(()),
                State::Fresh => {
                    self.drop_front(2);
                    self.state = State::Body;
                }
                State::Body => {
                    if let Some(at) = self.finder.find(&self.pending) {
                        data(self.pending.get(..at), &mut sink)?;
                        sink(Event::End)?;
                        self.drop_front(at + self.needle.len());
                        self.state = State::Delimited;
                    } else {
                        // The end may be the beginning of a delimiter.
                        let sure = self.pending.len().saturating_sub(self.needle.len() - 1);
                        data(self.pending.get(..sure), &mut sink)?;
                        self.drop_front(sure);
                        return Ok(());
                    }
                }
                State::Over => {
                    self.pending = Vec::new();
                    return Ok(());
                }
            }
        }
    }

    fn drop_front(&mut self, count: usize) {
        self.pending.drain(..count.min(self.pending.len()));
    }
}

fn data<E>(bytes: Option<&[u8]>, sink: &mut impl FnMut(Event<'_>) -> Result<(), E>) -> Result<(), E> {
    bytes.filter(|b| !b.is_empty()).map_or(Ok(()), |b| sink(Event::Data(b)))
}

fn content_type(header: &str) -> String {
    let line = header.split("\r\n").find_map(|l| {
        let (name, value) = l.split_once(':')?;
        name.trim().eq_ignore_ascii_case("content-type").then(|| value.trim())
    });
    line.and_then(|l| l.split(';').next()).unwrap_or_default().trim().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    type Bodies = Vec<(String, Vec<u8>)>;

    /// Feeds a stream in pieces of one size; the bodies with their types, and whether it was whole.
    fn read(stream: &[u8], piece: usize) -> Result<(Bodies, bool), String> {
        let mut parts = Parts::new("b");
        let (mut out, mut open) = (Vec::new(), None);
        for bytes in stream.chunks(piece) {
            parts.feed(bytes, str::to_owned, |event| {
                match event {
                    Event::Begin(kind) => open = Some((kind.to_owned(), Vec::new())),
                    Event::Data(bytes) => open.as_mut().unwrap().1.extend_from_slice(bytes),
                    Event::End => out.push(open.take().unwrap()),
                }
                Ok(())
            })?;
        }
        Ok((out, parts.is_over()))
    }

    #[test]
    fn parts_are_the_same_however_the_stream_is_cut() {
        let stream =
            b"hello\r\n--b\r\nContent-Type: application/dicom; x=y\r\nA: b\r\n\r\n\r\n--c\r\n-\r\n--b \r\n\r\n--b\r\nContent-Type: x\r\n\r\n\r\n--b--\r\nbye";
        let expected = vec![
            ("application/dicom".to_owned(), b"\r\n--c\r\n-".to_vec()),
            (String::new(), Vec::new()),
            ("x".to_owned(), Vec::new()),
        ];
        // The second part has no header at all: RFC 2046 lets an empty line follow the delimiter.
        for piece in 1..=stream.len() {
            let (parts, whole) = read(stream, piece).unwrap();
            assert!(whole);
            assert_eq!(parts, expected, "in pieces of {piece}");
        }
        for cut in 0..stream.len() - 5 {
            assert!(!read(&stream[..cut], 7).unwrap().1, "cut at {cut}, it cannot be whole");
        }
    }

    #[test]
    fn what_is_no_multipart_is_refused_within_bounds() {
        assert!(read(&vec![b'x'; 100_000], 1000).is_err());
        assert!(read(format!("--b\r\nA: {}", "x".repeat(100_000)).as_bytes(), 1000).is_err());
        assert!(read(b"--bx\r\n\r\n", 3).is_err());
        assert!(read(format!("--b{}", " ".repeat(100_000)).as_bytes(), 1000).is_err());
    }

    #[test]
    fn boundaries_are_read_as_servers_write_them() {
        assert_eq!(boundary("multipart/related; type=\"application/dicom\"; boundary=\"a;b\"").as_deref(), Ok("a;b"));
        assert_eq!(boundary("Multipart/Related;boundary=ab; type=x").as_deref(), Ok("ab"));
        assert!(boundary("text/html; charset=utf-8").is_err_and(|e| e.contains("text/html")));
        assert!(boundary("multipart/related; type=x").is_err());
        assert!(boundary(&format!("multipart/related; boundary={}", "x".repeat(300))).is_err());
    }
}
