// y[n, c] = sum_l x[n, l, c] / L   x: [N, L, C], y: [N, C]
struct Params {
  L: u32,
  C: u32,
  n: u32,
}

// How x is stored: f32 or f16.
alias X = f32;
@group(0) @binding(0) var<storage, read> x: array<X>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn average_pool(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.n) {
    return;
  }
  let base = id.x / params.C * params.L * params.C + id.x % params.C;
  var sum = 0.0;
  for (var l = 0u; l < params.L; l++) {
    sum += f32(x[base + l * params.C]);
  }
  y[id.x] = sum / f32(params.L);
}
