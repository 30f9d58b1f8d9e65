// dx[n, h, w, c] = sum over windows (p, q) of dy[n, p, q, c] where tap[n, p, q, c] points at (h, w)
// dx: [N, H, W, C], dy, tap: [N, P, Q, C]
override R: u32 = 3u;
override STRIDE: u32 = 2u;
override PAD: u32 = 1u;
override ADD: bool = false;
struct Params {
  H: u32,
  W: u32,
  P: u32,
  Q: u32,
  C: u32,
}

// How dy and dx are stored: f32 or f16.
alias X = f32;
@group(0) @binding(0) var<storage, read> dy: array<X>;
@group(0) @binding(1) var<storage, read> tap: array<u32>;
@group(0) @binding(2) var<storage, read_write> dx: array<X>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn max_pool_backward(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let row = params.W * params.C;
  // Windows that reach row h begin at p_first and end before p_end.
  let h = group.y + PAD;
  let p_end = min(h / STRIDE + 1u, params.P);
  let p_first = (h + STRIDE - min(h + STRIDE, R)) / STRIDE;
  let base = (group.z * params.H + group.y) * row;
  let end = min(group.x * 1024u + 1024u, row);
  for (var e = group.x * 1024u + lane; e < end; e += 64u) {
    let column = e / params.C;
    let c = e - column * params.C;
    let w = column + PAD;
    let q_end = min(w / STRIDE + 1u, params.Q);
    let q_first = (w + STRIDE - min(w + STRIDE, R)) / STRIDE;
    var sum = 0.0;
    for (var p = p_first; p < p_end; p++) {
      for (var q = q_first; q < q_end; q++) {
        let j = ((group.z * params.P + p) * params.Q + q) * params.C + c;
        sum += select(0.0, f32(dy[j]), tap[j] == (h - p * STRIDE) * R + w - q * STRIDE);
      }
    }
    if (ADD) {
      sum += f32(dx[base + e]);
    }
    dx[base + e] = X(sum);
  }
}
