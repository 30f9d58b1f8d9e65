// m[n, l] = sum_f x[n, l, f] w[f, label[n]], or with MEAN sum_f x[n, l, f] / F; 0 where label[n] is no class
// x: [N, L, F], w: [F, K], label: [N], m: [N, L]
override MEAN: bool = false;

struct Params {
  L: u32,
  F: u32,
  K: u32,
}

// How x is stored: f32 or f16.
alias X = f32;
@group(0) @binding(0) var<storage, read> x: array<X>;
@group(0) @binding(1) var<storage, read> w: array<f32>;
@group(0) @binding(2) var<storage, read> label: array<u32>;
@group(0) @binding(3) var<storage, read_write> m: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;

var<workgroup> sums: array<f32, 64>;

@compute @workgroup_size(64)
fn class_map(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let row = group.y * params.L + group.x;
  let k = label[group.y];
  var sum = 0.0;
  for (var f = lane; f < params.F; f += 64u) {
    var weight = 1.0 / f32(params.F);
    if (!MEAN) {
      weight = select(0.0, w[f * params.K + min(k, params.K - 1u)], k < params.K);
    }
    sum += weight * f32(x[row * params.F + f]);
  }
  sums[lane] = sum;
  for (var half = 32u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) {
      sums[lane] += sums[lane + half];
    }
  }
  if (lane == 0u) {
    m[row] = sums[0];
  }
}
