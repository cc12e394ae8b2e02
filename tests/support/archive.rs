//! A false archive on loopback, which answers what a test wants it to: whole, cut, wrong, or not at all.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use shoken::project::pacs::{Auth, Server};
use std::time::Duration;

/// What goes over the line for one request.
pub enum Reply {
    /// A status line's number, a content type and a body, with its length.
    Whole(u16, String, Vec<u8>),
    /// Bytes as they are; the connection is closed after them.
    Raw(Vec<u8>),
    /// Bytes as they are; then silence, with the connection open.
    Stall(Vec<u8>),
    /// Written by the test piece by piece; the connection is closed after it.
    Stream(Box<Writing>),
}

type Writing = dyn FnOnce(&mut dyn Write) -> std::io::Result<()> + Send;
type Answer = dyn Fn(&str) -> Reply + Send + Sync;

pub struct Archive {
    pub port: u16,
    /// Paths that were asked for.
    pub asked: Arc<Mutex<Vec<String>>>,
    over: Arc<AtomicBool>,
}

trait Line: Read + Write + Send {}
impl<T: Read + Write + Send> Line for T {}

impl Archive {
    pub fn new(answer: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Self {
        Self::start(None, Box::new(answer))
    }

    /// The same over TLS with this certificate of `tests/cases/pacs`.
    pub fn with_certificate(name: &str, answer: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Self {
        use rustls::pki_types::pem::PemObject as _;
        use rustls::pki_types::{CertificateDer, PrivateKeyDer};
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases/pacs");
        let chain = vec![CertificateDer::from_pem_file(format!("{folder}/{name}.pem")).unwrap()];
        let key = PrivateKeyDer::from_pem_file(format!("{folder}/{name}.key")).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        Self::start(Some(Arc::new(config)), Box::new(answer))
    }

    fn start(tls: Option<Arc<rustls::ServerConfig>>, answer: Box<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (asked, over) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let (log, end, answer) = (Arc::clone(&asked), Arc::clone(&over), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (Ok(stream), false) = (stream, end.load(Ordering::SeqCst)) else { return };
                let (log, answer, tls) = (Arc::clone(&log), Arc::clone(&answer), tls.clone());
                std::thread::spawn(move || {
                    let line: Box<dyn Line> = match tls {
                        None => Box::new(stream),
                        Some(config) => {
                            let connection = rustls::ServerConnection::new(config).unwrap();
                            Box::new(rustls::StreamOwned::new(connection, stream))
                        }
                    };
                    // A client that goes away is what many of these tests want.
                    converse(line, &log, &**answer).ok();
                });
            }
        });
        Self { port, asked, over }
    }

    pub fn server(&self) -> Server {
        Server {
            name: "false".to_owned(),
            url: format!("http://127.0.0.1:{}/dicom-web", self.port).into(),
            auth: Auth::None,
            ca_file: None,
            timeout: Duration::from_secs(20),
            allow_unencrypted: false,
        }
    }

    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for Archive {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        TcpStream::connect(("127.0.0.1", self.port)).ok();
    }
}

fn converse(line: Box<dyn Line>, log: &Mutex<Vec<String>>, answer: &Answer) -> std::io::Result<()> {
    let mut line = BufReader::new(line);
    loop {
        let mut head = Vec::new();
        loop {
            let mut one = String::new();
            if line.read_line(&mut one)? == 0 {
                return Ok(());
            }
            if one.trim().is_empty() {
                break;
            }
            head.push(one);
        }
        let path = head.first().and_then(|l| l.split(' ').nth(1)).unwrap_or_default().to_owned();
        log.lock().unwrap().push(path.clone());
        match answer(&path) {
            Reply::Whole(status, kind, body) => {
                let head = format!(
                    "HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nLocation: http://127.0.0.1:9/\r\n\r\n",
                    body.len()
                );
                line.get_mut().write_all(head.as_bytes())?;
                line.get_mut().write_all(&body)?;
                line.get_mut().flush()?;
            }
            Reply::Raw(bytes) => {
                line.get_mut().write_all(&bytes)?;
                return line.get_mut().flush();
            }
            Reply::Stall(bytes) => {
                line.get_mut().write_all(&bytes)?;
                line.get_mut().flush()?;
                // Until the client leaves.
                let mut rest = Vec::new();
                return line.read_to_end(&mut rest).map(drop);
            }
            Reply::Stream(write) => {
                write(&mut **line.get_mut())?;
                return line.get_mut().flush();
            }
        }
    }
}

/// A DICOM file of one instance with this much behind its head.
pub fn image(instance: &str, bytes: usize) -> Vec<u8> {
    let mut out = image_head(instance);
    out.resize(out.len() + bytes, 7);
    out
}

/// The head of such a file, as dicom-rs writes it.
pub fn image_head(instance: &str) -> Vec<u8> {
    let meta = dicom_object::FileMetaTableBuilder::new()
        .media_storage_sop_class_uid("1.2.840.10008.5.1.4.1.1.2")
        .media_storage_sop_instance_uid(instance)
        .transfer_syntax("1.2.840.10008.1.2.1")
        .build()
        .unwrap();
    let mut out = vec![0; 128];
    out.extend_from_slice(b"DICM");
    meta.write(&mut out).unwrap();
    out
}

/// The list of one series with these images.
pub fn list(instances: &[&str]) -> Vec<u8> {
    let rows: Vec<_> = instances
        .iter()
        .map(|i| serde_json::json!({"0020000E": {"vr": "UI", "Value": ["1.2.9"]}, "00080018": {"vr": "UI", "Value": [i]}}))
        .collect();
    serde_json::Value::from(rows).to_string().into_bytes()
}

/// The parts of an answer, with their delimiters; without the last one where `cut`.
pub fn parts(images: &[Vec<u8>], cut: bool) -> Vec<u8> {
    let mut out = Vec::new();
    for image in images {
        out.extend_from_slice(b"--b1\r\nContent-Type: application/dicom\r\n\r\n");
        out.extend_from_slice(image);
        out.extend_from_slice(b"\r\n");
    }
    if !cut {
        out.extend_from_slice(b"--b1--\r\n");
    }
    out
}

pub const MULTIPART: &str = "multipart/related; type=\"application/dicom\"; boundary=b1";
pub const JSON: &str = "application/dicom+json";
