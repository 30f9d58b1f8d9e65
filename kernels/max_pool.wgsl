// y[n, p, q, c] = max_rs x[n, p s + r - pad, q s + t - pad, c], tap = r R + t of the first maximum
// x: [N, H, W, C], y, tap: [N, P, Q, C]
override R: u32 = 3u;
override STRIDE: u32 = 2u;
override PAD: u32 = 1u;

struct Params {
  H: u32,
  W: u32,
  P: u32,
  Q: u32,
  C: u32,
}

// How x and y are stored: f32 or f16.
alias X = f32;
@group(0) @binding(0) var<storage, read> x: array<X>;
@group(0) @binding(1) var<storage, read_write> y: array<X>;
@group(0) @binding(2) var<storage, read_write> tap: array<u32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn max_pool(@builtin(global_invocation_id) id: vec3u) {
  let row = params.Q * params.C;
  if (id.x >= row) {
    return;
  }
  let q = id.x / params.C;
  let c = id.x - q * params.C;
  var best = 0.0;
  var found = R * R;
  for (var r = 0u; r < R; r++) {
    let h = id.y * STRIDE + r - PAD;
    for (var t = 0u; t < R; t++) {
      let w = q * STRIDE + t - PAD;
      // A coordinate left of the image wraps around to a large number.
      if (h < params.H && w < params.W) {
        let value = f32(x[((id.z * params.H + h) * params.W + w) * params.C + c]);
        // What is not finite stays so: an overflow is no answer.
        let finite = (bitcast<u32>(best) & 0x7fffffffu) < 0x7f800000u;
        let wrong = (bitcast<u32>(value) & 0x7fffffffu) >= 0x7f800000u;
        if (found == R * R || (finite && (wrong || value > best))) {
          best = value;
          found = r * R + t;
        }
      }
    }
  }
  let i = (id.z * params.P + id.y) * row + id.x;
  y[i] = X(best);
  tap[i] = found;
}
