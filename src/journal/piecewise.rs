//! Folding a project stream by stream: what is folded needs its transactions no longer, so that a million of them need not
//! be in memory at once, and streams can be folded side by side.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::chain::{Chain, MAX_LINEAGE, chain_of, fold_chain};
use super::fold::Fold;
use super::kept::{FoldSource, Place};
use super::state::{State, Stream};
use super::transaction::Signed;
use crate::domain::StreamId;

/// One stream folded by itself.
pub struct Folded {
    /// `None` when its opening is missing, or when it goes on from another stream, which has to be folded with it.
    stream: Option<Stream>,
    goes_on: Option<StreamId>,
    lamport: u64,
    /// Whether every transaction of it is in the fold.
    pub whole: bool,
}

impl Folded {
    /// Folds the transactions of one stream.
    pub fn of(id: StreamId, transactions: Vec<Signed>) -> Self {
        let greatest = transactions.iter().map(|s| s.body().seq).max();
        let chain = chain_of(transactions);
        let lamport = chain.line.iter().map(|s| s.body().lamport).max().unwrap_or(0);
        let continues = chain
            .line
            .first()
            .and_then(|s| s.body().open.as_ref())
            .and_then(|o| o.continues.as_ref())
            .map(|h| h.stream);
        let forked = chain.forked;
        let stream = match continues {
            Some(_) => None,
            None => {
                let line: Vec<&Signed> = chain.line.iter().collect();
                fold_chain(id, &line, &BTreeMap::new(), 0).map(|s| Stream { forked, ..s })
            }
        };
        let reached = chain.line.last().map(|s| s.body().seq);
        Self { stream, goes_on: continues, lamport, whole: !forked && reached.is_some() && reached == greatest }
    }

    /// Moves a read's fold out of memory, to where `keep` puts its compact form; it stays where that fails.
    pub fn shelve(&mut self, source: &Arc<dyn FoldSource>, keep: impl FnOnce(&[u8]) -> Option<Place>) {
        if let Some(Stream { fold: Fold::Read(read), .. }) = &mut self.stream {
            read.shelve(source, keep);
        }
    }
}

impl State {
    /// The state of all streams of a project, each folded by itself. Those that go on from another are folded here, with
    /// what `load` gives of them and of those they go on from. Equal to [`State::from_transactions`] of the whole set.
    ///
    /// # Errors
    /// Whatever `load` fails with.
    pub fn assemble<E>(
        folded: impl IntoIterator<Item = (StreamId, Folded)>,
        load: impl FnMut(&StreamId) -> Result<Vec<Signed>, E>,
    ) -> Result<Self, E> {
        Self::assemble_on(None, folded, load)
    }

    /// As [`State::assemble`], of folds that were moved to a shelf, if they were.
    ///
    /// # Errors
    /// Whatever `load` fails with.
    pub fn assemble_on<E>(
        shelf: Option<&Arc<dyn FoldSource>>,
        folded: impl IntoIterator<Item = (StreamId, Folded)>,
        mut load: impl FnMut(&StreamId) -> Result<Vec<Signed>, E>,
    ) -> Result<Self, E> {
        let mut state = shelf.map_or_else(Self::default, Self::reading_from);
        let mut later = Vec::new();
        for (id, one) in folded {
            match (one.stream, one.goes_on) {
                (Some(stream), _) => {
                    state.lamport = state.lamport.max(one.lamport);
                    state.insert(stream);
                }
                (None, Some(_)) => later.push(id),
                (None, None) => {}
            }
        }
        for id in later {
            let mut chains: BTreeMap<StreamId, Chain> = BTreeMap::new();
            let mut next = Some(id);
            while let Some(at) = next.filter(|at| !chains.contains_key(at) && chains.len() <= MAX_LINEAGE as usize) {
                let chain = chain_of(load(&at)?);
                let open = chain.line.first().and_then(|s| s.body().open.as_ref());
                next = open.and_then(|o| o.continues.as_ref()).map(|h| h.stream);
                chains.insert(at, chain);
            }
            let Some(chain) = chains.get(&id) else { continue };
            let line: Vec<&Signed> = chain.line.iter().collect();
            let Some(stream) = fold_chain(id, &line, &chains, 0) else { continue };
            state.lamport = line.iter().map(|s| s.body().lamport).max().unwrap_or(0).max(state.lamport);
            let forked = chain.forked;
            state.insert(Stream { forked, ..stream });
        }
        state.settle();
        Ok(state)
    }
}
