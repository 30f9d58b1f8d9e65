// y[b, i, j, :] = sum_t g_b(t) x[b, i + t, j, :] / sum_t g_b(t), g_b(t) = exp(-t^2 / (2 sigma_b^2)), |t| <= 3 sigma_b   x, y: [B, P, Q, 4]
// views: [B], with sigma. Along the columns; sigma 0 copies; beyond the border its nearest pixel counts.

struct View {
  sampling: array<vec4f, 3>,
  chroma: vec2f,
  pivot: f32,
  sigma: f32,
  solarise: f32,
}

struct Params {
  P: u32,
  Q: u32,
}

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> views: array<View>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn augment_blur_columns(@builtin(global_invocation_id) id: vec3u) {
  let pixels = params.P * params.Q;
  if (id.x >= pixels) {
    return;
  }
  let base = id.y * pixels;
  let sigma = views[id.y].sigma;
  if (sigma <= 0.0) {
    y[base + id.x] = x[base + id.x];
    return;
  }
  let i = i32(id.x / params.Q);
  let j = i32(id.x % params.Q);
  let last = i32(params.P) - 1;
  let radius = i32(ceil(3.0 * sigma));
  var sum = vec4f(0.0);
  var weights = 0.0;
  for (var t = -radius; t <= radius; t++) {
    let weight = exp(-f32(t * t) / (2.0 * sigma * sigma));
    sum += weight * x[base + u32(clamp(i + t, 0, last) * i32(params.Q) + j)];
    weights += weight;
  }
  y[base + id.x] = sum / weights;
}
