//! A pulled plug: the write-ahead log cut at every frame, at any byte, or overwritten. The project opens and its state is a
//! prefix of what was done.

use std::path::{Path, PathBuf};

use shoken::domain::{CaseId, ProjectKind};
use shoken::journal::{Signed, State};
use shoken::project::Project;

use crate::support::desk::{Desk, Lots, add, copy_folder, count, import, seed, signed_lines, sound};

/// A project as the plug was pulled: the database file, its log, and all transactions in order.
struct Unplugged {
    desk: Desk,
    wal: Vec<u8>,
    page: usize,
    lines: Vec<Signed>,
    case: CaseId,
}

/// Header of the WAL file and of each frame in it, in bytes (<https://www.sqlite.org/fileformat2.html#walformat>).
const WAL_HEADER: usize = 32;
const FRAME_HEADER: usize = 24;

fn unplugged() -> Unplugged {
    let desk = Desk::new();
    drop(desk.create("p.shoken", ProjectKind::Personal));
    let mut project = desk.open("p.shoken");
    let case = import(&mut project, &desk.photo("a.png", 1));
    for i in 0..24_u8 {
        add(&mut project, &case, f64::from(i), (i % 3 == 0).then_some("seen"));
        if i % 5 == 4 {
            project.undo(&case).unwrap();
        }
    }
    // Copied while it is open: nothing has been moved from the log into the database yet.
    copy_folder(&desk.path("p.shoken"), &desk.path("cut.shoken"));
    copy_folder(&desk.path("home/keys"), &desk.path("elsewhere/keys"));
    let mut wal = std::fs::read(desk.path("cut.shoken/project.sqlite-wal")).unwrap();
    let page = u32::from_be_bytes(wal[8..12].try_into().unwrap()) as usize;
    // Without the room that it may have been given: it is the frames that are cut here.
    wal.truncate(WAL_HEADER + written_frames(&wal, page) * (FRAME_HEADER + page));
    let mut lines: Vec<Signed> = signed_lines(&project).iter().map(|l| Signed::from_line(l).unwrap()).collect();
    lines.sort_by_key(|s| s.body().lamport);
    Unplugged { desk, wal, page, lines, case }
}

/// Frames up to the last one that is not all zeros.
fn written_frames(wal: &[u8], page: usize) -> usize {
    let frames = wal[WAL_HEADER..].chunks(FRAME_HEADER + page);
    frames.collect::<Vec<_>>().iter().rposition(|f| f.iter().any(|b| *b != 0)).map_or(0, |n| n + 1)
}

impl Unplugged {
    /// Opens the project with this log in place of its own and compares. Returns how many transactions were there.
    fn open_with(&self, wal: &[u8], what: &str) -> usize {
        let folder = self.desk.path("now.shoken");
        std::fs::remove_dir_all(&folder).ok();
        copy_folder(&self.desk.path("cut.shoken"), &folder);
        std::fs::remove_file(folder.join("project.sqlite-shm")).ok();
        std::fs::write(folder.join("project.sqlite-wal"), wal).unwrap();
        // On another machine with the same keys: no witness there knows how far the log once went.
        let project = self.opened(&folder, what);
        let kept: Vec<Signed> = signed_lines(&project).iter().map(|l| Signed::from_line(l).unwrap()).collect();
        let n = kept.len();
        assert!(kept.iter().all(|k| self.lines[..n].contains(k)), "{what}: what is there is no prefix of the log");
        let state = State::from_transactions(self.lines[..n].iter().cloned());
        let live = state
            .current_read(project.actor().unwrap(), &self.case)
            .and_then(|r| state.read_fold(&r.stream).map(|f| f.live().count()))
            .unwrap_or(0);
        let shown =
            if state.case(&self.case).is_some() { crate::support::desk::findings(&project, &self.case) } else { 0 };
        assert_eq!(shown, live, "{what}: the state is not the fold of the prefix");
        sound(&project);
        n
    }

    fn opened(&self, folder: &Path, what: &str) -> Project {
        let home: PathBuf = self.desk.path("elsewhere");
        let project = Project::open(folder, &home, true).unwrap_or_else(|e| panic!("{what}: {e}"));
        assert!(project.read_only().is_none(), "{what}");
        project
    }
}

#[test]
fn attack_wal_cut_at_every_frame_gives_a_prefix() {
    let u = unplugged();
    let frame = FRAME_HEADER + u.page;
    let frames = (u.wal.len() - WAL_HEADER) / frame;
    let step = if std::env::var_os("SHOKEN_PROOF").is_some() { 1 } else { frames / 20 + 1 };
    let mut lengths = Vec::new();
    for k in (0..=frames).step_by(step).chain([frames]) {
        lengths.push(u.open_with(&u.wal[..WAL_HEADER + k * frame], &format!("cut after frame {k}")));
    }
    println!("{} of {frames} frame boundaries", lengths.len());
    assert!(lengths.is_sorted(), "a longer log never gives less");
    assert_eq!(lengths.last(), Some(&u.lines.len()), "the whole log gives everything");
    assert!(lengths.first() < lengths.last());
}

#[test]
fn attack_wal_cut_or_overwritten_anywhere_gives_a_prefix() {
    let u = unplugged();
    let mut lots = Lots(seed() ^ 3);
    for n in 0..count("random offsets", 24, 1_000) {
        let at = lots.below(u.wal.len());
        let mut wal = u.wal.clone();
        let what = match n % 4 {
            0 | 1 => {
                wal.truncate(at);
                format!("cut at byte {at}")
            }
            2 => {
                wal[at] ^= 1 << lots.below(8);
                format!("a bit flipped at byte {at}")
            }
            // As a file system does that had room but not the bytes.
            _ => {
                wal[at..].fill(0);
                format!("zeros from byte {at}")
            }
        };
        u.open_with(&wal, &what);
    }
}

/// Work goes on after the plug was pulled, on the machine itself, in a new stream; with the witness the loss is named.
#[test]
fn attack_wal_work_goes_on_and_a_witnessed_loss_is_named() {
    let u = unplugged();
    let kept = u.wal.len() / 2;
    let folder = u.desk.path("now.shoken");
    copy_folder(&u.desk.path("cut.shoken"), &folder);
    std::fs::remove_file(folder.join("project.sqlite-shm")).ok();
    std::fs::write(folder.join("project.sqlite-wal"), &u.wal[..kept]).unwrap();
    let mut project = u.desk.open("now.shoken");
    let before = signed_lines(&project).len();
    assert!(before < u.lines.len());
    add(&mut project, &u.case, 1.0, None);
    assert!(signed_lines(&project).len() > before);
    let old: std::collections::BTreeSet<_> = u.lines.iter().map(Signed::stream).collect();
    let new = signed_lines(&project);
    let last = new.iter().map(|l| Signed::from_line(l).unwrap()).max_by_key(|s| s.body().lamport).unwrap();
    assert!(!old.contains(&last.stream()), "a log that lost its end is never gone on with");
    // The window that wrote the log has closed and left its witness.
    let report = project.verify().unwrap();
    assert!(!report.problems.is_empty());
    assert!(report.problems.iter().all(|p| p.kind.word() == "truncated"), "{:?}", report.problems);
}

/// The log is made longer than it is, so that commits need not. Whatever of that room is on the disk when the plug is pulled,
/// nothing in it is taken for work, and nothing that was committed is missing.
#[test]
fn attack_wal_given_room_holds_the_same_work() {
    let desk = Desk::new();
    drop(desk.create("p.shoken", ProjectKind::Personal));
    let mut project = desk.open("p.shoken");
    let case = import(&mut project, &desk.photo("a.png", 1));
    let wal = desk.path("p.shoken/project.sqlite-wal");
    let (mut drawn, started, page) = (0, std::time::Instant::now(), 4096);
    // Given in a pause or in a burst, by a thread; it is there when the log ends in zeros.
    let roomy = |wal: &[u8]| wal.len() > WAL_HEADER + (written_frames(wal, page) + 100) * (FRAME_HEADER + page);
    while !roomy(&std::fs::read(&wal).unwrap()) {
        add(&mut project, &case, f64::from(drawn % 40), None);
        drawn += 1;
        assert!(started.elapsed().as_secs() < 60, "the log was never given room");
    }
    // One more after it, and what there is then on the disk of a machine that stops now.
    add(&mut project, &case, 1.0, None);
    drawn += 1;
    copy_folder(&desk.path("p.shoken"), &desk.path("cut.shoken"));
    copy_folder(&desk.path("home/keys"), &desk.path("elsewhere/keys"));
    let whole = std::fs::read(desk.path("cut.shoken/project.sqlite-wal")).unwrap();
    let frames = WAL_HEADER + written_frames(&whole, page) * (FRAME_HEADER + page);
    let mut lots = Lots(seed() ^ 5);
    for n in 0..count("states of the room", 6, 100) {
        let mut log = whole.clone();
        let at = frames + lots.below(log.len() - frames);
        match n % 3 {
            0 => log.truncate(at),
            // What the disk had in these blocks before.
            1 => log[at..].iter_mut().for_each(|b| *b = lots.below(256) as u8),
            _ => {}
        }
        let folder = desk.path("now.shoken");
        std::fs::remove_dir_all(&folder).ok();
        // What was witnessed of the state before is not in this one.
        std::fs::remove_dir_all(desk.path("elsewhere/witnesses")).ok();
        copy_folder(&desk.path("cut.shoken"), &folder);
        std::fs::remove_file(folder.join("project.sqlite-shm")).ok();
        std::fs::write(folder.join("project.sqlite-wal"), log).unwrap();
        let mut cut = Project::open(&folder, &desk.path("elsewhere"), true).unwrap();
        assert_eq!(crate::support::desk::findings(&cut, &case), drawn as usize, "state {n}");
        add(&mut cut, &case, 2.0, None);
        sound(&cut);
    }
    // Closing gives the room back.
    drop(project);
    assert!(!wal.exists() || wal.metadata().unwrap().len() == 0);
    assert_eq!(crate::support::desk::findings(&desk.open("p.shoken"), &case), drawn as usize);
}
