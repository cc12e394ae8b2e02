//! `provenance/prov.json`: W3C PROV-JSON that links every consensus label to its findings, reads, readers (pseudonyms),
//! times, tools, image hashes, ontology and software versions.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use serde_json::{Value, json};

use super::ReleaseError;
use super::plan::Plan;
use super::release_input::{LabelDecision, LabelSource};
use crate::domain::FindingId;

/// One section such as `entity`: records by id, written as they come.
struct Section<'w> {
    out: &'w mut dyn Write,
    empty: bool,
    count: u64,
}

impl<'w> Section<'w> {
    fn open(out: &'w mut dyn Write, name: &str) -> Result<Self, ReleaseError> {
        write!(out, ",\n\"{name}\":{{")?;
        Ok(Self { out, empty: true, count: 0 })
    }

    fn put(&mut self, id: &str, record: &Value) -> Result<(), ReleaseError> {
        write!(self.out, "{}\n{}:{record}", if self.empty { "" } else { "," }, Value::from(id))?;
        self.empty = false;
        Ok(())
    }

    /// Relations have no name of their own; PROV-JSON writes them as blank nodes.
    fn relate(&mut self, prefix: &str, record: &Value) -> Result<(), ReleaseError> {
        self.count += 1;
        let id = format!("_:{prefix}{}", self.count);
        self.put(&id, record)
    }

    fn close(self) -> Result<(), ReleaseError> {
        write!(self.out, "}}")?;
        Ok(())
    }
}

fn id(kind: &str, name: &dyn std::fmt::Display) -> String {
    format!("shoken:{kind}/{name}")
}

fn software_id(text: &str) -> String {
    let plain: String =
        text.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '-' }).collect();
    id("software", &plain)
}

fn kind(name: &str) -> Value {
    json!({"$": name, "type": "prov:QUALIFIED_NAME"})
}

/// Every source finding once, by id.
fn findings<'a>(plan: &'a Plan<'_>) -> BTreeMap<&'a FindingId, &'a LabelSource> {
    plan.labels.iter().flat_map(|l| &l.sources).map(|s| (&s.finding, s)).collect()
}

pub(super) fn write(plan: &Plan<'_>, out: &mut dyn Write) -> Result<(), ReleaseError> {
    write!(out, "{{\"prefix\":{}", json!({"shoken": "urn:shoken:", "xsd": "http://www.w3.org/2001/XMLSchema#"}))?;
    entities(plan, out)?;
    activities_and_agents(plan, out)?;
    relations(plan, out)?;
    writeln!(out, "}}")?;
    Ok(())
}

fn entities(plan: &Plan<'_>, out: &mut dyn Write) -> Result<(), ReleaseError> {
    let input = plan.input;
    let mut section = Section::open(out, "entity")?;
    section.put(
        &id("dataset", &input.version),
        &json!({"prov:type": kind("prov:Collection"), "shoken:name": input.name, "shoken:version": input.version,
                "shoken:project": input.project.to_string()}),
    )?;
    for image in &plan.images {
        section.put(
            &id("image", &image.id),
            &json!({"shoken:sha256": image.sha256.to_string(), "shoken:case": image.case.as_str(), "shoken:field": image.field}),
        )?;
    }
    let mut packs: Vec<_> = input.packs.iter().collect();
    packs.sort_by(|a, b| a.pack.cmp(&b.pack));
    for pack in packs {
        let name = format!("{}-{}", pack.pack.pack, pack.pack.version);
        section.put(
            &id("pack", &name),
            &json!({"shoken:sha256": pack.sha256.to_string(), "shoken:version": pack.pack.version}),
        )?;
    }
    if let Some(guideline) = &input.guideline {
        section.put(&id("guideline", guideline), &json!({"shoken:sha256": guideline.to_string()}))?;
    }
    for (finding, source) in findings(plan) {
        let mut record = json!({
            "shoken:tool": source.tool, "shoken:origin": source.origin, "shoken:seen": source.seen,
            "shoken:transaction": source.transaction.to_string(),
        });
        if let (Some(model), Some(map)) = (&source.model, record.as_object_mut()) {
            map.insert("shoken:model".to_owned(), Value::from(model.as_str()));
        }
        section.put(&id("finding", finding), &record)?;
    }
    for label in &plan.labels {
        let terms: Vec<String> = label.terms.iter().map(|t| format!("{}-{}#{}", t.pack, t.version, t.id)).collect();
        let geometry: Vec<String> = label.rois.iter().map(|r| r.geometry.to_string()).collect();
        let how = match &label.decision {
            LabelDecision::SingleRead { .. } => "single-read",
            LabelDecision::Agreed { .. } => "agreed",
            LabelDecision::Adjudicated { take, .. } => take.word(),
        };
        section.put(
            &id("label", &label.id),
            &json!({"shoken:term": terms, "shoken:geometry": geometry, "shoken:case": label.case.as_str(), "shoken:decision": how}),
        )?;
    }
    section.close()
}

fn activities_and_agents(plan: &Plan<'_>, out: &mut dyn Write) -> Result<(), ReleaseError> {
    let input = plan.input;
    let (mut reads, mut adjudications) = (BTreeMap::new(), BTreeMap::new());
    for case in &input.cases {
        reads.extend(case.reads.iter().map(|r| (r.stream, (r, &case.case))));
        adjudications.extend(case.adjudication.iter().map(|a| (a.stream, (a, &case.case))));
    }
    let mut section = Section::open(out, "activity")?;
    for (stream, (judged, case)) in &adjudications {
        section.put(
            &id("adjudication", stream),
            &json!({"prov:endTime": judged.closed, "prov:type": "adjudication", "shoken:case": case.as_str(), "shoken:head": judged.hash.to_string()}),
        )?;
    }
    for (stream, (read, case)) in &reads {
        section.put(
            &id("read", stream),
            &json!({"prov:endTime": read.submitted, "prov:type": "read", "shoken:case": case.as_str(),
                    "shoken:verdict": read.verdict.word(), "shoken:head": read.hash.to_string()}),
        )?;
    }
    section.put(&id("release", &input.version), &json!({"prov:type": "release"}))?;
    section.close()?;

    let mut readers: Vec<_> = input.readers.iter().collect();
    readers.sort_by(|a, b| a.id.cmp(&b.id));
    let mut section = Section::open(out, "agent")?;
    for reader in readers {
        let mut roles: Vec<&str> = reader.roles.iter().map(|r| r.word()).collect();
        roles.sort_unstable();
        section.put(&id("reader", &reader.id), &json!({"prov:type": kind("prov:Person"), "shoken:role": roles}))?;
    }
    for software in all_software(plan) {
        section
            .put(&software_id(&software), &json!({"prov:type": kind("prov:SoftwareAgent"), "prov:label": software}))?;
    }
    section.close()
}

fn all_software(plan: &Plan<'_>) -> BTreeSet<String> {
    let mut all: BTreeSet<String> = plan.input.software.iter().map(|s| format!("{} {}", s.name, s.version)).collect();
    for case in &plan.input.cases {
        all.extend(case.reads.iter().map(|r| r.software.clone()));
        all.extend(case.adjudication.iter().map(|a| a.software.clone()));
    }
    all
}

fn relations(plan: &Plan<'_>, out: &mut dyn Write) -> Result<(), ReleaseError> {
    let input = plan.input;
    let release = id("release", &input.version);
    let dataset = id("dataset", &input.version);
    let mut cases: Vec<_> = input.cases.iter().collect();
    cases.sort_by(|a, b| a.case.cmp(&b.case));
    let found = findings(plan);

    let mut used = Section::open(out, "used")?;
    for case in &cases {
        for read in &case.reads {
            let read = id("read", &read.stream);
            for image in &case.images {
                used.relate("u", &json!({"prov:activity": read, "prov:entity": id("image", image)}))?;
            }
            for pack in &input.packs {
                let name = format!("{}-{}", pack.pack.pack, pack.pack.version);
                used.relate("u", &json!({"prov:activity": read, "prov:entity": id("pack", &name)}))?;
            }
            if let Some(guideline) = &input.guideline {
                used.relate("u", &json!({"prov:activity": read, "prov:entity": id("guideline", guideline)}))?;
            }
        }
    }
    for label in &plan.labels {
        used.relate("u", &json!({"prov:activity": release, "prov:entity": id("label", &label.id)}))?;
    }
    used.close()?;

    let mut made = Section::open(out, "wasGeneratedBy")?;
    for (finding, source) in &found {
        made.relate("g", &json!({"prov:entity": id("finding", finding), "prov:activity": id("read", &source.read), "prov:time": source.time}))?;
    }
    for label in &plan.labels {
        let (activity, time) = match &label.decision {
            LabelDecision::SingleRead { read } => (id("read", read), None),
            LabelDecision::Agreed { adjudication, time, .. }
            | LabelDecision::Adjudicated { adjudication, time, .. } => (id("adjudication", adjudication), Some(time)),
        };
        let mut record = json!({"prov:entity": id("label", &label.id), "prov:activity": activity});
        if let (Some(time), Some(map)) = (time, record.as_object_mut()) {
            map.insert("prov:time".to_owned(), Value::from(time.as_str()));
        }
        made.relate("g", &record)?;
    }
    made.relate("g", &json!({"prov:entity": dataset, "prov:activity": release}))?;
    made.close()?;

    let mut derived = Section::open(out, "wasDerivedFrom")?;
    for label in &plan.labels {
        let own = id("label", &label.id);
        for source in &label.sources {
            derived.relate(
                "d",
                &json!({"prov:generatedEntity": own, "prov:usedEntity": id("finding", &source.finding)}),
            )?;
        }
        let images: BTreeSet<_> = label.rois.iter().map(|r| &r.image).collect();
        for image in images {
            derived.relate("d", &json!({"prov:generatedEntity": own, "prov:usedEntity": id("image", image)}))?;
        }
    }
    derived.close()?;

    let mut attributed = Section::open(out, "wasAttributedTo")?;
    for (finding, source) in &found {
        attributed
            .relate("t", &json!({"prov:entity": id("finding", finding), "prov:agent": id("reader", &source.reader)}))?;
    }
    attributed.close()?;

    let mut associated = Section::open(out, "wasAssociatedWith")?;
    for case in &cases {
        for read in &case.reads {
            let activity = id("read", &read.stream);
            associated.relate("a", &json!({"prov:activity": activity, "prov:agent": id("reader", &read.reader)}))?;
            associated.relate("a", &json!({"prov:activity": activity, "prov:agent": software_id(&read.software)}))?;
        }
        if let Some(judged) = &case.adjudication {
            let activity = id("adjudication", &judged.stream);
            associated
                .relate("a", &json!({"prov:activity": activity, "prov:agent": id("reader", &judged.adjudicator)}))?;
            associated.relate("a", &json!({"prov:activity": activity, "prov:agent": software_id(&judged.software)}))?;
        }
    }
    for software in &input.software {
        let agent = software_id(&format!("{} {}", software.name, software.version));
        associated.relate("a", &json!({"prov:activity": release, "prov:agent": agent}))?;
    }
    associated.close()?;

    let mut members = Section::open(out, "hadMember")?;
    for label in &plan.labels {
        members.relate("m", &json!({"prov:collection": dataset, "prov:entity": id("label", &label.id)}))?;
    }
    members.close()
}
