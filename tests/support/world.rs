//! A project in memory: commands in, signed transactions out, with seeded time and randomness and no disk.

use std::collections::BTreeMap;

use shoken::domain::{
    CaseId, Digest, Field, FindingId, ImageId, Ontology, ProjectKind, ReaderId, Roi, Role, SubjectId, Verdict,
};
use shoken::journal::{
    CampaignCommand, CatalogCommand, Cause, Command, Env, FindingCommand, FindingDraft, FindingOrigin, FormatError,
    NewImage, Protocol, ReadCommand, Rejection, Signed, State, VocabularyCommand, decide,
};
use shoken::keys::SigningKey;

pub struct World {
    pub state: State,
    pub signed: Vec<Signed>,
    pub values: BTreeMap<Digest, ([u8; 32], Vec<u8>)>,
    pub keys: BTreeMap<ReaderId, SigningKey>,
    noise: u64,
    minute: u32,
}

pub fn reader(id: &str) -> ReaderId {
    ReaderId::new(id).unwrap()
}

impl World {
    /// A study with coordinator `C`, readers `R1` and `R2`, adjudicator `J`, and these packs.
    pub fn study(packs: &[(Ontology, Digest)]) -> Self {
        let mut world = Self {
            state: State::default(),
            signed: Vec::new(),
            values: BTreeMap::new(),
            keys: BTreeMap::new(),
            noise: 7,
            minute: 0,
        };
        for (index, id) in (1_u8..).zip(["C", "R1", "R2", "J"]) {
            world.keys.insert(reader(id), SigningKey::from_seed(&[index; 32]));
        }
        world.run("C", Command::Campaign(CampaignCommand::Found { kind: ProjectKind::Study }));
        world.run("C", Command::Vocabulary(VocabularyCommand::Adopt { packs: packs.to_vec() }));
        let protocol = Protocol { reads_per_case: 2, adjudicator_may_be_reader: false, ..Protocol::default() };
        world.run("C", Command::Vocabulary(VocabularyCommand::SetProtocol { protocol, guideline: None }));
        for (id, role) in [("R1", Role::Reader), ("R2", Role::Reader), ("J", Role::Adjudicator)] {
            let key = world.keys[&reader(id)].public();
            world.run(
                "C",
                Command::Campaign(CampaignCommand::Enrol {
                    reader: reader(id),
                    roles: vec![role],
                    key,
                    key_made_here: true,
                    qualifications: Vec::new(),
                }),
            );
        }
        world
    }

    pub fn try_run(&mut self, actor: &str, command: &Command) -> Result<Signed, Rejection> {
        let actor = reader(actor);
        let key = &self.keys[&actor];
        let mut noise = self.noise;
        let mut random = |buffer: &mut [u8]| {
            for byte in buffer {
                noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                *byte = (noise >> 56) as u8;
            }
        };
        let minute = self.minute + 1;
        let time = format!("2026-11-20T{:02}:{:02}:00.000Z", 8 + minute / 60, minute % 60);
        let (body, decision) = {
            let mut env = Env { actor: &actor, key: key.public(), continuable: &|_| true, random: &mut random };
            let decision = decide(&self.state, command, &mut env)?;
            (self.state.compose(&mut env, &decision, &Cause::Cli, time, "shoken 0.1.0").unwrap(), decision)
        };
        self.noise = noise;
        self.minute = minute;
        let signed = Signed::seal(body, |m| Ok::<_, FormatError>(key.sign(m))).unwrap();
        self.state.apply(&signed).unwrap();
        for value in decision.values {
            self.values.insert(value.digest, (value.salt, value.value));
        }
        self.signed.push(signed.clone());
        Ok(signed)
    }

    #[allow(clippy::needless_pass_by_value, reason = "commands are written in place")]
    pub fn run(&mut self, actor: &str, command: Command) -> Signed {
        self.try_run(actor, &command).unwrap()
    }

    /// Catalogues a hashed image as a case of its own.
    pub fn image(&mut self, number: u8, field: Field, frames: u32, width: u32, height: u32) -> (CaseId, ImageId) {
        let (case, image) = (CaseId::from_random([number; 16]), ImageId::from_random([number; 16]));
        let new = NewImage {
            image: image.clone(),
            case: case.clone(),
            subject: SubjectId::from_random([number; 16]),
            field,
            frames,
            width,
            height,
            spacing: None,
            fingerprint: Digest::of(b"print", &[number]),
        };
        self.run("C", Command::Catalog(CatalogCommand::Add { images: vec![new] }));
        let hash = Digest::of(b"", &[number]);
        self.run("C", Command::Catalog(CatalogCommand::Hashed { images: vec![(image.clone(), hash)] }));
        (case, image)
    }

    /// A whole read: open, draw, submit. Each finding is an image, a term id of `pack` and a Roi.
    pub fn read(
        &mut self,
        who: &str,
        case: &CaseId,
        pack: &Ontology,
        found: Vec<(ImageId, &str, Roi)>,
    ) -> Vec<FindingId> {
        self.run(who, Command::Read(ReadCommand::Open { case: case.clone() }));
        let verdict = if found.is_empty() { Verdict::NoFinding } else { Verdict::Findings };
        for (image, term, roi) in found {
            let draft = FindingDraft {
                rois: vec![(image, roi)],
                terms: vec![pack.term_ref(term).unwrap()],
                certainty: None,
                attributes: BTreeMap::new(),
                origin: FindingOrigin {
                    origin: shoken::domain::Origin::Manual,
                    tool: "polygon".to_owned(),
                    seen: true,
                    model: None,
                },
                comment: None,
            };
            self.run(who, Command::Finding(FindingCommand::Add { case: case.clone(), findings: vec![draft] }));
        }
        self.run(who, Command::Read(ReadCommand::Submit { case: case.clone(), verdict }));
        let read = self.state.current_read(&reader(who), case).unwrap();
        let mut ids: Vec<_> = self.state.read_fold(&read.stream).unwrap().findings.values().collect();
        ids.sort_by_key(|f| (f.changed_at.clone(), f.id.clone()));
        ids.into_iter().map(|f| f.id.clone()).collect()
    }
}
