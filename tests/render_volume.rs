//! The volume shader against its twin on the CPU: even and uneven stacks, thin planes and slabs, signed and unsigned samples,
//! windows, sigmoid and colours; and a volume that is longer than the texture it stands in may be.
#![cfg(feature = "gui")]

use std::sync::Arc;

use shoken::domain::{PlanePose, SizePx};
use shoken::imaging::Window;
use shoken::imaging::volume::{Plane, Posed, Slab, StackGeometry, Volume, Voxels};
use shoken::render::{
    Gpu, GreyRamp, SlabMode, ValueRamp, VolumeImage, VolumeLayer, VolumePrepared, VolumeRenderer, VolumeScene,
    VolumeSlice, read_texture,
};

use crate::render::offscreen;

fn sample(x: usize, y: usize, z: usize) -> f64 {
    let wave = 700.0 * (x as f64 * 0.19).sin() + 500.0 * (y as f64 * 0.23 + z as f64 * 0.41).cos();
    wave + if (x / 5 + y / 7 + z / 3) % 2 == 0 { 400.0 } else { -300.0 }
}

/// A stack with the given positions of its slices along the normal.
fn stack(size: [usize; 2], zs: &[f64], drift: f64, signed: bool) -> Volume {
    let frames: Vec<Posed> = zs
        .iter()
        .zip(0_u32..)
        .map(|(z, frame)| Posed {
            frame,
            pose: PlanePose {
                origin_mm: [-12.0, 5.0 + drift * z, 100.0 + z],
                row_dir: [1.0, 0.0, 0.0],
                col_dir: [0.0, 1.0, 0.0],
                spacing_mm: [0.6, 0.7],
            },
            rescale: if signed { (1.0, 0.0) } else { (0.5, -1024.0) },
        })
        .collect();
    let geometry = StackGeometry::new(&frames).unwrap();
    let values = (0..zs.len()).flat_map(|z| (0..size[1]).flat_map(move |y| (0..size[0]).map(move |x| sample(x, y, z))));
    let voxels = if signed {
        Voxels::I16(values.map(|v| v as i16).collect())
    } else {
        Voxels::U16(values.map(|v| ((v + 2000.0) * 4.0) as u16).collect())
    };
    Volume::new([size[0], size[1], zs.len()], voxels, geometry, None).unwrap()
}

fn image(volume: &Volume, id: u64) -> VolumeImage {
    let bytes: Vec<u8> = match volume.voxels() {
        Voxels::I16(v) => v.iter().flat_map(|s| s.to_le_bytes()).collect(),
        Voxels::U16(v) => v.iter().flat_map(|s| s.to_le_bytes()).collect(),
    };
    let g = volume.geometry();
    VolumeImage {
        id,
        size: volume.size().map(|n| n as u32),
        samples: Arc::new(bytes),
        signed: matches!(volume.voxels(), Voxels::I16(_)),
        even: g.is_even(),
        slices: g
            .slices()
            .iter()
            .map(|s| VolumeSlice {
                at_mm: s.origin_mm.map(|v| v as f32),
                slope: s.slope as f32,
                intercept: s.intercept as f32,
                hole_after: s.hole_after,
            })
            .collect(),
        pixels_per_mm: g.spacing_mm().map(|mm| (1.0 / mm) as f32),
        reach_mm: [g.reach_mm().0 as f32, g.reach_mm().1 as f32],
    }
}

fn mode(slab: Slab) -> SlabMode {
    match slab {
        Slab::Thin | Slab::Highest(_) => SlabMode::Highest,
        Slab::Lowest(_) => SlabMode::Lowest,
        Slab::Mean(_) => SlabMode::Mean,
    }
}

fn layer(volume: &Volume, id: u64, plane: &Plane, slab: Slab, ramp: ValueRamp) -> VolumeLayer {
    let cut = volume.geometry().cut(plane, slab);
    VolumeLayer {
        volume: image(volume, id),
        start: cut.start,
        per_x: cut.per_x,
        per_y: cut.per_y,
        per_step: cut.per_step,
        steps: cut.steps,
        mode: mode(slab),
        ramp,
        colours: None,
        opacity: 1.0,
        black_is_clear: false,
    }
}

/// Draws until everything is uploaded.
fn draw(gpu: &Gpu, renderer: &mut VolumeRenderer, scene: &VolumeScene) -> (Vec<u8>, VolumePrepared) {
    let size = wgpu::Extent3d { width: scene.size_px[0], height: scene.size_px[1], depth_or_array_layers: 1 };
    let texture = gpu.device.create_texture(&wgpu::TextureDescriptor {
        label: None,
        size,
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format: wgpu::TextureFormat::Rgba8Unorm,
        usage: wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::COPY_SRC,
        view_formats: &[],
    });
    let view = texture.create_view(&wgpu::TextureViewDescriptor::default());
    loop {
        let mut encoder = gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let prepared = renderer.prepare(&gpu.device, &gpu.queue, &mut encoder, 1, scene);
        {
            let mut pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
                color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                    view: &view,
                    depth_slice: None,
                    resolve_target: None,
                    ops: wgpu::Operations::default(),
                })],
                ..Default::default()
            });
            renderer.paint(1, &mut pass);
        }
        gpu.queue.submit([encoder.finish()]);
        if prepared.waiting == 0 {
            return (read_texture(&gpu.device, &gpu.queue, &texture).unwrap().rgba, prepared);
        }
    }
}

fn ramp(window: Window) -> GreyRamp {
    let low = window.center - 0.5 - (window.width - 1.0) / 2.0;
    GreyRamp { zero_at: low as f32, per_step: (255.0 / (window.width - 1.0)) as f32, invert: false }
}

fn planes(volume: &Volume) -> Vec<Plane> {
    let centre = volume.centre_mm();
    let unit = |v: [f64; 3]| {
        let l = (v[0] * v[0] + v[1] * v[1] + v[2] * v[2]).sqrt();
        v.map(|x| x / l)
    };
    [
        ([1.0, 0.0, 0.0], [0.0, 1.0, 0.0]),
        ([1.0, 0.0, 0.0], [0.0, 0.0, -1.0]),
        ([0.0, 1.0, 0.0], [0.0, 0.0, -1.0]),
        (unit([0.8, 0.5, 0.3]), unit([-0.5, 0.8, 0.0])),
    ]
    .map(|(right, down)| {
        let at = |i: usize| centre[i] - right[i] * 0.31 * 70.0 - down[i] * 0.31 * 55.0;
        Plane {
            origin_mm: [at(0), at(1), at(2)],
            right,
            down,
            spacing_mm: [0.31, 0.31],
            size_px: SizePx::new(140, 110),
        }
    })
    .to_vec()
}

#[test]
fn the_volume_shader_agrees_with_the_cpu_twin_within_one_grey_level() {
    let Some(screen) = offscreen() else { return };
    let gpu = screen.gpu();
    let mut renderer = VolumeRenderer::new(&gpu.device, wgpu::TextureFormat::Rgba8Unorm);
    let even: Vec<f64> = (0..30).map(|z| f64::from(z) * 1.2).collect();
    let uneven = [0.0, 1.0, 2.0, 3.1, 5.0, 9.0, 13.0, 17.0, 26.0, 30.0, 34.0];
    let volumes = [
        stack([70, 60], &even, 0.0, true),
        stack([70, 60], &even, 0.0, false),
        stack([64, 50], &uneven, -0.33, true),
        stack([64, 50], &uneven, 0.2, false),
    ];
    assert_eq!(volumes.iter().map(|v| v.geometry().is_even()).collect::<Vec<_>>(), [true, true, false, false]);
    assert!(volumes[2].geometry().has_holes());
    let window = Window { center: 40.0, width: 1600.0 };
    let (mut worst, mut differing, mut pixels, mut lonely) = (0, 0, 0, 0);
    for (id, volume) in volumes.iter().enumerate() {
        for plane in planes(volume) {
            let slabs = [Slab::Thin, Slab::Highest(6.0), Slab::Lowest(3.5), Slab::Mean(9.0)];
            // The oblique plane is shown in every thickness, the others thin.
            for slab in slabs.into_iter().take(if plane.right[2] == 0.0 { 1 } else { 4 }) {
                let twin = volume.reslice(&plane, slab, 2);
                let grey = ramp(window);
                let scene = VolumeScene {
                    size_px: [plane.size_px.width, plane.size_px.height],
                    background: [9, 17, 33],
                    layers: vec![layer(volume, id as u64, &plane, slab, ValueRamp::Straight(grey))],
                };
                let (rgba, _) = draw(gpu, &mut renderer, &scene);
                for (value, pixel) in twin.values.iter().zip(rgba.as_chunks::<4>().0) {
                    let nothing = *pixel == [9, 17, 33, 255];
                    if value.is_nan() != nothing {
                        lonely += 1;
                        continue;
                    }
                    if nothing {
                        continue;
                    }
                    let level = ((value - grey.zero_at) * grey.per_step).clamp(0.0, 255.0).round() as i32;
                    let difference = (level - i32::from(pixel[0])).abs();
                    worst = worst.max(difference);
                    differing += i32::from(difference > 0);
                    pixels += 1;
                }
            }
        }
    }
    println!("volume shader: {pixels} pixels, largest difference {worst}, differing {differing}, edge {lonely}");
    assert!(pixels > 100_000, "{pixels}");
    assert!(worst <= 1 && differing < pixels / 200, "{worst} {differing} of {pixels}");
    assert!(lonely < pixels / 500, "{lonely} pixels measured by one alone");
}

#[test]
fn the_sigmoid_colours_and_a_second_volume_lie_as_they_should() {
    let Some(screen) = offscreen() else { return };
    let gpu = screen.gpu();
    let mut renderer = VolumeRenderer::new(&gpu.device, wgpu::TextureFormat::Rgba8Unorm);
    let zs: Vec<f64> = (0..12).map(f64::from).collect();
    let volume = stack([70, 60], &zs, 0.0, true);
    let plane = planes(&volume)[0];
    let twin = volume.reslice(&plane, Slab::Thin, 1);
    let sigmoid = ValueRamp::Sigmoid { center: 40.0, width: 900.0, invert: true };
    let mut colours = [[0_u8; 3]; 256];
    for (level, colour) in (0_u8..=255).zip(&mut colours) {
        *colour = [level, 255 - level, level / 2];
    }
    let base = VolumeLayer { colours: Some(Arc::new(colours)), ..layer(&volume, 5, &plane, Slab::Thin, sigmoid) };
    let size_px = [plane.size_px.width, plane.size_px.height];
    let (rgba, _) = draw(gpu, &mut renderer, &VolumeScene { size_px, background: [0; 3], layers: vec![base.clone()] });
    let mut seen = 0;
    for (value, pixel) in twin.values.iter().zip(rgba.as_chunks::<4>().0).filter(|(v, _)| !v.is_nan()) {
        let level = 255.0 - 255.0 / (1.0 + (-4.0 * (value - 40.0) / 900.0).exp());
        let nearest = level.round() as u8;
        let fits =
            (nearest.saturating_sub(1)..=nearest.saturating_add(1)).any(|l| pixel[..3] == colours[usize::from(l)]);
        assert!(fits, "{value} {level} {pixel:?}");
        seen += 1;
    }
    assert!(seen > 1000, "{seen}");
    // Laid over itself at half opacity a grey picture stays as it is; a table of red tints it half.
    let grey = layer(&volume, 5, &plane, Slab::Thin, ValueRamp::Straight(ramp(Window { center: 0.0, width: 2000.0 })));
    let over = VolumeLayer { opacity: 0.5, colours: Some(Arc::new([[255, 0, 0]; 256])), ..grey.clone() };
    let alone = draw(gpu, &mut renderer, &VolumeScene { size_px, background: [0; 3], layers: vec![grey.clone()] }).0;
    let both = draw(gpu, &mut renderer, &VolumeScene { size_px, background: [0; 3], layers: vec![grey, over] }).0;
    let pixels = alone.as_chunks::<4>().0.iter().zip(both.as_chunks::<4>().0).zip(&twin.values);
    for ((a, b), value) in pixels.filter(|(_, v)| !v.is_nan()) {
        let half = |v: u8, over: f64| f64::midpoint(f64::from(v), over);
        assert!((f64::from(b[0]) - half(a[0], 255.0)).abs() <= 1.0 && (f64::from(b[1]) - half(a[1], 0.0)).abs() <= 1.0);
        assert!(value.is_finite());
    }
}
