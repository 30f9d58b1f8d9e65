// v[b, t, c] = (B^T d B)[b], d the 4 x 4 pixels of x under tile t   x: [N, H, W, C], v: [16, T, C]
// Tile t = (n TP + i) TQ + j begins at pixel (2 i - pad, 2 j - pad); pixels out of the image are 0.
// B^T = [1, 0, -1, 0; 0, 1, 1, 0; 0, -1, 1, 0; 0, 1, 0, -1]
struct Params {
  H: i32,
  W: i32,
  C: u32,
  T: u32, // N TP TQ
  TP: u32,
  TQ: u32,
  pad: i32,
}

// How x is stored: f32 or f16.
alias X = f32;
@group(0) @binding(0) var<storage, read> x: array<X>;
@group(0) @binding(1) var<storage, read_write> v: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

fn pixel(first: i32, h: i32, w: i32) -> f32 {
  let inside = u32(h) < u32(params.H) && u32(w) < u32(params.W);
  let at = first + (h * params.W + w) * i32(params.C);
  return select(0.0, f32(x[select(0, at, inside)]), inside);
}

/// A row of d.
fn row(first: i32, h: i32, w: i32) -> vec4f {
  return vec4f(pixel(first, h, w), pixel(first, h, w + 1), pixel(first, h, w + 2), pixel(first, h, w + 3));
}

fn store(r: u32, i: u32, a: vec4f) {
  let plane = params.T * params.C;
  let at = r * 4u * plane + i;
  v[at] = a.x - a.z;
  v[at + plane] = a.y + a.z;
  v[at + 2u * plane] = a.z - a.y;
  v[at + 3u * plane] = a.y - a.w;
}

@compute @workgroup_size(64)
fn winograd_input(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let index = (group.x + group.y * groups.x) * 64u + lane;
  if (index >= params.T * params.C) { return; }
  let t = index / params.C;
  let c = index - t * params.C;
  let ni = t / params.TQ;
  let j = t - ni * params.TQ;
  let n = ni / params.TP;
  let i = ni - n * params.TP;
  let first = i32(n) * params.H * params.W * i32(params.C) + i32(c);
  let h = i32(i) * 2 - params.pad;
  let w = i32(j) * 2 - params.pad;
  let d0 = row(first, h, w);
  let d1 = row(first, h + 1, w);
  let d2 = row(first, h + 2, w);
  let d3 = row(first, h + 3, w);
  store(0u, index, d0 - d2);
  store(1u, index, d1 + d2);
  store(2u, index, d2 - d1);
  store(3u, index, d1 - d3);
}
