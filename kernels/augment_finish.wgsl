// y[b, i, j, c] = (s - mean[c]) * inverse_std[c], s = x inverted where x >= solarise_b   x, y: [B, P, Q, 4]
// views: [B], with solarise. Channels beyond the image's are 0: their inverse_std and mean are 0.

struct View {
  sampling: array<vec4f, 3>,
  chroma: vec2f,
  pivot: f32,
  sigma: f32,
  solarise: f32,
}

struct Params {
  mean: vec4f,
  inverse_std: vec4f,
  pixels: u32, // P Q
}

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> views: array<View>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn augment_finish(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.pixels) {
    return;
  }
  let at = id.y * params.pixels + id.x;
  let seen = x[at];
  let shown = select(seen, 1.0 - seen, seen >= vec4f(views[id.y].solarise));
  y[at] = (shown - params.mean) * params.inverse_std;
}
