//! The shaders, embedded in the binary: WGSL alone lives in `shaders/`, the parts a module shares in `shaders/common/`.

/// A complete module: its common parts and its own text.
#[derive(Clone, Copy, Debug)]
pub struct ShaderSource {
    pub name: &'static str,
    parts: &'static [&'static str],
}

const SHAPE: &str = include_str!("../../shaders/common/shape.wgsl");

pub(super) const TILE: ShaderSource = ShaderSource {
    name: "tile",
    parts: &[include_str!("../../shaders/common/atlas.wgsl"), include_str!("../../shaders/tile.wgsl")],
};
pub(super) const SHAPE_LINE: ShaderSource =
    ShaderSource { name: "shape_line", parts: &[SHAPE, include_str!("../../shaders/shape_line.wgsl")] };
pub(super) const SHAPE_FILL: ShaderSource =
    ShaderSource { name: "shape_fill", parts: &[SHAPE, include_str!("../../shaders/shape_fill.wgsl")] };
pub(super) const SHAPE_DOT: ShaderSource =
    ShaderSource { name: "shape_dot", parts: &[SHAPE, include_str!("../../shaders/shape_dot.wgsl")] };
pub(super) const COMPOSITE: ShaderSource =
    ShaderSource { name: "composite", parts: &[include_str!("../../shaders/composite.wgsl")] };

pub(super) const VOLUME: ShaderSource =
    ShaderSource { name: "volume", parts: &[include_str!("../../shaders/volume.wgsl")] };

/// Every module, for the test that compiles them all.
pub fn all() -> [ShaderSource; 6] {
    [TILE, SHAPE_LINE, SHAPE_FILL, SHAPE_DOT, COMPOSITE, VOLUME]
}

impl ShaderSource {
    /// The module's WGSL.
    pub fn wgsl(&self) -> String {
        self.parts.join("\n")
    }

    /// Compiles the module; errors go to the device's error handler.
    pub fn compile(&self, device: &wgpu::Device) -> wgpu::ShaderModule {
        device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some(self.name),
            source: wgpu::ShaderSource::Wgsl(self.wgsl().into()),
        })
    }
}
