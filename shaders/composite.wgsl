// Image layer and shape layer become the picture; one texel of each layer is one pixel of the view.

// A software adapter runs every branch: what a pipeline never needs is left out of it when it is made.
// A layer without shapes is neither cleared nor read.
override SHAPES: bool = true;
// The target converts linear light to sRGB by itself.
override TARGET_IS_LINEAR: bool = false;

struct Composite {
    shape_opacity: f32,
    unused_a: f32,
    unused_b: vec2<f32>,
}

@group(0) @binding(0) var<uniform> composite: Composite;
@group(0) @binding(1) var image_layer: texture_2d<f32>;
@group(0) @binding(2) var shape_layer: texture_2d<f32>;

struct Fragment {
    @builtin(position) position: vec4<f32>,
    @location(0) at: vec2<f32>,
}

@vertex
fn vs(@builtin(vertex_index) index: u32) -> Fragment {
    // One triangle that covers the viewport.
    let p = vec2<f32>(f32((index << 1u) & 2u), f32(index & 2u));
    var out: Fragment;
    out.position = vec4<f32>(p.x * 2.0 - 1.0, 1.0 - p.y * 2.0, 0.0, 1.0);
    out.at = p;
    return out;
}

fn linear_from_srgb(c: vec3<f32>) -> vec3<f32> {
    let low = c / 12.92;
    let high = pow((c + 0.055) / 1.055, vec3<f32>(2.4));
    return select(high, low, c <= vec3<f32>(0.04045));
}

@fragment
fn fs(f: Fragment) -> @location(0) vec4<f32> {
    let size = vec2<f32>(textureDimensions(image_layer));
    let at = clamp(vec2<i32>(floor(f.at * size)), vec2<i32>(0), vec2<i32>(size) - 1);
    let image = textureLoad(image_layer, at, 0).rgb;
    var rgb = image;
    if SHAPES {
        let shape = textureLoad(shape_layer, at, 0) * composite.shape_opacity;
        rgb = shape.rgb + image * (1.0 - shape.a);
    }
    if TARGET_IS_LINEAR {
        rgb = linear_from_srgb(rgb);
    }
    return vec4<f32>(rgb, 1.0);
}
