// dw[f, k] = sum over n with label[n] = k of sum_l dm[n, l] x[n, l, f]   x: [N, L, F], dm: [N, L], dw: [F, K]
override ADD: bool = false;

struct Params {
  N: u32,
  L: u32,
  F: u32,
  K: u32,
}

// How x is stored: f32 or f16.
alias X = f32;
@group(0) @binding(0) var<storage, read> x: array<X>;
@group(0) @binding(1) var<storage, read> dm: array<f32>;
@group(0) @binding(2) var<storage, read> label: array<u32>;
@group(0) @binding(3) var<storage, read_write> dw: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(64)
fn class_map_backward_weight(@builtin(global_invocation_id) id: vec3u) {
  let f = id.x;
  let k = id.y;
  if (f >= params.F) {
    return;
  }
  var sum = 0.0;
  for (var n = 0u; n < params.N; n++) {
    if (label[n] == k) {
      for (var l = 0u; l < params.L; l++) {
        let row = n * params.L + l;
        sum += dm[row] * f32(x[row * params.F + f]);
      }
    }
  }
  let at = f * params.K + k;
  if (ADD) {
    sum += dw[at];
  }
  dw[at] = sum;
}
