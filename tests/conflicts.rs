//! A reader who sealed the same case on two copies of a project: both reads are kept and shown, nothing is judged or
//! released on top of them, and the coordinator decides which counts.

use shoken::domain::Verdict;
use shoken::project::{Cause, Project, ProjectError, ReadScope, Rejection};

use crate::support::desk::{Desk, add, copy_folder, exported, import, reader, sound};

fn rivals(outcome: &Result<Vec<shoken::project::Discrepancy>, ProjectError>) -> bool {
    matches!(outcome, Err(ProjectError::Rejected(Rejection::RivalReads { count: 2, .. })))
}

#[test]
fn conflicts_of_one_reader_stop_adjudication_and_release_until_the_coordinator_decides() {
    let desk = Desk::new();
    let mut here = desk.study("p.shoken");
    let case = import(&mut here, &desk.photo("a.png", 1));
    for job in here.pending_hashes().unwrap() {
        here.record_hashes(&[job.run(|_| true)]).unwrap();
    }
    drop(here);
    copy_folder(&desk.path("p.shoken"), &desk.path("second/p.shoken"));
    copy_folder(&desk.path("home/keys"), &desk.path("second/home/keys"));
    let mut here = desk.open("p.shoken");
    let mut there = Project::open(&desk.path("second/p.shoken"), &desk.path("second/home"), true).unwrap();
    // The reader forgets on which laptop the case was done, and does it on both.
    for (project, marks) in [(&mut here, &[1.0][..]), (&mut there, &[30.0, 45.0])] {
        project.act_as(&reader("R1")).unwrap();
        marks.iter().for_each(|x| add(project, &case, *x, None));
        project.submit(&case, Verdict::Findings, &Cause::Cli).unwrap();
    }
    let report = here.apply_journal(&mut exported(&there, true).as_bytes()).unwrap();
    assert!(report.refused.is_empty(), "{:?}", report.refused);
    sound(&here);

    // Two reads of one reader are no double read.
    here.act_as(&reader("J")).unwrap();
    let judge = ReadScope::Adjudicator(reader("J"));
    assert!(here.view(&case, &judge).unwrap().reads.is_empty());
    here.act_as(&reader("R2")).unwrap();
    add(&mut here, &case, 2.0, None);
    here.submit(&case, Verdict::Findings, &Cause::Cli).unwrap();
    assert!(here.conflicts(false).is_err(), "a reader does not see what others did");
    here.act_as(&reader("J")).unwrap();
    assert!(rivals(&here.discrepancies(&case)));
    assert!(here.open_adjudication(&case, &Cause::Cli).is_err());
    here.act_as(&reader("owner")).unwrap();
    assert_eq!(here.release_plan().unwrap().excluded, [("C-0001".to_owned(), "conflict".to_owned())]);

    let found = here.conflicts(false).unwrap();
    assert_eq!((found.len(), found[0].reader.clone(), found[0].reads.len()), (1, reader("R1"), 2));
    drop(here);
    let wanted = found[0].reads.iter().find(|r| r.findings == 2).unwrap();
    let listed = desk.ok(&["conflicts", "p.shoken"]);
    assert_eq!(listed.lines().count(), 2, "{listed}");
    assert!(desk.refused(&["conflicts", "p.shoken", "--keep", "zz"]).contains("lists them"));
    assert_eq!(desk.ok(&["conflicts", "p.shoken", "--keep", &wanted.read.to_string()[..12]]).trim(), "");

    let mut here = desk.open("p.shoken");
    here.act_as(&reader("J")).unwrap();
    let shown = here.view(&case, &judge).unwrap().reads;
    assert_eq!(shown.len(), 2);
    assert!(shown.iter().any(|r| r.findings.len() == 2), "the chosen one stands");
    assert!(!here.discrepancies(&case).unwrap().is_empty());
    here.open_adjudication(&case, &Cause::Cli).unwrap();
    sound(&here);
    // A choice made by mistake is made anew, and the same one twice is nothing to do.
    here.act_as(&reader("owner")).unwrap();
    assert!(here.choose_read(wanted.read).is_err());
    let other = found[0].reads.iter().find(|r| r.findings == 1).unwrap();
    here.choose_read(other.read).unwrap();
    assert!(here.conflicts(false).unwrap().is_empty());
    let aside: Vec<_> = here.conflicts(true).unwrap()[0].reads.iter().filter(|r| r.set_aside).map(|r| r.read).collect();
    assert_eq!(aside, [wanted.read]);
    here.choose_read(wanted.read).unwrap();
    // The decision travels: the other computer sees the same, in whatever order it came.
    there.apply_journal(&mut exported(&here, true).as_bytes()).unwrap();
    there.act_as(&reader("J")).unwrap();
    assert_eq!(there.view(&case, &judge).unwrap().reads, shown);
}
