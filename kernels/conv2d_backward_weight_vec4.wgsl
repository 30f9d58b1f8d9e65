// dw[z, r, s, c, k] (+)= sum_npq x[n, p*U+r-top, q*U+s-left, c] dy[n, p, q, k] over the z-th share of the pixels (n, p, q)   x: [N, H, W, C]  dy: [N, P, Q, K]
// Matrix product through shared memory in vectors of four, so C and K are multiples of 4: a workgroup computes
// 8 TY neighbours in (s, c) by 8 TX channels k, 16 pixels at a time; an invocation 4 and 4 by 4 and 4.
struct Params {
  pixels: u32, // N P Q
  share: u32, // pixels of a share, a multiple of 64
  P: u32,
  Q: u32,
  H: i32,
  WC: i32, // W C
  R: u32,
  SC: i32, // S C
  K: u32,
  stride: i32, // U
  column: i32, // U C
  image: i32, // H W C
  top: i32,
  left: i32, // times C
}

// How x and dy are stored: f32 or f16.
alias X = f32;
alias Y = f32;
@group(0) @binding(0) var<storage, read> x: array<vec4<X>>;
@group(0) @binding(1) var<storage, read> dy: array<vec4<Y>>;
@group(0) @binding(2) var<storage, read_write> dw: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

/// Invocations along k and along (s, c).
override TX = 8u;
override TY = 8u;
/// 1: add to what dw holds.
override ADD = 0u;

const DEPTH = 16u;
const BLOCK = 64u;

var<workgroup> a_tile: array<vec4f, DEPTH * TY * 2u>; // [pixels, (s, c) / 4]
var<workgroup> b_tile: array<vec4f, DEPTH * TX * 2u>; // [pixels, k / 4]
var<workgroup> pixel: array<vec3i, BLOCK>; // element of the first tap in its row, in x; whether it counts

// Sums of neighbour i with the first four channels (u) and the last four (v).
var<private> u0: vec4f; var<private> v0: vec4f; var<private> u4: vec4f; var<private> v4: vec4f;
var<private> u1: vec4f; var<private> v1: vec4f; var<private> u5: vec4f; var<private> v5: vec4f;
var<private> u2: vec4f; var<private> v2: vec4f; var<private> u6: vec4f; var<private> v6: vec4f;
var<private> u3: vec4f; var<private> v3: vec4f; var<private> u7: vec4f; var<private> v7: vec4f;

fn place(m: u32, r: i32, valid: bool) -> vec3i {
  let np = m / params.Q;
  let q = m - np * params.Q;
  let n = np / params.P;
  let p = np - n * params.P;
  let h = i32(p) * params.stride + r - params.top;
  let j = i32(q) * params.column - params.left;
  let inside = valid && h >= 0 && h < params.H;
  return vec3i(j, i32(n) * params.image + h * params.WC + j, select(0, 1, inside));
}

fn load(m: u32, part: u32, j: i32, k: u32, end: u32, thread: u32) {
  let rows = TY * 2u;
  for (var e = thread; e < DEPTH * rows; e += TX * TY) {
    let d = e / rows;
    let o = pixel[part + d];
    let at = j + i32((e - d * rows) * 4u);
    let inside = o.z == 1 && at < params.SC && u32(o.x + at) < u32(params.WC);
    let element = select(0, o.y + at, inside) >> 2u;
    a_tile[e] = select(vec4f(0.0), vec4f(x[element]), inside);
  }
  let columns = TX * 2u;
  for (var e = thread; e < DEPTH * columns; e += TX * TY) {
    let d = e / columns;
    let row = m + part + d;
    let at = k + (e - d * columns) * 4u;
    let inside = row < end && at < params.K;
    let element = select(0u, row * params.K + at, inside) >> 2u;
    b_tile[e] = select(vec4f(0.0), vec4f(dy[element]), inside);
  }
}

/// Adds the products of one pixel.
fn outer(d: u32, tx: u32, ty: u32) {
  let a = a_tile[d * TY * 2u + ty];
  let c = a_tile[d * TY * 2u + TY + ty];
  let bu = b_tile[d * TX * 2u + tx];
  let bv = b_tile[d * TX * 2u + TX + tx];
  u0 = fma(vec4f(a.x), bu, u0); v0 = fma(vec4f(a.x), bv, v0);
  u1 = fma(vec4f(a.y), bu, u1); v1 = fma(vec4f(a.y), bv, v1);
  u2 = fma(vec4f(a.z), bu, u2); v2 = fma(vec4f(a.z), bv, v2);
  u3 = fma(vec4f(a.w), bu, u3); v3 = fma(vec4f(a.w), bv, v3);
  u4 = fma(vec4f(c.x), bu, u4); v4 = fma(vec4f(c.x), bv, v4);
  u5 = fma(vec4f(c.y), bu, u5); v5 = fma(vec4f(c.y), bv, v5);
  u6 = fma(vec4f(c.z), bu, u6); v6 = fma(vec4f(c.z), bv, v6);
  u7 = fma(vec4f(c.w), bu, u7); v7 = fma(vec4f(c.w), bv, v7);
}

fn multiply(tx: u32, ty: u32) {
  for (var d = 0u; d < DEPTH; d += 4u) {
    outer(d, tx, ty);
    outer(d + 1u, tx, ty);
    outer(d + 2u, tx, ty);
    outer(d + 3u, tx, ty);
  }
}

fn store(j: u32, base: u32, k: u32, value: vec4f) {
  if (i32(j) >= params.SC || k >= params.K) { return; }
  let at = ((base + j) * params.K + k) >> 2u;
  var sum = value;
  if (ADD == 1u) { sum += dw[at]; }
  dw[at] = sum;
}

@compute @workgroup_size(TX, TY)
fn conv2d_backward_weight_vec4(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) id: vec3u) {
  let thread = id.y * TX + id.x;
  let k = group.x * TX * 8u;
  let j = group.y * TY * 8u;
  let z = group.z / params.R;
  let r = group.z - z * params.R;
  let end = min(params.pixels, (z + 1u) * params.share);
  for (var m = z * params.share; m < end; m += BLOCK) {
    workgroupBarrier();
    for (var i = thread; i < BLOCK; i += TX * TY) {
      pixel[i] = place(m + i, i32(r), m + i < end);
    }
    for (var part = 0u; part < BLOCK; part += DEPTH) {
      workgroupBarrier();
      load(m, part, i32(j), k, end, thread);
      workgroupBarrier();
      multiply(id.x, id.y);
    }
  }
  let base = (z * params.R + r) * u32(params.SC);
  let near = j + id.y * 4u;
  let far = near + TY * 4u;
  let low = k + id.x * 4u;
  let high = low + TX * 4u;
  store(near, base, low, u0); store(near, base, high, v0);
  store(near + 1u, base, low, u1); store(near + 1u, base, high, v1);
  store(near + 2u, base, low, u2); store(near + 2u, base, high, v2);
  store(near + 3u, base, low, u3); store(near + 3u, base, high, v3);
  store(far, base, low, u4); store(far, base, high, v4);
  store(far + 1u, base, low, u5); store(far + 1u, base, high, v5);
  store(far + 2u, base, low, u6); store(far + 2u, base, high, v6);
  store(far + 3u, base, low, u7); store(far + 3u, base, high, v7);
}
