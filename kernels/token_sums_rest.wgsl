// dstart[c] += g[0, c], dbias[c] += sum_(t > 0) g[t, c]   g: [T, C], dstart, dbias: [C]
struct Params {
  T: u32,
  C: u32,
}

@group(0) @binding(0) var<storage, read> g: array<f32>;
@group(0) @binding(1) var<storage, read_write> dstart: array<f32>;
@group(0) @binding(2) var<storage, read_write> dbias: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn token_sums_rest(@builtin(global_invocation_id) id: vec3u) {
  let c = id.x;
  if (c >= params.C) {
    return;
  }
  var sum = 0.0;
  for (var t = 1u; t < params.T; t++) {
    sum += g[t * params.C + c];
  }
  dstart[c] += g[c];
  dbias[c] += sum;
}
