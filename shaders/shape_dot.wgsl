// Shapes too small for an outline: one soft square each, at least a pixel and a half wide.

struct Dot {
    @location(0) middle: vec2<i32>,
    @location(1) half_size: vec2<f32>, // image pixels
    @location(2) style: u32,
}

struct Fragment {
    @builtin(position) position: vec4<f32>,
    @location(0) @interpolate(flat) style: u32,
}

@vertex
fn vs(@builtin(vertex_index) index: u32, d: Dot) -> Fragment {
    let side = vec2<f32>(select(-1.0, 1.0, (index & 1u) != 0u), select(-1.0, 1.0, (index & 2u) != 0u));
    let reach = max(d.half_size * view.zoom, vec2<f32>(0.75 * view.point_px));
    return Fragment(to_clip(to_screen(d.middle) + side * reach), d.style);
}

@fragment
fn fs(f: Fragment) -> @location(0) vec4<f32> {
    return vec4<f32>(style_colour(f.style) * 0.9, 0.9);
}
