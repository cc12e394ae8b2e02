//! Whose key may write what. Judged against the registers that descend from the project's founding key.

use super::campaign::RegisterFold;
use super::fold::Fold;
use super::state::State;
use super::transaction::{Open, PublicKey, StreamKind};
use crate::domain::{ReaderId, Role};

/// The role a stream of this kind needs; `None`: any enrolled reader.
pub const fn role_for(kind: StreamKind) -> Option<Role> {
    match kind {
        StreamKind::Register
        | StreamKind::Protocol
        | StreamKind::Assignments
        | StreamKind::Catalogue
        | StreamKind::Release => Some(Role::Coordinator),
        StreamKind::Read => Some(Role::Reader),
        StreamKind::Adjudication => Some(Role::Adjudicator),
        StreamKind::Access => None,
    }
}

/// Whether `register` gives this key, as this reader, the right to a stream of this kind. A revoked key keeps the right to
/// what it has written; refusing *new* transactions of it is the business of `decide`.
pub(super) fn grants(register: &RegisterFold, reader: &ReaderId, key: &PublicKey, kind: StreamKind) -> bool {
    let Some(record) = register.readers.get(reader) else { return false };
    record.keys.contains_key(key) && role_for(kind).is_none_or(|role| record.roles.contains(&role))
}

/// The union of the registers that can be trusted: the founding one, and every one whose key a trusted one made a
/// coordinator. A fixed point, so the order of streams cannot matter.
pub(super) fn trusted_register(state: &State) -> RegisterFold {
    let mut merged = RegisterFold::default();
    let Some(root) = state.project else { return merged };
    let registers: Vec<(bool, &Open, &RegisterFold)> = state
        .streams
        .iter()
        .filter_map(|(id, s)| match &s.fold {
            Fold::Register(f) => Some((*id == root, &s.open, f)),
            _ => None,
        })
        .collect();
    let mut taken = vec![false; registers.len()];
    loop {
        let mut grew = false;
        for (done, (is_root, open, fold)) in taken.iter_mut().zip(&registers) {
            if !*done && (*is_root || grants(&merged, &open.reader, &open.key, StreamKind::Register)) {
                merged.merge(fold);
                *done = true;
                grew = true;
            }
        }
        if !grew {
            return merged;
        }
    }
}
