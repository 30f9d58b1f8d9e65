// y[g, l, c] = relu((x[g, l, c] - mean[g, c]) weight[c] / sqrt(variance[g, c] + eps) + bias[c] + residual)
// x, residual, y: [G, L, C], mean, variance: [G, C], weight, bias: [C]
override TX: u32 = 32u;
override TY: u32 = 8u;
override AFFINE: bool = true;
override RESIDUAL: bool = false;
override RELU: bool = false;

struct Params {
  L: u32,
  C: u32,
  rows: u32,
  eps: f32,
}

// How x, residual and y are stored: f32 or f16.
alias X = f32;
@group(0) @binding(0) var<storage, read> x: array<X>;
@group(0) @binding(1) var<storage, read> residual: array<X>;
@group(0) @binding(2) var<storage, read> mean: array<f32>;
@group(0) @binding(3) var<storage, read> variance: array<f32>;
@group(0) @binding(4) var<storage, read> weight: array<f32>;
@group(0) @binding(5) var<storage, read> bias: array<f32>;
@group(0) @binding(6) var<storage, read_write> y: array<X>;
@group(0) @binding(7) var<uniform> params: Params;

@compute @workgroup_size(TX, TY)
fn batch_norm(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let c = group.x * TX + local.x;
  if (c >= params.C) {
    return;
  }
  let at = group.z * params.C + c;
  let centre = mean[at];
  var scale = 1.0 / sqrt(variance[at] + params.eps);
  var shift = 0.0;
  if (AFFINE) {
    scale *= weight[c];
    shift = bias[c];
  }
  let base = group.z * params.L * params.C + c;
  let end = min((group.y + 1u) * params.rows, params.L);
  for (var l = group.y * params.rows + local.y; l < end; l += TY) {
    let i = base + l * params.C;
    // Written as the backward kernels write it: they must find the same sign.
    var value = fma(f32(x[i]) - centre, scale, shift);
    if (RESIDUAL) {
      value += f32(residual[i]);
    }
    // What is not finite stays so: max() may make 0 of NaN, and an overflow would be an answer.
    if (RELU && (bitcast<u32>(value) & 0x7fffffffu) < 0x7f800000u) {
      value = max(value, 0.0);
    }
    y[i] = X(value);
  }
}
