//! The transactions of one stream as a chain, with what stands aside from it, and their fold on top of the stream that they
//! go on from.

use std::collections::{BTreeMap, BTreeSet};

use super::fold::Fold;
use super::state::{Stream, may_go_on, opened};
use super::transaction::{Head, Signed};
use crate::domain::{Digest, StreamId};

/// The transactions of one stream: the chain that counts, and what stands aside from it.
pub(super) struct Chain {
    pub(super) line: Vec<Signed>,
    pub(super) forked: bool,
    aside: Vec<Signed>,
}

impl Chain {
    /// The transactions up to a head, along whichever branch it is on.
    fn line_to(&self, head: &Head) -> Option<Vec<&Signed>> {
        let by_hash: BTreeMap<&Digest, &Signed> = self.line.iter().chain(&self.aside).map(|s| (s.hash(), s)).collect();
        let mut next = Some(&head.hash);
        let mut out = Vec::new();
        while let Some(hash) = next {
            let signed = *by_hash.get(hash)?;
            next = signed.body().prev.as_ref();
            out.push(signed);
        }
        out.reverse();
        let numbered = (0..).zip(&out).all(|(n, s)| s.body().seq == n);
        (numbered && out.last().is_some_and(|s| s.body().seq == head.seq)).then_some(out)
    }
}

/// The transactions of one stream as a chain from its opening, and whether there is a fork.
pub(super) fn chain_of(mut txs: Vec<Signed>) -> Chain {
    txs.sort_by(|a, b| (a.body().seq, a.hash()).cmp(&(b.body().seq, b.hash())));
    txs.dedup_by(|a, b| a.hash() == b.hash());
    let straight = txs
        .windows(2)
        .all(|w| matches!(w, [a, b] if b.body().seq == a.body().seq + 1 && b.body().prev == Some(*a.hash())));
    if straight && txs.first().is_some_and(|t| t.body().seq == 0) {
        return Chain { line: txs, forked: false, aside: Vec::new() };
    }
    let forked = txs.windows(2).any(|w| matches!(w, [a, b] if a.body().seq == b.body().seq));
    // Longest branch: depth of every transaction, counted from the back.
    let mut depth: BTreeMap<Digest, usize> = BTreeMap::new();
    for tx in txs.iter().rev() {
        let own = depth.get(tx.hash()).copied().unwrap_or(0) + 1;
        depth.insert(*tx.hash(), own);
        if let Some(prev) = tx.body().prev {
            let best = depth.entry(prev).or_insert(0);
            *best = (*best).max(own);
        }
    }
    let mut chain: Vec<Signed> = Vec::new();
    for seq in 0.. {
        let prev = chain.last().map(|t| *t.hash());
        let next = txs
            .iter()
            .filter(|t| t.body().seq == seq && t.body().prev == prev)
            .max_by_key(|t| (depth.get(t.hash()).copied().unwrap_or(0), std::cmp::Reverse(*t.hash())));
        match next {
            Some(t) => chain.push(t.clone()),
            None => break,
        }
    }
    let kept: BTreeSet<Digest> = chain.iter().map(|t| *t.hash()).collect();
    txs.retain(|t| !kept.contains(t.hash()));
    Chain { line: chain, forked, aside: txs }
}

/// Copies of copies end somewhere; a longer lineage than this is refused rather than recursed into.
pub(super) const MAX_LINEAGE: u32 = 64;

pub(super) fn fold_chain(
    id: StreamId,
    line: &[&Signed],
    chains: &BTreeMap<StreamId, Chain>,
    depth: u32,
) -> Option<Stream> {
    let first = line.first()?;
    let open = first.body().open.as_ref()?;
    let base = match &open.continues {
        Some(head) if depth < MAX_LINEAGE => chains
            .get(&head.stream)
            .and_then(|older| older.line_to(head))
            .filter(|older| older.first().and_then(|s| s.body().open.as_ref()).is_some_and(|o| may_go_on(open, o)))
            .and_then(|older| fold_chain(head.stream, &older, chains, depth + 1))
            .map_or_else(|| Fold::new(open.kind), |s| s.fold),
        _ => Fold::new(open.kind),
    };
    let mut stream = Stream { id, ..opened(first, open, base) };
    for signed in line {
        stream.take(signed);
    }
    Some(stream)
}
