// factor[0] = scalars[slot] / scale[0]: what gradients of the scaled loss are multiplied by   scalars: [64], scale, factor: [1]
struct Params {
  slot: u32,
}

@group(0) @binding(0) var<storage, read> scalars: array<f32>;
@group(0) @binding(1) var<storage, read> scale: array<f32>;
@group(0) @binding(2) var<storage, read_write> factor: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(1)
fn loss_scale_factor() {
  factor[0] = scalars[params.slot] / scale[0];
}
