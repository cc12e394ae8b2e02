// The thin filling of closed outlines; excluded regions are hatched.

struct Vertex {
    @location(0) at: vec2<i32>,
    @location(1) style: u32,
}

struct Fragment {
    @builtin(position) position: vec4<f32>,
    @location(0) @interpolate(flat) style: u32,
}

@vertex
fn vs(v: Vertex) -> Fragment {
    return Fragment(to_clip(to_screen(v.at)), v.style);
}

@fragment
fn fs(f: Fragment) -> @location(0) vec4<f32> {
    let flags = style_flags(f.style);
    var alpha = view.fill_opacity;
    if (flags & SELECTED) != 0u {
        alpha = min(alpha * 1.6, 1.0);
    }
    if (flags & HATCHED) != 0u {
        let period = 7.0 * view.point_px;
        let place = f.position.x + f.position.y;
        let phase = place - floor(place / period) * period;
        let stripe = clamp(1.0 + 0.75 * view.point_px - abs(phase - period * 0.5), 0.0, 1.0);
        alpha = max(alpha, stripe * 0.55);
    }
    return vec4<f32>(style_colour(f.style) * alpha, alpha);
}
