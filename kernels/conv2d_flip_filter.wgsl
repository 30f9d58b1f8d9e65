// flipped[t(r, s), k, c] = w[r, s, c, k]   w: [R, S, C, K]  flipped: [R S, K, C]
// For the data gradient, which is a convolution of dy with these weights. Taps are sorted by phase
// (r mod U, s mod U), within a phase in reverse: t(r, s). A workgroup flips 64 c by 32 k.
struct Params {
  R: u32,
  S: u32,
  C: u32,
  K: u32,
  stride: u32, // U
}

@group(0) @binding(0) var<storage, read> w: array<f32>;
@group(0) @binding(1) var<storage, read_write> flipped: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

/// How many taps of `size` there are in a phase, in the phases before it, and where `tap` is in its own.
fn place(tap: u32, size: u32) -> vec3u {
  let U = params.stride;
  let phase = tap % U;
  let count = (size - phase + U - 1u) / U;
  let before = (size / U) * phase + min(size % U, phase);
  return vec3u(count, before, count - 1u - tap / U);
}

@compute @workgroup_size(64)
fn conv2d_flip_filter(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let c = group.x * 64u + lane;
  let tap = group.z;
  let r = tap / params.S;
  let i = place(r, params.R);
  let j = place(tap - r * params.S, params.S);
  let t = i.y * params.S + i.x * j.y + i.z * j.x + j.z;
  let end = min(params.K, group.y * 32u + 32u);
  if (c < params.C) {
    for (var k = group.y * 32u; k < end; k++) {
      flipped[(t * params.K + k) * params.C + c] = w[(tap * params.C + c) * params.K + k];
    }
  }
}
