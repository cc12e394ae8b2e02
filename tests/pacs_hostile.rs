//! Archives that break off, lie, never answer, or are not who they say they are: nothing half stays, nothing hangs, and the
//! message says what to do.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use shoken::project::pacs::{
    Auth, FetchLimits, FetchRequest, Fetched, Filter, PacsError, Page, Secret, Server, fetch, find_studies,
};
use shoken::project::{Cancel, Progress};

use crate::support::archive::{Archive, JSON, MULTIPART, Reply, image, image_head, list, parts};
use crate::support::desk::Desk;

/// A server that has one series of three images and answers for them as a test says.
fn three(answer: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Archive {
    Archive::new(move |path| {
        if path.contains("/instances?") {
            let first = path.contains("offset=0");
            return Reply::Whole(
                200,
                JSON.to_owned(),
                if first { list(&["1.2.1", "1.2.2", "1.2.3"]) } else { b"[]".to_vec() },
            );
        }
        answer(path)
    })
}

fn all_three() -> Vec<Vec<u8>> {
    ["1.2.1", "1.2.2", "1.2.3"].map(|i| image(i, 3000)).to_vec()
}

fn request(folder: &Path) -> FetchRequest {
    FetchRequest {
        study: "1.2.5".into(),
        series: Vec::new(),
        folder: folder.to_owned(),
        limits: FetchLimits::default(),
    }
}

fn get(server: &Server, request: &FetchRequest) -> Result<Fetched, PacsError> {
    fetch(server, None, request, &Progress::new(), &Progress::new(), &Cancel::new())
}

/// Names of files in a folder: whole images, and anything else.
fn files(folder: &Path) -> (Vec<PathBuf>, Vec<PathBuf>) {
    let all = std::fs::read_dir(folder).map(|d| d.map(|e| e.unwrap().path()).collect::<Vec<_>>()).unwrap_or_default();
    all.into_iter().partition(|p| p.extension().is_some_and(|e| e == "dcm"))
}

/// Fetches into a fresh folder; what went wrong, and how many whole images stayed. Nothing half ever does.
fn fails(archive: &Archive) -> (String, usize) {
    let folder = tempfile::tempdir().unwrap();
    let error = get(&archive.server(), &request(folder.path())).unwrap_err();
    let (whole, other) = files(folder.path());
    assert!(other.is_empty(), "something half stayed: {other:?}");
    (error.to_string(), whole.len())
}

#[test]
fn an_answer_that_is_cut_off_keeps_what_came_whole_and_the_next_fetch_asks_for_the_rest() {
    let body = parts(&all_three(), false);
    let answering = |cut: usize| {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Type: {MULTIPART}\r\nConnection: close\r\n\r\n").into_bytes();
        let short = [head, body[..cut].to_vec()].concat();
        three(move |path| match path.rsplit('/').next().unwrap() {
            "1.2.9" => Reply::Raw(short.clone()),
            one => Reply::Whole(200, MULTIPART.to_owned(), parts(&[image(one, 3000)], false)),
        })
    };
    for (cut, expected) in [(body.len() - 8, 2), (body.len() - 2000, 2), (5000, 1), (3400, 1), (100, 0), (0, 0)] {
        let archive = answering(cut);
        let folder = tempfile::tempdir().unwrap();
        let error = get(&archive.server(), &request(folder.path())).unwrap_err();
        let (whole, other) = files(folder.path());
        assert!(other.is_empty(), "{other:?}");
        assert_eq!(whole.len(), expected, "cut at {cut}: {error}");
        if expected > 0 {
            assert!(
                matches!(error, PacsError::Incomplete { arrived, wanted: 3, .. } if arrived == expected),
                "{error}"
            );
            let again = get(&archive.server(), &request(folder.path())).unwrap();
            assert_eq!((again.files.len(), again.new), (3, 3 - expected));
            let single = archive.asked().iter().filter(|p| p.contains("/instances/")).count();
            assert_eq!(single, 3 - expected, "only what was missing was asked for");
        }
    }
    // Cut within the last delimiter, with every image whole before it.
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(get(&answering(body.len() - 3).server(), &request(folder.path())).unwrap().new, 3);
}

#[test]
fn a_length_that_promises_more_than_comes_is_no_whole_image() {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: {MULTIPART}\r\nContent-Length: 99999999\r\n\r\n").into_bytes();
    let short = [head, parts(&all_three(), true)].concat();
    let (message, whole) = fails(&three(move |_| Reply::Raw(short.clone())));
    assert_eq!(whole, 2, "the third has no delimiter after it: {message}");
    assert!(message.contains("2 of 3") && message.contains("again"), "{message}");
}

#[test]
fn wrong_kinds_of_answers_are_told_apart() {
    let whole = |kind: &'static str, body: Vec<u8>| {
        let (message, kept) = fails(&three(move |_| Reply::Whole(200, kind.to_owned(), body.clone())));
        assert_eq!(kept, 0, "{message}");
        message
    };
    assert!(whole("text/html", b"<html>log in</html>".to_vec()).contains("text/html"));
    assert!(whole("multipart/related", Vec::new()).contains("boundary"));
    assert!(whole(MULTIPART, b"--b1\r\nContent-Type: image/jpeg\r\n\r\nx\r\n--b1--".to_vec()).contains("no DICOM"));
    assert!(whole(MULTIPART, parts(&[b"no DICOM at all".to_vec()], false)).contains("no DICOM"));
    assert!(whole(MULTIPART, parts(&[image("1.2.77", 10)], false)).contains("not asked for"));
    assert!(whole(MULTIPART, b"--b1--".to_vec()).contains("left some images out"));
    assert!(whole(MULTIPART, vec![b'x'; 1 << 20]).contains("does not begin"));
    let status = |status: u16| fails(&three(move |_| Reply::Whole(status, JSON.to_owned(), Vec::new()))).0;
    assert!(status(401).contains("password") && status(403).contains("403"));
    assert!(status(302).contains("not followed"));
    assert!(status(500).contains("500") && status(404).contains("not found"));
    let listed = |kind: &'static str, body: &'static [u8]| {
        let archive = Archive::new(move |_| Reply::Whole(200, kind.to_owned(), body.to_vec()));
        find_studies(&archive.server(), None, &Filter::default(), Page { offset: 0, limit: 10 }, &Cancel::new())
            .map_err(|e| e.to_string())
    };
    assert!(listed("text/html", b"<html>").unwrap_err().contains("text/html"));
    assert!(listed(JSON, b"[{").unwrap_err().contains("cannot be read"));
    assert!(listed(JSON, b"{\"a\": 1}").unwrap_err().contains("cannot be read"));
    assert_eq!(listed(JSON, b"[7, {}, null, {\"0020000D\": 3}]").unwrap(), []);
    assert_eq!(listed(JSON, b"").unwrap(), []);
    let nonsense = Archive::new(|_| Reply::Raw(b"SSH-2.0-OpenSSH\r\n".to_vec()));
    let error = get(&nonsense.server(), &request(tempfile::tempdir().unwrap().path())).unwrap_err();
    assert!(matches!(error, PacsError::Protocol { .. }), "{error}");
}

#[test]
fn uids_that_are_paths_are_refused_from_both_sides() {
    let folder = tempfile::tempdir().unwrap();
    let archive = Archive::new(|_| Reply::Whole(200, JSON.to_owned(), list(&["../../etc/passwd"])));
    let error = get(&archive.server(), &request(folder.path())).unwrap_err();
    assert!(error.to_string().contains("UID"), "{error}");
    let wrong = FetchRequest { study: "1.2/../../x".into(), ..request(folder.path()) };
    assert!(matches!(get(&archive.server(), &wrong), Err(PacsError::NotAUid(_))));
    assert_eq!(archive.asked().len(), 1, "our own wrong UID was never asked for");
}

#[test]
fn a_server_that_gives_the_same_page_for_ever_or_too_many_bytes_is_not_believed() {
    let archive = Archive::new(|path| {
        if path.contains("/instances?") {
            Reply::Whole(200, JSON.to_owned(), list(&["1.2.1", "1.2.2", "1.2.3"]))
        } else {
            Reply::Whole(200, MULTIPART.to_owned(), parts(&all_three(), false))
        }
    });
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(get(&archive.server(), &request(folder.path())).unwrap().new, 3);
    assert_eq!(archive.asked().len(), 3, "the list, once more to see that nothing new comes, the series");
    let small = |image_bytes, total_bytes| {
        let folder = tempfile::tempdir().unwrap();
        let request = FetchRequest { limits: FetchLimits { image_bytes, total_bytes }, ..request(folder.path()) };
        let error = get(&archive.server(), &request).unwrap_err();
        let (whole, other) = files(folder.path());
        assert!(other.is_empty());
        (error.to_string(), whole.len())
    };
    let (message, kept) = small(2000, 1 << 30);
    assert!(message.contains("one image") && message.contains("2000") && kept == 0, "{message}");
    let (message, kept) = small(1 << 30, 5000);
    assert!(message.contains("one fetch") && kept == 1, "{message}");
    let endless = Archive::new(|_| {
        Reply::Stream(Box::new(|out| {
            out.write_all(format!("HTTP/1.1 200 OK\r\nContent-Type: {JSON}\r\nConnection: close\r\n\r\n[").as_bytes())?;
            loop {
                out.write_all(&[b' '; 1 << 12])?;
            }
        }))
    });
    let error = get(&endless.server(), &request(folder.path())).unwrap_err();
    assert!(matches!(error, PacsError::TooMuch { .. }), "{error}");
}

#[test]
fn a_server_that_never_answers_or_stops_in_the_middle_times_out() {
    let second = |archive: &Archive| Server { timeout: Duration::from_secs(1), ..archive.server() };
    let begun = Instant::now();
    let silent = Archive::new(|_| Reply::Stall(Vec::new()));
    let folder = tempfile::tempdir().unwrap();
    let error = get(&second(&silent), &request(folder.path())).unwrap_err();
    assert!(matches!(error, PacsError::TimedOut { seconds: 1, .. }), "{error}");
    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: {MULTIPART}\r\nConnection: close\r\n\r\n").into_bytes();
    let half = [head, parts(&all_three(), false)[..5000].to_vec()].concat();
    let stalled = three(move |_| Reply::Stall(half.clone()));
    let error = get(&second(&stalled), &request(folder.path())).unwrap_err();
    assert!(matches!(error, PacsError::TimedOut { .. }), "{error}");
    let (whole, other) = files(folder.path());
    assert_eq!((whole.len(), other.len()), (1, 0));
    // A port where nobody is.
    let gone =
        Server { url: format!("http://127.0.0.1:{}", crate::support::orthanc::free_port()).into(), ..second(&silent) };
    let error = get(&gone, &request(folder.path())).unwrap_err();
    assert!(matches!(error, PacsError::Unreachable { .. }), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(30));
}

#[test]
fn a_fetch_is_cancelled_in_the_middle_of_an_image_and_keeps_what_came_whole() {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: {MULTIPART}\r\nConnection: close\r\n\r\n").into_bytes();
    let half = [head, parts(&all_three(), false)[..5000].to_vec()].concat();
    let stalled = three(move |_| Reply::Stall(half.clone()));
    let folder = tempfile::tempdir().unwrap();
    let (images, cancel) = (Progress::new(), Cancel::new());
    let (server, request, seen, flag) = (stalled.server(), request(folder.path()), images.clone(), cancel.clone());
    let job = std::thread::spawn(move || fetch(&server, None, &request, &seen, &Progress::new(), &flag));
    while images.snapshot().done < 1 {
        assert!(!job.is_finished());
        std::thread::yield_now();
    }
    let asked = Instant::now();
    cancel.cancel();
    assert!(matches!(job.join().unwrap(), Err(PacsError::Cancelled)));
    assert!(asked.elapsed() < Duration::from_secs(5), "the server's silence lasts twenty seconds");
    let (whole, other) = files(folder.path());
    assert_eq!((whole.len(), other.len()), (1, 0));
}

#[test]
fn certificates_that_prove_nothing_are_refused_with_words_and_nothing_is_asked() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/pacs");
    let answer = |_: &str| Reply::Whole(200, JSON.to_owned(), b"[]".to_vec());
    let search = |archive: &Archive, ca: Option<PathBuf>, scheme: &str| {
        let url = format!("{scheme}://localhost:{}/dicom-web", archive.port).into();
        let server = Server { url, ca_file: ca, auth: Auth::Bearer, ..archive.server() };
        let secret = Secret::new("token".to_owned());
        find_studies(&server, Some(&secret), &Filter::default(), Page { offset: 0, limit: 1 }, &Cancel::new())
    };
    let authority = Some(cases.join("authority.pem"));
    let here = Archive::with_certificate("here", answer);
    assert_eq!(search(&here, authority.clone(), "https").unwrap(), []);
    let says = |result: Result<Vec<_>, PacsError>| match result {
        Err(e @ PacsError::NotTrusted { .. }) => e.to_string(),
        other => panic!("{other:?}"),
    };
    let before = here.asked().len();
    assert!(says(search(&here, None, "https")).contains("authority that is not trusted"));
    assert_eq!(here.asked().len(), before, "no request was made, so no token was shown");
    for (name, word) in [("expired", "expired"), ("elsewhere", "another computer")] {
        let archive = Archive::with_certificate(name, answer);
        let message = says(search(&archive, authority.clone(), "https"));
        assert!(message.contains(word) && message.contains("Nothing was sent"), "{message}");
        assert!(archive.asked().is_empty());
    }
    let plain = Archive::new(answer);
    assert!(says(search(&plain, authority, "https")).contains("encrypted connection"));
    let no_pem = search(&here, Some(cases.join("here.key")), "https").unwrap_err().to_string();
    assert!(no_pem.contains("ca_file") && no_pem.contains("no certificate"), "{no_pem}");
}

/// Peak resident memory of a process in bytes, where the system tells.
fn peak_bytes(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse::<u64>().ok().map(|k| k << 10)
}

#[cfg(target_os = "linux")]
#[test]
fn an_image_larger_than_memory_should_be_goes_to_disk_as_it_comes() {
    const BYTES: usize = 192 << 20;
    let archive = three(|path| {
        if path.ends_with("/1.2.9") {
            return Reply::Stream(Box::new(|out| {
                let head = format!("HTTP/1.1 200 OK\r\nContent-Type: {MULTIPART}\r\nConnection: close\r\n\r\n");
                out.write_all(head.as_bytes())?;
                out.write_all(b"--b1\r\nContent-Type: application/dicom\r\n\r\n")?;
                out.write_all(&image_head("1.2.1"))?;
                let piece = vec![9; 1 << 20];
                for _ in 0..BYTES / piece.len() {
                    out.write_all(&piece)?;
                }
                let rest = parts(&[image("1.2.2", 5), image("1.2.3", 6)], false);
                out.write_all(b"\r\n")?;
                out.write_all(&rest)
            }));
        }
        Reply::Whole(404, JSON.to_owned(), Vec::new())
    });
    let desk = Desk::new();
    std::fs::create_dir_all(desk.home()).unwrap();
    let settings = format!("[[pacs]]\nname = \"false\"\nurl = \"http://127.0.0.1:{}/dicom-web\"\n", archive.port);
    std::fs::write(desk.home().join("settings.toml"), settings).unwrap();
    let mut child = desk.spawn(&["pacs", "fetch", "false", "--study", "1.2.5", "--out", "got"]);
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        peak = peak.max(peak_bytes(child.id()).unwrap_or(0));
        std::thread::yield_now();
    }
    let out = child.wait_with_output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let (whole, _) = files(&desk.path("got"));
    let largest = whole.iter().map(|f| std::fs::metadata(f).unwrap().len()).max().unwrap();
    assert_eq!(largest, (BYTES + image_head("1.2.1").len()) as u64);
    println!("an image of {} MiB, peak memory {} MiB", BYTES >> 20, peak >> 20);
    assert!(peak > 0 && peak < 96 << 20, "{peak} bytes at the most");
}
