// y[n, i, h] = sum_j softmax_j(scale q[n, i, h] . k[n, j, h]) v[n, j, h], scale = 1 / sqrt(D)
// qkv: [N, T, 3, H, D], y: [N, T, H, D] in groups of four, lse: [N, H, T] (logarithms of the sums)
// For subgroups of 8 lanes, as `conv2d_subgroup.wgsl`: a workgroup is one subgroup and takes 32 queries past tiles of 32
// keys. In a tile a lane has the keys lane, 8 + lane, 16 + lane, 24 + lane, a column each of its matrices, whose rows are
// queries; of what is mixed, numbers 4 lane to 4 lane + 3 (and 32 more) of each query.
override D4: u32 = 16u; // D / 4, 16 at most

struct Params {
  T: u32,
  H: u32,
  scale: f32,
}

@group(0) @binding(0) var<storage, read> qkv: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> lse: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

// The tile: queries 8 g to 8 g + 3 (s) and 8 g + 4 to 8 g + 7 (t).
var<private> s0: mat4x4f; var<private> s1: mat4x4f; var<private> s2: mat4x4f; var<private> s3: mat4x4f;
var<private> t0: mat4x4f; var<private> t1: mat4x4f; var<private> t2: mat4x4f; var<private> t3: mat4x4f;
// Sums of the same queries, a column each: numbers 4 lane to 4 lane + 3 (a, b), and 32 more (c, d).
var<private> a0: mat4x4f; var<private> a1: mat4x4f; var<private> a2: mat4x4f; var<private> a3: mat4x4f;
var<private> b0: mat4x4f; var<private> b1: mat4x4f; var<private> b2: mat4x4f; var<private> b3: mat4x4f;
var<private> c0: mat4x4f; var<private> c1: mat4x4f; var<private> c2: mat4x4f; var<private> c3: mat4x4f;
var<private> d0: mat4x4f; var<private> d1: mat4x4f; var<private> d2: mat4x4f; var<private> d3: mat4x4f;

fn low(a: f32) -> vec4f {
  return vec4f(subgroupShuffle(a, 0u), subgroupShuffle(a, 1u), subgroupShuffle(a, 2u), subgroupShuffle(a, 3u));
}

fn high(a: f32) -> vec4f {
  return vec4f(subgroupShuffle(a, 4u), subgroupShuffle(a, 5u), subgroupShuffle(a, 6u), subgroupShuffle(a, 7u));
}

/// sum + a b^T
fn outer(sum: mat4x4f, a: vec4f, b: vec4f) -> mat4x4f {
  return mat4x4f(
    fma(a, vec4f(b.x), sum[0]),
    fma(a, vec4f(b.y), sum[1]),
    fma(a, vec4f(b.z), sum[2]),
    fma(a, vec4f(b.w), sum[3]),
  );
}

/// Adds the products of one number of every query and key; a has a query of each eight.
fn step(a: vec4f, b: vec4f) {
  s0 = outer(s0, low(a.x), b); t0 = outer(t0, high(a.x), b);
  s1 = outer(s1, low(a.y), b); t1 = outer(t1, high(a.y), b);
  s2 = outer(s2, low(a.z), b); t2 = outer(t2, high(a.z), b);
  s3 = outer(s3, low(a.w), b); t3 = outer(t3, high(a.w), b);
}

/// The greatest of all lanes.
fn across(a: vec4f) -> vec4f {
  let b = max(a, subgroupShuffleXor(a, 1u));
  let c = max(b, subgroupShuffleXor(b, 2u));
  return max(c, subgroupShuffleXor(c, 4u));
}

fn total(a: vec4f) -> vec4f {
  let b = a + subgroupShuffleXor(a, 1u);
  let c = b + subgroupShuffleXor(b, 2u);
  return c + subgroupShuffleXor(c, 4u);
}

struct Softened {
  p: mat4x4f,
  most: vec4f,
  sum: vec4f, // of this lane's keys
  shrink: vec4f,
}

/// Powers of four queries' scores, less the greatest until now; keys outside have none.
fn soften(s: mat4x4f, most: vec4f, sum: vec4f, inside: vec4<bool>) -> Softened {
  let none = vec4f(-3.4e38);
  let e0 = select(none, s[0] * params.scale, inside.x);
  let e1 = select(none, s[1] * params.scale, inside.y);
  let e2 = select(none, s[2] * params.scale, inside.z);
  let e3 = select(none, s[3] * params.scale, inside.w);
  let next = max(most, across(max(max(e0, e1), max(e2, e3))));
  let shrink = exp(most - next);
  let p = mat4x4f(exp(e0 - next), exp(e1 - next), exp(e2 - next), exp(e3 - next));
  return Softened(p, next, sum * shrink + p[0] + p[1] + p[2] + p[3], shrink);
}

fn scaled(m: mat4x4f, by: vec4f) -> mat4x4f {
  return mat4x4f(m[0] * by.x, m[1] * by.y, m[2] * by.z, m[3] * by.w);
}

fn first_columns(m: mat4x4f) -> mat4x4f {
  return mat4x4f(m[1], m[2], m[3], m[3]);
}

/// Stores four queries from i on.
fn store(i: u32, at: u32, m: mat4x4f, whole: vec4f) {
  let step = params.H * D4;
  if (i < params.T) { y[at] = m[0] / whole.x; }
  if (i + 1u < params.T) { y[at + step] = m[1] / whole.y; }
  if (i + 2u < params.T) { y[at + 2u * step] = m[2] / whole.z; }
  if (i + 3u < params.T) { y[at + 3u * step] = m[3] / whole.w; }
}

@compute @workgroup_size(8)
fn attention_subgroup(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let width = params.H * D4;
  let row = 3u * width;
  let base = group.z * params.T * row + group.y * D4;
  let first = group.x * 32u;
  let last = params.T - 1u;
  let query = vec4u(first + lane) + vec4u(0u, 8u, 16u, 24u);
  let q = vec4u(base) + min(query, vec4u(last)) * row;
  var m0 = vec4f(-3.4e38); var m1 = m0; var m2 = m0; var m3 = m0;
  var n0 = m0; var n1 = m0; var n2 = m0; var n3 = m0;
  var u0 = vec4f(0.0); var u1 = u0; var u2 = u0; var u3 = u0;
  var w0 = u0; var w1 = u0; var w2 = u0; var w3 = u0;
  for (var tile = 0u; tile < params.T; tile += 32u) {
    let key = vec4u(tile + lane) + vec4u(0u, 8u, 16u, 24u);
    let k = vec4u(base + width) + min(key, vec4u(last)) * row;
    s0 = mat4x4f(); s1 = s0; s2 = s0; s3 = s0;
    t0 = s0; t1 = s0; t2 = s0; t3 = s0;
    for (var d = 0u; d < D4; d++) {
      let x0 = qkv[q.x + d]; let x1 = qkv[q.y + d]; let x2 = qkv[q.z + d]; let x3 = qkv[q.w + d];
      let z0 = qkv[k.x + d]; let z1 = qkv[k.y + d]; let z2 = qkv[k.z + d]; let z3 = qkv[k.w + d];
      step(vec4f(x0.x, x1.x, x2.x, x3.x), vec4f(z0.x, z1.x, z2.x, z3.x));
      step(vec4f(x0.y, x1.y, x2.y, x3.y), vec4f(z0.y, z1.y, z2.y, z3.y));
      step(vec4f(x0.z, x1.z, x2.z, x3.z), vec4f(z0.z, z1.z, z2.z, z3.z));
      step(vec4f(x0.w, x1.w, x2.w, x3.w), vec4f(z0.w, z1.w, z2.w, z3.w));
    }
    let inside = key < vec4u(params.T);
    var r = soften(s0, m0, u0, inside); s0 = r.p; m0 = r.most; u0 = r.sum; a0 = scaled(a0, r.shrink); c0 = scaled(c0, r.shrink);
    r = soften(s1, m1, u1, inside); s1 = r.p; m1 = r.most; u1 = r.sum; a1 = scaled(a1, r.shrink); c1 = scaled(c1, r.shrink);
    r = soften(s2, m2, u2, inside); s2 = r.p; m2 = r.most; u2 = r.sum; a2 = scaled(a2, r.shrink); c2 = scaled(c2, r.shrink);
    r = soften(s3, m3, u3, inside); s3 = r.p; m3 = r.most; u3 = r.sum; a3 = scaled(a3, r.shrink); c3 = scaled(c3, r.shrink);
    r = soften(t0, n0, w0, inside); t0 = r.p; n0 = r.most; w0 = r.sum; b0 = scaled(b0, r.shrink); d0 = scaled(d0, r.shrink);
    r = soften(t1, n1, w1, inside); t1 = r.p; n1 = r.most; w1 = r.sum; b1 = scaled(b1, r.shrink); d1 = scaled(d1, r.shrink);
    r = soften(t2, n2, w2, inside); t2 = r.p; n2 = r.most; w2 = r.sum; b2 = scaled(b2, r.shrink); d2 = scaled(d2, r.shrink);
    r = soften(t3, n3, w3, inside); t3 = r.p; n3 = r.most; w3 = r.sum; b3 = scaled(b3, r.shrink); d3 = scaled(d3, r.shrink);
    let end = min(tile + 32u, params.T);
    for (var j = tile; j < end; j++) {
      let at = base + 2u * width + j * row;
      let l = j % 8u;
      let v = qkv[at + min(lane, D4 - 1u)];
      let p0 = subgroupShuffle(s0[0], l); let p1 = subgroupShuffle(s1[0], l);
      let p2 = subgroupShuffle(s2[0], l); let p3 = subgroupShuffle(s3[0], l);
      let r0 = subgroupShuffle(t0[0], l); let r1 = subgroupShuffle(t1[0], l);
      let r2 = subgroupShuffle(t2[0], l); let r3 = subgroupShuffle(t3[0], l);
      a0 = outer(a0, v, p0); a1 = outer(a1, v, p1); a2 = outer(a2, v, p2); a3 = outer(a3, v, p3);
      b0 = outer(b0, v, r0); b1 = outer(b1, v, r1); b2 = outer(b2, v, r2); b3 = outer(b3, v, r3);
      if (D4 > 8u) {
        let z = qkv[at + min(8u + lane, D4 - 1u)];
        c0 = outer(c0, z, p0); c1 = outer(c1, z, p1); c2 = outer(c2, z, p2); c3 = outer(c3, z, p3);
        d0 = outer(d0, z, r0); d1 = outer(d1, z, r1); d2 = outer(d2, z, r2); d3 = outer(d3, z, r3);
      }
      if (l == 7u) {
        s0 = first_columns(s0); s1 = first_columns(s1); s2 = first_columns(s2); s3 = first_columns(s3);
        t0 = first_columns(t0); t1 = first_columns(t1); t2 = first_columns(t2); t3 = first_columns(t3);
      }
    }
  }
  u0 = total(u0); u1 = total(u1); u2 = total(u2); u3 = total(u3);
  w0 = total(w0); w1 = total(w1); w2 = total(w2); w3 = total(w3);
  let to = (group.z * params.T + first) * width + group.y * D4 + lane;
  if (lane < D4) {
    store(first, to, a0, u0); store(first + 4u, to + 4u * width, b0, w0);
    store(first + 8u, to + 8u * width, a1, u1); store(first + 12u, to + 12u * width, b1, w1);
    store(first + 16u, to + 16u * width, a2, u2); store(first + 20u, to + 20u * width, b2, w2);
    store(first + 24u, to + 24u * width, a3, u3); store(first + 28u, to + 28u * width, b3, w3);
  }
  if (8u + lane < D4) {
    store(first, to + 8u, c0, u0); store(first + 4u, to + 8u + 4u * width, d0, w0);
    store(first + 8u, to + 8u + 8u * width, c1, u1); store(first + 12u, to + 8u + 12u * width, d1, w1);
    store(first + 16u, to + 8u + 16u * width, c2, u2); store(first + 20u, to + 8u + 20u * width, d2, w2);
    store(first + 24u, to + 8u + 24u * width, c3, u3); store(first + 28u, to + 8u + 28u * width, d3, w3);
  }
  // Each of the first four lanes tells a query of every eight, the others one of the second four.
  let e = lane % 4u;
  let stored = (group.z * params.H + group.y) * params.T;
  let sums = select(vec4f(w0[e], w1[e], w2[e], w3[e]), vec4f(u0[e], u1[e], u2[e], u3[e]), lane < 4u);
  let most = select(vec4f(n0[e], n1[e], n2[e], n3[e]), vec4f(m0[e], m1[e], m2[e], m3[e]), lane < 4u);
  let told = most + log(sums);
  for (var g = 0u; g < 4u; g++) {
    let i = first + 8u * g + lane;
    if (i < params.T) { lse[stored + i] = told[g]; }
  }
}
