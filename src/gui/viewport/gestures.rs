//! Mouse, wheel and pinch over the image, as physicians expect them (see `features.md` §3): the middle button pans always,
//! Space held pans, the wheel scrolls a stack and zooms everything else, Ctrl+wheel and pinch zoom; what the other drags do is
//! the profile's to say.

use egui::{Event, Key, MouseWheelUnit, PointerButton, Pos2, Response, Ui, Vec2};

use crate::gui::navigation::{Drag, Profile};

/// Points of smooth scrolling that count as one notch of a wheel.
const NOTCH_PT: f32 = 40.0;
/// Zoom of one notch: four notches double.
const ZOOM_PER_PT: f64 = 0.004_332; // ln 2 / 4 / 40

/// What the hand did in this frame.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Gestures {
    /// Points to move the image by.
    pub pan: Vec2,
    /// Factor and the screen point that stays.
    pub zoom: Option<(f64, Pos2)>,
    /// Frames to scroll, down is forward.
    pub frames: i32,
    /// Points of a window/level drag: right widens, up brightens (lowers the level).
    pub window: Vec2,
    /// A drag belongs to the view: tools must leave the left button alone.
    pub holds_left: bool,
}

/// What decides between the meanings of a gesture.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// The image is a stack whose frames the wheel scrolls.
    pub wheel_scrolls: bool,
    /// The image has a value window that a drag can change.
    pub windowable: bool,
    /// What each button's drag does.
    pub profile: Profile,
    /// A tool owns the left button.
    pub tool_armed: bool,
}

/// Parts of a wheel notch that a touchpad has not completed yet.
#[derive(Clone, Copy, Debug, Default)]
pub struct WheelRest(f32);

/// Reads the frame's input over `response`.
pub fn read(ui: &Ui, response: &Response, policy: Policy, rest: &mut WheelRest) -> Gestures {
    let mut out = Gestures::default();
    let typing = ui.ctx().egui_wants_keyboard_input();
    let space = !typing && ui.input(|i| i.key_down(Key::Space));
    let moved = ui.input(|i| i.pointer.delta());
    out.holds_left = space || !policy.tool_armed;
    let modifiers = ui.input(|i| i.modifiers);
    let buttons = [PointerButton::Primary, PointerButton::Middle, PointerButton::Secondary];
    let dragged = buttons.into_iter().find(|b| response.dragged_by(*b));
    let drag = match dragged {
        Some(PointerButton::Primary) if space => Some(Drag::Pan),
        Some(PointerButton::Primary) if policy.tool_armed => None,
        Some(button) => policy.profile.drag_of(button, modifiers, policy.windowable),
        None => None,
    };
    match drag {
        Some(Drag::Pan) => out.pan = moved,
        Some(Drag::Window) => out.window = moved,
        Some(Drag::Zoom) => {
            // Where the drag began stays under the finger that began it.
            out.zoom = ui.input(|i| i.pointer.press_origin()).map(|start| ((-f64::from(moved.y) * 0.01).exp(), start));
        }
        None => {}
    }
    // A menu or a window over the image keeps its own wheel.
    if let Some(at) = ui.input(|i| i.pointer.hover_pos()).filter(|_| response.contains_pointer()) {
        read_wheel(ui, at, policy, rest, &mut out);
    }
    out
}

fn read_wheel(ui: &Ui, at: Pos2, policy: Policy, rest: &mut WheelRest, out: &mut Gestures) {
    let pinch = f64::from(ui.input(egui::InputState::zoom_delta));
    if (pinch - 1.0).abs() > 1e-6 {
        out.zoom = Some((pinch, at));
        return;
    }
    if policy.wheel_scrolls {
        // Whole notches as they come: a stack that went on gliding would pass the slice looked for.
        let notches = ui.input(|i| i.events.iter().filter_map(notch).sum::<f32>());
        let (frames, left) = whole_notches(rest.0 + notches);
        rest.0 = left;
        out.frames = frames;
        return;
    }
    let scroll = f64::from(ui.input(egui::InputState::smooth_scroll_delta).y);
    if scroll != 0.0 {
        out.zoom = Some(((scroll * ZOOM_PER_PT).exp(), at));
    }
}

/// Notches of a wheel event towards the user; `None` for other events and for Ctrl+wheel, which is a zoom.
fn notch(event: &Event) -> Option<f32> {
    let Event::MouseWheel { unit, delta, modifiers, .. } = event else { return None };
    if modifiers.ctrl || modifiers.command {
        return None;
    }
    let delta = if delta.y == 0.0 { delta.x } else { delta.y };
    Some(match unit {
        MouseWheelUnit::Point => -delta / NOTCH_PT,
        MouseWheelUnit::Line => -delta,
        MouseWheelUnit::Page => -delta * 10.0,
    })
}

#[allow(clippy::cast_possible_truncation, reason = "clamped to a few hundred frames")]
fn whole_notches(notches: f32) -> (i32, f32) {
    let whole = notches.clamp(-500.0, 500.0).trunc();
    (whole as i32, (notches - whole).clamp(-1.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::whole_notches;

    #[test]
    fn a_touchpad_scrolls_a_frame_when_a_notch_is_full() {
        let mut rest = 0.0;
        let mut frames = 0;
        for _ in 0..10 {
            let (whole, left) = whole_notches(rest + 0.26);
            frames += whole;
            rest = left;
        }
        assert_eq!(frames, 2);
        assert_eq!(whole_notches(-3.0).0, -3);
    }
}
