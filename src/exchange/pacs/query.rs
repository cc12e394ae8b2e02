//! QIDO-RS (PS3.18 section 10.6): which studies, series and images a server has. The words come as DICOM JSON (annex F).

use std::fmt::Write as _;

use serde_json::Value;

use super::http::{Client, block_on, content_type};
use super::server::{Secret, Server};
use super::{PacsError, is_uid};
use crate::domain::Sensitive;
use crate::tasks::Cancel;

/// Longest list that is read.
const LONGEST_LIST: usize = 64 << 20;
/// Images asked for at once; many servers give fewer, and the rest is asked for again.
const IMAGES_AT_ONCE: usize = 5000;
/// More images than any study has.
const MOST_IMAGES: usize = 1_000_000;
const JSON: &str = "application/dicom+json, application/json;q=0.5";

/// What to look for; empty fields ask for nothing.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub patient_id: Sensitive<String>,
    /// With `*` and `?` as in PS3.4; without them names that begin so.
    pub patient_name: Sensitive<String>,
    /// `YYYYMMDD`, `YYYYMMDD-`, `-YYYYMMDD` or `YYYYMMDD-YYYYMMDD`; dashes within dates are taken out.
    pub date: String,
    pub modality: String,
    pub accession: Sensitive<String>,
    pub study: Sensitive<String>,
}

/// Which part of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    pub offset: usize,
    pub limit: usize,
}

/// One study as the server describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StudyRow {
    pub study: Sensitive<String>,
    pub patient_id: Sensitive<String>,
    /// Alphabetic and ideographic spelling, joined by `=`, as far as they are there.
    pub patient_name: Sensitive<String>,
    pub accession: Sensitive<String>,
    pub date: Sensitive<String>,
    pub description: Sensitive<String>,
    pub modalities: Vec<String>,
    pub series: Option<u64>,
    pub images: Option<u64>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeriesRow {
    pub series: Sensitive<String>,
    pub number: Option<u64>,
    pub modality: String,
    pub description: Sensitive<String>,
    pub images: Option<u64>,
}

impl Filter {
    fn query(&self) -> Result<String, PacsError> {
        let mut out = String::new();
        let mut add = |name: &str, value: &str| {
            if !value.trim().is_empty() {
                let _ = write!(out, "&{name}={}", encoded(value.trim()));
            }
        };
        add("PatientID", self.patient_id.reveal());
        let name = self.patient_name.reveal().trim();
        let open = if name.is_empty() || name.contains(['*', '?']) { name.to_owned() } else { format!("{name}*") };
        add("PatientName", &open);
        add("StudyDate", &date_range(&self.date)?);
        add("ModalitiesInStudy", &self.modality.trim().to_ascii_uppercase());
        add("AccessionNumber", self.accession.reveal());
        add("StudyInstanceUID", self.study.reveal());
        Ok(out)
    }
}

/// A date or range as PS3.5 writes it, from what people write.
fn date_range(text: &str) -> Result<String, PacsError> {
    let wrong = || PacsError::Settings {
        server: text.to_owned(),
        reason: "is no date: write 20260131, 2026-01-31 or 20260101-20260131".to_owned(),
    };
    let text = text.trim().replace('/', "-");
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    if !text.chars().all(|c| c.is_ascii_digit() || c == '-') {
        return Err(wrong());
    }
    let (open, close) = (text.starts_with('-'), text.ends_with('-'));
    match (digits.len(), digits.split_at_checked(8)) {
        (0, _) if text.is_empty() => Ok(String::new()),
        (8, _) if open && !close => Ok(format!("-{digits}")),
        (8, _) if close && !open => Ok(format!("{digits}-")),
        (8, _) if !open => Ok(digits),
        (16, Some((from, to))) if !open && !close => Ok(format!("{from}-{to}")),
        _ => Err(wrong()),
    }
}

/// Percent-encoding of a query value (RFC 3986 section 2).
fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'*') {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// Studies that fit, in the server's order. A page that is full may have another after it.
///
/// # Errors
/// [`PacsError`].
pub fn find_studies(
    server: &Server,
    secret: Option<&Secret>,
    filter: &Filter,
    page: Page,
    cancel: &Cancel,
) -> Result<Vec<StudyRow>, PacsError> {
    let query = filter.query()?;
    let mut client = Client::new(server, secret, cancel)?;
    block_on(&server.name, async {
        // StudyDescription and the numbers of series and images are optional return keys, which must be asked for.
        let path = format!(
            "/studies?limit={}&offset={}&includefield=00081030&includefield=00080061&includefield=00201206&includefield=00201208{query}",
            page.limit, page.offset
        );
        let rows = list(&mut client, &path).await?;
        Ok(rows.iter().filter_map(study_row).take(page.limit).collect())
    })
}

/// The series of a study.
///
/// # Errors
/// [`PacsError`].
pub fn find_series(
    server: &Server,
    secret: Option<&Secret>,
    study: &str,
    cancel: &Cancel,
) -> Result<Vec<SeriesRow>, PacsError> {
    if !is_uid(study) {
        return Err(PacsError::NotAUid(study.to_owned()));
    }
    let mut client = Client::new(server, secret, cancel)?;
    block_on(&server.name, async {
        let path = format!("/studies/{study}/series?includefield=0008103E&includefield=00201209");
        let rows = list(&mut client, &path).await?;
        let mut out: Vec<_> = rows.iter().filter_map(series_row).collect();
        out.sort_by(|a, b| (a.number, &a.series).cmp(&(b.number, &b.series)));
        Ok(out)
    })
}

/// Series and SOP instance of every image of a study, or of one series of it. Servers that give the list in pieces are asked
/// until nothing new comes.
pub(super) async fn images(
    client: &mut Client<'_>,
    study: &str,
    series: Option<&str>,
) -> Result<Vec<(String, String)>, PacsError> {
    let base = match series {
        Some(series) => format!("/studies/{study}/series/{series}/instances"),
        None => format!("/studies/{study}/instances"),
    };
    let mut found = std::collections::BTreeSet::new();
    let mut offset = 0;
    loop {
        let rows = list(client, &format!("{base}?limit={IMAGES_AT_ONCE}&offset={offset}")).await?;
        let before = found.len();
        for row in &rows {
            let of_series = text(row, "0020000E").or_else(|| series.map(str::to_owned));
            let (Some(of_series), Some(image)) = (of_series, text(row, "00080018")) else { continue };
            if !is_uid(&of_series) || !is_uid(&image) {
                return Err(client.broken("an image without a proper UID"));
            }
            found.insert((of_series, image));
        }
        if found.len() > MOST_IMAGES {
            return Err(PacsError::TooMuch { what: "images in one study", limit: MOST_IMAGES as u64 });
        }
        offset += rows.len();
        if found.len() == before {
            return Ok(found.into_iter().collect());
        }
    }
}

async fn list(client: &mut Client<'_>, path: &str) -> Result<Vec<Value>, PacsError> {
    let response = match client.get(path, JSON).await {
        Ok(Some(response)) => response,
        Ok(None) => return Ok(Vec::new()),
        Err(e) => return Err(e),
    };
    let kind = content_type(&response).split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if !matches!(kind.as_str(), "application/dicom+json" | "application/json") {
        let kind: String = kind.chars().filter(char::is_ascii_graphic).take(60).collect();
        return Err(client.broken(format!("'{kind}' instead of a list")));
    }
    let bytes = client.whole(response, LONGEST_LIST).await?;
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(Vec::new());
    }
    serde_json::from_slice(&bytes).map_err(|_| client.broken("a list that cannot be read"))
}

/// The first value of an attribute as text.
fn text(row: &Value, tag: &str) -> Option<String> {
    texts(row, tag).into_iter().next()
}

fn texts(row: &Value, tag: &str) -> Vec<String> {
    let values = row.get(tag).and_then(|a| a.get("Value")).and_then(Value::as_array);
    let word = |v: &Value| match v {
        Value::String(s) => Some(s.trim().to_owned()),
        Value::Number(n) => Some(n.to_string()),
        Value::Object(name) => {
            let spelling = |key: &str| name.get(key).and_then(Value::as_str).map(|s| s.trim_end_matches('^').trim());
            let spellings = ["Alphabetic", "Ideographic"].into_iter().filter_map(spelling).filter(|s| !s.is_empty());
            Some(spellings.collect::<Vec<_>>().join("="))
        }
        _ => None,
    };
    values.into_iter().flatten().filter_map(word).filter(|w| !w.is_empty()).collect()
}

fn number(row: &Value, tag: &str) -> Option<u64> {
    text(row, tag)?.parse().ok()
}

fn hidden(row: &Value, tag: &str) -> Sensitive<String> {
    Sensitive::new(text(row, tag).unwrap_or_default())
}

fn study_row(row: &Value) -> Option<StudyRow> {
    let mut modalities = texts(row, "00080061");
    modalities.sort();
    modalities.dedup();
    Some(StudyRow {
        study: Sensitive::new(text(row, "0020000D").filter(|u| is_uid(u))?),
        patient_id: hidden(row, "00100020"),
        patient_name: hidden(row, "00100010"),
        accession: hidden(row, "00080050"),
        date: hidden(row, "00080020"),
        description: hidden(row, "00081030"),
        modalities,
        series: number(row, "00201206"),
        images: number(row, "00201208"),
    })
}

fn series_row(row: &Value) -> Option<SeriesRow> {
    Some(SeriesRow {
        series: Sensitive::new(text(row, "0020000E").filter(|u| is_uid(u))?),
        number: number(row, "00200011"),
        modality: text(row, "00080060").unwrap_or_default(),
        description: hidden(row, "0008103E"),
        images: number(row, "00201209"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_become_queries() {
        let filter = Filter {
            patient_name: "山田^太郎".into(),
            patient_id: "A&B".into(),
            date: "2026-01-01 - 2026-01-31".replace(' ', ""),
            modality: "ct".to_owned(),
            ..Filter::default()
        };
        assert_eq!(
            filter.query().unwrap(),
            "&PatientID=A%26B&PatientName=%E5%B1%B1%E7%94%B0%5E%E5%A4%AA%E9%83%8E*&StudyDate=20260101-20260131&ModalitiesInStudy=CT"
        );
        let name = Filter { patient_name: "*taro".into(), ..Filter::default() };
        assert_eq!(name.query().unwrap(), "&PatientName=*taro");
        assert!(!format!("{filter:?}").contains("山田"));
    }

    #[test]
    fn dates_are_taken_as_people_write_them() {
        for (written, meant) in [
            ("", ""),
            ("20260131", "20260131"),
            ("2026/01/31", "20260131"),
            ("2026-01-31-", "20260131-"),
            ("-20260131", "-20260131"),
            ("20260101-20260131", "20260101-20260131"),
        ] {
            assert_eq!(date_range(written).unwrap(), meant);
        }
        for wrong in ["yesterday", "2026", "--", "202601311", "-20260101-20260131"] {
            assert!(date_range(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn rows_without_values_are_read_and_rows_without_a_uid_are_not() {
        let row = serde_json::json!({
            "0020000D": {"vr": "UI", "Value": ["1.2.3"]}, "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Yamada^Taro^^^", "Ideographic": "山田^太郎"}]},
            "00080061": {"Value": ["SR", "CT", "CT"]}, "00201208": {"vr": "IS", "Value": [28]}, "00080050": {"vr": "SH"}, "00100020": {"Value": [null]},
        });
        let study = study_row(&row).unwrap();
        assert_eq!(study.patient_name.reveal(), "Yamada^Taro=山田^太郎");
        assert_eq!((study.modalities.as_slice(), study.images), (&["CT".to_owned(), "SR".to_owned()][..], Some(28)));
        assert!(study.accession.reveal().is_empty() && study.patient_id.reveal().is_empty());
        assert!(study_row(&serde_json::json!({"0020000D": {"Value": ["../../x"]}})).is_none());
        assert!(study_row(&serde_json::json!(7)).is_none());
    }
}
