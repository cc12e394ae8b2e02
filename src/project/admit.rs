//! What `journal apply` lets in. A line in the log stays there for ever, so that everything is asked before: the signature,
//! the chain, the enrolment of the key, whose a value is. A fork is let in: it is evidence, and `verify` raises the alarm.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{Digest, StreamId};
use crate::journal::{NewValue, Open, Signed, State, may_go_on};
use crate::keys::{value_owners, verify_signed};

/// Where a transaction stands in its chain, by its hash.
struct Place {
    stream: StreamId,
    seq: u64,
    lamport: u64,
}

impl Place {
    fn of(signed: &Signed) -> (Digest, Self) {
        let place = Self { stream: signed.stream(), seq: signed.body().seq, lamport: signed.body().lamport };
        (*signed.hash(), place)
    }
}

/// Transactions that hold on top of those `here`, in an order in which each follows the one before it. Those that are here
/// already are passed over; the rest is listed in `refused` with the reason.
pub(super) fn transactions(
    here: &[Signed],
    project: Option<Digest>,
    new: Vec<Signed>,
    refused: &mut Vec<String>,
) -> Vec<Signed> {
    let mut new = new;
    new.sort_by(|a, b| (a.body().seq, a.hash()).cmp(&(b.body().seq, b.hash())));
    new.dedup_by(|a, b| a.hash() == b.hash());
    let mut places: BTreeMap<Digest, Place> = here.iter().map(Place::of).collect();
    let opening = |s: &Signed| s.body().open.as_ref().map(|o| (*s.hash(), o.clone()));
    let mut openings: BTreeMap<StreamId, Open> = here.iter().filter_map(opening).collect();
    let mut refuse = |signed: &Signed, reason: &str| {
        let short = signed.hash().to_string().get(..12).unwrap_or_default().to_owned();
        refused.push(format!("transaction {short}: {reason}"));
    };
    let mut held = Vec::new();
    for signed in new {
        if places.contains_key(signed.hash()) {
            continue;
        }
        match holds(&signed, project, &openings, &places) {
            Ok(()) => {
                openings.extend(opening(&signed));
                places.extend([Place::of(&signed)]);
                held.push(signed);
            }
            Err(reason) => refuse(&signed, reason),
        }
    }
    // Who may write what is a matter of the registers here and among what comes, taken together.
    let together = State::from_transactions(here.iter().chain(&held).cloned());
    let begun: BTreeSet<StreamId> = held.iter().filter(|s| s.body().seq == 0).map(Signed::stream).collect();
    held.retain(|signed| {
        let stream = signed.stream();
        let stranger =
            begun.contains(&stream) && !together.streams.get(&stream).is_some_and(|s| together.is_authorised(s));
        if stranger {
            refuse(signed, "its key is not enrolled for it; if the register came later, apply that first");
        }
        !stranger
    });
    held
}

fn holds(
    signed: &Signed,
    project: Option<Digest>,
    openings: &BTreeMap<StreamId, Open>,
    places: &BTreeMap<Digest, Place>,
) -> Result<(), &'static str> {
    let body = signed.body();
    let open = body.open.as_ref().or_else(|| openings.get(&signed.stream()));
    let Some(open) = open else { return Err("the transaction that opens its stream is neither here nor in the input") };
    if verify_signed(signed, &open.key).is_err() {
        return Err("the signature does not hold");
    }
    let of_this = open.project.map_or_else(|| Some(signed.stream()) == project, |p| Some(p) == project);
    if project.is_some() && !of_this {
        return Err("it belongs to another project");
    }
    if body.actor != open.reader {
        return Err("its actor is not the one whose stream it is");
    }
    match body.prev.as_ref().map(|prev| places.get(prev)) {
        None => {}
        Some(None) => return Err("the one before it is neither here nor in the input"),
        Some(Some(before)) => {
            if before.stream != signed.stream() || before.seq + 1 != body.seq {
                return Err("it does not follow the one that it names");
            }
            if before.lamport >= body.lamport {
                return Err("its Lamport number does not grow");
            }
        }
    }
    let older = body.open.as_ref().and_then(|o| o.continues.as_ref()).and_then(|head| openings.get(&head.stream));
    if older.is_some_and(|older| !may_go_on(open, older)) {
        return Err("it goes on from another reader's stream, or one about another thing");
    }
    Ok(())
}

/// Values that a transaction names, each under the subject it is to be erased with.
pub(super) fn values(state: &State, all: &[&Signed], new: Vec<NewValue>, refused: &mut Vec<String>) -> Vec<NewValue> {
    let owners = value_owners(state, all.iter().copied());
    let mut refuse = |value: &NewValue, reason: &str| {
        let short = value.digest.to_string().get(..12).unwrap_or_default().to_owned();
        refused.push(format!("value {short}: {reason}"));
        None
    };
    let admitted = new.into_iter().filter_map(|value| match owners.get(&value.digest) {
        None => refuse(&value, "no transaction names it"),
        Some((_, Some(owner))) if *owner != value.subject => refuse(&value, "it is filed under another subject"),
        Some(_) => Some(value),
    });
    admitted.collect()
}
