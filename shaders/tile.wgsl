// Tiles: one instance per brick. Colour goes through its profile's table, a channel or stain view, and tone; grey through
// rescale and window (PS3.3 C.11.2.1.2.1).
// A texel outside the brick is fetched from the neighbour that holds it, so that filtering never stops at a tile's edge.

// A software adapter runs every branch of a shader and throws away what was not asked for: what a pipeline never needs is
// left out of it when it is made.
override FILTERING: u32 = 1u;  // 0 nearest, 1 linear, 2 Catmull-Rom where magnified
override LOOKED: bool = true;  // colour goes through a table, a part, tone or inversion; grey through a palette
override EDGE: bool = true;    // the place is so near a brick's edge that texels of the neighbours are needed
override TAPS: bool = true;    // so much minified that one sample a pixel would leave texels out

struct View {
    size_px: vec2<f32>,
    invert_colour: f32,
    unused: f32,
    part: vec4<f32>,       // 0 whole, 1 channel, 2 stain; the channel; side of the colour table, 0 for none
    stain_amount: vec4<f32>,
    stain_vector: vec4<f32>,
    tone: vec4<f32>,       // brightness, contrast, 1/gamma, 1 when all are neutral
    palette: array<vec4<u32>, 64>, // colours of the 256 levels, 0xBBGGRR
}

@group(0) @binding(0) var<uniform> view: View;
@group(0) @binding(1) var colour_table: texture_3d<f32>;
@group(0) @binding(2) var table_sampler: sampler;
@group(1) @binding(0) var colour_atlas: texture_2d_array<f32>;
@group(1) @binding(1) var colour_sampler: sampler;
@group(1) @binding(2) var grey_atlas: texture_2d_array<u32>;

struct Brick {
    @location(0) top: vec4<f32>,      // screen px of the upper left and upper right corner
    @location(1) bottom: vec4<f32>,   // lower left, lower right
    @location(2) size: vec4<u32>,     // texels: width, height, width of the left neighbours, height of the upper ones
    @location(3) around_a: vec4<u32>, // slots: upper left, upper, upper right, left
    @location(4) around_b: vec4<u32>, // slots: right, lower left, lower, lower right
    @location(5) own: vec4<u32>,      // slot, 1 if 16-bit signed, taps along a side, width | height << 16 of the right and lower neighbours
    @location(6) grey: vec4<f32>,     // stored value shown as 0, steps of 255 per stored step, 1 inverts
    @location(7) footprint: f32,      // texels per screen pixel
    @location(8) part: vec4<f32>,     // texels of the brick that are drawn: left, top, right, bottom
}

struct Fragment {
    @builtin(position) position: vec4<f32>,
    @location(0) texel: vec2<f32>,
    @location(1) @interpolate(flat) size: vec4<u32>,
    @location(2) @interpolate(flat) around_a: vec4<u32>,
    @location(3) @interpolate(flat) around_b: vec4<u32>,
    @location(4) @interpolate(flat) own: vec4<u32>,
    @location(5) @interpolate(flat) grey: vec4<f32>,
    @location(6) @interpolate(flat) footprint: f32,
    @location(7) uv: vec2<f32>, // of `texel` in its layer of the atlas
}

@vertex
fn vs(@builtin(vertex_index) index: u32, brick: Brick) -> Fragment {
    let corner = vec2<f32>(f32(index & 1u), f32(index >> 1u));
    var screen = select(brick.top.xy, brick.top.zw, corner.x > 0.5);
    if corner.y > 0.5 {
        screen = select(brick.bottom.xy, brick.bottom.zw, corner.x > 0.5);
    }
    var out: Fragment;
    let ndc = screen / view.size_px * 2.0 - 1.0;
    out.position = vec4<f32>(ndc.x, -ndc.y, 0.0, 1.0);
    out.texel = mix(brick.part.xy, brick.part.zw, corner);
    out.size = brick.size;
    out.around_a = brick.around_a;
    out.around_b = brick.around_b;
    out.own = brick.own;
    out.grey = brick.grey;
    out.footprint = brick.footprint;
    out.uv = (vec2<f32>(slot_texel(brick.own.x, vec2<i32>(0)).at) + out.texel) / ATLAS_SIDE;
    return out;
}

const ATLAS_SIDE: f32 = f32(BRICK) * f32(PER_SIDE);

fn neighbour(f: Fragment, side: vec2<i32>) -> u32 {
    let n = (side.y + 1) * 3 + side.x + 1;
    if n < 4 {
        return f.around_a[n];
    }
    return f.around_b[n - 5];
}

// The texel `c` of this brick, or of the neighbour when it lies up to two beyond an edge.
fn locate(f: Fragment, c: vec2<i32>) -> Texel {
    let size = vec2<i32>(f.size.xy);
    if !EDGE {
        return slot_texel(f.own.x, c);
    }
    let reach = clamp(c, vec2<i32>(-2), size + 1);
    let side = select(vec2<i32>(0), vec2<i32>(1), reach >= size) - select(vec2<i32>(0), vec2<i32>(1), reach < vec2<i32>(0));
    if all(side == vec2<i32>(0)) {
        return slot_texel(f.own.x, reach);
    }
    let slot = neighbour(f, side);
    if slot == NO_SLOT {
        return slot_texel(f.own.x, clamp(c, vec2<i32>(0), size - 1));
    }
    let before = max(vec2<i32>(f.size.zw) + reach, vec2<i32>(0));
    let after = min(reach - size, vec2<i32>(i32(f.own.w & 0xffffu), i32(f.own.w >> 16u)) - 1);
    let there = select(select(reach, after, side > vec2<i32>(0)), before, side < vec2<i32>(0));
    return slot_texel(slot, there);
}

fn grey_at(f: Fragment, c: vec2<i32>) -> f32 {
    let t = locate(f, c);
    let raw = textureLoad(grey_atlas, t.at, t.layer, 0).r;
    if f.own.y == 1u {
        return f32(i32(raw << 16u) >> 16u);
    }
    return f32(raw);
}

fn colour_at(f: Fragment, c: vec2<i32>) -> vec4<f32> {
    let t = locate(f, c);
    return textureLoad(colour_atlas, t.at, t.layer, 0);
}

fn grey_linear(f: Fragment, texel: vec2<f32>) -> f32 {
    let p = texel - 0.5;
    let c = vec2<i32>(floor(p));
    let w = fract(p);
    let upper = mix(grey_at(f, c), grey_at(f, c + vec2<i32>(1, 0)), w.x);
    let lower = mix(grey_at(f, c + vec2<i32>(0, 1)), grey_at(f, c + vec2<i32>(1, 1)), w.x);
    return mix(upper, lower, w.y);
}

fn colour_linear(f: Fragment, texel: vec2<f32>) -> vec4<f32> {
    if !EDGE {
        let t = slot_texel(f.own.x, vec2<i32>(0));
        let uv = (vec2<f32>(t.at) + texel) / ATLAS_SIDE;
        return textureSampleLevel(colour_atlas, colour_sampler, uv, t.layer, 0.0);
    }
    let p = texel - 0.5;
    let c = vec2<i32>(floor(p));
    let w = fract(p);
    let upper = mix(colour_at(f, c), colour_at(f, c + vec2<i32>(1, 0)), w.x);
    let lower = mix(colour_at(f, c + vec2<i32>(0, 1)), colour_at(f, c + vec2<i32>(1, 1)), w.x);
    return mix(upper, lower, w.y);
}

// Catmull-Rom: sharp and without a shift; at whole texels it is the texel itself.
fn cubic_weights(t: f32) -> vec4<f32> {
    let t2 = t * t;
    let t3 = t2 * t;
    return vec4<f32>(
        -0.5 * t + t2 - 0.5 * t3,
        1.0 - 2.5 * t2 + 1.5 * t3,
        0.5 * t + 2.0 * t2 - 1.5 * t3,
        -0.5 * t2 + 0.5 * t3,
    );
}

fn grey_cubic(f: Fragment, texel: vec2<f32>) -> f32 {
    let p = texel - 0.5;
    let c = vec2<i32>(floor(p));
    let wx = cubic_weights(fract(p.x));
    let wy = cubic_weights(fract(p.y));
    var sum = 0.0;
    for (var j = 0; j < 4; j++) {
        let row = vec4<f32>(
            grey_at(f, c + vec2<i32>(-1, j - 1)),
            grey_at(f, c + vec2<i32>(0, j - 1)),
            grey_at(f, c + vec2<i32>(1, j - 1)),
            grey_at(f, c + vec2<i32>(2, j - 1)),
        );
        sum += dot(row, wx) * wy[j];
    }
    return sum;
}

fn colour_cubic(f: Fragment, texel: vec2<f32>) -> vec4<f32> {
    let p = texel - 0.5;
    let c = vec2<i32>(floor(p));
    let wx = cubic_weights(fract(p.x));
    let wy = cubic_weights(fract(p.y));
    var sum = vec4<f32>(0.0);
    for (var j = 0; j < 4; j++) {
        let row = colour_at(f, c + vec2<i32>(-1, j - 1)) * wx.x
            + colour_at(f, c + vec2<i32>(0, j - 1)) * wx.y
            + colour_at(f, c + vec2<i32>(1, j - 1)) * wx.z
            + colour_at(f, c + vec2<i32>(2, j - 1)) * wx.w;
        sum += row * wy[j];
    }
    return clamp(sum, vec4<f32>(0.0), vec4<f32>(1.0));
}

// imaging/display/stain.rs and icc.rs say the same on the CPU.
fn shown_colour(stored: vec3<f32>) -> vec3<f32> {
    var c = stored;
    if view.part.x > 1.5 {
        let density = -log2(max(c, vec3<f32>(1.0 / 255.0))) * 0.30102999566;
        let amount = max(dot(density, view.stain_amount.xyz), 0.0);
        c = exp2(-3.32192809489 * amount * view.stain_vector.xyz);
    } else if view.part.x > 0.5 {
        c = vec3<f32>(c[u32(view.part.y)]);
    } else if view.part.z > 1.5 {
        let side = view.part.z;
        let entry = textureSampleLevel(colour_table, table_sampler, (c * (side - 1.0) + 0.5) / side, 0.0).rgb;
        c = clamp(entry, vec3<f32>(0.0), vec3<f32>(1.0));
    }
    if view.tone.w < 0.5 {
        c = clamp((c - 0.5) * view.tone.y + 0.5 + view.tone.x, vec3<f32>(0.0), vec3<f32>(1.0));
        c = pow(c, vec3<f32>(view.tone.z));
    }
    return c;
}

fn nearest_texel(f: Fragment) -> vec2<i32> {
    return clamp(vec2<i32>(floor(f.texel)), vec2<i32>(0), vec2<i32>(f.size.xy) - 1);
}

// Where tap `i` of `taps` along a side falls, in texels from the middle.
fn tap(i: u32, taps: u32, footprint: f32) -> f32 {
    return ((f32(i) + 0.5) / f32(taps) - 0.5) * select(footprint, 0.0, taps == 1u);
}

@fragment
fn fs_grey(f: Fragment) -> @location(0) vec4<f32> {
    var raw = 0.0;
    if FILTERING == 0u {
        raw = grey_at(f, nearest_texel(f));
    } else if FILTERING == 2u {
        raw = grey_cubic(f, f.texel);
    } else if !TAPS {
        raw = grey_linear(f, f.texel);
    } else {
        for (var j = 0u; j < f.own.z; j++) {
            for (var i = 0u; i < f.own.z; i++) {
                raw += grey_linear(f, f.texel + vec2<f32>(tap(i, f.own.z, f.footprint), tap(j, f.own.z, f.footprint)));
            }
        }
        raw /= f32(f.own.z * f.own.z);
    }
    var level = clamp((raw - f.grey.x) * f.grey.y, 0.0, 255.0);
    if f.grey.z > 0.5 {
        level = 255.0 - level;
    }
    level = floor(level + 0.5);
    if LOOKED {
        let n = u32(level);
        return vec4<f32>(unpack4x8unorm(view.palette[n >> 2u][n & 3u]).rgb, 1.0);
    }
    level = level / 255.0;
    return vec4<f32>(level, level, level, 1.0);
}

@fragment
fn fs_colour(f: Fragment) -> @location(0) vec4<f32> {
    var colour = vec4<f32>(0.0);
    if FILTERING == 0u {
        colour = colour_at(f, nearest_texel(f));
    } else if FILTERING == 2u {
        colour = colour_cubic(f, f.texel);
    } else if !TAPS && !EDGE {
        colour = textureSampleLevel(colour_atlas, colour_sampler, f.uv, i32(f.own.x / PER_LAYER), 0.0);
    } else if !TAPS {
        colour = colour_linear(f, f.texel);
    } else {
        for (var j = 0u; j < f.own.z; j++) {
            for (var i = 0u; i < f.own.z; i++) {
                colour += colour_linear(f, f.texel + vec2<f32>(tap(i, f.own.z, f.footprint), tap(j, f.own.z, f.footprint)));
            }
        }
        colour /= f32(f.own.z * f.own.z);
    }
    if LOOKED {
        colour = vec4<f32>(shown_colour(colour.rgb), colour.a);
        if view.invert_colour > 0.5 {
            colour = vec4<f32>(1.0 - colour.rgb, colour.a);
        }
    }
    return colour;
}
