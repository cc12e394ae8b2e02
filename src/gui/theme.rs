//! Every colour, size and font of the window. No other file names a colour.

use std::sync::Arc;

use egui::{
    Color32, CornerRadius, FontData, FontDefinitions, FontFamily, FontId, FontTweak, Margin, Shadow, Stroke, Style,
    TextStyle, Theme, Vec2, Visuals,
};

/// The colours of one theme. Backgrounds and texts come in three steps; text steps one and two meet WCAG AA on every background.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tokens {
    pub canvas: Color32,
    /// Around the image: dark in both themes, since a bright surround takes the eye's adaptation away.
    pub surround: Color32,
    pub panel: Color32,
    pub raised: Color32,
    pub hover: Color32,
    pub text: Color32,
    pub text_dim: Color32,
    /// For marks and disabled words only; it does not meet AA for text.
    pub text_faint: Color32,
    pub accent: Color32,
    pub on_accent: Color32,
    pub saved: Color32,
    pub warning: Color32,
    pub danger: Color32,
    pub line: Color32,
}

const fn rgb(hex: u32) -> Color32 {
    let [_, red, green, blue] = hex.to_be_bytes();
    Color32::from_rgb(red, green, blue)
}

pub const DARK: Tokens = Tokens {
    canvas: rgb(0x12_1417),
    surround: rgb(0x12_1417),
    panel: rgb(0x1A_1D21),
    raised: rgb(0x24_282E),
    hover: rgb(0x2E_343B),
    text: rgb(0xE6_E8EA),
    text_dim: rgb(0xA9_B0B8),
    text_faint: rgb(0x6F_7780),
    accent: rgb(0x4C_A6E8),
    on_accent: rgb(0x0B_1218),
    saved: rgb(0x5F_B37C),
    warning: rgb(0xE0_A93B),
    danger: rgb(0xE0_6C5F),
    line: rgb(0x2E_343B),
};

/// The light theme mirrors the dark one.
pub const LIGHT: Tokens = Tokens {
    canvas: rgb(0xE9_ECEF),
    surround: rgb(0x2A_2E33),
    panel: rgb(0xF4_F5F7),
    raised: rgb(0xFF_FFFF),
    hover: rgb(0xE3_E7EC),
    text: rgb(0x16_191D),
    text_dim: rgb(0x4A_525B),
    text_faint: rgb(0x8A_929B),
    accent: rgb(0x0F_6CB0),
    on_accent: rgb(0xFF_FFFF),
    saved: rgb(0x1F_7A45),
    warning: rgb(0x8A_5A00),
    danger: rgb(0xB3_362A),
    line: rgb(0xD0_D5DB),
};

/// Text and scale bars that lie on the image itself, in either theme.
pub const OVERLAY_TEXT: Color32 = rgb(0xF0_F2F4);
pub const OVERLAY_CASING: Color32 = Color32::from_rgba_premultiplied(0, 0, 0, 200);
/// Behind a draft line, so that it reads on white tissue and on black lung.
pub const CASING: Color32 = Color32::from_rgba_premultiplied(0, 0, 0, 170);
/// Darkens what a dialog covers.
pub const BACKDROP: Color32 = Color32::from_rgba_premultiplied(0, 0, 0, 140);
/// The two readers under adjudication: fixed, from Okabe–Ito, never red and green.
pub const READER_A: Color32 = rgb(0x56_B4E9);
pub const READER_B: Color32 = rgb(0xE6_9F00);
/// What the adjudicator draws instead of both: apart from their hues under every colour vision deficiency.
pub const REDRAWN: Color32 = rgb(0xF0_E442);
/// The empty sheet that stands for pixels that are not at hand.
/// What was looked at, on the map of a slide.
pub const SEEN: Color32 = rgb(0x00_9E73);
/// Overlay graphics of a file: no finding's colour, clear on black and on white.
pub const IMAGE_OVERLAY: Color32 = rgb(0x7C_FC8A);
pub const SHEET: Color32 = rgb(0x20_2429);
/// A finding without a term yet.
pub const UNNAMED: Color32 = rgb(0xD7_DBE0);

/// Ten colours that stay apart under every common colour vision deficiency (Okabe & Ito 2008, black left out, extended
/// by three of Tol's "muted" set).
pub const PALETTE: [Color32; 10] = [
    rgb(0xE6_9F00),
    rgb(0x56_B4E9),
    rgb(0x00_9E73),
    rgb(0xF0_E442),
    rgb(0x4F_8FD0),
    rgb(0xD5_5E00),
    rgb(0xCC_79A7),
    rgb(0x88_CCEE),
    rgb(0xDD_CC77),
    rgb(0xAA_4499),
];

pub const SIZE_OVERLAY: f32 = 11.0;
pub const SIZE_BODY: f32 = 13.0;
pub const SIZE_TITLE: f32 = 15.0;
pub const SIZE_EMPTY: f32 = 20.0;

pub const LEFT_WIDTH: f32 = 220.0;
pub const RIGHT_WIDTH: f32 = 300.0;
pub const TITLE_HEIGHT: f32 = 36.0;
pub const STATUS_HEIGHT: f32 = 24.0;
pub const ROW_HEIGHT: f32 = 28.0;
pub const CORNER: u8 = 4;

/// The tokens of the theme that `visuals` belongs to.
pub fn tokens(visuals: &Visuals) -> &'static Tokens {
    if visuals.dark_mode { &DARK } else { &LIGHT }
}

/// The colour a term pack names (`#RRGGBB`), or a palette colour chosen by the term's group when it names none.
pub fn term_color(hex: &str, group: &str) -> Color32 {
    let parsed = hex.strip_prefix('#').filter(|h| h.len() == 6).and_then(|h| u32::from_str_radix(h, 16).ok());
    parsed.map_or_else(
        || {
            let sum: usize = group.bytes().map(usize::from).sum();
            PALETTE.get(sum % PALETTE.len()).copied().unwrap_or(UNNAMED)
        },
        rgb,
    )
}

/// Brighter, for a selected outline.
pub fn brighter(c: Color32) -> Color32 {
    let lift = |v: u8| v.saturating_add((255 - v) / 2);
    Color32::from_rgb(lift(c.r()), lift(c.g()), lift(c.b()))
}

/// 11 pt, for corner text and secondary lines.
pub fn small() -> FontId {
    FontId::proportional(SIZE_OVERLAY)
}

pub fn title() -> FontId {
    FontId::proportional(SIZE_TITLE)
}

pub fn empty() -> FontId {
    FontId::proportional(SIZE_EMPTY)
}

/// Installs the bundled fonts and both themes.
pub fn install(ctx: &egui::Context) {
    ctx.set_fonts(fonts());
    for theme in [Theme::Dark, Theme::Light] {
        ctx.set_style_of(theme, style(theme));
    }
}

fn fonts() -> FontDefinitions {
    let mut fonts = FontDefinitions::empty();
    // Noto's line box is taller above than below; without the lift, words sit low in buttons.
    let sans = FontData::from_static(include_bytes!("../../assets/fonts/ShokenSans.otf"))
        .tweak(FontTweak { y_offset_factor: -0.05, ..FontTweak::default() });
    let icons = FontData::from_static(include_bytes!("../../assets/fonts/ShokenIcons.ttf")).tweak(FontTweak {
        y_offset_factor: 0.08,
        scale: 1.15,
        ..FontTweak::default()
    });
    fonts.font_data.insert("sans".to_owned(), Arc::new(sans));
    fonts.font_data.insert("icons".to_owned(), Arc::new(icons));
    for family in [FontFamily::Proportional, FontFamily::Monospace] {
        fonts.families.insert(family, vec!["sans".to_owned(), "icons".to_owned()]);
    }
    fonts
}

fn style(theme: Theme) -> Style {
    let t = if theme == Theme::Dark { &DARK } else { &LIGHT };
    let mut style = Style { visuals: visuals(theme, t), ..Style::default() };
    style.text_styles = [
        (TextStyle::Small, FontId::proportional(SIZE_OVERLAY)),
        (TextStyle::Body, FontId::proportional(SIZE_BODY)),
        (TextStyle::Button, FontId::proportional(SIZE_BODY)),
        (TextStyle::Monospace, FontId::monospace(SIZE_BODY)),
        (TextStyle::Heading, FontId::proportional(SIZE_TITLE)),
    ]
    .into();
    style.animation_time = 0.12;
    style.spacing.item_spacing = Vec2::new(8.0, 4.0);
    style.spacing.button_padding = Vec2::new(8.0, 4.0);
    style.spacing.interact_size = Vec2::new(28.0, 24.0);
    style.spacing.menu_margin = Margin::same(4);
    style.spacing.window_margin = Margin::same(16);
    style.spacing.icon_width = 14.0;
    style.spacing.scroll.bar_width = 8.0;
    style.interaction.selectable_labels = false;
    style.interaction.tooltip_delay = 0.4;
    style
}

fn visuals(theme: Theme, t: &Tokens) -> Visuals {
    let mut v = if theme == Theme::Dark { Visuals::dark() } else { Visuals::light() };
    let corner = CornerRadius::same(CORNER);
    v.panel_fill = t.panel;
    v.window_fill = t.panel;
    v.extreme_bg_color = t.canvas;
    v.text_edit_bg_color = Some(if theme == Theme::Dark { t.canvas } else { t.raised });
    v.faint_bg_color = t.raised;
    v.code_bg_color = t.raised;
    v.hyperlink_color = t.accent;
    v.warn_fg_color = t.warning;
    v.error_fg_color = t.danger;
    v.weak_text_color = Some(t.text_dim);
    v.window_corner_radius = corner;
    v.menu_corner_radius = corner;
    v.window_stroke = Stroke::new(1.0, t.line);
    v.window_shadow = Shadow::NONE;
    v.popup_shadow = Shadow { offset: [0, 4], blur: 12, spread: 0, color: Color32::from_black_alpha(96) };
    v.selection.bg_fill = t.accent.gamma_multiply(0.32);
    v.selection.stroke = Stroke::new(1.0, t.text);
    v.interact_cursor = None;
    let w = &mut v.widgets;
    for (state, fill, fg) in [
        (&mut w.noninteractive, t.panel, t.text),
        (&mut w.inactive, t.raised, t.text),
        (&mut w.hovered, t.hover, t.text),
        (&mut w.active, t.hover, t.text),
        (&mut w.open, t.hover, t.text),
    ] {
        state.bg_fill = fill;
        state.weak_bg_fill = fill;
        state.corner_radius = corner;
        state.fg_stroke = Stroke::new(1.0, fg);
        state.bg_stroke = Stroke::NONE;
        state.expansion = 0.0;
    }
    w.noninteractive.bg_stroke = Stroke::new(1.0, t.line);
    // Radio buttons and check boxes lie on the panel without a frame and must be seen there.
    w.inactive.bg_fill = t.text_faint.gamma_multiply(0.6);
    w.hovered.bg_fill = t.text_faint;
    // Keyboard focus must be seen: egui draws the focused widget in its active state.
    w.active.bg_stroke = Stroke::new(1.0, t.accent);
    v
}

#[cfg(test)]
mod tests {
    use super::*;

    fn luminance(c: Color32) -> f64 {
        let lin = |v: u8| {
            let s = f64::from(v) / 255.0;
            if s <= 0.040_45 { s / 12.92 } else { ((s + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * lin(c.r()) + 0.7152 * lin(c.g()) + 0.0722 * lin(c.b())
    }

    fn contrast(a: Color32, b: Color32) -> f64 {
        let (x, y) = (luminance(a), luminance(b));
        (x.max(y) + 0.05) / (x.min(y) + 0.05)
    }

    #[test]
    fn words_meet_aa_and_marks_three_to_one() {
        for t in [DARK, LIGHT] {
            for back in [t.canvas, t.panel, t.raised] {
                for words in [t.text, t.text_dim] {
                    assert!(contrast(words, back) >= 4.5, "{words:?} on {back:?}: {:.2}", contrast(words, back));
                }
            }
            for mark in [t.accent, t.saved, t.warning, t.danger] {
                assert!(contrast(mark, t.panel) >= 4.5, "{mark:?} on panel: {:.2}", contrast(mark, t.panel));
                assert!(contrast(mark, t.canvas) >= 3.0, "{mark:?} on canvas: {:.2}", contrast(mark, t.canvas));
            }
            assert!(contrast(t.on_accent, t.accent) >= 4.5);
        }
    }

    #[test]
    fn a_term_colour_is_read_and_a_bad_one_falls_back() {
        assert_eq!(term_color("#4CA6E8", "x"), DARK.accent);
        assert!(PALETTE.contains(&term_color("blue", "polyp")));
    }
}
