// y[n, 0] = start + position[0], y[n, 1 + l] = x[n, l] + bias + position[1 + l]
// x: [N, L, C], start, bias: [C], position: [1 + L, C], y: [N, 1 + L, C]
struct Params {
  L: u32,
  C: u32,
  n: u32, // elements of y
}

// How x is stored: f32 or f16.
alias X = f32;
@group(0) @binding(0) var<storage, read> x: array<X>;
@group(0) @binding(1) var<storage, read> start: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read> position: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(64)
fn tokens(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group.x + group.y * groups.x) * 64u + lane;
  if (i >= params.n) {
    return;
  }
  let c = i % params.C;
  let t = i / params.C % (params.L + 1u);
  let n = i / params.C / (params.L + 1u);
  var value = position[t * params.C + c];
  if (t == 0u) {
    value += start[c];
  } else {
    value += f32(x[(n * params.L + t - 1u) * params.C + c]) + bias[c];
  }
  y[i] = value;
}
