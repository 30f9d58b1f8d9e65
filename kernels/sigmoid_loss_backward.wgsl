// dx[n, k] = dy ((1 - t) / (1 + exp -x) - p[k] t / (1 + exp x)) / m, 0 where t[n, k] < 0   x, t, dx: [N, K], p: [K], m, dy: [1]
override ADD: bool = false;

struct Params {
  K: u32,
  n: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> t: array<f32>;
@group(0) @binding(2) var<storage, read> p: array<f32>;
@group(0) @binding(3) var<storage, read> m: array<f32>;
@group(0) @binding(4) var<storage, read> dy: array<f32>;
@group(0) @binding(5) var<storage, read_write> dx: array<f32>;
@group(0) @binding(6) var<uniform> params: Params;

@compute @workgroup_size(64)
fn sigmoid_loss_backward(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group.x + group.y * groups.x) * 64u + lane;
  if (i >= params.n) {
    return;
  }
  let truth = t[i];
  var value = 0.0;
  if (truth >= 0.0) {
    // By the smaller exponential: neither side overflows, and what is close to 0 keeps its digits.
    let e = exp(-abs(x[i]));
    let high = 1.0 / (1.0 + e);
    let low = e / (1.0 + e);
    let is = select(low, high, x[i] >= 0.0);
    let is_not = select(high, low, x[i] >= 0.0);
    value = dy[0] * ((1.0 - truth) * is - p[i % params.K] * truth * is_not) / max(m[0], 1.0);
  }
  if (ADD) {
    value += dx[i];
  }
  dx[i] = value;
}
