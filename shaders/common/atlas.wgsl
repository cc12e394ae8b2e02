// Where a slot of the tile atlas lies: bricks of 256 texels in layers of 2048 (src/render/atlas.rs).

const BRICK: i32 = 256;
const PER_SIDE: u32 = 8u;
const PER_LAYER: u32 = 64u;
const NO_SLOT: u32 = 0xffffffffu;

struct Texel {
    at: vec2<i32>,
    layer: i32,
}

fn slot_texel(slot: u32, inside: vec2<i32>) -> Texel {
    let cell = slot % PER_LAYER;
    let origin = vec2<i32>(vec2<u32>(cell % PER_SIDE, cell / PER_SIDE)) * BRICK;
    return Texel(origin + inside, i32(slot / PER_LAYER));
}
