//! Term packs: the three inside the program are fit for use, a broken one is refused for its own reason, and a term is
//! found however it is spelt.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};
use shoken::domain::{Ontology, TermSearch, check_ontology};
use shoken::project::{VocabularyError, embedded_packs, load_pack, parse_pack};

/// Okabe and Ito's palette without black, which no outline can have on a dark ground, and with a grey instead.
const PALETTE: [&str; 8] = ["#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7", "#999999"];

fn packs() -> Vec<Ontology> {
    embedded_packs().unwrap().into_iter().map(|p| p.ontology).collect()
}

fn ids(query: &str) -> Vec<String> {
    let packs = packs();
    let search = TermSearch::new(&packs);
    search.find(query, 10).iter().map(|h| h.term.id.clone()).collect()
}

fn best(query: &str) -> String {
    let found = ids(query);
    found.first().unwrap_or_else(|| panic!("nothing found for {query:?}")).clone()
}

#[test]
fn the_embedded_packs_are_fit_for_use() {
    let packs = packs();
    assert_eq!(
        packs.iter().map(|p| p.id.as_str()).collect::<Vec<_>>(),
        ["shoken-chest-ct", "shoken-gi-endoscopy", "shoken-pathology"]
    );
    let mut seen = BTreeSet::new();
    for pack in &packs {
        let problems = check_ontology(pack);
        assert!(problems.is_empty(), "{}: {problems:#?}", pack.id);
        assert!((30..=45).contains(&pack.terms.len()), "{} has {} terms", pack.id, pack.terms.len());
        for term in &pack.terms {
            assert!(seen.insert(term.id.clone()), "{} is used by two packs", term.id);
            assert!(PALETTE.contains(&term.color.as_str()), "{} has the colour {}", term.id, term.color);
            assert!(term.scheme.is_some() && term.reading.is_some(), "{} has no scheme or reading", term.id);
            let same_group = pack.terms.iter().filter(|t| t.group == term.group);
            assert!(same_group.into_iter().all(|t| t.color == term.color), "{} differs from its group", term.id);
        }
    }
}

#[test]
fn packs_lie_beside_their_sources() {
    for folder in ["pathology", "gi-endoscopy", "chest-ct"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("ontologies").join(folder);
        let pack = load_pack(folder).unwrap();
        assert_eq!(std::fs::read(path.join("pack.json")).unwrap(), pack.bytes);
        let source = std::fs::read_to_string(path.join("SOURCE.md")).unwrap();
        assert!(source.contains(&format!("{} {}", pack.ontology.id, pack.ontology.version)), "{folder}");
        for scheme in &pack.ontology.schemes {
            assert!(source.contains(&scheme.id), "{folder}: SOURCE.md says nothing of {}", scheme.id);
        }
        let again = serde_json::to_vec(&pack.ontology).unwrap();
        assert_eq!(parse_pack("again", again).unwrap().ontology, pack.ontology);
    }
}

/// SNOMED CT codes may be passed on only where DICOM uses them; the table lies beside the checkout, not in it.
#[test]
fn codes_stand_in_the_dicom_context_groups() {
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/standards/dicom_context_groups.tsv");
    let Ok(table) = std::fs::read_to_string(&table) else {
        println!("skipped: no {}", table.display());
        return;
    };
    let known: BTreeSet<(&str, &str)> = table
        .lines()
        .filter_map(|l| l.split('\t').skip(2).take(2).collect::<Vec<_>>().try_into().ok())
        .map(|[s, c]: [&str; 2]| (s, c))
        .collect();
    assert!(known.len() > 1000);
    let mut checked = 0;
    for pack in packs() {
        for (term, code) in pack.terms.iter().flat_map(|t| t.codes.iter().map(move |c| (t, c))) {
            if ["SCT", "DCM"].contains(&code.system.as_str()) {
                checked += 1;
                assert!(known.contains(&(code.system.as_str(), code.code.as_str())), "{} {code:?}", term.id);
            }
        }
    }
    assert!(checked > 30, "only {checked} codes were looked up");
}

#[test]
fn all_spellings_of_a_type_find_it() {
    for written in [
        "0-Ⅱ型",
        "0-II型",
        "O-Ⅱ型",
        "O-II型",
        "0-2型",
        "O-2型",
        "０－Ⅱ型",
        "０－ＩＩ型",
        "Ｏ－Ⅱ型",
        "Ｏ－ＩＩ型",
        "０－２型",
        "Ｏ－２型",
        "０-Ⅱ型",
        "0－Ⅱ型",
        "Ｏ-II型",
        "O－II型",
        "0-Ⅱ",
        "0-ii",
    ] {
        assert_eq!(best(written), "E0005", "{written}");
    }
    for (written, id) in [
        ("0-Ⅱc", "E0008"),
        ("Ｏ－２ｃ型", "E0008"),
        ("0-IIa+IIc", "E0009"),
        ("4型", "E0014"),
        ("jnet2b", "E0018"),
        ("JNET ⅡA", "E0017"),
    ] {
        assert_eq!(best(written), id, "{written}");
    }
}

#[test]
fn words_are_found_in_either_language_in_kana_and_with_a_typo() {
    for (written, expected) in [
        ("ﾎﾟﾘｰﾌﾟ", "E0020"),
        ("ぽりーぷ", "E0020"),
        ("polyp", "E0020"),
        ("poripu", "E0020"),
        ("po-ripu", "E0020"),
        ("biran", "E0023"),
        ("びらん", "E0023"),
        ("GGO", "R0007"),
        ("すりガラス影", "R0007"),
        ("スリガラス影", "R0007"),
        ("ground glass opacity", "R0007"),
        ("consoldation", "R0008"),
        ("honeycom", "R0012"),
        ("印環", "P0022"),
        ("いんかん", "P0022"),
        ("tub1", "P0018"),
        ("P0030", "P0030"),
        ("27925004", "R0001"),
        ("mitosis", "P0030"),
    ] {
        let found = ids(written);
        assert_eq!(found.first().map(String::as_str), Some(expected), "{written}: {found:?}");
    }
    assert!(ids("zzzzqqq").is_empty());
    assert!(ids("かいよう").len() >= 2, "ulcers of both fields");
}

/// Groups I to V of before 2010 are another scheme than 1 to 5; the old name must not lead to the new one.
#[test]
fn an_old_group_is_not_taken_for_a_new_one() {
    assert_eq!(best("Group 2"), "P0033");
    assert_eq!(best("グループ２"), "P0033");
    assert!(!ids("Group II").contains(&"P0033".to_owned()), "{:?}", ids("Group II"));
}

fn small_pack() -> Value {
    let term = |id: &str, ja: &str, en: &str| json!({"id": id, "label": {"ja": ja, "en": en}, "geometry": ["polygon"], "color": "#0072B2", "status": "active"});
    json!({
        "format": "shoken-ontology", "format_version": 1, "id": "test-pack", "version": "1.0.0", "field": "other",
        "name": {"ja": "試験", "en": "Test"}, "licence": "CC0-1.0",
        "terms": [term("T0001", "潰瘍", "Ulcer"), term("T0002", "びらん", "Erosion")],
    })
}

#[test]
fn every_fault_of_a_pack_is_named_at_its_place() {
    let sound: Ontology = serde_json::from_value(small_pack()).unwrap();
    assert_eq!(check_ontology(&sound), []);
    let faults: [(&str, Value, &str, &str); 21] = [
        ("/format", json!("other"), "format", "shoken-ontology"),
        ("/format_version", json!(2), "format_version", "version 1"),
        ("/id", json!("Test Pack"), "id", "lower-case"),
        ("/version", json!("1.0"), "version", "three numbers"),
        ("/version", json!("1.02.0"), "version", "three numbers"),
        ("/licence", json!(" "), "licence", "licence"),
        ("/name", json!({"en": "Test"}), "name", "(ja) is missing"),
        ("/terms/1/id", json!("T0001"), "T0001", "used twice"),
        ("/terms/1/id", json!("ulcer-1"), "ulcer-1", "capital letters"),
        ("/terms/1/label", json!({"ja": "びらん"}), "T0002", "label (en) is missing"),
        ("/terms/1/label/en", json!(" Erosion"), "T0002", "space"),
        ("/terms/1/label/ja", json!("ひ\u{3099}らん"), "T0002", "NFC"),
        ("/terms/1/label/en", json!("ULCER"), "T0002", "already means T0001"),
        ("/terms/1/synonyms", json!({"en": ["ulcer"]}), "T0002", "already means T0001"),
        ("/terms/1/color", json!("#12345"), "T0002", "#RRGGBB"),
        ("/terms/1/geometry", json!([]), "T0002", "drawn as"),
        ("/terms/1/parent", json!("T0009"), "T0002", "no term \"T0009\""),
        ("/terms/1/parent", json!("T0002"), "T0002", "circle"),
        ("/terms/1/codes", json!([{"system": "SCT", "code": "27925005"}]), "T0002", "well-formed"),
        ("/terms/1/codes", json!([{"system": "ICD-O-3", "code": "8140/3"}]), "T0002", "none of SCT"),
        ("/terms/1/reading", json!("ビラン"), "T0002", "hiragana"),
    ];
    for (pointer, value, place, reason) in faults {
        let mut pack = small_pack();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        if let Some(spot) = pack.pointer_mut(pointer) {
            *spot = value.clone();
        } else {
            pack.pointer_mut(parent).unwrap()[key] = value.clone();
        }
        let pack: Ontology = serde_json::from_value(pack).unwrap();
        let problems = check_ontology(&pack);
        assert_eq!(problems.len(), 1, "{pointer} = {value}: {problems:#?}");
        assert_eq!(problems[0].place, place, "{pointer} = {value}");
        assert!(problems[0].reason.contains(reason), "{pointer} = {value}: {}", problems[0].reason);
    }
}

#[test]
fn parents_may_not_run_in_a_circle() {
    let mut pack = small_pack();
    pack["terms"][0]["parent"] = json!("T0002");
    pack["terms"][1]["parent"] = json!("T0001");
    let pack: Ontology = serde_json::from_value(pack).unwrap();
    let problems = check_ontology(&pack);
    assert!(problems.iter().all(|p| p.reason.contains("circle")) && problems.len() == 2, "{problems:?}");
}

/// Terms each of which is the child of the next: following every chain to its end would take minutes.
#[test]
fn a_hostile_pack_is_refused_before_it_costs_minutes() {
    let chain = |terms: usize| {
        let mut pack = small_pack();
        let one = pack["terms"][0].clone();
        let made = (0..terms).map(|n| {
            let mut term = one.clone();
            term["id"] = json!(format!("T{n:06}"));
            term["label"] = json!({"ja": format!("語{n}"), "en": format!("word {n}")});
            term["parent"] = json!(format!("T{:06}", n + 1));
            term
        });
        pack["terms"] = Value::Array(made.collect());
        check_ontology(&serde_json::from_value(pack).unwrap())
    };
    let problems = chain(60_000);
    assert!(problems.len() == 1 && problems[0].reason.contains("split"), "{} problems", problems.len());
    assert!(chain(2_000).iter().filter(|p| p.reason.contains("levels deep")).count() > 1_900);
}

#[test]
fn a_pack_that_cannot_be_used_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pack.json");
    let name = path.to_str().unwrap();
    assert!(matches!(load_pack(name), Err(VocabularyError::Unknown { .. })));
    std::fs::write(&path, b"\xff\xfe not JSON").unwrap();
    assert!(matches!(load_pack(name), Err(VocabularyError::Malformed { .. })));
    let mut pack = small_pack();
    pack["terms"][0]["color"] = json!("red");
    std::fs::write(&path, pack.to_string()).unwrap();
    let message = load_pack(name).unwrap_err().to_string();
    assert!(message.contains("T0001") && message.contains("one problem"), "{message}");
    std::fs::write(&path, small_pack().to_string()).unwrap();
    assert_eq!(load_pack(folder.path().to_str().unwrap()).unwrap().ontology.id, "test-pack");
}

fn shoken(arguments: &[&str]) -> std::process::Output {
    let home = tempfile::tempdir().unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_shoken"));
    command.args(arguments).env("SHOKEN_HOME", home.path()).output().unwrap()
}

#[test]
fn the_command_line_searches_best_first() {
    let output = shoken(&["ontology", "search", "O－Ⅱｃ型", "--json"]);
    assert!(output.status.success(), "{output:?}");
    let hits: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(hits[0]["id"], "E0008");
    assert_eq!(hits[0]["label"]["ja"], "0-IIc 表面陥凹型");
    let only_chest = shoken(&["ontology", "search", "潰瘍", "--pack", "chest-ct", "--json"]);
    assert_eq!(serde_json::from_slice::<Vec<Value>>(&only_chest.stdout).unwrap(), Vec::<Value>::new());
    assert!(only_chest.status.success());
}

#[test]
fn the_command_line_validates_and_says_no_with_one() {
    let sound = shoken(&["ontology", "validate", "--json"]);
    let reports: Vec<Value> = serde_json::from_slice(&sound.stdout).unwrap();
    assert!(sound.status.success() && reports.len() == 3, "{reports:?}");

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.json");
    let mut pack = small_pack();
    pack["terms"][0]["color"] = json!("red");
    std::fs::write(&path, pack.to_string()).unwrap();
    let unfit = shoken(&["ontology", "validate", path.to_str().unwrap()]);
    assert_eq!(unfit.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&unfit.stdout).contains("T0001: the colour \"red\""), "{unfit:?}");
    let absent = shoken(&["ontology", "validate", "no-such-pack"]);
    assert_eq!(absent.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&absent.stderr).contains("there is no term pack"), "{absent:?}");
}
