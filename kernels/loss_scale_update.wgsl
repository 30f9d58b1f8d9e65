// scale[0] = scale[0] / 2 after an overflow, 2 scale[0] after `patience` updates without one; good[0] counts those
// control[3] = 1 after an overflow, else 0. An overflow is an update that control[1] forbids although loss is
// finite, while scale can still fall; at its least the gradient itself is at fault.
// control: [4], loss, scale, good: [1]
struct Params {
  patience: f32,
  least: f32,
  most: f32,
}

@group(0) @binding(0) var<storage, read> loss: array<f32>;
@group(0) @binding(1) var<storage, read_write> control: array<f32>;
@group(0) @binding(2) var<storage, read_write> scale: array<f32>;
@group(0) @binding(3) var<storage, read_write> good: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;

fn finite(value: f32) -> bool {
  return (bitcast<u32>(value) & 0x7f800000u) != 0x7f800000u;
}

@compute @workgroup_size(1)
fn loss_scale_update() {
  let updates = control[1] != 0.0;
  let overflows = !updates && finite(loss[0]) && scale[0] > params.least;
  control[3] = select(0.0, 1.0, overflows);
  var count = select(good[0], good[0] + 1.0, updates);
  if (overflows) {
    scale[0] = max(scale[0] * 0.5, params.least);
    count = 0.0;
  }
  if (count >= params.patience) {
    scale[0] = min(scale[0] * 2.0, params.most);
    count = 0.0;
  }
  good[0] = count;
}
