//! Folding a project of many transactions: from signed text to state, and the audit of every hash and signature.

use std::collections::BTreeMap;
use std::time::Instant;

use super::line::Line;
use crate::domain::{CaseId, Digest, Field, ImageId, Origin, ProjectKind, ReaderId, Roi, RoiSpace, Shape, SubjectId};
use crate::journal::{
    CampaignCommand, CatalogCommand, Cause, Command, Env, FindingCommand, FindingDraft, FindingOrigin, FormatError,
    NewImage, ReadCommand, Signed, State, decide,
};
use crate::keys::{Found, SigningKey, audit};

/// Gestures of one read, before the next case is opened: a busy case.
const GESTURES_PER_READ: u32 = 500;

struct Writer {
    state: State,
    reader: ReaderId,
    key: SigningKey,
    noise: u64,
    signed: Vec<Signed>,
}

impl Writer {
    fn run(&mut self, command: &Command) -> anyhow::Result<()> {
        let mut noise = self.noise;
        let mut random = |buffer: &mut [u8]| {
            for byte in buffer {
                noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                *byte = noise.to_be_bytes()[0];
            }
        };
        let mut env = Env { actor: &self.reader, key: self.key.public(), continuable: &|_| true, random: &mut random };
        let decision = decide(&self.state, command, &mut env)?;
        let time = "2026-11-20T08:00:00.000Z".to_owned();
        let body = self.state.compose(&mut env, &decision, &Cause::Gesture, time, "shoken bench")?;
        let signed = Signed::seal(body, |m| Ok::<_, FormatError>(self.key.sign(m)))?;
        self.state.apply(&signed)?;
        self.noise = noise;
        self.signed.push(signed);
        Ok(())
    }
}

fn draft(image: &ImageId, i: u32) -> FindingDraft {
    let ring = (0..24_u32).map(|k| [f64::from((i + k * 3) % 60), f64::from((i + k * k) % 60) + 0.5]).collect();
    FindingDraft {
        rois: vec![(image.clone(), Roi { frame: 0, space: RoiSpace::Image, shape: Shape::Line(ring) })],
        terms: Vec::new(),
        certainty: None,
        attributes: BTreeMap::new(),
        origin: FindingOrigin { origin: Origin::Manual, tool: "line".to_owned(), seen: true, model: None },
        comment: None,
    }
}

/// Makes `n` transactions, then measures reading their text, folding them, and auditing them.
pub fn run(n: u32) -> anyhow::Result<()> {
    let mut writer = Writer {
        state: State::default(),
        reader: ReaderId::new("owner")?,
        key: SigningKey::from_seed(&[7; 32]),
        noise: 1,
        signed: Vec::new(),
    };
    let before = Instant::now();
    writer.run(&Command::Campaign(CampaignCommand::Found { kind: ProjectKind::Personal }))?;
    let mut gestures = 0;
    let mut place = None;
    while writer.signed.len() < n as usize {
        if gestures % GESTURES_PER_READ == 0 {
            let id = u128::from(gestures).to_be_bytes();
            let (case, image) = (CaseId::from_random(id), ImageId::from_random(id));
            let new = NewImage {
                image: image.clone(),
                case: case.clone(),
                subject: SubjectId::from_random(id),
                field: Field::Other,
                frames: 1,
                width: 64,
                height: 64,
                spacing: None,
                fingerprint: Digest::of(b"bench", &id),
            };
            writer.run(&Command::Catalog(CatalogCommand::Add { images: vec![new] }))?;
            writer.run(&Command::Read(ReadCommand::Open { case: case.clone() }))?;
            place = Some((case, image));
        }
        let Some((case, image)) = &place else { continue };
        let add = FindingCommand::Add { case: case.clone(), findings: vec![draft(image, gestures)] };
        writer.run(&Command::Finding(add))?;
        gestures += 1;
    }
    let made_s = before.elapsed().as_secs_f64();
    let rows: Vec<(String, [u8; 64])> = writer.signed.iter().map(|s| (s.text().to_owned(), *s.signature())).collect();
    let bytes: usize = rows.iter().map(|(text, _)| text.len()).sum();

    let before = Instant::now();
    let parsed = rows.iter().map(|(t, s)| Signed::parse(t.clone(), *s)).collect::<Result<Vec<_>, _>>()?;
    let parse_s = before.elapsed().as_secs_f64();
    let before = Instant::now();
    let state = State::from_transactions(parsed);
    let fold_s = before.elapsed().as_secs_f64();
    anyhow::ensure!(state == writer.state, "the fold of the whole set differs from the fold one by one");
    let before = Instant::now();
    let report = audit(rows.into_iter().map(|(text, s)| Found { text, signature: s.to_vec(), ..Found::default() }));
    let audit_s = before.elapsed().as_secs_f64();
    anyhow::ensure!(report.problems.is_empty(), "the audit found {:?}", report.problems.first());
    let count = f64::from(u32::try_from(writer.signed.len()).unwrap_or(u32::MAX));
    Line::new("fold")
        .text("n", &writer.signed.len())
        .text("streams", &state.streams.len())
        .text("bytes", &bytes)
        .number("make_s", made_s)
        .number("parse_s", parse_s)
        .number("fold_s", fold_s)
        .number("open_tx_s", count / (parse_s + fold_s))
        .number("audit_s", audit_s)
        .print();
    Ok(())
}
