//! From a decision to the transaction that states it, ready to be signed.

use super::decide::{Decision, Env, StreamTarget};
use super::event::Event;
use super::state::State;
use super::transaction::{Body, Cause, Open};

/// Why a decision cannot be stated on top of a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ComposeError {
    #[error("the stream that it belongs to is not there")]
    NoSuchStream,
    #[error("no randomness for the name of a new stream")]
    Random,
}

impl State {
    /// The transaction of a decision that was made on this state: the next one of its stream, or the first of a new one.
    /// `time` is UTC wall time as `2026-11-20T08:00:00.000Z`; `cause` counts where the decision names none itself.
    ///
    /// # Errors
    /// [`ComposeError`]; a new stream is never begun with a nonce of zeros, which is what failed randomness leaves behind.
    pub fn compose(
        &self,
        env: &mut Env<'_>,
        decision: &Decision,
        cause: &Cause,
        time: String,
        software: &str,
    ) -> Result<Body, ComposeError> {
        let (stream, open, seq, prev) = match &decision.target {
            StreamTarget::Existing(id) => {
                let head = self.streams.get(id).ok_or(ComposeError::NoSuchStream)?.head();
                (Some(*id), None, head.seq + 1, Some(head.hash))
            }
            StreamTarget::Open { kind, subject, audience, under, continues } => {
                let mut nonce = [0u8; 16];
                (env.random)(&mut nonce);
                if nonce == [0; 16] {
                    return Err(ComposeError::Random);
                }
                let open = Open {
                    project: self.project,
                    kind: *kind,
                    subject: subject.clone(),
                    key: env.key,
                    reader: env.actor.clone(),
                    audience: audience.clone(),
                    under: under.clone(),
                    continues: *continues,
                    nonce: data_encoding::HEXLOWER.encode(&nonce),
                };
                (None, Some(open), 0, None)
            }
        };
        let lamport = self.next_lamport(stream.as_ref());
        Ok(Body {
            v: 1,
            stream,
            open,
            seq,
            prev,
            lamport,
            time,
            actor: env.actor.clone(),
            cause: decision.cause.clone().unwrap_or_else(|| cause.clone()),
            label: decision.label.to_owned(),
            software: software.to_owned(),
            events: decision.events.iter().map(Event::write).collect(),
        })
    }
}
