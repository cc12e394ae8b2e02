//! Folding the log: one stream after the other through the index, on all cores, so that memory holds heads and a few
//! streams, of a large project, and never the log.

use std::sync::{Mutex, PoisonError, mpsc};

use super::folds::Shelf;
use super::{Store, StoreError};
use crate::domain::{Digest, StreamId};
use crate::journal::{Folded, Signed, State};

/// A row as stored: text and signature, where they are of the right kind.
type Row = (Option<String>, Option<[u8; 64]>);

/// A stream as its rows amount to.
struct Parsed {
    id: StreamId,
    folded: Folded,
    /// Rows that are no transactions.
    damaged: u64,
    /// Transactions filed under this stream that belong to another.
    strays: Vec<Signed>,
}

fn parse(id: StreamId, rows: Vec<Row>, shelf: Option<&Shelf>) -> Parsed {
    let (mut own, mut strays, mut damaged) = (Vec::with_capacity(rows.len()), Vec::new(), 0);
    for (text, signature) in rows {
        match text.zip(signature).and_then(|(t, s)| Signed::from_own_log(t, s).ok()) {
            Some(signed) if signed.stream() == id => own.push(signed),
            Some(signed) => strays.push(signed),
            None => damaged += 1,
        }
    }
    let mut folded = Folded::of(id, own);
    if let Some(shelf) = shelf {
        folded.shelve(&shelf.source, |bytes| shelf.keep(bytes));
    }
    Parsed { id, folded, damaged, strays }
}

impl Store {
    /// Folds the whole log anew.
    ///
    /// # Errors
    /// Database errors.
    pub fn load(&mut self) -> Result<State, StoreError> {
        // One moment of the log, whatever others append meanwhile; inside an append there is a transaction already.
        let alone = self.db.is_autocommit();
        if alone {
            self.db.execute_batch("BEGIN")?;
        }
        let loaded = self.load_now();
        if alone {
            self.db.execute_batch("COMMIT").ok();
        }
        loaded
    }

    fn load_now(&mut self) -> Result<State, StoreError> {
        self.last_id =
            self.db.query_row("SELECT max(id) FROM transactions", [], |r| r.get::<_, Option<i64>>(0))?.unwrap_or(0);
        let mut query = self.db.prepare("SELECT DISTINCT stream FROM transactions")?;
        let names = query.query_map([], |r| r.get::<_, Vec<u8>>(0))?.collect::<Result<Vec<_>, _>>()?;
        drop(query);
        let (mut parsed, mut damaged) = (Vec::with_capacity(names.len()), 0);
        let mut strays: Vec<Signed> = Vec::new();
        let shelf = self.shelf();
        for one in self.parse_all(&names, shelf.as_ref())? {
            damaged += one.damaged;
            strays.extend(one.strays);
            parsed.push((one.id, one.folded));
        }
        // Rows that were filed elsewhere count where they belong; somebody moved them by hand.
        let moved: std::collections::BTreeSet<StreamId> = strays.iter().map(Signed::stream).collect();
        let rows_of = |id: &StreamId| -> Result<Vec<Signed>, StoreError> {
            let rows = self.stored_rows(id.as_bytes())?;
            let signed = rows.into_iter().filter_map(|(t, s)| Signed::from_own_log(t?, s?).ok());
            Ok(signed.chain(strays.iter().cloned()).filter(|s| s.stream() == *id).collect())
        };
        for id in moved {
            parsed.retain(|(known, _)| *known != id);
            parsed.push((id, Folded::of(id, rows_of(&id)?)));
        }
        let broken = parsed.iter().filter(|(_, f)| !f.whole).map(|(id, _)| *id).collect();
        let state = State::assemble_on(shelf.as_ref().map(|s| &s.source), parsed, rows_of)?;
        self.damaged_rows = damaged;
        self.broken_streams = broken;
        Ok(state)
    }

    fn stored_rows(&self, name: &[u8]) -> Result<Vec<Row>, StoreError> {
        let sql = "SELECT body, signature FROM transactions WHERE stream = ?1 ORDER BY seq";
        let mut query = self.db.prepare_cached(sql)?;
        let row = |r: &rusqlite::Row<'_>| {
            let signature = r.get::<_, Vec<u8>>(1).ok().and_then(|s| <[u8; 64]>::try_from(s).ok());
            Ok((r.get::<_, String>(0).ok(), signature))
        };
        Ok(query.query_map([name], row)?.collect::<Result<Vec<_>, _>>()?)
    }

    /// Reads the streams here and folds them on all cores. Few streams wait at a time, whatever the size of the project.
    fn parse_all(&self, names: &[Vec<u8>], shelf: Option<&Shelf>) -> Result<Vec<Parsed>, StoreError> {
        // A name that is no stream's is somebody's handiwork; what is filed there belongs elsewhere, or is damaged.
        let id_of = |name: &[u8]| <[u8; 32]>::try_from(name).map_or_else(|_| Digest::of(b"", name), Digest::from_bytes);
        let workers = std::thread::available_parallelism().map_or(1, |n| n.get().min(8));
        if workers == 1 || names.len() < 8 {
            return names.iter().map(|name| Ok(parse(id_of(name), self.stored_rows(name)?, shelf))).collect();
        }
        let (send, receive) = mpsc::sync_channel::<(StreamId, Vec<Row>)>(workers * 2);
        let receive = Mutex::new(receive);
        let done = Mutex::new(Vec::with_capacity(names.len()));
        std::thread::scope(|scope| {
            let mut running = 0;
            for n in 0..workers {
                let work = || {
                    loop {
                        // Taken out of the lock before the work begins, so that the others go on taking.
                        let next = receive.lock().unwrap_or_else(PoisonError::into_inner).recv();
                        let Ok((id, rows)) = next else { break };
                        let parsed = parse(id, rows, shelf);
                        done.lock().unwrap_or_else(PoisonError::into_inner).push(parsed);
                    }
                };
                let started = std::thread::Builder::new().name(format!("fold-{n}")).spawn_scoped(scope, work);
                running += usize::from(started.is_ok());
            }
            // By value: dropped when the reading ends, in whatever way, which ends the workers.
            let send = send;
            for name in names {
                let (id, rows) = (id_of(name), self.stored_rows(name)?);
                if running == 0 {
                    done.lock().unwrap_or_else(PoisonError::into_inner).push(parse(id, rows, shelf));
                } else if send.send((id, rows)).is_err() {
                    break;
                }
            }
            Ok::<_, StoreError>(())
        })?;
        Ok(done.into_inner().unwrap_or_else(PoisonError::into_inner))
    }
}
