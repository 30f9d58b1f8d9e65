// u[b, c, k] = (G w[:, :, c, k] G^T)[b]   w: [3, 3, C, K], u: [16, C, K], b counts the 4 x 4 row by row
// G = [1, 0, 0; 1/2, 1/2, 1/2; 1/2, -1/2, 1/2; 0, 0, 1]: F(2x2, 3x3) of Lavin and Gray 2016 (arXiv 1509.09308)
struct Params {
  n: u32, // C K
}

@group(0) @binding(0) var<storage, read> w: array<f32>;
@group(0) @binding(1) var<storage, read_write> u: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

/// G applied to three rows, each the row of three columns.
fn spread(a: vec3f, b: vec3f, c: vec3f) -> mat4x3f {
  return mat4x3f(a, 0.5 * (a + b + c), 0.5 * (a - b + c), c);
}

fn row(r: u32, i: u32) -> vec3f {
  let at = r * 3u * params.n + i;
  return vec3f(w[at], w[at + params.n], w[at + 2u * params.n]);
}

fn store(r: u32, i: u32, a: vec3f) {
  let at = r * 4u * params.n + i;
  u[at] = a.x;
  u[at + params.n] = 0.5 * (a.x + a.y + a.z);
  u[at + 2u * params.n] = 0.5 * (a.x - a.y + a.z);
  u[at + 3u * params.n] = a.z;
}

@compute @workgroup_size(64)
fn winograd_filter(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.x + group.y * groups.x) * 64u + lane;
  if (i >= params.n) { return; }
  let rows = spread(row(0u, i), row(1u, i), row(2u, i));
  store(0u, i, rows[0]);
  store(1u, i, rows[1]);
  store(2u, i, rows[2]);
  store(3u, i, rows[3]);
}
