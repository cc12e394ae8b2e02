// Outlines: positions are whole multiples of 1/2048 image pixel, so that the subtraction of the view's centre is exact
// anywhere on a slide of 500,000 px; only the small difference becomes f32 (src/render/shapes/build.rs).

const UNITS_PER_PX: f32 = 2048.0;

struct View {
    linear: vec4<f32>,   // screen pixels per image pixel: row-major 2 x 2
    centre: vec2<i32>,   // what lies in the middle of the view, in units
    residue: vec2<f32>,  // image pixels from `centre` to the exact middle
    size_px: vec2<f32>,  // of the view
    point_px: f32,       // physical pixels per point
    zoom: f32,           // screen pixels per image pixel, averaged
    fill_opacity: f32,
    unused_a: f32,
    unused_b: vec2<f32>,
}

@group(0) @binding(0) var<uniform> view: View;

const BREAK: u32 = 1u;
const DASHED: u32 = 2u;
const DOTTED: u32 = 4u;
const HATCHED: u32 = 8u;
const SELECTED: u32 = 16u;
const MARKER: u32 = 32u;

fn style_flags(style: u32) -> u32 {
    return style >> 24u;
}

fn style_colour(style: u32) -> vec3<f32> {
    let rgb = vec3<f32>(vec3<u32>(style & 0xffu, (style >> 8u) & 0xffu, (style >> 16u) & 0xffu)) / 255.0;
    return select(rgb, mix(rgb, vec3<f32>(1.0), 0.35), (style_flags(style) & SELECTED) != 0u);
}

fn to_screen(units: vec2<i32>) -> vec2<f32> {
    let p = vec2<f32>(units - view.centre) / UNITS_PER_PX - view.residue;
    return vec2<f32>(dot(view.linear.xy, p), dot(view.linear.zw, p)) + view.size_px * 0.5;
}

fn to_clip(screen: vec2<f32>) -> vec4<f32> {
    let ndc = screen / view.size_px * 2.0 - 1.0;
    return vec4<f32>(ndc.x, -ndc.y, 0.0, 1.0);
}
