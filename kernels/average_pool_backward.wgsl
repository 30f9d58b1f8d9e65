// dx[n, l, c] = dy[n, c] / L   dx: [N, L, C], dy: [N, C]
override ADD: bool = false;

struct Params {
  L: u32,
  C: u32,
  n: u32,
}

// How dx is stored: f32 or f16.
alias X = f32;
@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read_write> dx: array<X>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn average_pool_backward(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group.x + group.y * groups.x) * 64u + lane;
  if (i >= params.n) {
    return;
  }
  var value = dy[i / params.C / params.L * params.C + i % params.C] / f32(params.L);
  if (ADD) {
    value += f32(dx[i]);
  }
  dx[i] = X(value);
}
