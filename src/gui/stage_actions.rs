//! Rows of the action table about the stage: planes, slabs, colours, cells.

use egui::{Key, Modifiers};

use super::actions::{
    ActionDef, ActionId, Group, Needs, Scope, Shortcut, Staging as T, alt, ctrl, def, k, quiet, shift,
};
use super::icons;

const fn stage(what: T) -> ActionId {
    ActionId::Stage(what)
}

const SHIFT_F6: Shortcut = Shortcut { modifiers: Modifiers::SHIFT, key: Key::F6 };

use Group as G;
use Needs as N;
use Scope as S;

pub const STAGE_ACTIONS: &[ActionDef] = &[
    def(stage(T::Planes), "planes", icons::STACK, G::Image, S::Radiology, N::Image, &[k(Key::D)]),
    quiet(
        stage(T::ResetPlanes),
        "planes-reset",
        icons::FRAME_CORNERS,
        G::Image,
        S::Radiology,
        N::Image,
        &[shift(Key::Z)],
    ),
    quiet(stage(T::Thicker), "slab-thicker", icons::PLUS, G::Image, S::Radiology, N::Image, &[k(Key::CloseBracket)]),
    quiet(stage(T::Thinner), "slab-thinner", icons::MINUS, G::Image, S::Radiology, N::Image, &[k(Key::OpenBracket)]),
    quiet(stage(T::SlabKind), "slab-kind", icons::STACK, G::Image, S::Radiology, N::Image, &[shift(Key::S)]),
    def(stage(T::Palette), "palette-next", icons::CIRCLE_HALF_TILT, G::Image, S::Radiology, N::Image, &[shift(Key::P)]),
    def(stage(T::Profile), "profile-line", icons::SLIDERS_HORIZONTAL, G::Image, S::Radiology, N::Image, &[k(Key::Y)]),
    def(stage(T::Overlays), "overlays", icons::EYE_SLASH, G::View, S::Always, N::Image, &[k(Key::G)]),
    quiet(stage(T::Shutter), "shutter", icons::FRAME_CORNERS, G::View, S::Always, N::Image, &[alt(Key::G)]),
    quiet(
        stage(T::Sigmoid),
        "window-sigmoid",
        icons::SLIDERS_HORIZONTAL,
        G::Image,
        S::Radiology,
        N::Image,
        &[alt(Key::W)],
    ),
    quiet(stage(T::Layout(1, 1)), "layout-1-1", icons::SIDEBAR_SIMPLE, G::View, S::Always, N::Project, &[]),
    def(
        stage(T::Layout(2, 1)),
        "layout-2-1",
        icons::SIDEBAR_SIMPLE,
        G::View,
        S::Always,
        N::Project,
        &[ctrl(Key::Num2)],
    ),
    quiet(stage(T::Layout(1, 2)), "layout-1-2", icons::SIDEBAR_SIMPLE, G::View, S::Always, N::Project, &[]),
    quiet(
        stage(T::Layout(3, 1)),
        "layout-3-1",
        icons::SIDEBAR_SIMPLE,
        G::View,
        S::Always,
        N::Project,
        &[ctrl(Key::Num3)],
    ),
    def(
        stage(T::Layout(2, 2)),
        "layout-2-2",
        icons::SIDEBAR_SIMPLE,
        G::View,
        S::Always,
        N::Project,
        &[ctrl(Key::Num4)],
    ),
    quiet(
        stage(T::Layout(3, 2)),
        "layout-3-2",
        icons::SIDEBAR_SIMPLE,
        G::View,
        S::Always,
        N::Project,
        &[ctrl(Key::Num6)],
    ),
    quiet(
        stage(T::Layout(3, 3)),
        "layout-3-3",
        icons::SIDEBAR_SIMPLE,
        G::View,
        S::Always,
        N::Project,
        &[ctrl(Key::Num9)],
    ),
    def(stage(T::NextLayout), "layout-next", icons::SIDEBAR_SIMPLE, G::View, S::Always, N::Project, &[k(Key::F5)]),
    quiet(stage(T::Alone), "cell-alone", icons::ARROWS_OUT, G::View, S::Always, N::Project, &[k(Key::F7)]),
    quiet(stage(T::NextCell), "cell-next", icons::CARET_RIGHT, G::View, S::Always, N::Project, &[k(Key::F6)]),
    def(stage(T::Link), "cells-link", icons::ARROWS_OUT, G::View, S::Always, N::Image, &[k(Key::S)]),
    quiet(stage(T::Register), "cells-register", icons::DOT_OUTLINE, G::View, S::Always, N::Image, &[alt(Key::S)]),
    def(stage(T::Prior), "hang-prior", icons::CLOCK_COUNTER_CLOCKWISE, G::View, S::Read, N::Image, &[k(Key::B)]),
    def(stage(T::Hang), "hang", icons::SIDEBAR_SIMPLE, G::View, S::Read, N::Image, &[k(Key::F10)]),
    quiet(stage(T::Fuse), "fuse", icons::STACK, G::Image, S::Radiology, N::Image, &[shift(Key::F)]),
    quiet(stage(T::FuseMore), "fuse-more", icons::PLUS, G::Image, S::Radiology, N::Image, &[alt(Key::CloseBracket)]),
    quiet(stage(T::FuseLess), "fuse-less", icons::MINUS, G::Image, S::Radiology, N::Image, &[alt(Key::OpenBracket)]),
    def(stage(T::Compare), "cell-compare", icons::FRAME_CORNERS, G::View, S::Read, N::Image, &[shift(Key::F5)]),
    def(stage(T::Second), "second-window", icons::FRAME_CORNERS, G::View, S::Always, N::Image, &[shift(Key::F11)]),
    quiet(stage(T::ToSecond), "second-send", icons::FRAME_CORNERS, G::View, S::Always, N::Image, &[alt(Key::F11)]),
    quiet(stage(T::PreviousCell), "cell-previous", icons::CARET_LEFT, G::View, S::Always, N::Project, &[SHIFT_F6]),
];
