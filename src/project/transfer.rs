//! `journal export | apply` and `identity export | import`: moving signed work and erasable identity between machines.

use std::io::{BufRead, Write};

use serde::{Deserialize, Serialize};

use super::{Project, ProjectError, admit};
use crate::domain::{Digest, SubjectId};
use crate::journal::{NewValue, Signed, State, value_digest};
use crate::store::IdentityLine;

/// What `journal export` writes.
#[derive(Clone, Copy, Debug, Default)]
pub struct ExportOptions {
    /// Also the erasable values (geometry, comments). Without them the export holds no text that a person typed.
    pub values: bool,
}

/// What `journal apply` did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApplyReport {
    pub read: usize,
    pub new_transactions: usize,
    pub new_values: usize,
    /// Lines that were refused, with the reason; nothing of them was applied.
    pub refused: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ValueLine {
    digest: Digest,
    subject: SubjectId,
    salt: String,
    value: String,
}

/// A longer line is refused before it is parsed.
const MAX_LINE_BYTES: u64 = 192 << 20;

impl Project {
    /// Writes every transaction as a JSON line, in a fixed order, without holding the log in memory.
    ///
    /// # Errors
    /// Store and write errors.
    pub fn export_journal(&self, out: &mut dyn Write, options: ExportOptions) -> Result<usize, ProjectError> {
        self.store.at_one_moment(|| self.export_now(out, options))
    }

    fn export_now(&self, out: &mut dyn Write, options: ExportOptions) -> Result<usize, ProjectError> {
        let write = |e: std::io::Error| ProjectError::Input {
            file: "journal export".to_owned(),
            reason: e.to_string(),
            hint: "Free some space or choose another place.".to_owned(),
        };
        // First the order, at 48 bytes a transaction, then each as it is written.
        let mut order = Vec::new();
        self.store.each_row(|row, _| order.push((row.lamport, row.hash, row.id)))?;
        order.sort_unstable();
        let mut written = 0;
        for (_, _, row) in order {
            if let Some(signed) = self.store.row(row)? {
                writeln!(out, "{}", signed.to_line()).map_err(write)?;
                written += 1;
            }
        }
        if options.values {
            self.store.each_value(|v| {
                let line = ValueLine {
                    digest: v.digest,
                    subject: v.subject,
                    salt: data_encoding::HEXLOWER.encode(&v.salt),
                    value: data_encoding::BASE64.encode(&v.value),
                };
                writeln!(out, "{}", serde_json::to_string(&line).unwrap_or_default()).map_err(write)
            })?;
        }
        out.flush().map_err(write)?;
        Ok(written)
    }

    /// Adds transactions and values from JSON lines: each is checked on its own, those that do not hold are refused and
    /// listed, the rest is added in one step. Applying twice changes nothing.
    ///
    /// # Errors
    /// Read and store errors; then nothing was added.
    pub fn apply_journal(&mut self, input: &mut dyn BufRead) -> Result<ApplyReport, ProjectError> {
        let mut report = ApplyReport::default();
        let (mut transactions, mut values) = (Vec::new(), Vec::new());
        let mut number = 0usize;
        loop {
            let mut line = Vec::new();
            match std::io::Read::take(&mut *input, MAX_LINE_BYTES).read_until(b'\n', &mut line) {
                Ok(0) => break,
                Ok(_) => number += 1,
                Err(e) => {
                    report.refused.push(format!("line {}: {e}", number + 1));
                    break;
                }
            }
            let read = std::str::from_utf8(&line).map_err(|e| e.to_string()).map(str::trim_end);
            if read == Ok("") {
                continue;
            }
            report.read += 1;
            match read.and_then(read_line) {
                Ok(Line::Transaction(signed)) => transactions.push(*signed),
                Ok(Line::Value(value)) => values.push(value),
                Err(reason) => report.refused.push(format!("line {number}: {reason}")),
            }
        }
        let here = self.store.signed_rows()?;
        let transactions = admit::transactions(&here, self.state.project, transactions, &mut report.refused);
        let all: Vec<&Signed> = here.iter().chain(&transactions).collect();
        let together = State::from_transactions(all.iter().copied().cloned());
        let values = admit::values(&together, &all, values, &mut report.refused);
        if transactions.is_empty() && values.is_empty() {
            return Ok(report);
        }
        let before = self.store.count_values()?;
        report.new_transactions = self.store.merge(&mut self.state, &transactions, &values)?;
        report.new_values = self.store.count_values()?.saturating_sub(before);
        self.revision += 1;
        self.note_tombstones();
        if report.new_transactions > 0 {
            self.mark_unwitnessed();
        }
        Ok(report)
    }

    /// Writes the erasable identity rows as JSON lines: names, paths and UIDs. Handle the file accordingly.
    ///
    /// # Errors
    /// Store and write errors.
    pub fn export_identity(&self, out: &mut dyn Write) -> Result<usize, ProjectError> {
        let lines = self.identity_lines()?;
        for line in &lines {
            let text = serde_json::to_string(line).unwrap_or_default();
            writeln!(out, "{text}")
                .map_err(|source| super::StoreError::Io { path: "identity export".into(), source })?;
        }
        Ok(lines.len())
    }

    /// Reads identity rows; rows of erased subjects are passed over.
    ///
    /// # Errors
    /// A line that is none, store errors; then nothing was written.
    pub fn import_identity(&mut self, input: &mut dyn BufRead) -> Result<usize, ProjectError> {
        let mut rows = Vec::new();
        for (number, line) in (1..).zip(input.lines()) {
            let bad = |reason: String| ProjectError::Input {
                file: format!("identity import, line {number}"),
                reason,
                hint: "Nothing was changed; export the rows again.".to_owned(),
            };
            let line = line.map_err(|e| bad(e.to_string()))?;
            let row: IdentityLine = serde_json::from_str(&line).map_err(|e| bad(e.to_string()))?;
            rows.push(row);
        }
        self.store.put_identity(&mut self.state, &rows)?;
        self.revision += 1;
        Ok(rows.len())
    }
}

enum Line {
    Transaction(Box<Signed>),
    Value(NewValue),
}

fn read_line(text: &str) -> Result<Line, String> {
    if let Ok(value) = serde_json::from_str::<ValueLine>(text) {
        let salt =
            data_encoding::HEXLOWER.decode(value.salt.as_bytes()).ok().and_then(|s| <[u8; 32]>::try_from(s).ok());
        let bytes = data_encoding::BASE64.decode(value.value.as_bytes()).ok();
        let (Some(salt), Some(bytes)) = (salt, bytes) else {
            return Err("the value is not written as it should be".to_owned());
        };
        if value_digest(&salt, &bytes) != value.digest {
            return Err("the value does not fit its digest".to_owned());
        }
        return Ok(Line::Value(NewValue { digest: value.digest, subject: value.subject, salt, value: bytes }));
    }
    Signed::from_line(text).map(|s| Line::Transaction(Box::new(s))).map_err(|e| e.to_string())
}
