// Outlines: one instance per segment, a rounded bar of constant width on the screen, antialiased by distance.
// Drawn twice, the dark casing of every outline first, so that no casing lies on a neighbour's colour.

override CASING: bool = false;

struct Segment {
    @location(0) a: vec2<i32>,
    @location(1) a_length: f32, // image pixels along the outline up to here
    @location(2) a_style: u32,
    @location(3) b: vec2<i32>,
}

struct Fragment {
    @builtin(position) position: vec4<f32>,
    @location(0) along: f32,   // screen px from a towards b
    @location(1) across: f32,
    @location(2) @interpolate(flat) length: f32,
    @location(3) @interpolate(flat) half_width: f32,
    @location(4) @interpolate(flat) start: f32, // screen px along the outline at a
    @location(5) @interpolate(flat) style: u32,
}

@vertex
fn vs(@builtin(vertex_index) index: u32, s: Segment) -> Fragment {
    var out: Fragment;
    out.style = s.a_style;
    let flags = style_flags(s.a_style);
    let marker = (flags & MARKER) != 0u;
    if (flags & BREAK) != 0u && !marker {
        out.position = vec4<f32>(2.0, 2.0, 0.0, 1.0);
        return out;
    }
    let a = to_screen(s.a);
    let b = select(to_screen(s.b), a, marker);
    var dir = b - a;
    let length_px = length(dir);
    dir = select(vec2<f32>(1.0, 0.0), dir / length_px, length_px > 1e-6);
    let normal = vec2<f32>(-dir.y, dir.x);
    var half_width = select(1.0, 1.5, (flags & SELECTED) != 0u);
    half_width = select(half_width, half_width + 3.0, marker);
    if CASING {
        half_width += 1.0;
    }
    half_width *= view.point_px;
    let reach = half_width + 1.0;
    let side = vec2<f32>(select(-1.0, 1.0, (index & 1u) != 0u), select(-1.0, 1.0, (index & 2u) != 0u));
    let along = select(-reach, length_px + reach, side.x > 0.0);
    out.along = along;
    out.across = side.y * reach;
    out.length = length_px;
    out.half_width = half_width;
    out.start = s.a_length * view.zoom;
    out.position = to_clip(a + dir * along + normal * out.across);
    return out;
}

@fragment
fn fs(f: Fragment) -> @location(0) vec4<f32> {
    let flags = style_flags(f.style);
    let inside = clamp(f.along, 0.0, f.length);
    var off = abs(f.along - inside);
    if (flags & (DASHED | DOTTED)) != 0u && (flags & MARKER) == 0u {
        let dotted = (flags & DOTTED) != 0u;
        let dash = select(7.0, 0.0, dotted) * view.point_px;
        let period = select(13.0, 5.5, dotted) * view.point_px;
        let place = f.start + inside;
        let phase = place - floor(place / period) * period;
        // Distance along the line to the nearest drawn stretch; its ends are round like the line's own.
        off += max(min(phase - dash, period - phase), 0.0);
    }
    let distance = length(vec2<f32>(off, f.across));
    let cover = clamp(f.half_width + 0.5 - distance, 0.0, 1.0);
    if cover <= 0.0 {
        discard;
    }
    if CASING {
        // Opaque: a translucent casing would show every joint of two segments as a bead.
        return vec4<f32>(vec3<f32>(0.09, 0.1, 0.11) * cover, cover);
    }
    return vec4<f32>(style_colour(f.style) * cover, cover);
}
