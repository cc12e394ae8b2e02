//! The receiver against senders of all kinds: known and unknown, slow, broken, greedy, and thousands of mutants of a recorded
//! association. It never panics, never hangs, keeps nothing half, and goes on serving.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use dicom_object::OpenFileOptions;
use dicom_ul::pdu::{
    AssociationRQ, PDataValue, PDataValueType, Pdu, PresentationContextProposed, UserVariableItem, read_pdu, write_pdu,
};
use shoken::project::pacs::{PacsError, ReceiveOptions, Receiver};

use crate::support::desk::{Desk, Lots, count, seed};
use crate::support::disk::{Mount, fill};

const CT: &str = "1.2.840.10008.5.1.4.1.1.2";
const EXPLICIT: &str = "1.2.840.10008.1.2.1";
const SUCCESS: u16 = 0;
const OUT_OF_RESOURCES: u16 = 0xA700;

fn options() -> ReceiveOptions {
    ReceiveOptions {
        listen: "127.0.0.1:0".parse().unwrap(),
        idle: Duration::from_secs(20),
        ..ReceiveOptions::default()
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    all.sort();
    all
}

fn request(calling: &str, called: &str) -> Pdu {
    let context = |id, class: &str| PresentationContextProposed {
        id,
        abstract_syntax: class.to_owned(),
        transfer_syntaxes: vec![EXPLICIT.to_owned(), "1.2.840.10008.1.2".to_owned()],
    };
    Pdu::AssociationRQ(AssociationRQ {
        protocol_version: 1,
        calling_ae_title: calling.to_owned(),
        called_ae_title: called.to_owned(),
        application_context_name: "1.2.840.10008.3.1.1.1".to_owned(),
        presentation_contexts: vec![context(1, CT), context(3, "1.2.840.10008.1.1")],
        user_variables: vec![
            UserVariableItem::MaxLength(16384),
            UserVariableItem::ImplementationClassUID("1.2.3.4".to_owned()),
            UserVariableItem::ImplementationVersionName("TEST".to_owned()),
        ],
    })
}

/// A command set in implicit little endian: PS3.7 sections 9.3.1 and 9.3.5.
fn command(field: u16, class: &str, instance: Option<&str>) -> Vec<u8> {
    let mut out = Vec::new();
    let mut add = |element: u16, value: &[u8]| {
        out.extend_from_slice(&[0, 0]);
        out.extend_from_slice(&element.to_le_bytes());
        out.extend_from_slice(&(value.len() as u32).to_le_bytes());
        out.extend_from_slice(value);
    };
    let even = |text: &str| [text.as_bytes(), if text.len() % 2 == 1 { b"\0".as_slice() } else { b"" }].concat();
    add(0x0002, &even(class));
    add(0x0100, &field.to_le_bytes());
    add(0x0110, &7_u16.to_le_bytes());
    add(0x0700, &0_u16.to_le_bytes());
    add(0x0800, &(if instance.is_some() { 1_u16 } else { 0x0101 }).to_le_bytes());
    if let Some(instance) = instance {
        add(0x1000, &even(instance));
    }
    out
}

fn piece(context: u8, kind: PDataValueType, is_last: bool, data: &[u8]) -> Pdu {
    let value = PDataValue { presentation_context_id: context, value_type: kind, is_last, data: data.to_vec() };
    Pdu::PData { data: vec![value] }
}

/// A small data set in explicit little endian: class, instance and pixels of this length.
fn dataset(instance: &str, pixels: usize) -> Vec<u8> {
    use dicom_core::{DataElement, PrimitiveValue, VR};
    use dicom_dictionary_std::tags;
    let text = |tag, vr, text: &str| DataElement::new(tag, vr, PrimitiveValue::from(text));
    let object = dicom_object::InMemDicomObject::from_element_iter([
        text(tags::SOP_CLASS_UID, VR::UI, CT),
        text(tags::SOP_INSTANCE_UID, VR::UI, instance),
        text(tags::PATIENT_NAME, VR::PN, "Yamada^Taro"),
        DataElement::new(tags::PIXEL_DATA, VR::OB, PrimitiveValue::U8(vec![5; pixels].into())),
    ]);
    let mut out = Vec::new();
    let meta = dicom_object::FileMetaTableBuilder::new().transfer_syntax(EXPLICIT);
    let file = object.with_meta(meta.media_storage_sop_class_uid(CT).media_storage_sop_instance_uid(instance)).unwrap();
    file.write_dataset(&mut out).unwrap();
    out
}

/// What a sender writes for one image, in pieces of this size.
fn store(instance: &str, data: &[u8], size: usize) -> Vec<Pdu> {
    let mut out = vec![piece(1, PDataValueType::Command, true, &command(1, CT, Some(instance)))];
    let pieces = data.chunks(size).count();
    out.extend(data.chunks(size).enumerate().map(|(i, p)| piece(1, PDataValueType::Data, i + 1 == pieces, p)));
    out
}

fn bytes(pdus: &[Pdu]) -> Vec<u8> {
    let mut out = Vec::new();
    pdus.iter().for_each(|p| write_pdu(&mut out, p).unwrap());
    out
}

/// A sender that waits for every answer.
struct Sender {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Sender {
    fn connect(receiver: &Receiver) -> Self {
        let stream = TcpStream::connect(receiver.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        Self { stream, buffer: Vec::new() }
    }

    fn tell(&mut self, pdus: &[Pdu]) {
        self.stream.write_all(&bytes(pdus)).unwrap();
    }

    /// The next answer; `None` once the line is closed.
    fn hear(&mut self) -> Option<Pdu> {
        loop {
            if self.buffer.len() >= 6 {
                let whole = 6 + u32::from_be_bytes(self.buffer[2..6].try_into().unwrap()) as usize;
                if self.buffer.len() >= whole {
                    let rest = self.buffer.split_off(whole);
                    let pdu = read_pdu(self.buffer.as_slice(), 1 << 20, true).unwrap();
                    self.buffer = rest;
                    return pdu;
                }
            }
            let mut more = [0; 4096];
            match self.stream.read(&mut more) {
                Ok(0) => return None,
                Ok(n) => self.buffer.extend_from_slice(&more[..n]),
                Err(e) => panic!("no answer: {e}"),
            }
        }
    }

    fn ask(&mut self, pdus: &[Pdu]) -> Option<Pdu> {
        self.tell(pdus);
        self.hear()
    }

    /// The status of the next answer to a command.
    fn status(&mut self) -> u16 {
        match self.hear() {
            Some(Pdu::PData { data }) => {
                let bytes = &data[0].data;
                let at = bytes.windows(8).position(|w| w == [0, 0, 0, 9, 2, 0, 0, 0]).unwrap();
                u16::from_le_bytes([bytes[at + 8], bytes[at + 9]])
            }
            other => panic!("{other:?}"),
        }
    }

    fn associated(receiver: &Receiver) -> Self {
        let mut sender = Self::connect(receiver);
        assert!(matches!(sender.ask(&[request("SENDER", "SHOKEN")]), Some(Pdu::AssociationAC(_))));
        sender
    }

    fn leave(mut self) {
        assert!(matches!(self.ask(&[Pdu::ReleaseRQ]), Some(Pdu::ReleaseRP)));
    }
}

/// Waits until nobody is served any more, and no longer than a moment.
fn quiet(receiver: &Receiver) {
    let end = Instant::now() + Duration::from_secs(30);
    while receiver.received().callers > 0 {
        assert!(Instant::now() < end, "somebody is still being served");
        std::thread::yield_now();
    }
}

#[test]
fn an_image_arrives_under_its_hash_with_a_head_and_every_byte() {
    let folder = tempfile::tempdir().unwrap();
    let mut receiver = Receiver::start(options(), folder.path()).unwrap();
    let mut sender = Sender::associated(&receiver);
    sender.tell(&[piece(3, PDataValueType::Command, true, &command(0x30, "1.2.840.10008.1.1", None))]);
    assert_eq!(sender.status(), SUCCESS, "C-ECHO");
    let data = dataset("1.2.3", 100_001);
    for _ in 0..2 {
        sender.tell(&store("1.2.3", &data, 10_000));
        assert_eq!(sender.status(), SUCCESS);
    }
    sender.leave();
    quiet(&receiver);
    let got = files(folder.path());
    assert_eq!(got.len(), 1, "the same image twice is one file");
    let name = got[0].file_name().unwrap().to_str().unwrap();
    assert!(name.len() == 68 && !name.contains("1.2.3"), "{name}");
    let written = std::fs::read(&got[0]).unwrap();
    assert!(written.ends_with(&data));
    let object = OpenFileOptions::new().open_file(&got[0]).unwrap();
    assert_eq!(object.meta().media_storage_sop_instance_uid(), "1.2.3");
    assert_eq!(object.meta().transfer_syntax(), EXPLICIT);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&got[0]).unwrap().permissions().mode() & 0o077, 0, "for its owner alone");
    }
    assert_eq!((receiver.received().images, receiver.received().broken), (2, 0));
    receiver.stop();
    assert!(TcpStream::connect(receiver.address()).is_err(), "nobody listens any more");
}

#[test]
fn only_who_is_named_may_send_and_only_to_the_right_name() {
    let folder = tempfile::tempdir().unwrap();
    let allowed = BTreeSet::from(["CT1".to_owned()]);
    let receiver = Receiver::start(ReceiveOptions { allowed, ..options() }, folder.path()).unwrap();
    for (calling, called) in [("SENDER", "SHOKEN"), ("CT1", "OTHER")] {
        let mut sender = Sender::connect(&receiver);
        assert!(matches!(sender.ask(&[request(calling, called)]), Some(Pdu::AssociationRJ(_))));
        assert!(sender.hear().is_none(), "the line is closed");
    }
    let mut sender = Sender::connect(&receiver);
    assert!(matches!(sender.ask(&[request("CT1", "SHOKEN")]), Some(Pdu::AssociationAC(_))));
    sender.leave();
    quiet(&receiver);
    assert_eq!(receiver.received().rejected, 2);
    assert!(matches!(
        Receiver::start(ReceiveOptions { listen: receiver.address(), ..options() }, folder.path()),
        Err(PacsError::Listen { .. })
    ));
}

#[test]
fn limits_and_a_full_disk_are_answered_and_the_sender_may_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let limits = ReceiveOptions { max_image_bytes: 50_000, max_images: 2, ..options() };
    let receiver = Receiver::start(limits, folder.path()).unwrap();
    let mut sender = Sender::associated(&receiver);
    for (instance, size, status) in
        [("1.1", 80_000, OUT_OF_RESOURCES), ("1.2", 10, SUCCESS), ("1.3", 20, SUCCESS), ("1.4", 30, OUT_OF_RESOURCES)]
    {
        sender.tell(&store(instance, &dataset(instance, size), 10_000));
        assert_eq!(sender.status(), status, "{instance}");
    }
    sender.tell(&store("no uid", &dataset("1.5", 10), 10_000));
    assert_eq!(sender.status(), 0x0117);
    sender.leave();
    assert_eq!(files(folder.path()).len(), 2);

    let place = tempfile::tempdir().unwrap();
    let Some(mount) = Mount::new(&place.path().join("disk"), &["-t", "tmpfs", "-o", "size=4m", "none"]) else { return };
    let receiver = Receiver::start(options(), &mount.0).unwrap();
    let mut sender = Sender::associated(&receiver);
    sender.tell(&store("1.6", &dataset("1.6", 6 << 20), 16_000));
    assert_eq!(sender.status(), OUT_OF_RESOURCES, "it does not fit");
    assert!(files(&mount.0).is_empty(), "what was written of it is gone");
    let ballast = fill(&mount.0);
    sender.tell(&store("1.7", &dataset("1.7", 100_000), 16_000));
    assert_eq!(sender.status(), OUT_OF_RESOURCES);
    ballast.iter().for_each(|b| std::fs::remove_file(b).unwrap());
    sender.tell(&store("1.7", &dataset("1.7", 100_000), 16_000));
    assert_eq!(sender.status(), SUCCESS, "there is room again, on the same line");
    sender.leave();
    quiet(&receiver);
    assert_eq!((receiver.received().images, receiver.received().refused), (1, 2));
}

#[test]
fn several_senders_at_once_are_served_and_one_that_is_silent_keeps_nobody_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start(ReceiveOptions { callers: 8, ..options() }, folder.path()).unwrap();
    let mut silent = Sender::associated(&receiver);
    silent.tell(&store("1.9", &dataset("1.9", 50_000), 10_000)[..3]);
    std::thread::scope(|scope| {
        for number in 0..6 {
            let receiver = &receiver;
            scope.spawn(move || {
                let mut sender = Sender::associated(receiver);
                for image in 0..5 {
                    let instance = format!("1.2.{number}.{image}");
                    sender.tell(&store(&instance, &dataset(&instance, 30_000), 8000));
                    assert_eq!(sender.status(), SUCCESS);
                }
                sender.leave();
            });
        }
    });
    assert_eq!(receiver.received().images, 30);
    let got = files(folder.path());
    let whole = got.iter().filter(|f| f.extension().is_some_and(|e| e == "dcm")).count();
    assert_eq!((whole, got.len()), (30, 31), "the silent one's half image lies under its partial name");
    drop(silent);
    quiet(&receiver);
    assert_eq!((files(folder.path()).len(), receiver.received().broken), (30, 1));
}

#[test]
fn silence_ends_a_line_and_stopping_ends_them_all() {
    let folder = tempfile::tempdir().unwrap();
    let patience = Duration::from_millis(300);
    let mut receiver = Receiver::start(ReceiveOptions { idle: patience, ..options() }, folder.path()).unwrap();
    let mut silent = Sender::connect(&receiver);
    assert!(matches!(silent.hear(), Some(Pdu::AbortRQ { .. })));
    // A byte now and then is silence too.
    let mut slow = Sender::connect(&receiver);
    let first = bytes(&[request("SENDER", "SHOKEN")]);
    let begun = Instant::now();
    let mut gone = false;
    for byte in &first {
        let next = Instant::now() + Duration::from_millis(20);
        gone = slow.stream.write_all(&[*byte]).is_err();
        while Instant::now() < next {
            std::thread::yield_now();
        }
        if gone || begun.elapsed() > Duration::from_secs(10) {
            break;
        }
    }
    assert!(gone, "it was let go on for {:?}", begun.elapsed());
    quiet(&receiver);
    receiver.stop();

    let mut receiver = Receiver::start(options(), folder.path()).unwrap();
    let mut open = Sender::associated(&receiver);
    open.tell(&store("1.9", &dataset("1.9", 50_000), 10_000)[..3]);
    let end = Instant::now() + Duration::from_secs(20);
    while files(folder.path()).is_empty() && Instant::now() < end {
        std::thread::yield_now();
    }
    let begun = Instant::now();
    receiver.stop();
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert!(files(folder.path()).is_empty(), "a stop leaves nothing half");
}

/// What a whole visit writes, with the PDUs' boundaries.
fn visit() -> Vec<Vec<u8>> {
    let mut pdus = vec![request("SENDER", "SHOKEN")];
    pdus.push(piece(3, PDataValueType::Command, true, &command(0x30, "1.2.840.10008.1.1", None)));
    pdus.extend(store("1.2.3", &dataset("1.2.3", 3000), 700));
    pdus.extend(store("1.2.4", &dataset("1.2.4", 100), 4000));
    pdus.push(Pdu::ReleaseRQ);
    pdus.iter().map(|p| bytes(std::slice::from_ref(p))).collect()
}

/// One mutant: bits, lengths, order, repetition, loss.
fn mutant(lots: &mut Lots) -> Vec<u8> {
    let mut pdus = visit();
    for _ in 0..=lots.below(3) {
        let at = lots.below(pdus.len());
        match lots.below(8) {
            0 => drop(pdus.remove(at)),
            1 => pdus.insert(at, pdus[at].clone()),
            2 => {
                let other = lots.below(pdus.len());
                pdus.swap(at, other);
            }
            3 => {
                // A length of the PDU or of something in it.
                let lie = [0, 1, 5, 0xFFFF, 0x7FFF_FFFF, u32::MAX, lots.next() as u32][lots.below(7)];
                pdus[at][2..6].copy_from_slice(&lie.to_be_bytes());
            }
            4 => {
                let keep = lots.below(pdus[at].len());
                pdus[at].truncate(keep.max(6));
            }
            5 if pdus[at].len() > 80 => {
                let place = 6 + lots.below(pdus[at].len() - 10);
                let lie = [0, 1, 0xFF, 0xFFFF, u32::MAX][lots.below(5)];
                pdus[at][place..place + 4].copy_from_slice(&lie.to_be_bytes());
            }
            _ => {
                for _ in 0..=lots.below(6) {
                    let place = lots.below(pdus[at].len());
                    pdus[at][place] ^= 1 << lots.below(8);
                }
            }
        }
        if pdus.is_empty() {
            break;
        }
    }
    let mut out = pdus.concat();
    if lots.below(4) == 0 {
        let keep = lots.below(out.len() + 1);
        out.truncate(keep);
    }
    out
}

/// Resident memory of this process in bytes.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"))?;
    line.trim().trim_end_matches(" kB").parse::<u64>().ok().map(|k| k << 10)
}

#[test]
fn mutants_of_an_association_neither_stop_the_receiver_nor_leave_anything_half() {
    let number = count("mutated associations", 800, 6000);
    let desk = Desk::new();
    let folder = desk.path("in");
    let receiver = Receiver::start(options(), &folder).unwrap();
    let mut lots = Lots(seed());
    let before = resident();
    let (mut answered, mut torn) = (0, 0);
    for round in 0..number {
        let mut stream = TcpStream::connect(receiver.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        // The receiver may have had enough before all of it is written.
        stream.write_all(&mutant(&mut lots)).ok();
        stream.shutdown(Shutdown::Write).ok();
        let mut answer = Vec::new();
        match stream.read_to_end(&mut answer) {
            Ok(_) => answered += usize::from(!answer.is_empty()),
            Err(e) if matches!(e.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {
                panic!("mutant {round} of seed {}: the receiver hangs", seed())
            }
            Err(_) => torn += 1,
        }
    }
    quiet(&receiver);
    let got = files(&folder);
    assert!(got.iter().all(|f| f.extension().is_some_and(|e| e == "dcm")), "something half stayed");
    // What was taken has a head that names an instance.
    for file in &got {
        let head = dicom_object::FileMetaTable::from_reader(&std::fs::read(file).unwrap()[128..]).unwrap();
        assert!(!head.media_storage_sop_instance_uid().is_empty());
    }
    let done = receiver.received();
    println!(
        "{number} mutants: {answered} answered, {torn} cut off, {} images taken, {} broken",
        done.images, done.broken
    );
    assert!(done.images > 0 && done.broken > 0, "mutants that are all alike prove nothing");
    if let (Some(before), Some(after)) = (before, resident()) {
        println!("memory before {} MiB, after {} MiB", before >> 20, after >> 20);
        assert!(after < before + (64 << 20));
    }
    // It still serves.
    let mut sender = Sender::associated(&receiver);
    sender.tell(&store("9.9", &dataset("9.9", 100), 4000));
    assert_eq!(sender.status(), SUCCESS);
    sender.leave();
}

#[test]
fn the_command_line_lets_no_other_computer_in_unasked() {
    let desk = Desk::new();
    let out = desk.shoken(&["pacs", "receive", "--out", "in", "--listen", "0.0.0.0:0", "--until-quiet", "0"]);
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert_eq!(out.status.code(), Some(1), "{said}");
    assert!(said.contains("--from"), "{said}");
    let out = desk.ok(&["pacs", "receive", "--out", "in", "--listen", "127.0.0.1:0", "--until-quiet", "0"]);
    assert!(out.contains("0 images received"), "{out}");
}
