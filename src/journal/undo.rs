//! Undo and redo: compensating transactions derived from the log, never a rewrite of it.

use super::decide::{Decided, Env, Rejection};
use super::event::{Event, FindingEvent};
use super::read::ReadPhase;
use super::state::State;
use super::transaction::Cause;
use crate::domain::CaseId;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Undo,
    Redo,
}

pub(super) fn decide(state: &State, env: &Env<'_>, case: &CaseId, direction: Direction) -> Result<Decided, Rejection> {
    let read = state.current_read(env.actor, case).ok_or_else(|| Rejection::NoOpenRead(case.to_string()))?;
    let fold = state.read_fold(&read.stream).ok_or_else(|| Rejection::NoOpenRead(case.to_string()))?;
    if fold.phase != ReadPhase::Open {
        return Err(Rejection::ReadSealed);
    }
    let stack = if direction == Direction::Undo { &fold.undo } else { &fold.redo };
    let gesture = stack.last().ok_or(Rejection::NothingToUndo)?;
    if state.case(case).is_some_and(|c| state.is_erased(&c.subject)) {
        return Err(Rejection::Erased);
    }
    let label = if direction == Direction::Undo { "undo" } else { "redo" };
    let mut out = Decided::on(read.stream, label);
    out.events = gesture.events.iter().rev().map(FindingEvent::inverse).map(Event::Finding).collect();
    out.cause = Some(match direction {
        Direction::Undo => Cause::Undo { of: gesture.tx },
        Direction::Redo => Cause::Redo { of: gesture.tx },
    });
    Ok(out)
}
