//! Percentiles and the one line a measurement prints.

use std::fmt::Write as _;
use std::io::Write as _;

/// Percentile by linear interpolation, as the peers' `_pb.py` does; `NaN` of nothing.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an index into a sample of a few thousand"
)]
pub fn percentile(samples: &[f64], p: f64) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = (sorted.len().saturating_sub(1)) as f64 * p / 100.0;
    let low = at as usize;
    match (sorted.get(low), sorted.get((low + 1).min(sorted.len().saturating_sub(1)))) {
        (Some(a), Some(b)) => a + (b - a) * (at - low as f64),
        _ => f64::NAN,
    }
}

/// A line under construction.
pub struct Line(String);

impl Line {
    pub fn new(op: &str) -> Self {
        Self(format!("peer=shoken op={op} ver={}", env!("CARGO_PKG_VERSION")))
    }

    pub fn text(mut self, key: &str, value: &dyn std::fmt::Display) -> Self {
        let _ = write!(self.0, " {key}={value}");
        self
    }

    /// Four significant digits below 10,000, whole numbers above.
    pub fn number(mut self, key: &str, value: f64) -> Self {
        let digits = match value.abs() {
            v if v >= 1e4 || v == 0.0 || !v.is_finite() => 0,
            v if v >= 1e3 => 0,
            v if v >= 1e2 => 1,
            v if v >= 1e1 => 2,
            v if v >= 1.0 => 3,
            v if v >= 1e-1 => 4,
            v if v >= 1e-2 => 5,
            _ => 6,
        };
        let _ = write!(self.0, " {key}={value:.digits$}");
        self
    }

    /// Prints it, with the load of the machine: a figure from a busy machine should say so.
    pub fn print(self) {
        let load = std::fs::read_to_string("/proc/loadavg").ok();
        let load = load.as_deref().and_then(|l| l.split(' ').next()).unwrap_or("unknown");
        let build = if cfg!(debug_assertions) { " build=debug" } else { "" };
        // Whoever closes the pipe has seen enough.
        let _ = writeln!(std::io::stdout(), "{}{build} load1={load}", self.0);
    }
}
