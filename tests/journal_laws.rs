//! Laws of the journal, on random seeded command sequences. `SHOKEN_PROOF=1` runs more of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use shoken::domain::{
    AdjudicationTake, CaseId, Certainty, Digest, Field, FindingId, ImageId, Ontology, Origin, Roi, RoiSpace, Shape,
    TermRef, UserText, Verdict,
};
use shoken::journal::{
    AccessKind, AdjudicationCommand, Command, FindingCommand, FindingDraft, FindingOrigin, FoldSource, Place,
    PrivacyCommand, ReadCommand, Signed, State, StreamKind,
};
use shoken::project::embedded_packs;

use crate::support::world::{World, reader};

fn cases() -> u32 {
    let count = if std::env::var_os("SHOKEN_PROOF").is_some() { 2_000 } else { 48 };
    println!("{count} random sequences");
    count
}

/// One random act, by small numbers that stand for choices.
#[derive(Clone, Debug)]
struct Act {
    who: u8,
    what: u8,
    case: u8,
    pick: u8,
    x: i16,
}

fn act() -> impl Strategy<Value = Act> {
    (0..4u8, 0..14u8, 0..3u8, any::<u8>(), -50..500i16).prop_map(|(who, what, case, pick, x)| Act {
        who,
        what,
        case,
        pick,
        x,
    })
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    prop::collection::vec(act(), 1..40)
}

struct Bench {
    world: World,
    cases: Vec<(CaseId, ImageId)>,
    pack: Ontology,
}

fn bench() -> Bench {
    let packs: Vec<(Ontology, Digest)> =
        embedded_packs().unwrap().into_iter().map(|p| (p.ontology.clone(), p.digest())).collect();
    let pack = packs[0].0.clone();
    let mut world = World::study(&packs);
    let cases = (1..=3).map(|n| world.image(n, Field::Pathology, 1, 1000, 1000)).collect();
    Bench { world, cases, pack }
}

fn square(x: f64) -> Roi {
    let ring = vec![[x, 10.0], [x + 40.0, 10.0], [x + 40.0, 60.0], [x, 60.0]];
    Roi { frame: 0, space: RoiSpace::Image, shape: Shape::from_ring(ring) }
}

/// Sometimes a bow-tie, a line of no area or a number that is none: random input must be refused, never crash.
fn shape(act: &Act) -> Roi {
    let x = f64::from(act.x);
    match act.pick % 11 {
        0 => Roi { shape: Shape::from_ring(vec![[x, 0.0], [x + 10.0, 10.0], [x + 10.0, 0.0], [x, 10.0]]), ..square(x) },
        1 => Roi { shape: Shape::from_ring(vec![[x, 0.0], [x, 0.0]]), ..square(x) },
        2 => Roi { shape: Shape::Point([f64::NAN, 1.0]), ..square(x) },
        3 => Roi { frame: 9, ..square(x) },
        _ => square(x),
    }
}

impl Bench {
    fn term(&self, pick: u8) -> TermRef {
        let terms: Vec<_> = self.pack.terms.iter().collect();
        self.pack.term_ref(&terms[pick as usize % terms.len()].id).unwrap()
    }

    fn finding(&self, who: &str, case: &CaseId, pick: u8) -> FindingId {
        let fold =
            self.world.state.current_read(&reader(who), case).and_then(|r| self.world.state.read_fold(&r.stream));
        let ids: Vec<_> = fold.map(|f| f.findings.keys().cloned().collect()).unwrap_or_default();
        ids.get(pick as usize % ids.len().max(1)).cloned().unwrap_or_else(|| FindingId::new("f-none").unwrap())
    }

    fn command(&self, who: &str, act: &Act) -> Command {
        let (case, image) = self.cases[act.case as usize].clone();
        let finding = || self.finding(who, &case, act.pick);
        match act.what {
            0 => Command::Read(ReadCommand::Open { case }),
            1..=4 => Command::Finding(FindingCommand::Add {
                case,
                findings: vec![FindingDraft {
                    rois: vec![(image, shape(act))],
                    terms: if act.pick % 5 == 0 { Vec::new() } else { vec![self.term(act.pick)] },
                    certainty: None,
                    attributes: BTreeMap::new(),
                    origin: FindingOrigin {
                        origin: Origin::Manual,
                        tool: "polygon".to_owned(),
                        seen: true,
                        model: None,
                    },
                    comment: (act.pick % 3 == 0).then(|| UserText::new("seen by Dr Yamada")),
                }],
            }),
            5 => Command::Finding(FindingCommand::Delete { findings: vec![finding()], case }),
            6 => {
                Command::Finding(FindingCommand::Reshape { finding: finding(), rois: vec![(image, shape(act))], case })
            }
            7 => Command::Finding(FindingCommand::Relabel {
                findings: vec![finding()],
                terms: vec![self.term(act.pick)],
                case,
            }),
            8 => Command::Finding(FindingCommand::Grade {
                finding: finding(),
                certainty: Some(Certainty::Probable),
                case,
            }),
            9 => Command::Read(ReadCommand::Undo { case }),
            10 => Command::Read(ReadCommand::Redo { case }),
            11 => Command::Read(ReadCommand::Submit {
                case,
                verdict: if act.pick % 2 == 0 { Verdict::Findings } else { Verdict::NoFinding },
            }),
            12 if act.pick % 2 == 0 => Command::Read(ReadCommand::Amend { case, reason: UserText::new("second look") }),
            12 => Command::Adjudication(AdjudicationCommand::Open { case }),
            _ if act.pick % 2 == 0 => Command::Privacy(PrivacyCommand::Note {
                kind: AccessKind::Viewed,
                case: Some(case),
                image: Some(image),
            }),
            _ => Command::Adjudication(AdjudicationCommand::Resolve {
                members: vec![(Digest::of(b"", b"x"), finding())],
                case,
                discrepancy: "d-1".to_owned(),
                take: AdjudicationTake::Neither,
                result: Vec::new(),
                reason: UserText::new("unclear"),
            }),
        }
    }

    fn play(&mut self, acts: &[Act]) -> usize {
        let mut done = 0;
        for act in acts {
            let who = ["R1", "R2", "J", "C"][act.who as usize];
            let command = self.command(who, act);
            done += usize::from(self.world.try_run(who, &command).is_ok());
        }
        done
    }

    /// What a reader sees of a case: live findings without the record of who touched them when.
    fn visible(&self, who: &str, case: &CaseId) -> Vec<(FindingId, String)> {
        let fold =
            self.world.state.current_read(&reader(who), case).and_then(|r| self.world.state.read_fold(&r.stream));
        fold.map(|f| f.live().map(|x| (x.id.clone(), format!("{:?}", x.body))).collect()).unwrap_or_default()
    }
}

fn shuffled(mut txs: Vec<Signed>, seed: u64) -> Vec<Signed> {
    txs.sort_by_key(|t| Digest::of(&seed.to_le_bytes(), t.hash().as_bytes()));
    txs
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    /// Random sequences never panic; the incremental state is the fold of the set, in whatever order it comes.
    #[test]
    fn law_state_is_the_fold_of_the_set(acts in acts(), seed in any::<u64>()) {
        let mut b = bench();
        b.play(&acts);
        let folded = State::from_transactions(shuffled(b.world.signed.clone(), seed));
        prop_assert_eq!(&folded, &b.world.state);
        let doubled = b.world.signed.iter().chain(&b.world.signed).cloned();
        prop_assert_eq!(&State::from_transactions(doubled), &b.world.state);
    }

    /// Every prefix of the log is a valid state: folding it equals having stopped there.
    #[test]
    fn law_every_prefix_is_a_state(acts in acts(), cut in any::<prop::sample::Index>()) {
        let mut b = bench();
        b.play(&acts);
        let n = cut.index(b.world.signed.len() + 1);
        let prefix = &b.world.signed[..n];
        let mut stepwise = State::default();
        for signed in prefix {
            stepwise.apply(signed).unwrap();
        }
        prop_assert_eq!(State::from_transactions(prefix.iter().cloned()), stepwise);
    }

    /// do -> undo is identity, and undo -> redo is identity, for what the reader sees.
    #[test]
    fn law_undo_and_redo(acts in acts(), last in act()) {
        let mut b = bench();
        b.play(&acts);
        let case = b.cases[last.case as usize].0.clone();
        for who in ["R1", "R2"] {
            b.world.try_run(who, &Command::Read(ReadCommand::Open { case: case.clone() })).ok();
            let before = b.visible(who, &case);
            let what = Act { what: 1 + last.what % 8, ..last.clone() };
            let command = b.command(who, &what);
            if b.world.try_run(who, &command).is_err() {
                continue;
            }
            let after = b.visible(who, &case);
            prop_assert_ne!(&before, &after);
            b.world.run(who, Command::Read(ReadCommand::Undo { case: case.clone() }));
            prop_assert_eq!(&b.visible(who, &case), &before);
            b.world.run(who, Command::Read(ReadCommand::Redo { case: case.clone() }));
            prop_assert_eq!(&b.visible(who, &case), &after);
        }
    }

    /// Undoing everything empties the read; redoing everything brings all of it back.
    #[test]
    fn law_undo_is_unlimited(acts in acts()) {
        let mut b = bench();
        let case = b.cases[0].0.clone();
        b.world.run("R1", Command::Read(ReadCommand::Open { case: case.clone() }));
        for act in &acts {
            let command = b.command("R1", &Act { case: 0, what: 1 + act.what % 8, ..act.clone() });
            b.world.try_run("R1", &command).ok();
        }
        let full = b.visible("R1", &case);
        let mut undone = 0;
        while b.world.try_run("R1", &Command::Read(ReadCommand::Undo { case: case.clone() })).is_ok() {
            undone += 1;
        }
        prop_assert!(b.visible("R1", &case).is_empty());
        for _ in 0..undone {
            b.world.run("R1", Command::Read(ReadCommand::Redo { case: case.clone() }));
        }
        prop_assert_eq!(b.visible("R1", &case), full);
    }

    /// Merging is set union: commutative, associative, idempotent.
    #[test]
    fn law_merging_is_set_union(base in acts(), a in acts(), c in acts(), seed in any::<u64>()) {
        let mut trunk = bench();
        trunk.play(&base);
        let shared = trunk.world.signed.clone();
        // Two machines go on apart: R1's work on one, R2's and the office's on the other.
        let branch = |acts: &[Act], who: &[u8]| {
            let mut b = bench();
            b.play(&base);
            let mine: Vec<Act> = acts.iter().map(|x| Act { who: who[x.who as usize % who.len()], ..x.clone() }).collect();
            b.play(&mine);
            b.world.signed
        };
        let (left, right) = (branch(&a, &[0]), branch(&c, &[1, 2, 3]));
        let union = |parts: &[&Vec<Signed>], seed: u64| {
            State::from_transactions(shuffled(parts.iter().flat_map(|p| p.iter().cloned()).collect(), seed))
        };
        let one = union(&[&left, &right], seed);
        prop_assert_eq!(&union(&[&right, &left], seed ^ 1), &one);
        prop_assert_eq!(&union(&[&left, &right, &left, &shared], seed ^ 2), &one);
        prop_assert!(!one.streams.values().any(|s| s.forked));
    }
}

/// JSON of the kinds that version 1 allows: ASCII text with control characters, whole numbers up to 2^53.
fn plain_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        (0..=1_u64 << 53).prop_map(Into::into),
        "[ -~\\x00-\\x1f\\x7f]{0,12}".prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
            prop::collection::btree_map("[ -~\\x00-\\x1f]{0,8}", inner, 0..6)
                .prop_map(|m| serde_json::Value::Object(m.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases() * 4, failure_persistence: None, ..ProptestConfig::default() })]

    /// What is signed is RFC 8785, by the word of a general canonicaliser, and reads back as itself.
    #[test]
    fn law_signed_text_is_rfc_8785(events in prop::collection::vec(plain_json(), 0..4)) {
        let mut b = bench();
        let (case, _) = b.cases[0].clone();
        b.world.run("R1", Command::Read(ReadCommand::Open { case }));
        let mut body = b.world.signed.last().unwrap().body().clone();
        body.events = events;
        let text = body.canonical().unwrap();
        prop_assert_eq!(&text, &serde_jcs::to_string(&body).unwrap());
        let signed = Signed::parse(text.clone(), [0; 64]).unwrap();
        prop_assert_eq!(signed.text(), &text);
        // Another spelling of the same meaning is refused.
        prop_assert!(Signed::parse(text.replacen(':', ": ", 1), [0; 64]).is_err());
    }
}

/// A forged stream of somebody without a role changes nothing that anybody sees.
#[test]
fn law_only_the_register_gives_rights() {
    let mut b = bench();
    let (case, image) = b.cases[0].clone();
    let outsider = shoken::keys::SigningKey::from_seed(&[99; 32]);
    b.world.keys.insert(reader("X"), outsider);
    let draw = Command::Finding(FindingCommand::Add {
        case: case.clone(),
        findings: vec![FindingDraft {
            rois: vec![(image, square(10.0))],
            terms: vec![b.term(1)],
            certainty: None,
            attributes: BTreeMap::new(),
            origin: FindingOrigin { origin: Origin::Manual, tool: "polygon".to_owned(), seen: true, model: None },
            comment: None,
        }],
    });
    assert!(b.world.try_run("X", &draw).is_err());
    assert!(b.world.try_run("X", &Command::Read(ReadCommand::Open { case: case.clone() })).is_err());
    assert!(b.world.try_run("J", &Command::Read(ReadCommand::Open { case })).is_err(), "an adjudicator is no reader");
}

/// A place in memory for packed folds, which can be damaged.
#[derive(Default)]
struct Shelf {
    bytes: Vec<u8>,
    gave_up: std::sync::atomic::AtomicBool,
}

impl FoldSource for Shelf {
    fn read(&self, place: &Place) -> Option<Vec<u8>> {
        let range = usize::try_from(place.at).ok()?..usize::try_from(place.at + place.length).ok()?;
        let bytes = self.bytes.get(range).filter(|b| Digest::of(b"", b) == place.sha256);
        if bytes.is_none() {
            self.give_up();
        }
        bytes.map(<[u8]>::to_vec)
    }

    fn give_up(&self) {
        self.gave_up.store(true, std::sync::atomic::Ordering::Relaxed);
    }

    fn has_given_up(&self) -> bool {
        self.gave_up.load(std::sync::atomic::Ordering::Relaxed)
    }
}

/// Header and folds.
fn packed(state: &State) -> (Vec<u8>, Vec<u8>) {
    let mut bytes = Vec::new();
    let keep = |fold: &[u8]| {
        let place = Place { at: bytes.len() as u64, length: fold.len() as u64, sha256: Digest::of(b"", fold) };
        bytes.extend_from_slice(fold);
        Ok::<_, std::convert::Infallible>(place)
    };
    let header = state.pack(keep).unwrap();
    (header, bytes)
}

fn shelf(bytes: &[u8]) -> Arc<dyn FoldSource> {
    Arc::new(Shelf { bytes: bytes.to_vec(), ..Shelf::default() })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    /// A state that was packed at any moment and goes on from there is the state that never was.
    #[test]
    fn law_a_packed_state_is_the_state(acts in acts(), cut in any::<prop::sample::Index>()) {
        let mut b = bench();
        b.play(&acts);
        let at = cut.index(b.world.signed.len() + 1);
        let early = State::from_transactions(b.world.signed[..at].iter().cloned());
        let (header, bytes) = packed(&early);
        let mut state = State::unpack(&header, &shelf(&bytes)).unwrap();
        // Packed again without having been looked at, nothing differs.
        prop_assert_eq!(packed(&state), (header, bytes));
        for (id, stream) in &early.streams {
            let summary = matches!(stream.open.kind, StreamKind::Read).then(|| state.read_summary(id).unwrap());
            prop_assert_eq!(summary, early.read_summary(id));
        }
        prop_assert!(state.apply_all(&b.world.signed[at..]).1);
        prop_assert_eq!(&state, &b.world.state);
        prop_assert!(state.is_readable());
        prop_assert_eq!(state.cases().collect::<Vec<_>>(), b.world.state.cases().collect::<Vec<_>>());
        // What has changed since is packed as it is now.
        let (header, bytes) = packed(&state);
        prop_assert_eq!(&State::unpack(&header, &shelf(&bytes)).unwrap(), &b.world.state);
    }

    /// Whatever bytes stand where a packed state should be: no panic, and a fold that is not the one that was kept is never
    /// taken for it.
    #[test]
    fn law_a_damaged_pack_is_noticed(acts in acts(), at in any::<prop::sample::Index>(), bit in 0..8_u8, cut in any::<bool>()) {
        let mut b = bench();
        b.play(&acts);
        let (header, bytes) = packed(&b.world.state);
        let damage = |whole: &[u8]| {
            let (mut other, at) = (whole.to_vec(), at.index(whole.len().max(1)));
            if cut { other.truncate(at) } else if let Some(byte) = other.get_mut(at) { *byte ^= 1 << bit }
            other
        };
        if let Some(state) = State::unpack(&damage(&header), &shelf(&bytes)) {
            let _ = state == b.world.state;
        }
        if !bytes.is_empty() {
            let state = State::unpack(&header, &shelf(&damage(&bytes))).unwrap();
            prop_assert!(state != b.world.state && !state.is_readable());
        }
    }
}

/// Kept folds count for the version of the program that wrote them alone. Whoever changes what a fold holds, or how it comes
/// about, finds another digest here, and raises the number in `WRITTEN_BY` of `src/store/folds.rs` with it.
#[test]
fn law_the_form_of_packed_folds_is_known() {
    let mut b = bench();
    let act = |n: u8| Act { who: n % 3, what: n % 14, case: n % 3, pick: n.wrapping_mul(7), x: i16::from(n) };
    b.play(&(0..120).map(act).collect::<Vec<_>>());
    let (_, bytes) = packed(&b.world.state);
    assert!(bytes.len() > 1_000, "{} bytes say little", bytes.len());
    assert_eq!(Digest::of(b"", &bytes).to_string().get(..16), Some("9bbc07f3cb012d38"));
}
