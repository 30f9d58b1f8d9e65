// g[t, c] = sum_n dy[n, t, c], and dposition += g   dy: [N, T, C], g, dposition: [T, C]
struct Params {
  N: u32,
  n: u32, // T C
}

@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read_write> g: array<f32>;
@group(0) @binding(2) var<storage, read_write> dposition: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn token_sums(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group.x + group.y * groups.x) * 64u + lane;
  if (i >= params.n) {
    return;
  }
  var sum = 0.0;
  for (var n = 0u; n < params.N; n++) {
    sum += dy[n * params.n + i];
  }
  g[i] = sum;
  dposition[i] += sum;
}
