//! A whole state in its compact form: a header with everything but the reads' folds, which lie beside it one by one.

use std::sync::Arc;

use super::fold::Fold;
use super::kept::{FoldSource, KeptRead, Place, ReadSummary};
use super::state::{State, Stream};
use super::stored::{Reader, Stored, Writer};
use super::transaction::{Open, StreamKind};
use crate::domain::{Digest, StreamId};

/// How a stream's fold goes into the header.
enum Packed {
    Read(Place, ReadSummary),
    /// JSON: few, and small beside the reads.
    Other(Vec<u8>),
}

/// Why a state was not packed.
#[derive(Debug)]
pub enum PackError<E> {
    /// A fold could not be read from where it lay.
    Unreadable,
    Sink(E),
}

impl State {
    /// The header; `keep` is given every read's fold and says where it put it.
    ///
    /// # Errors
    /// [`PackError`].
    pub fn pack<E>(&self, mut keep: impl FnMut(&[u8]) -> Result<Place, E>) -> Result<Vec<u8>, PackError<E>> {
        let mut folds = Vec::with_capacity(self.streams.len());
        for stream in self.streams.values() {
            folds.push(match &stream.fold {
                Fold::Read(read) => {
                    let bytes = read.to_bytes().ok_or(PackError::Unreadable)?;
                    Packed::Read(keep(&bytes).map_err(PackError::Sink)?, read.summary())
                }
                other => Packed::Other(other.to_json().ok_or(PackError::Unreadable)?),
            });
        }
        let mut to = Writer::default();
        to.number(self.lamport);
        to.number(self.streams.len() as u64);
        for (stream, fold) in self.streams.values().zip(&folds) {
            put_stream(stream, &mut to);
            match fold {
                Packed::Read(place, summary) => {
                    place.put(&mut to);
                    summary.put(&mut to);
                }
                Packed::Other(json) => to.raw(json),
            }
        }
        Ok(to.finish())
    }

    /// The state that [`State::pack`] packed, with its reads' folds read from `source` when they are asked for. `None` when
    /// the header is no such thing.
    pub fn unpack(header: &[u8], source: &Arc<dyn FoldSource>) -> Option<Self> {
        let mut from = Reader::new(header)?;
        let mut state = Self::reading_from(source);
        state.lamport = from.number()?;
        for _ in 0..from.number()? {
            state.insert(get_stream(&mut from, source)?);
        }
        if !from.is_at_end() {
            return None;
        }
        state.settle();
        Some(state)
    }

    /// Whether all folds that were asked for could be read. If not, what was answered meanwhile may lack something.
    pub fn is_readable(&self) -> bool {
        self.source.as_ref().is_none_or(|s| !s.has_given_up())
    }

    /// Lets go of the reads' folds that can be read again.
    pub fn forget_stored(&mut self) {
        for stream in self.streams.values_mut() {
            if let Fold::Read(read) = &mut stream.fold {
                read.forget();
            }
        }
    }
}

fn put_stream<'a>(stream: &'a Stream, to: &mut Writer<'a>) {
    let Stream {
        id,
        open,
        seq,
        hash,
        lamport,
        last_lamport,
        act,
        last_time,
        fold: _,
        unknown_events,
        forked,
        out_of_turn,
    } = stream;
    id.put(to);
    open.put(to);
    seq.put(to);
    hash.put(to);
    lamport.put(to);
    last_lamport.put(to);
    act.put(to);
    last_time.put(to);
    unknown_events.put(to);
    forked.put(to);
    out_of_turn.put(to);
}

fn get_stream(from: &mut Reader<'_>, source: &Arc<dyn FoldSource>) -> Option<Stream> {
    let (id, open): (StreamId, Open) = (Stored::get(from)?, Stored::get(from)?);
    let kind = open.kind;
    let mut stream = Stream {
        id,
        open,
        seq: Stored::get(from)?,
        hash: Digest::get(from)?,
        lamport: Stored::get(from)?,
        last_lamport: Stored::get(from)?,
        act: Stored::get(from)?,
        last_time: Stored::get(from)?,
        fold: Fold::new(kind),
        unknown_events: Stored::get(from)?,
        forked: Stored::get(from)?,
        out_of_turn: Stored::get(from)?,
    };
    stream.fold = if kind == StreamKind::Read {
        let place = Place::get(from)?;
        Fold::Read(KeptRead::in_store(Arc::clone(source), place, ReadSummary::get(from)?))
    } else {
        Fold::from_json(kind, from.raw()?)?
    };
    Some(stream)
}
