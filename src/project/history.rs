//! What happened, as lines that a front end turns into words.

use std::collections::{BTreeMap, BTreeSet};

use super::{Project, ProjectError};
use crate::domain::{CaseId, Digest, ReaderId, Role};
use crate::journal::{AdjudicationEvent, Cause, Event, FindingEvent, ReadEvent, Recorded, Signed, StreamKind};

/// One transaction of the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryLine {
    pub hash: Digest,
    pub time: String,
    pub lamport: u64,
    pub actor: ReaderId,
    pub cause: Cause,
    /// Code of the act, for example `finding.add`; the locales have a word for each.
    pub label: String,
    /// It said something of whole images (their light), or took that back; its code is that of a finding.
    pub about_images: bool,
    /// The act that an undo took back or a redo did again: its code and time.
    pub of: Option<(String, String)>,
    /// Taken back by a later undo, and not done again since.
    pub taken_back: bool,
    /// Kinds of the events in it, with how many there are of each; those that this version does not know have no words.
    pub events: Vec<(String, usize)>,
    /// The reason typed for an amendment or a decision, for those who may read it; absent when it was erased.
    pub reason: Option<String>,
    pub case: Option<CaseId>,
}

impl Project {
    /// History in Lamport order, newest last. A plain reader gets the streams of their own reads only: even the existence
    /// of another read must not show.
    ///
    /// # Errors
    /// Store errors.
    pub fn history(&self, case: Option<&CaseId>) -> Result<Vec<HistoryLine>, ProjectError> {
        let roles = self.roles();
        let office = roles.contains(&Role::Coordinator) || roles.contains(&Role::Auditor);
        let personal = self.kind() == crate::domain::ProjectKind::Personal;
        let may_see = |kind: StreamKind, reader: &ReaderId| match kind {
            StreamKind::Read => Some(reader) == self.actor() || (office && !personal),
            StreamKind::Adjudication => office || roles.contains(&Role::Adjudicator),
            StreamKind::Access => office && case.is_none(),
            _ => case.is_none(),
        };
        let mut out = Vec::new();
        for stream in self.state.streams.values() {
            let subject = stream.open.subject.case.clone();
            let about = case.is_none_or(|c| subject.as_ref() == Some(c));
            if !about || !(may_see(stream.open.kind, &stream.open.reader) || personal && case.is_none()) {
                continue;
            }
            // The office sees that a read goes on, not what is in it, until it is sealed.
            let own = Some(&stream.open.reader) == self.actor();
            let reasons = own || personal || stream.open.kind == StreamKind::Adjudication;
            let fold = if own { self.state.read_fold(&stream.id) } else { None };
            // Where the act lies that the last transaction belongs to.
            let mut act: Option<(Digest, usize)> = None;
            for row in self.store.rows_of(&stream.id)? {
                let Some(signature) = <[u8; 64]>::try_from(row.signature).ok() else { continue };
                let Ok(signed) = Signed::from_own_log(row.text, signature) else { continue };
                let reason = if reasons { self.reason_in(&signed) } else { None };
                let mut line = line(&signed, subject.clone(), reason);
                line.about_images = fold.is_some_and(|f| f.is_about_images(&finding_events(&signed)));
                match (&line.cause, act) {
                    (Cause::Part { of }, Some((begun, at))) if *of == begun => {
                        if let Some(begun) = out.get_mut(at) {
                            count_in(begun, line.events);
                        }
                    }
                    _ => {
                        act = Some((line.hash, out.len()));
                        out.push(line);
                    }
                }
            }
        }
        out.sort_by_key(|a| (a.lamport, a.hash));
        mark_undone(&mut out);
        Ok(out)
    }

    /// The reason that a transaction carries, while it is not erased.
    fn reason_in(&self, signed: &Signed) -> Option<String> {
        let digest = signed.body().recorded().find_map(|r| match r {
            Recorded::Known(
                Event::Read(ReadEvent::Amended { reason })
                | Event::Adjudication(AdjudicationEvent::Resolved { reason, .. }),
            ) => Some(reason),
            _ => None,
        })?;
        let value = self.store.value(&digest).ok().flatten()?;
        String::from_utf8(value.value).ok()
    }
}

fn finding_events(signed: &Signed) -> Vec<FindingEvent> {
    let known = signed.body().recorded().filter_map(|r| match r {
        Recorded::Known(Event::Finding(event)) => Some(event),
        _ => None,
    });
    known.collect()
}

fn line(signed: &Signed, case: Option<CaseId>, reason: Option<String>) -> HistoryLine {
    let body = signed.body();
    let mut events: Vec<(String, usize)> = Vec::new();
    for event in &body.events {
        let kind = event.get("kind").and_then(serde_json::Value::as_str).unwrap_or_default();
        match events.iter_mut().find(|(k, _)| k == kind) {
            Some((_, n)) => *n += 1,
            None => events.push((kind.to_owned(), 1)),
        }
    }
    HistoryLine {
        hash: *signed.hash(),
        time: body.time.clone(),
        lamport: body.lamport,
        actor: body.actor.clone(),
        cause: body.cause.clone(),
        label: body.label.clone(),
        about_images: false,
        of: None,
        taken_back: false,
        events,
        reason,
        case,
    }
}

/// One act is one line, in however many transactions it was written.
fn count_in(line: &mut HistoryLine, more: Vec<(String, usize)>) {
    for (kind, count) in more {
        match line.events.iter_mut().find(|(k, _)| *k == kind) {
            Some((_, n)) => *n += count,
            None => line.events.push((kind, count)),
        }
    }
}

/// Says of every undo and redo what it was about, and of every act whether it still stands.
fn mark_undone(lines: &mut [HistoryLine]) {
    let known: BTreeMap<Digest, (String, String)> =
        lines.iter().map(|l| (l.hash, (l.label.clone(), l.time.clone()))).collect();
    // A redo names the undo that it takes back; the act behind both is what the first undo named.
    let mut acts: BTreeMap<Digest, Digest> = BTreeMap::new();
    let mut gone: BTreeSet<Digest> = BTreeSet::new();
    for line in lines.iter_mut() {
        let (Cause::Undo { of } | Cause::Redo { of }) = &line.cause else { continue };
        let act = acts.get(of).copied().unwrap_or(*of);
        acts.insert(line.hash, act);
        line.of = known.get(&act).cloned();
        if matches!(line.cause, Cause::Undo { .. }) {
            gone.insert(act);
        } else {
            gone.remove(&act);
        }
    }
    for line in lines {
        line.taken_back = gone.contains(&line.hash);
    }
}
