//! What the hand asks of the stage: planes through a volume, slabs, colours, cells side by side.

use egui::Context;

use super::action::{Action, ViewChange};
use super::app::App;
use super::hanging::{self, Hung};
use super::i18n::Arg;
use super::layout::Grid;
use super::linked::Pointed;
use super::planes::Planes;
use super::profile::{Ground, ProfileAid};
use super::volumes::Arrived;
use crate::domain::ImageId;

/// Rows of the action table about the stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Staging {
    /// Axial, coronal and sagittal planes beside the slices, or the slices alone again.
    Planes,
    ResetPlanes,
    Thicker,
    Thinner,
    SlabKind,
    Palette,
    /// Overlay graphics that the files bring, and their shutters.
    Overlays,
    Shutter,
    /// A line whose values are plotted; takes it away again.
    Profile,
    Sigmoid,
    /// Columns and rows.
    Layout(u8, u8),
    NextLayout,
    /// The active cell covers the others, or shows them again.
    Alone,
    NextCell,
    PreviousCell,
    /// The cells move together, or each alone.
    Link,
    /// Two points on each of two images decide how they lie over each other.
    Register,
    /// The newest older image of the case beside the one in the hand.
    Prior,
    /// The first hanging protocol that fits the case.
    Hang,
    /// Another series over the planes, or none again.
    Fuse,
    FuseMore,
    FuseLess,
    /// The frame in view into the next cell, to compare.
    Compare,
    /// A window of its own on another monitor, or none again.
    Second,
    /// The image in the hand goes there.
    ToSecond,
}

/// What one key goes through.
const LAYOUTS: [(u8, u8); 5] = [(1, 1), (2, 1), (2, 2), (3, 2), (3, 3)];

impl App {
    pub(super) fn call_staging(&mut self, _ctx: &Context, what: Staging) {
        match what {
            Staging::Planes if self.stage.planes().is_some() => self.leave_planes(),
            Staging::Planes => self.ask_for_planes(),
            Staging::ResetPlanes => self.stage.reset_planes(),
            Staging::Thicker => self.on_planes(|p| p.mpr.thicken(1)),
            Staging::Thinner => self.on_planes(|p| p.mpr.thicken(-1)),
            Staging::SlabKind => self.on_planes(|p| p.mpr.slab = p.mpr.slab.next()),
            Staging::Palette => self.stage.next_palette(),
            Staging::Overlays => self.look.overlays = !self.look.overlays,
            Staging::Shutter => self.look.shutter = !self.look.shutter,
            Staging::Profile => self.begin_profile(),
            Staging::Sigmoid => self.stage.switch_sigmoid(),
            Staging::Layout(cols, rows) => self.lay_out(Grid::new(cols, rows)),
            Staging::NextLayout => {
                let now = self.stage.grid();
                let here = LAYOUTS.iter().position(|(c, r)| Grid::new(*c, *r) == now);
                let (cols, rows) = LAYOUTS[here.map_or(0, |h| (h + 1) % LAYOUTS.len())];
                self.lay_out(Grid::new(cols, rows));
            }
            Staging::Alone => self.stage.toggle_alone(),
            Staging::NextCell => self.step_cell(1),
            Staging::PreviousCell => self.step_cell(-1),
            Staging::Link => {
                self.stage.linked = !self.stage.linked;
                let key = if self.stage.linked { "done-linked" } else { "done-unlinked" };
                self.notices.done(self.words.t(key));
            }
            Staging::Register => self.register(),
            Staging::Prior => self.hang_prior(),
            Staging::Hang => self.hang(),
            Staging::Fuse => self.fuse(),
            Staging::FuseMore => self.on_fusion(0.1),
            Staging::FuseLess => self.on_fusion(-0.1),
            Staging::Compare => self.compare(),
            Staging::Second => self.switch_second(),
            Staging::ToSecond => self.send_to_second(),
        }
    }

    /// A new line, or the one in view away.
    fn begin_profile(&mut self) {
        if self.stage.profile.take().is_some() {
            return;
        }
        self.put_tool_away();
        self.stage.profile = Some(ProfileAid::default());
        self.look.right = true;
        self.look.bare = false;
    }

    pub(super) fn profile_end(&mut self, image: ImageId, [x, y]: crate::domain::PointPx) {
        if let Some(aid) = &mut self.stage.profile {
            aid.point(Ground::Slices(image), [x, y, 0.0]);
        }
    }

    /// What is plotted follows the line, the slice and the finding in view.
    pub(super) fn follow_profile(&mut self) {
        let look = &self.look;
        let finding = look.selected.as_ref().and_then(|id| self.session.model().finding(id));
        let shape = finding.zip(look.image.as_ref()).and_then(|(f, image)| f.shape_on(image, look.frame));
        self.look.line_profile = self.stage.profile(shape).map(std::sync::Arc::new);
        self.look.profiling = self.stage.profile.as_ref().is_some_and(ProfileAid::is_asking);
    }

    fn ask_for_planes(&mut self) {
        if self.tool.is_drawing() {
            self.notices.refused(self.words.t("refused-finish-draft"));
            return;
        }
        if let Err(error) = self.stage.ask_for_planes() {
            self.notices.refused(self.words.t(error.key()));
        }
    }

    pub(super) fn leave_planes(&mut self) {
        self.stage.leave_planes();
        self.look.frame = self.stage.viewport().frame();
    }

    fn on_planes(&mut self, change: impl FnOnce(&mut Planes)) {
        if !self.stage.with_planes(change) {
            self.notices.refused(self.words.t("refused-no-planes"));
        }
    }

    /// Another division of the stage; the slices in the hand stay in view.
    fn lay_out(&mut self, grid: Grid) {
        if self.stage.planes().is_some() {
            self.leave_planes();
        }
        self.stage.set_grid(grid);
    }

    fn step_cell(&mut self, by: i64) {
        let count = i64::try_from(self.stage.grid().cells()).unwrap_or(1);
        let here = i64::try_from(self.stage.active()).unwrap_or(0);
        if let Ok(next) = usize::try_from((here + by).rem_euclid(count)) {
            self.ask(Action::Look(ViewChange::Activate(next)));
        }
    }

    /// Planes and slices go together: what arrived is shown, a scroll of the slices moves the cross-hair.
    pub(super) fn follow_planes(&mut self) {
        match self.stage.volume_arrived() {
            Some(Arrived::Ready(_)) => {
                self.stage.enter_planes();
                self.stage.enter_fusion();
            }
            Some(Arrived::Failed(key, details)) => self.notices.failed(self.words.t(key), details),
            None => {}
        }
        if self.stage.planes_are_of_another_image() {
            self.leave_planes();
        }
        self.stage.planes_follow(self.look.frame);
    }

    /// The cross-hair stands on another slice now.
    pub(super) fn cross_came_to(&mut self, slice: Option<u32>) {
        if let Some(frame) = slice {
            self.set_frame(i64::from(frame));
        }
    }

    /// The first image of the case that no cell shows yet.
    pub(super) fn next_unseen(&self) -> Option<ImageId> {
        let case = self.session.model().case(self.look.case.as_ref()?)?;
        let seen: Vec<&ImageId> = self.stage.image_cells().filter_map(|(_, c)| c.image()).collect();
        let unseen = case.images.iter().map(|i| &i.id).find(|id| !seen.contains(id));
        unseen.or_else(|| case.images.first().map(|i| &i.id)).cloned()
    }

    /// Puts an image of the open case into a cell.
    pub(super) fn place(&mut self, cell: usize, image: &ImageId) {
        let of_case = self.look.case.as_ref().and_then(|c| self.session.model().case(c));
        if of_case.is_none_or(|c| c.images.iter().all(|i| i.id != *image)) || self.stage.plane_of(cell).is_some() {
            return;
        }
        if cell == self.stage.hand() {
            self.open_image(image);
        } else {
            self.stage.place(&mut self.session, cell, image);
        }
    }

    /// Leaves the frame in view in the next cell, so that the hand can go on to another one beside it.
    fn compare(&mut self) {
        let Some(image) = self.look.image.clone() else { return };
        let alone = self.stage.is_alone() || self.stage.planes().is_some();
        if self.stage.is_alone() && self.stage.grid().cells() > 1 {
            self.stage.toggle_alone();
        } else if alone {
            self.lay_out(Grid::new(2, 1));
        }
        let next = (self.stage.active() + 1) % self.stage.grid().cells();
        self.stage.place(&mut self.session, next, &image);
        self.stage.look_alike(next, !alone);
    }

    /// What hanging looks at of the open case's images, in their order.
    fn hung(&mut self) -> (Vec<ImageId>, Vec<Hung>) {
        let case = self.look.case.as_ref().and_then(|c| self.session.model().case(c));
        let images: Vec<_> = case.map(|c| c.images.clone()).unwrap_or_default();
        let facts = images.iter().map(|row| {
            let source = if self.session.available(&row.id) { self.session.open_image(&row.id) } else { None };
            let meta = source.as_ref().map(|s| s.meta());
            Hung {
                field: Some(row.field),
                modality: meta.map(|m| m.identity.modality.clone()).unwrap_or_default(),
                date: meta.map(|m| m.identity.study_date.clone()).unwrap_or_default(),
                frames: row.frames as usize,
            }
        });
        let facts = facts.collect();
        (images.into_iter().map(|row| row.id).collect(), facts)
    }

    fn hang(&mut self) {
        let (ids, facts) = self.hung();
        let Some((protocol, cells)) = hanging::choose(&facts) else {
            self.notices.refused(self.words.t("refused-no-hanging"));
            return;
        };
        let cells: Vec<Option<ImageId>> = cells.into_iter().map(|c| ids.get(c?).cloned()).collect();
        self.hang_up(Grid::new(protocol.layout[0], protocol.layout[1]), &cells, protocol.linked);
        self.notices.done(self.words.t(&protocol.key));
    }

    fn hang_prior(&mut self) {
        let (ids, facts) = self.hung();
        let now = self.look.image.clone();
        let here = now.as_ref().and_then(|id| ids.iter().position(|i| i == id));
        match here.and_then(|h| hanging::prior(&facts, h)).and_then(|p| ids.get(p)).cloned() {
            Some(prior) => self.hang_up(Grid::new(2, 1), &[now, Some(prior)], true),
            None => self.notices.refused(self.words.t("refused-no-prior")),
        }
    }

    /// Lays the stage out and puts an image into each cell; the first keeps the tools.
    fn hang_up(&mut self, grid: Grid, cells: &[Option<ImageId>], linked: bool) {
        self.put_tool_away();
        self.stage.one_cell();
        self.stage.set_grid(grid);
        if let Some(first) = cells.first().and_then(Option::as_ref) {
            self.open_image(first);
        }
        for (cell, image) in cells.iter().enumerate().skip(1) {
            if let Some(image) = image {
                self.stage.place(&mut self.session, cell, image);
            }
        }
        self.stage.linked = linked;
    }

    fn register(&mut self) {
        let shown = self.stage.image_cells().filter(|(_, c)| c.image().is_some()).count();
        if shown < 2 {
            self.notices.refused(self.words.t("refused-register-two"));
            return;
        }
        self.put_tool_away();
        self.stage.registrations.begin();
        self.notices.done(self.words.with("register-points", &[("n", Arg::from(4_usize))]));
    }

    /// A place on an image, for laying two images over each other.
    pub(super) fn point(&mut self, image: &ImageId, at: crate::domain::PointPx) {
        match self.stage.registrations.point(image, at) {
            Some(Pointed::Wanted(n)) => {
                self.notices.done(self.words.with("register-points", &[("n", Arg::from(n))]));
            }
            Some(Pointed::Registered) => {
                self.stage.linked = true;
                self.notices.done(self.words.t("done-registered"));
            }
            Some(Pointed::Useless) => self.notices.refused(self.words.t("refused-register")),
            None => {}
        }
    }

    /// Lays another series of the case that shares the patient's coordinates over the planes.
    fn fuse(&mut self) {
        let Some(own) = self.stage.planes().map(|p| (p.mpr.image.clone(), p.fusion.is_some())) else {
            self.notices.refused(self.words.t("refused-no-planes"));
            return;
        };
        if own.1 {
            self.on_planes(|p| p.fusion = None);
            return;
        }
        let reference = self.stage.viewport().meta().map(|m| m.identity.frame_of_reference.clone()).unwrap_or_default();
        let (ids, facts) = self.hung();
        let mut others: Vec<(bool, ImageId)> = Vec::new();
        for (id, fact) in ids.into_iter().zip(facts).filter(|(id, _)| *id != own.0) {
            let source = self.session.open_image(&id);
            let shares =
                source.is_some_and(|s| !reference.is_empty() && s.meta().identity.frame_of_reference == reference);
            if shares && fact.frames > 1 {
                others.push((matches!(fact.modality.as_str(), "PT" | "NM"), id));
            }
        }
        others.sort_by_key(|(functional, _)| !functional);
        let asked = others.first().and_then(|(_, id)| Some((id.clone(), self.session.open_image(id)?)));
        match asked.map(|(id, source)| self.stage.ask_for_fusion(&id, &source)) {
            Some(Ok(())) => {}
            Some(Err(error)) => self.notices.refused(self.words.t(error.key())),
            None => self.notices.refused(self.words.t("refused-no-fusion")),
        }
    }

    fn on_fusion(&mut self, by: f32) {
        self.on_planes(|p| {
            if let Some(fusion) = &mut p.fusion {
                fusion.opacity = (fusion.opacity + by).clamp(0.0, 1.0);
            }
        });
    }
}
