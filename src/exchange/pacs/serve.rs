//! One caller, from its request to its leave: what it sends goes to disk as it comes.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use dicom_ul::pdu::{
    AbortRQServiceProviderReason, AbortRQSource, PDataValue, PDataValueType, Pdu, read_pdu, write_pdu,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::dimse::{self, Command};
use super::landing::{Incoming, Landed};
use super::negotiate::{Contexts, answer, is_storage, rejection};
use super::part10::{Head, write_head};
use super::receive::Shared;
use crate::tasks::foreign;

/// Longest piece that a caller may send at once; what one caller takes of memory is a few times this.
pub(super) const MAX_PDU: u32 = 128 << 10;
const HEADER: usize = 6;
/// How long a caller that was told to go may take to hear it.
const FAREWELL: Duration = Duration::from_secs(2);

/// Why a caller was not served to its end; told in the count of broken associations, without its words.
pub(super) struct Broken;

impl From<io::Error> for Broken {
    fn from(_: io::Error) -> Self {
        Self
    }
}

struct Line<'a> {
    socket: &'a mut TcpStream,
    buffer: BytesMut,
    limit: Duration,
}

impl Line<'_> {
    /// The next PDU. All of it must come within the limit, so that a caller that sends a byte now and then does not stay.
    async fn read(&mut self) -> Result<Option<Pdu>, Broken> {
        timeout(self.limit, self.read_patiently()).await.map_err(|_| Broken)?
    }

    async fn read_patiently(&mut self) -> Result<Option<Pdu>, Broken> {
        loop {
            if let Some(header) = self.buffer.get(..HEADER) {
                let length = header.get(2..).and_then(|b| b.try_into().ok()).map_or(u32::MAX, u32::from_be_bytes);
                if length > MAX_PDU {
                    return Err(Broken);
                }
                let whole = HEADER + length as usize;
                if let Some(bytes) = self.buffer.get(..whole) {
                    let pdu = foreign(|| read_pdu(bytes, MAX_PDU, true)).map_err(|_| Broken)?;
                    self.buffer.advance(whole);
                    return pdu.map_err(|_| Broken)?.ok_or(Broken).map(Some);
                }
                self.buffer.reserve(whole.saturating_sub(self.buffer.len()));
            }
            if self.socket.read_buf(&mut self.buffer).await? == 0 {
                return if self.buffer.is_empty() { Ok(None) } else { Err(Broken) };
            }
        }
    }

    async fn write(&mut self, pdu: &Pdu) -> Result<(), Broken> {
        let mut bytes = Vec::new();
        write_pdu(&mut bytes, pdu).map_err(|_| Broken)?;
        timeout(self.limit, self.socket.write_all(&bytes)).await.map_err(|_| Broken)??;
        Ok(())
    }
}

/// A request whose dataset is on its way.
struct Storing {
    context: u8,
    command: Command,
    /// Where it goes, or the status that it will be answered with.
    to: Result<Incoming, u16>,
}

/// What one association is in the middle of.
struct Talk<'a> {
    shared: &'a Arc<Shared>,
    contexts: Contexts,
    command: Vec<u8>,
    storing: Option<Storing>,
}

/// Serves a caller until it leaves.
///
/// # Errors
/// [`Broken`] when it broke off or broke the rules; it has been told then as far as it listens.
pub(super) async fn serve(socket: &mut TcpStream, shared: &Arc<Shared>) -> Result<(), Broken> {
    let mut line = Line { socket, buffer: BytesMut::new(), limit: shared.options.idle };
    let done = converse(&mut line, shared).await;
    if done.is_err() {
        let source = AbortRQSource::ServiceProvider(AbortRQServiceProviderReason::ReasonNotSpecified);
        timeout(FAREWELL, line.write(&Pdu::AbortRQ { source })).await.ok();
    }
    timeout(FAREWELL, line.socket.shutdown()).await.ok();
    done
}

async fn converse(line: &mut Line<'_>, shared: &Arc<Shared>) -> Result<(), Broken> {
    let request = match line.read().await? {
        Some(Pdu::AssociationRQ(request)) => request,
        None => return Ok(()),
        Some(_) => return Err(Broken),
    };
    let contexts = match answer(&request, &shared.options.ae_title, &shared.options.allowed, MAX_PDU) {
        Ok((contexts, accepted)) => {
            line.write(&accepted).await?;
            contexts
        }
        Err(why) => {
            shared.count(|c| c.rejected += 1);
            return line.write(&rejection(why)).await;
        }
    };
    let mut talk = Talk { shared, contexts, command: Vec::new(), storing: None };
    loop {
        match line.read().await? {
            Some(Pdu::PData { data }) => {
                for value in data {
                    if let Some((context, command, status)) = talk.take(value)? {
                        let data = vec![PDataValue {
                            presentation_context_id: context,
                            value_type: PDataValueType::Command,
                            is_last: true,
                            data: dimse::write_answer(&command, status),
                        }];
                        line.write(&Pdu::PData { data }).await?;
                    }
                }
            }
            Some(Pdu::ReleaseRQ) => {
                let whole = talk.storing.is_none();
                line.write(&Pdu::ReleaseRP).await?;
                return if whole { Ok(()) } else { Err(Broken) };
            }
            // The connection was closed without a word, which some do after their last image.
            None if talk.storing.is_none() && talk.command.is_empty() => return Ok(()),
            _ => return Err(Broken),
        }
    }
}

impl Talk<'_> {
    /// Takes one fragment; the answer that is due after it, if one is.
    fn take(&mut self, value: PDataValue) -> Result<Option<(u8, Command, u16)>, Broken> {
        let context = value.presentation_context_id;
        match (value.value_type, self.storing.take()) {
            (PDataValueType::Command, None) => {
                if self.command.len() + value.data.len() > dimse::LONGEST_COMMAND {
                    return Err(Broken);
                }
                self.command.extend_from_slice(&value.data);
                if !value.is_last {
                    return Ok(None);
                }
                let command = dimse::read_command(&std::mem::take(&mut self.command)).ok_or(Broken)?;
                self.asked(context, command)
            }
            (PDataValueType::Data, Some(mut storing)) if storing.context == context => {
                let bytes = value.data;
                if let Ok(file) = &mut storing.to {
                    let written = self.shared.may_grow(file.bytes(), bytes.len() as u64)
                        && tokio::task::block_in_place(|| file.write(&bytes)).is_ok();
                    if !written {
                        // What was written goes at once, so that there is room for what is left of others.
                        storing.to = Err(dimse::OUT_OF_RESOURCES);
                    }
                }
                if !value.is_last {
                    self.storing = Some(storing);
                    return Ok(None);
                }
                let status = self.stored(storing.to);
                Ok(Some((context, storing.command, status)))
            }
            _ => Err(Broken),
        }
    }

    fn asked(&mut self, context: u8, command: Command) -> Result<Option<(u8, Command, u16)>, Broken> {
        let agreed = self.contexts.get(&context).ok_or(Broken)?;
        match command.field {
            dimse::C_ECHO if !command.has_dataset => Ok(Some((context, command, dimse::SUCCESS))),
            dimse::C_STORE if command.has_dataset => {
                let to = if !is_storage(&agreed.class) || command.class != agreed.class {
                    Err(dimse::CLASS_NOT_SUPPORTED)
                } else if !super::is_uid(command.instance.reveal()) {
                    Err(dimse::INVALID_INSTANCE)
                } else if !self.shared.may_begin() {
                    Err(dimse::OUT_OF_RESOURCES)
                } else {
                    let head = Head {
                        class: command.class.clone(),
                        instance: command.instance.clone(),
                        syntax: agreed.syntax.clone(),
                    };
                    let begun = tokio::task::block_in_place(|| {
                        let mut file = self.shared.landing.begin()?;
                        file.write(&write_head(&head))?;
                        Ok::<_, io::Error>(file)
                    });
                    begun.map_err(|_| dimse::OUT_OF_RESOURCES)
                };
                self.storing = Some(Storing { context, command, to });
                Ok(None)
            }
            _ if !command.has_dataset => Ok(Some((context, command, dimse::UNRECOGNISED))),
            _ => Err(Broken),
        }
    }

    fn stored(&self, to: Result<Incoming, u16>) -> u16 {
        let landed: Result<Landed, u16> = to.and_then(|file| {
            if file.head().is_none() {
                return Err(dimse::CANNOT_UNDERSTAND);
            }
            tokio::task::block_in_place(|| file.finish()).map_err(|_| dimse::OUT_OF_RESOURCES)
        });
        match landed {
            Ok(landed) => {
                self.shared.arrived(landed);
                dimse::SUCCESS
            }
            Err(status) => {
                self.shared.count(|c| c.refused += 1);
                status
            }
        }
    }
}
