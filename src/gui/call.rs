//! What each row of the action table does.

use egui::Context;

use super::action::{Action, Dialog, FolderFor, Job, KeepTab, ViewChange};
use super::actions::{ActionId, find};
use super::app::App;
use super::i18n::{Arg, Lang};
use super::keeping::Task;
use super::look::TextField;
use super::navigation::Profile;
use super::panels::{Shown, terms, title};
use super::tools::ToolKind;
use crate::domain::{AdjudicationTake, Certainty};
use crate::project::{Command, FindingCommand};

impl App {
    pub(super) fn call(&mut self, ctx: &Context, id: ActionId) {
        if !self.look.meets(self.session.model(), find(id).needs) {
            return;
        }
        match id {
            ActionId::OpenFolder => self.ask(Action::Run(Job::ChooseFolder)),
            ActionId::OpenFiles => self.ask(Action::Run(Job::ChooseFiles)),
            #[cfg(feature = "network")]
            ActionId::OpenPacs => self.show_pacs(),
            ActionId::Practise => self.ask(Action::Run(Job::Practise)),
            ActionId::Saved => {
                let shown = Shown { words: &self.words, model: self.session.model(), look: &self.look };
                let (text, _) = title::saved_words(shown);
                self.notices.done(text);
            }
            ActionId::Submit => {
                self.look.verdict = None;
                self.look.dialog = Dialog::Submit;
            }
            ActionId::Amend => {
                self.look.forms.reason.clear();
                self.look.forms.focus = Some(TextField::Reason);
                self.look.dialog = Dialog::Amend;
            }
            ActionId::CloseProject => self.close_project(),
            ActionId::Undo => self.ask(Action::Undo),
            ActionId::Redo => self.ask(Action::Redo),
            ActionId::Delete => self.delete_selected(),
            ActionId::Tool(kind) => self.ask(Action::Look(ViewChange::Tool(kind))),
            ActionId::Label(n) => self.quick_label(usize::from(n)),
            ActionId::FocusTerms => {
                self.look.right = true;
                self.look.bare = false;
                self.look.history = false;
                self.look.forms.focus = Some(TextField::Terms);
            }
            ActionId::Comment => {
                self.look.right = true;
                self.look.bare = false;
                self.look.forms.focus = Some(TextField::Comment);
            }
            ActionId::Certainty(n) => self.grade(n),
            ActionId::NextFinding => self.step_finding(1),
            ActionId::PreviousFinding => self.step_finding(-1),
            ActionId::NextCase => self.step_case(1),
            ActionId::PreviousCase => self.step_case(-1),
            ActionId::NextImage => self.step_image(1),
            ActionId::PreviousImage => self.step_image(-1),
            ActionId::NextDiscrepancy => self.step_discrepancy(1),
            ActionId::PreviousDiscrepancy => self.step_discrepancy(-1),
            ActionId::TakeA => self.decide(AdjudicationTake::A),
            ActionId::TakeB => self.decide(AdjudicationTake::B),
            ActionId::TakeBoth => self.decide(AdjudicationTake::Both),
            ActionId::TakeNeither => self.decide(AdjudicationTake::Neither),
            ActionId::TakeRedrawn if self.look.redraw().is_some() => self.decide(AdjudicationTake::Redrawn),
            ActionId::TakeRedrawn => self.take_tool(ToolKind::Polygon),
            ActionId::Language => self.set_lang(if self.words.lang() == Lang::Ja { Lang::En } else { Lang::Ja }),
            ActionId::Theme => self.switch_theme(ctx),
            ActionId::BackUp => self.show_keeping(KeepTab::Backups),
            ActionId::BackUpNow => {
                self.show_keeping(KeepTab::Backups);
                self.ask(Action::Run(Job::Keep(Task::BackUp(None))));
            }
            ActionId::Drill => self.drill_newest(),
            ActionId::Restore => self.ask(Action::Look(ViewChange::Restore(std::path::PathBuf::new()))),
            ActionId::CopyHere => self.copy_here(),
            ActionId::Verify => {
                self.show_keeping(KeepTab::Check);
                self.ask(Action::Run(Job::Keep(Task::Verify)));
            }
            ActionId::VerifyRelease => {
                self.show_keeping(KeepTab::Check);
                self.ask(Action::Run(Job::ChooseFolderFor(FolderFor::Check)));
            }
            ActionId::Conflicts => self.show_keeping(KeepTab::Conflicts),
            ActionId::Palette => {
                self.look.forms.palette.clear();
                self.look.forms.palette_index = 0;
                self.look.forms.focus = Some(TextField::Palette);
                self.look.dialog = Dialog::Palette;
            }
            ActionId::Film(what) => self.call_film(ctx, what),
            ActionId::Keys => self.look.dialog = Dialog::Keys,
            ActionId::Light => self.ask_light(),
            ActionId::Navigate(profile) => self.take_profile(profile),
            ActionId::About => self.look.dialog = Dialog::About,
            ActionId::LeftPanel => self.look.left = !self.look.left,
            ActionId::RightPanel => self.look.right = !self.look.right,
            ActionId::AllPanels => self.look.bare = !self.look.bare,
            ActionId::History => {
                self.look.right = true;
                self.look.history = !self.look.history;
            }
            ActionId::Corners => self.look.corners = !self.look.corners,
            // Held, not called: `keyboard` reads the key each frame.
            ActionId::HideFindings => {}
            _ => self.call_view(ctx, id),
        }
        ctx.request_repaint();
    }

    fn take_profile(&mut self, profile: Profile) {
        self.look.profile = profile;
        self.session.remember_profile(profile);
        let name = self.words.t(profile.key());
        self.notices.done(self.words.with("done-profile", &[("name", Arg::from(name))]));
    }

    fn switch_theme(&mut self, ctx: &Context) {
        self.look.dark = !self.look.dark;
        ctx.set_theme(if self.look.dark { egui::Theme::Dark } else { egui::Theme::Light });
        self.session.remember_theme(self.look.dark);
    }

    /// The camera and the display.
    fn call_view(&mut self, ctx: &Context, id: ActionId) {
        match id {
            ActionId::Fit => self.stage.fit(),
            ActionId::OneToOne => self.stage.viewport_mut().one_to_one(),
            ActionId::ZoomIn => self.stage.zoom_centre(1.25),
            ActionId::ZoomOut => self.stage.zoom_centre(0.8),
            ActionId::Magnify(power) => self.stage.magnify(f64::from(power)),
            ActionId::Invert => self.stage.invert(),
            ActionId::Stage(what) => self.call_staging(ctx, what),
            ActionId::View(what) => self.call_viewing(ctx, what),
            ActionId::Window(preset) => self.ask(Action::Look(ViewChange::Window(preset))),
            ActionId::Slice(by) => match self.stage.scroll_plane(by) {
                Some(slice) => self.cross_came_to(slice),
                None => self.set_frame(i64::from(self.look.frame) + i64::from(by)),
            },
            ActionId::FirstSlice => self.set_frame(0),
            ActionId::LastSlice => self.set_frame(i64::from(u32::MAX)),
            ActionId::ZoomToFinding => {
                let finding = self.look.selected.as_ref().and_then(|id| self.session.model().finding(id));
                let roi = finding.and_then(|f| f.nearest(self.look.image.as_ref(), self.look.frame)).cloned();
                if let Some(roi) = roi {
                    self.show_roi(&roi, None);
                }
            }
            _ => {}
        }
    }

    fn close_project(&mut self) {
        self.session.close();
        self.stage.close();
        self.look = self.look.anew();
        self.tool = super::tools::Tool::new(super::tools::ToolKind::Select);
    }

    fn delete_selected(&mut self) {
        let (Some(case), Some(finding)) = (self.look.case.clone(), self.look.selected.clone()) else { return };
        self.ask(Action::Do(Command::Finding(FindingCommand::Delete { case, findings: vec![finding] })));
    }

    fn quick_label(&mut self, n: usize) {
        let shown = Shown { words: &self.words, model: self.session.model(), look: &self.look };
        let action =
            self.session.model().terms.rows.get(n.saturating_sub(1)).and_then(|term| terms::assign(shown, term));
        self.queue.extend(action);
    }

    fn grade(&mut self, n: u8) {
        let certainty = match n {
            1 => Certainty::Definite,
            2 => Certainty::Probable,
            _ => Certainty::Possible,
        };
        let (Some(case), Some(finding)) = (self.look.case.clone(), self.look.selected.clone()) else { return };
        self.ask(Action::Do(Command::Finding(FindingCommand::Grade { case, finding, certainty: Some(certainty) })));
    }

    fn step_finding(&mut self, by: i64) {
        let findings = &self.session.model().findings;
        let here = self.look.selected.as_ref().and_then(|id| findings.iter().position(|f| f.id == *id));
        if let Some(next) = stepped(here, by, findings.len()).and_then(|i| findings.get(i)) {
            self.ask(Action::Look(ViewChange::Reveal(next.id.clone())));
        }
    }

    /// The next case that is not submitted yet; the one before, whatever its state.
    fn step_case(&mut self, by: i64) {
        let cases = &self.session.model().cases;
        let here = self.look.case.as_ref().and_then(|id| cases.iter().position(|c| c.id == *id));
        let next = if by > 0 {
            let from = here.map_or(0, |h| h + 1);
            let mut others = cases.iter().cycle().skip(from).take(cases.len().saturating_sub(1));
            // The next one to be read; when all are submitted, simply the next one.
            others.find(|c| c.state.editable()).or_else(|| stepped(here, by, cases.len()).and_then(|i| cases.get(i)))
        } else {
            stepped(here, by, cases.len()).and_then(|i| cases.get(i))
        };
        if let Some(id) = next.map(|c| c.id.clone()) {
            self.open_case(&id);
        }
    }

    fn step_image(&mut self, by: i64) {
        let Some(case) = self.look.case.as_ref().and_then(|c| self.session.model().case(c)) else { return };
        let here = self.look.image.as_ref().and_then(|id| case.images.iter().position(|i| i.id == *id));
        if let Some(next) = stepped(here, by, case.images.len()).and_then(|i| case.images.get(i)) {
            self.ask(Action::Look(ViewChange::Image(next.id.clone())));
        }
    }

    fn step_discrepancy(&mut self, by: i64) {
        let all = &self.session.model().discrepancies;
        let here = self.look.discrepancy.as_ref().and_then(|id| all.iter().position(|d| d.id == *id));
        if let Some(next) = stepped(here, by, all.len()).and_then(|i| all.get(i)) {
            self.ask(Action::Look(ViewChange::Discrepancy(next.id.clone())));
        }
    }
}

/// The index `by` steps on from `here`, stopping at both ends; the first when nothing is chosen yet.
fn stepped(here: Option<usize>, by: i64, len: usize) -> Option<usize> {
    if len == 0 {
        return None;
    }
    let Some(here) = here else { return Some(0) };
    let to = i64::try_from(here).ok()? + by;
    usize::try_from(to).ok().filter(|i| *i < len)
}
