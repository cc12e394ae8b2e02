//! What keeps the work safe, at the window: backups, restoring, places that are not safe, checks, and rival reads.

use std::path::{Path, PathBuf};

use egui::{Key, Modifiers, accesskit::Role};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use shoken::domain::{ProjectKind, Role as Duty, Verdict};
use shoken::gui::{Action, Job, Task};
use shoken::project::{Cause, Clock, ExportOptions, NewProject, Project};

use crate::support::desk::{child, copy_folder, reader};
use crate::support::disk::{Mount, fill};
use crate::support::window::{Study, Window};

fn study(desk: &Path) -> Study {
    let mut study = Study::new(desk, 1);
    study.read("R1", 0, &[(50.0, 50.0, "びらん")]);
    study
}

/// The page for backups, by its key, with its list there.
fn backups(study: &Study) -> Window {
    let mut window = study.window("C");
    window.harness.key_press_modifiers(Modifiers::COMMAND, Key::B);
    window.harness.run_steps(3);
    window.until("the places are known", |app| app.model().keeping.places.is_some());
    window
}

fn type_into(window: &mut Window, label: &str, text: &str) {
    let field = window.harness.get_by_role_and_label(Role::TextInput, label);
    field.focus();
    window.harness.run_steps(1);
    // What was proposed is replaced.
    window.harness.key_press_modifiers(Modifiers::COMMAND, Key::A);
    window.harness.run_steps(1);
    window.harness.get_by_role_and_label(Role::TextInput, label).type_text(text);
    window.harness.run_steps(3);
}

fn back_up_to(window: &mut Window, folder: &Path) {
    type_into(window, "バックアップ先を加える", folder.to_str().unwrap());
    window.push("今すぐバックアップする");
}

fn says(window: &Window, part: &str) -> bool {
    window.harness.query_all_by_label_contains(part).next().is_some()
}

#[test]
fn keeping_a_backup_is_made_tried_and_restored_from_the_window() {
    let desk = tempfile::tempdir().unwrap();
    let study = study(desk.path());
    let mut window = backups(&study);
    assert!(window.sees("まだバックアップがありません。"));
    let shelf = desk.path().join("shelf");
    back_up_to(&mut window, &shelf);
    window.until("the backup is made", |app| app.model().keeping.backed_up);
    assert!(window.sees("バックアップし、読み直して照合しました") && window.sees("照合済み"));
    assert!(says(&window, "最後のバックアップ：") && window.sees(shelf.to_str().unwrap()));
    assert!(window.sees("プロジェクトと同じディスクにあります。故障すると両方を失います。"));
    // The next one goes there without being told.
    window.push("今すぐバックアップする");
    window.until("the second one is made", |app| {
        app.model().keeping.places.iter().flatten().any(|p| p.generations.len() == 2)
    });

    window.push("試す 第 2 世代");
    window.until("the drill is over", |app| app.model().keeping.drilled.is_some());
    assert!(says(&window, "のバックアップを試しに復元し、全件が一致しました"));
    assert!(window.sees("署名済みの記録"), "what was compared is listed");

    window.push("復元… 第 1 世代");
    let to = desk.path().join("again.shoken");
    type_into(&mut window, "新しいプロジェクトの場所", study.folder.to_str().unwrap());
    assert!(window.sees("その場所には別のものがあります。名前を変えてください。"));
    assert!(window.harness.get_by_label("復元して開く").accesskit_node().is_disabled(), "nothing is overwritten");
    type_into(&mut window, "新しいプロジェクトの場所", to.to_str().unwrap());
    window.push("復元して開く");
    window.until("the restored project is open", |app| app.model().keeping.folder.as_deref() == Some(&*to));
    assert!(says(&window, "のバックアップから復元し、全件が一致しました"), "the page says what came of it");
    drop(window);
    let restored = Project::open(&to, &study.home, false).unwrap();
    assert!(restored.verify().unwrap().problems.is_empty());
    assert_eq!(restored.case_ids(), study.cases);
}

#[test]
fn keeping_a_backup_is_restored_where_no_project_is_open() {
    let desk = tempfile::tempdir().unwrap();
    let study = study(desk.path());
    let mut window = backups(&study);
    let shelf = desk.path().join("shelf");
    back_up_to(&mut window, &shelf);
    window.until("the backup is made", |app| app.model().keeping.backed_up);
    drop(window);
    // The laptop is another one; the stick with the backups is all there is.
    let mut window = Window::open(&desk.path().join("new-home"));
    window.harness.key_press_modifiers(Modifiers::COMMAND, Key::K);
    window.harness.run_steps(2);
    window.harness.get_by_label("操作の名前を入力").type_text("バックアップから復元");
    window.harness.run_steps(2);
    window.press(Key::Enter);
    let to = desk.path().join("again.shoken");
    type_into(&mut window, "バックアップのフォルダー", shelf.to_str().unwrap());
    type_into(&mut window, "新しいプロジェクトの場所", to.to_str().unwrap());
    window.push("復元して開く");
    window.until("it is open", |app| app.model().keeping.folder.as_deref() == Some(&*to));
    assert!(says(&window, "のバックアップから復元し、全件が一致しました"));
}

#[test]
fn keeping_a_disk_that_is_full_or_gone_is_said_in_words() {
    let desk = tempfile::tempdir().unwrap();
    let study = study(desk.path());
    let mut window = backups(&study);
    // A file stands where the folder should be.
    std::fs::write(desk.path().join("note"), "x").unwrap();
    back_up_to(&mut window, &desk.path().join("note/shelf"));
    window.until("it failed", |app| app.model().keeping.failed.is_some());
    assert!(says(&window, "プロジェクトは無事で、途中のものは残しません"));
    assert!(window.sees("詳細をコピー"));
    let Some(disk) = Mount::new(&desk.path().join("stick"), &["-t", "tmpfs", "-o", "size=3m", "tmpfs"]) else { return };
    fill(&disk.0);
    back_up_to(&mut window, &disk.0.join("shelf"));
    window.until("it failed again", |app| {
        app.model().keeping.failed.as_ref().is_some_and(|(_, t)| t.key == "trouble-full")
    });
    assert!(says(&window, "ディスクがいっぱいです。"));
    let left: Vec<PathBuf> = std::fs::read_dir(disk.0.join("shelf"))
        .into_iter()
        .flatten()
        .flatten()
        .map(|e| e.path())
        .filter(|p| p.is_dir())
        .flat_map(|p| std::fs::read_dir(p).unwrap().flatten().map(|e| e.path()).collect::<Vec<_>>())
        .filter(|p| p.is_dir())
        .collect();
    assert!(left.is_empty(), "half a backup stays: {left:?}");
}

#[test]
fn keeping_work_can_be_stopped_and_leaves_nothing() {
    let desk = tempfile::tempdir().unwrap();
    let study = study(desk.path());
    let mut window = backups(&study);
    let to = desk.path().join("copy.shoken");
    let app = window.harness.state_mut().as_mut().unwrap();
    app.ask(Action::Run(Job::Keep(Task::CopyHere(to.clone()))));
    app.ask(Action::Run(Job::Keep(Task::Verify)));
    app.ask(Action::Run(Job::StopKeeping));
    window.harness.step();
    window.until("the work is over", |app| app.model().keeping.running.is_none());
    assert!(window.sees("中止しました。何も残していません"));
    assert!(!to.exists());
    let hidden = |p: &Path| p.file_name().unwrap().to_string_lossy().starts_with(".shoken-");
    let left: Vec<_> =
        std::fs::read_dir(desk.path()).unwrap().flatten().map(|e| e.path()).filter(|p| hidden(p)).collect();
    assert!(left.is_empty(), "{left:?}");
    assert!(window.app().model().keeping.checked.is_none(), "a second piece of work waits for the first");
}

#[test]
fn keeping_pages_are_walked_through_with_the_keyboard_alone() {
    let desk = tempfile::tempdir().unwrap();
    let study = study(desk.path());
    let mut window = backups(&study);
    type_into(&mut window, "バックアップ先を加える", desk.path().join("shelf").to_str().unwrap());
    let reached = (0..40).any(|_| {
        window.press(Key::Tab);
        window.harness.get_by_label("今すぐバックアップする").accesskit_node().is_focused()
    });
    assert!(reached, "Tab does not reach the button");
    window.press(Key::Enter);
    window.until("the backup is made", |app| app.model().keeping.backed_up);
    let made = window.app().model().keeping.places.as_ref().unwrap()[0].generations[0].folder.clone();
    drop(window);
    // The folder of a generation opens to look, and leads to restoring it.
    let mut window = Window::project(&study.home, &made, "C");
    assert!(says(&window, "これはバックアップです。閲覧のみで開いています。"));
    window.push("復元…");
    let field = window.harness.get_by_role_and_label(Role::TextInput, "バックアップのフォルダー");
    assert_eq!(field.accesskit_node().value().as_deref(), made.to_str());
}

/// In a process of its own, since the person's folder decides what a better place is.
#[test]
fn keeping_a_project_in_a_synced_folder_is_told_and_copied_to_a_better_place() {
    let desk = tempfile::tempdir().unwrap();
    let user = desk.path().join("user");
    std::fs::create_dir_all(&user).unwrap();
    let variables = [("SHOKEN_KEEPING_DESK", desk.path().to_str().unwrap()), ("HOME", user.to_str().unwrap())];
    let mut command = child("gui_keeping::keeping_synced_folder_child", &variables);
    let done = command.env_remove("XDG_CONFIG_HOME").output().unwrap();
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(done.status.success(), "{}{}", said(&done.stdout), said(&done.stderr));
    let better = user.join("study.shoken");
    assert!(Project::open(&better, &desk.path().join("synced/home"), false).is_ok(), "the copy is where it was said");
    assert!(desk.path().join("synced/study.shoken").is_dir(), "what was there is still there");
}

#[test]
fn keeping_synced_folder_child() {
    let Some(desk) = std::env::var_os("SHOKEN_KEEPING_DESK").map(PathBuf::from) else { return };
    let synced = desk.join("synced");
    std::fs::create_dir_all(synced.join(".dropbox.cache")).unwrap();
    let study = study(&synced);
    let mut window = study.window("C");
    assert!(says(&window, "このプロジェクトは Dropbox が同期するフォルダーにあります。"));
    window.push("この端末に写して開く");
    let better = PathBuf::from(std::env::var_os("HOME").unwrap()).join("study.shoken");
    window.until("the copy is open", |app| app.model().keeping.folder.as_deref() == Some(&*better));
    assert!(says(&window, "この端末に写しました。"));
    assert!(!says(&window, "Dropbox"), "the better place is one that nothing speaks against");
    assert_eq!(window.app().model().cases.len(), 1);
    drop(window);
    // Whoever stays is told until they have read it, then only on the page.
    let mut window = study.window("C");
    window.push("閉じる");
    assert!(!says(&window, "Dropbox"));
    drop(window);
    let mut window = study.window("C");
    assert!(!says(&window, "Dropbox"));
    window.harness.key_press_modifiers(Modifiers::COMMAND, Key::B);
    window.harness.run_steps(3);
    assert!(says(&window, "Dropbox"));
}

#[test]
fn keeping_reminds_of_a_backup_after_a_week() {
    let desk = tempfile::tempdir().unwrap();
    let (home, folder) = (desk.path().join("home"), desk.path().join("old.shoken"));
    let made = |days: i64| {
        let time =
            (chrono::Utc::now() - chrono::Duration::days(days)).to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
        Clock { now: Box::new(move || time.clone()), random: Clock::system().random }
    };
    let new = NewProject {
        folder: &folder,
        home: &home,
        kind: ProjectKind::Study,
        name: "old",
        creator: "C",
        packs: Vec::new(),
        clock: made(9),
    };
    drop(Project::create(new).unwrap());
    let mut window = Window::project(&home, &folder, "C");
    window.push("バックアップなし");
    window.until("the page is there", |app| app.model().keeping.places.is_some());
    back_up_to(&mut window, &desk.path().join("shelf"));
    window.until("the backup is made", |app| app.model().keeping.backed_up);
    assert!(!window.sees("バックアップなし") && !says(&window, "日前"), "nobody is reminded of what was just done");
    drop(window);
    let fresh = study(&desk.path().join("fresh"));
    assert!(!fresh.window("C").sees("バックアップなし"), "nor of a project of today");
}

#[test]
fn keeping_the_auditor_begins_with_the_check() {
    let desk = tempfile::tempdir().unwrap();
    let mut study = study(desk.path());
    study.project.act_as(&reader("C")).unwrap();
    study.project.add_reader(&reader("A"), &[Duty::Auditor], None, &[], None).unwrap();
    study.project.leave_witness().unwrap();
    let mut window = study.window("A");
    assert!(window.sees("まだ検証していません"), "the auditor's first page");
    window.push("検証を始める");
    window.until("the check is over", |app| app.model().keeping.checked.is_some());
    assert!(window.sees("問題は見つかりませんでした") && window.sees("署名済みの記録"));
    drop(window);
    drop(study.project);
    let db = rusqlite::Connection::open(study.folder.join("project.sqlite")).unwrap();
    db.execute_batch(
        "DROP TRIGGER transactions_no_delete;
         DELETE FROM transactions WHERE rowid = (SELECT max(rowid) FROM transactions WHERE seq = 2);",
    )
    .unwrap();
    drop(db);
    let mut window = Window::project(&study.home, &study.folder, "A");
    window.push("検証を始める");
    window.until("the check is over", |app| app.model().keeping.checked.is_some());
    assert!(window.sees("欠落") && window.sees("あるはずの記録がありません。"), "the problem has a name and a meaning");
    assert!(says(&window, "このプロジェクトでの作業を止め"), "and what to do is said");
    let (_, place, detail) = &window.app().model().keeping.checked.as_ref().unwrap().problems[0];
    assert!(!says(&window, place) && !says(&window, detail), "in the window's language, not as {place}: {detail}");
}

#[test]
fn keeping_a_release_is_checked_from_the_window() {
    let desk = tempfile::tempdir().unwrap();
    let study = study(desk.path());
    let none = desk.path().join("no-release");
    std::fs::create_dir(&none).unwrap();
    let mut window = study.window("C");
    window.harness.state_mut().as_mut().unwrap().ask(Action::Run(Job::Keep(Task::VerifyRelease(none))));
    window.harness.step();
    window.until("the check is over", |app| app.model().keeping.checked.is_some());
    window.push("保全");
    window.push("検証");
    assert!(says(&window, "件の問題が見つかりました"));
}

/// R1 seals the case on two laptops; the coordinator brings both together.
fn rivals(desk: &Path) -> Study {
    let mut study = Study::new(desk, 1);
    study.project.leave_witness().unwrap();
    let (there_home, there) = (desk.join("second/home"), desk.join("second/study.shoken"));
    copy_folder(&study.folder, &there);
    copy_folder(&study.home.join("keys"), &there_home.join("keys"));
    study.read("R1", 0, &[(50.0, 50.0, "びらん")]);
    study.read("R2", 0, &[]);
    let mut second = Project::open(&there, &there_home, true).unwrap();
    second.act_as(&reader("R1")).unwrap();
    second.submit(&study.cases[0], Verdict::NoFinding, &Cause::Cli).unwrap();
    let mut lines = Vec::new();
    second.export_journal(&mut lines, ExportOptions { values: true }).unwrap();
    let report = study.project.apply_journal(&mut lines.as_slice()).unwrap();
    assert!(report.refused.is_empty(), "{:?}", report.refused);
    study
}

#[test]
fn keeping_rival_reads_are_seen_and_chosen_between_by_the_coordinator() {
    let desk = tempfile::tempdir().unwrap();
    let study = rivals(desk.path());
    // The adjudicator is told why nothing comes.
    let judge = study.window("J");
    assert!(says(&judge, "1 例は、統括が有効な読影を選ぶまで裁定できません"));
    assert!(!judge.sees("読影を選ぶ"), "which is not the adjudicator's to choose");
    drop(judge);
    // So is a release, which leads to the choice.
    let mut window = study.window("C");
    assert!(says(&window, "同じ読影者が同じ症例を複数回提出しています（1 例）"));
    window.push("固定・公開");
    window.until("the contents are known", |app| app.model().release.plan.is_some());
    assert!(window.sees("両立しない記録があります。統括が決めてください"));
    window.harness.get_all_by_label("読影を選ぶ").last().unwrap().click();
    window.harness.run_steps(3);
    assert!(window.sees("選択待ち") && window.sees("びらん"), "what is in them is shown");
    let marked = window.app().model().conflicts[0].reads.iter().position(|r| r.findings == 1).unwrap();
    window.push(&format!("この読影を有効にする C-0001 {}", ["A", "B"][marked]));
    assert!(window.sees("選択済み") && window.sees("別に保管"));
    // It can be chosen anew.
    window.push(&format!("この読影を有効にする C-0001 {}", ["B", "A"][marked]));
    window.push(&format!("この読影を有効にする C-0001 {}", ["A", "B"][marked]));
    window.push("読影");
    assert!(!says(&window, "同じ読影者が同じ症例を複数回提出しています"), "the strip has done its work");
    drop(window);
    let judge = study.window("J");
    assert!(!says(&judge, "裁定できません"));
    assert_eq!(judge.app().model().discrepancies.len(), 1, "what stands is compared");
}
