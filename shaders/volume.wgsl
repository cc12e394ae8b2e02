// Planes through volumes: imaging/volume/reslice.rs says the same on the CPU. A pixel's centre is taken to the stack's own
// coordinates: voxel indices where the stack is even, else millimetres along its axes.

// What a picture never needs is left out of its pipeline: a software adapter runs every branch of a shader.
override EVEN: bool = true;     // one step, no drift, one rescale
override PACKED: bool = false;  // the texture holds the volume in bricks
override SLAB: bool = true;     // more than one sample across

struct Cut {
    start: vec4<f32>,      // of the first pixel's centre, first sample of the slab; w: samples across the slab
    per_x: vec4<f32>,      // for one pixel to the right; w: 0 highest, 1 lowest, 2 mean
    per_y: vec4<f32>,      // for one pixel down; w: opacity
    per_step: vec4<f32>,   // for one sample across the slab; w: 1 takes black for clear
    size: vec4<u32>,       // columns, rows, slices, 1 if signed
    brick: vec4<u32>,      // sides of a brick of the texture; w: 1 if the stack is even
    bricks: vec4<u32>,     // bricks of the volume along x and y, places in the texture along x and y
    grey: vec4<f32>,       // value shown as 0 and steps of 255 per unit, or middle and width of the sigmoid; z: 1 inverts; w: 1 sigmoid
    value: vec4<f32>,      // slope and intercept of an even stack; pixels per mm of an uneven one
    reach: vec4<f32>,      // of an uneven stack along its normal; z: 1 colours by the table
}

@group(0) @binding(0) var<uniform> cut: Cut;
@group(0) @binding(1) var voxels: texture_3d<u32>;
// One column a slice: offset along rows, along columns, along the normal, hole after it; slope, intercept.
@group(0) @binding(2) var slices: texture_2d<f32>;
@group(0) @binding(3) var colours: texture_2d<f32>;

const ON_SLICE: f32 = 1e-4;

// What branches and loops ask for comes this way and not from the uniform: a software adapter compiles a shader anew for
// every value of a uniform that a branch depends on.
struct Fragment {
    @builtin(position) position: vec4<f32>,
    @location(0) @interpolate(flat) asked: vec4<u32>, // samples across, 0 highest 1 lowest 2 mean, slices, 1 if coloured
}

@vertex
fn vs(@builtin(vertex_index) index: u32) -> Fragment {
    let p = vec2<f32>(f32((index << 1u) & 2u), f32(index & 2u));
    var out: Fragment;
    out.position = vec4<f32>(p.x * 2.0 - 1.0, 1.0 - p.y * 2.0, 0.0, 1.0);
    out.asked = vec4<u32>(u32(cut.start.w), u32(cut.per_x.w + 0.5), cut.size.z, u32(cut.reach.z + 0.5));
    return out;
}

fn voxel(c: vec3<u32>) -> f32 {
    var at = c;
    if PACKED {
        let b = c / cut.brick.xyz;
        let n = (b.z * cut.bricks.y + b.y) * cut.bricks.x + b.x;
        let place = vec3<u32>(n % cut.bricks.z, (n / cut.bricks.z) % cut.bricks.w, n / (cut.bricks.z * cut.bricks.w));
        at = place * cut.brick.xyz + c % cut.brick.xyz;
    }
    let raw = textureLoad(voxels, vec3<i32>(at), 0).r;
    return select(f32(raw), f32(i32(raw << 16u) >> 16u), cut.size.w == 1u);
}

fn in_slice(x: f32, y: f32, z: u32) -> f32 {
    let top = vec2<f32>(cut.size.xy - 1u);
    let p = clamp(vec2<f32>(x, y), vec2<f32>(0.0), top);
    let c = min(vec2<u32>(p), cut.size.xy - 2u);
    let w = p - vec2<f32>(c);
    let upper = mix(voxel(vec3<u32>(c, z)), voxel(vec3<u32>(c.x + 1u, c.y, z)), w.x);
    let lower = mix(voxel(vec3<u32>(c.x, c.y + 1u, z)), voxel(vec3<u32>(c + 1u, z)), w.x);
    return mix(upper, lower, w.y);
}

// The value, and 1 where something was measured.
fn even_value(q: vec3<f32>) -> vec2<f32> {
    let size = vec3<f32>(cut.size.xyz);
    if any(q < vec3<f32>(-0.5)) || any(q > size - 0.5) {
        return vec2<f32>(0.0);
    }
    let d = clamp(q.z, 0.0, size.z - 1.0);
    let z = min(u32(d), cut.size.z - 2u);
    let t = d - f32(z);
    var raw = in_slice(q.x, q.y, z);
    if t > 0.0 {
        raw = mix(raw, in_slice(q.x, q.y, z + 1u), t);
    }
    return vec2<f32>(raw * cut.value.x + cut.value.y, 1.0);
}

fn place_of(k: u32) -> vec4<f32> {
    return textureLoad(slices, vec2<i32>(i32(k), 0), 0);
}

fn uneven_in_slice(q: vec3<f32>, k: u32) -> vec2<f32> {
    let p = (q.xy - place_of(k).xy) * cut.value.zw;
    if any(p < vec2<f32>(-0.5)) || any(p > vec2<f32>(cut.size.xy) - 0.5) {
        return vec2<f32>(0.0);
    }
    let rescale = textureLoad(slices, vec2<i32>(i32(k), 1), 0);
    return vec2<f32>(in_slice(p.x, p.y, k) * rescale.x + rescale.y, 1.0);
}

fn uneven_value(q: vec3<f32>, count: u32) -> vec2<f32> {
    if q.z < cut.reach.x || q.z > cut.reach.y {
        return vec2<f32>(0.0);
    }
    // The slice at or before: halving.
    var low = 0u;
    var high = count - 1u;
    while high - low > 1u {
        let middle = (low + high) / 2u;
        if place_of(middle).z <= q.z {
            low = middle;
        } else {
            high = middle;
        }
    }
    let near = place_of(low);
    let t = clamp((q.z - near.z) / (place_of(low + 1u).z - near.z), 0.0, 1.0);
    if t <= ON_SLICE {
        return uneven_in_slice(q, low);
    }
    if t >= 1.0 - ON_SLICE {
        return uneven_in_slice(q, low + 1u);
    }
    let a = uneven_in_slice(q, low);
    let b = uneven_in_slice(q, low + 1u);
    return vec2<f32>(mix(a.x, b.x, t), select(0.0, a.y * b.y, near.w < 0.5));
}

fn value_at(q: vec3<f32>, count: u32) -> vec2<f32> {
    if EVEN {
        return even_value(q);
    }
    return uneven_value(q, count);
}

@fragment
fn fs(f: Fragment) -> @location(0) vec4<f32> {
    let pixel = floor(f.position.xy);
    let first = cut.start.xyz + cut.per_x.xyz * pixel.x + cut.per_y.xyz * pixel.y;
    var found = value_at(first, f.asked.z);
    var value = found.x * found.y;
    var count = found.y;
    let steps = select(1u, f.asked.x, SLAB);
    for (var i = 1u; i < steps; i++) {
        found = value_at(first + cut.per_step.xyz * f32(i), f.asked.z);
        if found.y < 0.5 {
            continue;
        }
        if f.asked.y == 2u {
            value += found.x;
        } else if count < 0.5 {
            value = found.x;
        } else if f.asked.y == 1u {
            value = min(value, found.x);
        } else {
            value = max(value, found.x);
        }
        count += 1.0;
    }
    if count < 0.5 {
        return vec4<f32>(0.0);
    }
    value = select(value, value / count, f.asked.y == 2u);
    let straight = clamp((value - cut.grey.x) * cut.grey.y, 0.0, 255.0);
    let bent = 255.0 / (1.0 + exp(-4.0 * (value - cut.grey.x) / cut.grey.y));
    var level = select(straight, bent, cut.grey.w > 0.5);
    level = select(level, 255.0 - level, cut.grey.z > 0.5);
    level = floor(level + 0.5);
    let alpha = cut.per_y.w * select(1.0, clamp(level / 24.0, 0.0, 1.0), cut.per_step.w > 0.5);
    if f.asked.w == 1u {
        return vec4<f32>(textureLoad(colours, vec2<i32>(i32(level), 0), 0).rgb, alpha);
    }
    return vec4<f32>(vec3<f32>(level / 255.0), alpha);
}
