//! A real archive on loopback: Debian's Orthanc with its DICOMweb plugin, in a folder and on ports of its own.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

const PLUGIN: &str = "/usr/share/orthanc/plugins/libOrthancDicomWeb.so";

pub struct Orthanc {
    child: Child,
    pub http: u16,
    _folder: tempfile::TempDir,
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Orthanc {
    /// `None` (said on stdout) on a machine without it. `password` protects it, for the user `reader`.
    pub fn start(password: Option<&str>) -> Option<Self> {
        let program = ["/usr/sbin/Orthanc", "/usr/bin/Orthanc"].into_iter().find(|p| Path::new(p).is_file());
        let (Some(program), true) = (program, Path::new(PLUGIN).is_file()) else {
            println!("skipped: no orthanc with orthanc-dicomweb (apt-get install orthanc orthanc-dicomweb)");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let (http, dicom) = (free_port(), free_port());
        let config = serde_json::json!({
            "StorageDirectory": folder.path().join("db"), "IndexDirectory": folder.path().join("db"), "Plugins": [PLUGIN],
            "HttpPort": http, "DicomPort": dicom, "DicomAet": "ORTHANC", "RemoteAccessAllowed": false,
            "AuthenticationEnabled": password.is_some(), "RegisteredUsers": {"reader": password.unwrap_or_default()},
            "DicomWeb": {"Enable": true, "Root": "/dicom-web/"}, "SynchronousCMove": true,
        });
        let file = folder.path().join("orthanc.json");
        std::fs::write(&file, config.to_string()).unwrap();
        let mut child = Command::new(program).arg(&file).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let (mut line, mut said) = (String::new(), String::new());
        while !line.contains("Orthanc has started") {
            said.push_str(&line);
            line.clear();
            assert!(log.read_line(&mut line).unwrap() > 0, "Orthanc did not start:\n{said}");
        }
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Some(Self { child, http, _folder: folder })
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/dicom-web", self.http)
    }

    /// Asks its own interface (not DICOMweb); the body of the answer.
    pub fn ask(&self, method: &str, path: &str, body: &[u8]) -> Vec<u8> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.http)).unwrap();
        let head = format!("{method} {path} HTTP/1.0\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n", body.len());
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|w| w == b"\r\n\r\n").expect("an answer with a header");
        let status = String::from_utf8_lossy(&answer[..end]).into_owned();
        assert!(status.split(' ').nth(1) == Some("200"), "{method} {path}: {status}");
        answer.split_off(end + 4)
    }

    /// Stores a file; its name there.
    pub fn put(&self, file: &Path) -> String {
        let answer = self.ask("POST", "/instances", &std::fs::read(file).unwrap());
        serde_json::from_slice::<serde_json::Value>(&answer).unwrap()["ID"].as_str().unwrap().to_owned()
    }

    /// Sends images by C-STORE to a receiver on loopback; how many it says failed.
    pub fn send(&self, ids: &[String], title: &str, port: u16) -> usize {
        let peer = serde_json::json!({"AET": title, "Host": "127.0.0.1", "Port": port});
        self.ask("PUT", "/modalities/peer", peer.to_string().as_bytes());
        let job =
            serde_json::json!({"Resources": ids, "Synchronous": true, "Permissive": true, "StorageCommitment": false});
        let answer = self.ask("POST", "/modalities/peer/store", job.to_string().as_bytes());
        let answer: serde_json::Value = serde_json::from_slice(&answer).unwrap();
        usize::try_from(answer["FailedInstancesCount"].as_u64().unwrap()).unwrap()
    }
}

impl Drop for Orthanc {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
