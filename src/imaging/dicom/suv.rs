//! Standardised uptake values of PET: the vendor-neutral algorithm of the QIBA FDG-PET/CT profile (SUV calculation, 2012),
//! with every reason to refuse said.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};

use super::dataset::{Dataset, Tag};
use crate::imaging::{ImageWarning, OtherUnit};

const UNITS: Tag = 0x0054_1001;
const DECAY_CORRECTION: Tag = 0x0054_1102;
const CORRECTED: Tag = 0x0028_0051;
const WEIGHT: Tag = 0x0010_1030;
const HEIGHT: Tag = 0x0010_1020;
const SEX: Tag = 0x0010_0040;
const RADIOPHARMACEUTICAL: Tag = 0x0054_0016;
const DOSE: Tag = 0x0018_1074;
const HALF_LIFE: Tag = 0x0018_1075;
const START_TIME: Tag = 0x0018_1072;
const START_DATE_TIME: Tag = 0x0018_1078;
const SERIES_DATE: Tag = 0x0008_0021;
const SERIES_TIME: Tag = 0x0008_0031;
const ACQUISITION_DATE: Tag = 0x0008_0022;
const ACQUISITION_TIME: Tag = 0x0008_0032;
const FRAME_REFERENCE: Tag = 0x0054_1300;
const FRAME_DURATION: Tag = 0x0018_1242;
const GE_SCAN_START: Tag = 0x0009_100D;
const PHILIPS_SUV_FACTOR: Tag = 0x7053_1000;
const PHILIPS_ACTIVITY_FACTOR: Tag = 0x7053_1009;

/// The units that values of this slice can be read in, or why there are none.
pub fn units(data: &Dataset<'_>) -> Result<Vec<OtherUnit>, ImageWarning> {
    let no = |code| ImageWarning { code, detail: String::new() };
    let units = data.text(UNITS);
    match units.as_str() {
        "GML" => return Ok(vec![OtherUnit { name: "SUVbw g/ml", factor: 1.0 }]),
        "BQML" | "CNTS" => {}
        _ => return Err(no("suv-unit-unknown")),
    }
    let corrected = data.text(CORRECTED);
    let corrections: Vec<&str> = corrected.split('\\').map(str::trim).collect();
    let philips = data.number(PHILIPS_SUV_FACTOR).filter(|factor| *factor > 0.0);
    if units == "CNTS"
        && let Some(factor) = philips
    {
        return Ok(with_bodies(data, factor, data.number(WEIGHT).filter(|kg| *kg > 0.0)));
    }
    if !corrections.contains(&"ATTN") {
        return Err(no("suv-not-attenuation-corrected"));
    }
    if !corrections.contains(&"DECY") {
        return Err(no("suv-not-decay-corrected"));
    }
    let weight = data.number(WEIGHT).filter(|kg| *kg > 0.0).ok_or_else(|| no("suv-no-weight"))?;
    let dose = decayed_dose(data).map_err(no)?;
    let activity = match units.as_str() {
        "BQML" => 1.0,
        _ => data.number(PHILIPS_ACTIVITY_FACTOR).filter(|f| *f > 0.0).ok_or_else(|| no("suv-unit-unknown"))?,
    };
    Ok(with_bodies(data, activity * weight * 1000.0 / dose, Some(weight)))
}

/// The injected dose in Bq at the time that the image's values are decay-corrected to.
fn decayed_dose(data: &Dataset<'_>) -> Result<f64, &'static str> {
    let drug = data.item(RADIOPHARMACEUTICAL).ok_or("suv-no-dose")?;
    let dose = drug.number(DOSE).filter(|bq| *bq > 0.0).ok_or("suv-no-dose")?;
    match data.text(DECAY_CORRECTION).as_str() {
        "ADMIN" => return Ok(dose),
        "START" => {}
        _ => return Err("suv-not-decay-corrected"),
    }
    let half_life = drug.number(HALF_LIFE).filter(|s| *s > 0.0).ok_or("suv-no-half-life")?;
    let scan = scan_start(data, half_life).ok_or("suv-no-times")?;
    let injected = date_time(&drug.text(START_DATE_TIME))
        .or_else(|| {
            // Only a time of day: on the day of the scan, or on the day before when that would be later than the scan.
            let at = scan.date().and_time(time(&drug.text(START_TIME))?);
            if at <= scan { Some(at) } else { at.checked_sub_signed(TimeDelta::days(1)) }
        })
        .ok_or("suv-no-times")?;
    let seconds = (scan - injected).as_seconds_f64();
    // A dose after the scan, or a day of decay of what is gone in hours: the times cannot be right.
    if !(0.0..=86_400.0).contains(&seconds) {
        return Err("suv-times-wrong");
    }
    Ok(dose * (-seconds / half_life).exp2())
}

/// When the scan began. Post-processing gives a series a new date; then the manufacturer's own element or the frame's
/// reference time tells.
fn scan_start(data: &Dataset<'_>, half_life: f64) -> Option<NaiveDateTime> {
    let at = |date, time_tag| Some(date_of(&data.text(date))?.and_time(time(&data.text(time_tag))?));
    let series = at(SERIES_DATE, SERIES_TIME);
    let acquired = at(ACQUISITION_DATE, ACQUISITION_TIME);
    match (series, acquired) {
        (Some(series), Some(acquired)) if series <= acquired => return Some(series),
        (Some(series), None) => return Some(series),
        _ => {}
    }
    if let Some(start) = date_time(&data.text(GE_SCAN_START)) {
        return Some(start);
    }
    let reference = data.number(FRAME_REFERENCE)? / 1000.0;
    let duration = data.number(FRAME_DURATION).filter(|ms| *ms > 0.0)? / 1000.0;
    let constant = std::f64::consts::LN_2 / half_life;
    let decay = constant * duration;
    let average = (decay / (1.0 - (-decay).exp())).ln() / constant;
    #[allow(clippy::cast_possible_truncation, reason = "milliseconds of an examination")]
    let back = TimeDelta::milliseconds(((average - reference) * 1000.0).round() as i64);
    acquired?.checked_add_signed(back)
}

/// SUV by body weight, and by lean mass and surface where height and sex are known.
fn with_bodies(data: &Dataset<'_>, by_weight: f64, weight: Option<f64>) -> Vec<OtherUnit> {
    let mut out = vec![OtherUnit { name: "SUVbw g/ml", factor: by_weight }];
    let metres = data.number(HEIGHT).filter(|m| (0.3..=2.6).contains(m));
    let (Some(kg), Some(m)) = (weight, metres) else { return out };
    let index = kg / (m * m);
    // Lean body mass by Janmahasatian et al., Clin Pharmacokinet 2005;44:1051.
    let lean = match data.text(SEX).as_str() {
        "M" => Some(9270.0 * kg / (6680.0 + 216.0 * index)),
        "F" => Some(9270.0 * kg / (8780.0 + 244.0 * index)),
        _ => None,
    };
    if let Some(lean) = lean {
        out.push(OtherUnit { name: "SUVlbm g/ml", factor: by_weight * lean / kg });
    }
    // Surface in square centimetres by Du Bois and Du Bois, Arch Intern Med 1916;17:863.
    let surface = kg.powf(0.425) * (m * 100.0).powf(0.725) * 71.84;
    out.push(OtherUnit { name: "SUVbsa cm2/ml", factor: by_weight * surface / (kg * 1000.0) });
    out
}

fn digits(text: &str, from: usize, to: usize) -> Option<u32> {
    text.get(from..to)?.parse().ok()
}

fn date_of(text: &str) -> Option<NaiveDate> {
    let year = i32::try_from(digits(text, 0, 4)?).ok()?;
    NaiveDate::from_ymd_opt(year, digits(text, 4, 6)?, digits(text, 6, 8)?)
}

/// `HHMMSS.FFFFFF`; minutes and seconds may be missing.
fn time(text: &str) -> Option<NaiveTime> {
    let fraction: f64 = text.get(6..).and_then(|rest| format!("0{rest}").parse().ok()).unwrap_or(0.0);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 1000")]
    let milli = (fraction.clamp(0.0, 0.999) * 1000.0).round() as u32;
    let part = |from, to| digits(text, from, to).unwrap_or(0);
    NaiveTime::from_hms_milli_opt(digits(text, 0, 2)?, part(2, 4), part(4, 6).min(59), milli.min(999))
}

/// `YYYYMMDDHHMMSS.FFFFFF`, an offset from UTC left out: all times of a series carry the same.
fn date_time(text: &str) -> Option<NaiveDateTime> {
    let local = text.split(['+', '-']).next()?.trim();
    Some(date_of(local)?.and_time(time(local.get(8..)?)?))
}
