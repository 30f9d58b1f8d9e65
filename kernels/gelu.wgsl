// y = x Phi(x), or with GRADIENT y = dy (Phi(x) + x Phi'(x)); Phi(x) = erfc(-x / sqrt 2) / 2
// x, dy, y: any shape of n elements, dy not looked at without GRADIENT
// erfc by a Chebyshev fit with a relative error below 1.2e-7 (Press et al., Numerical Recipes, 6.2).
override GRADIENT: bool = false;
override ADD: bool = false;

struct Params {
  n: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

fn phi(v: f32) -> f32 {
  let z = abs(v) * 0.70710678;
  let t = 1.0 / (1.0 + 0.5 * z);
  var s = 0.17087277;
  s = fma(s, t, -0.82215223);
  s = fma(s, t, 1.48851587);
  s = fma(s, t, -1.13520398);
  s = fma(s, t, 0.27886807);
  s = fma(s, t, -0.18628806);
  s = fma(s, t, 0.09678418);
  s = fma(s, t, 0.37409196);
  s = fma(s, t, 1.00002368);
  let tail = 0.5 * t * exp(fma(s, t, -z * z - 1.26551223));
  return select(tail, 1.0 - tail, v > 0.0);
}

@compute @workgroup_size(64)
fn gelu(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group.x + group.y * groups.x) * 64u + lane;
  if (i >= params.n) {
    return;
  }
  let v = x[i];
  var value = v * phi(v);
  if (GRADIENT) {
    value = dy[i] * (phi(v) + v * 0.39894228 * exp(-0.5 * v * v));
  }
  if (ADD) {
    value += y[i];
  }
  y[i] = value;
}
