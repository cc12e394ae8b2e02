//! What parent and child say to each other: a greeting in JSON, then questions of a few bytes and answers of pixels.

use serde::{Deserialize, Serialize};

/// The child's first frame.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Greeting {
    Slide(Described),
    /// The library is not there.
    Absent,
    /// The library says no: its version, and why.
    Refused {
        version: String,
        reason: String,
    },
}

/// What the library knows of a slide.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Described {
    pub version: String,
    pub vendor: String,
    pub levels: Vec<DescribedLevel>,
    pub mpp: Option<(f64, f64)>,
    pub power: Option<f64>,
    pub associated: Vec<String>,
    pub has_icc: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct DescribedLevel {
    pub width: u32,
    pub height: u32,
    pub downsample: f64,
    /// Zero where the library does not say.
    pub tile_width: u32,
    pub tile_height: u32,
}

/// A question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// Pixels of a level; the corner in level-0 pixels. Answered by RGB.
    Region {
        level: u32,
        x: i64,
        y: i64,
        width: u32,
        height: u32,
    },
    /// Answered by width, height (both 32 bits, little-endian) and RGB.
    Associated(String),
    Icc,
}

impl Question {
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Region { level, x, y, width, height } => {
                let mut out = vec![b'R'];
                out.extend(level.to_le_bytes());
                out.extend(x.to_le_bytes());
                out.extend(y.to_le_bytes());
                out.extend(width.to_le_bytes());
                out.extend(height.to_le_bytes());
                out
            }
            Self::Associated(name) => [b"A", name.as_bytes()].concat(),
            Self::Icc => vec![b'I'],
        }
    }

    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        match bytes.split_first()? {
            (b'R', rest) => {
                let u32_at = |at: usize| Some(u32::from_le_bytes(rest.get(at..at + 4)?.try_into().ok()?));
                let i64_at = |at: usize| Some(i64::from_le_bytes(rest.get(at..at + 8)?.try_into().ok()?));
                Some(Self::Region {
                    level: u32_at(0)?,
                    x: i64_at(4)?,
                    y: i64_at(12)?,
                    width: u32_at(20)?,
                    height: u32_at(24)?,
                })
            }
            (b'A', rest) => Some(Self::Associated(String::from_utf8(rest.to_vec()).ok()?)),
            (b'I', []) => Some(Self::Icc),
            _ => None,
        }
    }
}

/// An answer: what was asked for, or why not.
pub fn answer(result: Result<Vec<u8>, String>) -> Vec<u8> {
    let (mark, mut bytes) = match result {
        Ok(bytes) => (0, bytes),
        Err(reason) => (1, reason.into_bytes()),
    };
    // At the end, so that a picture need not be moved.
    bytes.push(mark);
    bytes
}

/// The reverse of [`answer`]; `None` for what is no answer.
pub fn answered(mut bytes: Vec<u8>) -> Option<Result<Vec<u8>, String>> {
    match bytes.pop()? {
        0 => Some(Ok(bytes)),
        1 => Some(Err(String::from_utf8_lossy(&bytes).into_owned())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_and_answers_come_back() {
        let region = Question::Region { level: 3, x: -5, y: 1 << 40, width: 512, height: 7 };
        for question in [region, Question::Associated("ラベル".to_owned()), Question::Icc] {
            assert_eq!(Question::from_bytes(&question.to_bytes()), Some(question));
        }
        for broken in [b"".as_slice(), b"R123", b"X", b"I2", b"A\xFF"] {
            assert_eq!(Question::from_bytes(broken), None, "{broken:?}");
        }
        assert_eq!(answered(answer(Ok(vec![9, 1]))), Some(Ok(vec![9, 1])));
        assert_eq!(answered(answer(Err("no".to_owned()))), Some(Err("no".to_owned())));
        assert_eq!((answered(vec![]), answered(vec![7])), (None, None));
    }
}
