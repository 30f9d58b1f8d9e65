// partial[g, j, c] = sum_l d[g, l, c], sum_l d[g, l, c] xhat[g, l, c] over the rows l of chunk j, d being dy
// where the ReLU let pass: FROM_X finds that out from xhat weight + bias, FROM_Y from y, and sets dy to d.
// xhat = (x - mean) / sqrt(variance + eps); x, y, dy: [G, L, C], mean, variance: [G, C], weight, bias: [C]
// partial: [G, J, C] pairs
override TX: u32 = 32u;
override TY: u32 = 8u;
override AFFINE: bool = true;
override FROM_X: bool = false;
override FROM_Y: bool = false;

struct Params {
  L: u32,
  C: u32,
  rows: u32,
  eps: f32,
}

// How x, y and dy are stored: f32 or f16.
alias X = f32;
@group(0) @binding(0) var<storage, read> x: array<X>;
@group(0) @binding(1) var<storage, read> y: array<X>;
@group(0) @binding(2) var<storage, read> mean: array<f32>;
@group(0) @binding(3) var<storage, read> variance: array<f32>;
@group(0) @binding(4) var<storage, read> weight: array<f32>;
@group(0) @binding(5) var<storage, read> bias: array<f32>;
@group(0) @binding(6) var<storage, read_write> dy: array<X>;
@group(0) @binding(7) var<storage, read_write> partial: array<vec2f>;
@group(0) @binding(8) var<uniform> params: Params;

var<workgroup> merged: array<vec2f, 256>;

@compute @workgroup_size(TX, TY)
fn batch_norm_backward_sums(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let c = group.x * TX + local.x;
  var sums = vec2f(0.0);
  if (c < params.C) {
    let at = group.z * params.C + c;
    let centre = mean[at];
    let inverse = 1.0 / sqrt(variance[at] + params.eps);
    var scale = inverse;
    var shift = 0.0;
    if (FROM_X && AFFINE) {
      scale *= weight[c];
      shift = bias[c];
    }
    let base = group.z * params.L * params.C + c;
    let end = min((group.y + 1u) * params.rows, params.L);
    for (var l = group.y * params.rows + local.y; l < end; l += TY) {
      let i = base + l * params.C;
      let distance = f32(x[i]) - centre;
      var d = f32(dy[i]);
      if (FROM_X) {
        d = select(0.0, d, fma(distance, scale, shift) > 0.0);
      }
      if (FROM_Y) {
        d = select(0.0, d, f32(y[i]) > 0.0);
        dy[i] = X(d);
      }
      sums += vec2f(d, d * distance * inverse);
    }
  }
  merged[local.y * TX + local.x] = sums;
  workgroupBarrier();
  if (local.y == 0u && c < params.C) {
    for (var t = 1u; t < TY; t++) {
      sums += merged[t * TX + local.x];
    }
    partial[(group.z * groups.y + group.y) * params.C + c] = sums;
  }
}
