// r[d] = max(0, margin - deviation[d]), deviation[d] = sqrt(sum_n x[n, d]^2 / (N - 1) + eps)
// x: [N, D], deviation, r: [D]
struct Params {
  N: u32,
  D: u32,
  margin: f32,
  eps: f32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> deviation: array<f32>;
@group(0) @binding(2) var<storage, read_write> r: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn std_hinge(@builtin(global_invocation_id) id: vec3u) {
  let d = id.x;
  if (d >= params.D) {
    return;
  }
  var squares = 0.0;
  for (var n = 0u; n < params.N; n++) {
    let value = x[n * params.D + d];
    squares += value * value;
  }
  let spread = sqrt(squares / (f32(params.N) - 1.0) + params.eps);
  deviation[d] = spread;
  r[d] = max(0.0, params.margin - spread);
}
