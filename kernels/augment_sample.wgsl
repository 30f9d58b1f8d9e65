// y[b, i, j, :] = colour_b(mean over taps of bilinear(x[image_b], centre_b + matrix_b (j / Q, i / P)))   x: [N, H, W, C] 16-bit unorm, y: [B, P, Q, 4]
// views: [B], how each sees its image. Taps: one, or n x n per output pixel when a view shrinks its image (no aliasing).

struct View {
  matrix: vec4f, // of the view (sides 1, centre 0) into the image (sides 1), row by row
  centre: vec2f, // of the view in the image, 0 to 1
  image: f32, // index into x
  taps: f32, // n
  window: vec2f, // lower end, 1 / width
  brightness: f32, // factor
  contrast: f32, // factor about the pivot
  chroma: vec2f, // saturation times cos, sin of the turn of hue
  pivot: f32, // grey value that contrast leaves alone
  sigma: f32, // of the blur, pixels of y
  solarise: f32, // values from here on are inverted
}

struct Params {
  height: u32,
  width: u32,
  channels: u32, // C, 1 or 3
  P: u32,
  Q: u32,
  channels_out: u32, // 1 or 3 of the 4 are used
}

@group(0) @binding(0) var<storage, read> x: array<u32>; // two values a word
@group(0) @binding(1) var<storage, read> views: array<View>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

const LUMA = vec3f(0.299, 0.587, 0.114);

fn value(at: u32) -> f32 {
  return f32((x[at >> 1u] >> (16u * (at & 1u))) & 0xffffu) / 65535.0;
}

fn pixel(image: u32, row: i32, column: i32) -> vec3f {
  let i = u32(clamp(row, 0, i32(params.height) - 1));
  let j = u32(clamp(column, 0, i32(params.width) - 1));
  let at = ((image * params.height + i) * params.width + j) * params.channels;
  if (params.channels == 1u) {
    return vec3f(value(at));
  }
  return vec3f(value(at), value(at + 1u), value(at + 2u));
}

fn bilinear(image: u32, at: vec2f) -> vec3f {
  let low = floor(at);
  let share = at - low;
  let i = i32(low.y);
  let j = i32(low.x);
  let above = mix(pixel(image, i, j), pixel(image, i, j + 1), share.x);
  let beneath = mix(pixel(image, i + 1, j), pixel(image, i + 1, j + 1), share.x);
  return mix(above, beneath, share.y);
}

fn colour(view: View, sampled: vec3f) -> vec3f {
  var rgb = clamp((sampled - view.window.x) * view.window.y, vec3f(0.0), vec3f(1.0));
  rgb = clamp(rgb * view.brightness, vec3f(0.0), vec3f(1.0));
  rgb = clamp((rgb - view.pivot) * view.contrast + view.pivot, vec3f(0.0), vec3f(1.0));
  if (params.channels == 1u || all(view.chroma == vec2f(1.0, 0.0))) {
    return rgb;
  }
  let luma = dot(rgb, LUMA);
  let i = dot(rgb, vec3f(0.5959, -0.2746, -0.3213));
  let q = dot(rgb, vec3f(0.2115, -0.5227, 0.3112));
  let i2 = view.chroma.x * i - view.chroma.y * q;
  let q2 = view.chroma.y * i + view.chroma.x * q;
  let turned = luma + vec3f(
    0.956 * i2 + 0.619 * q2,
    -0.272 * i2 - 0.647 * q2,
    -1.106 * i2 + 1.703 * q2,
  );
  return clamp(turned, vec3f(0.0), vec3f(1.0));
}

@compute @workgroup_size(64)
fn augment_sample(@builtin(global_invocation_id) id: vec3u) {
  let pixels = params.P * params.Q;
  if (id.x >= pixels) {
    return;
  }
  let view = views[id.y];
  let i = id.x / params.Q;
  let j = id.x - i * params.Q;
  let sides = vec2f(f32(params.Q), f32(params.P));
  let image = u32(view.image);
  let taps = u32(view.taps);
  let extent = vec2f(f32(params.width), f32(params.height));
  var sum = vec3f(0.0);
  for (var s = 0u; s < taps; s++) {
    for (var t = 0u; t < taps; t++) {
      let offset = (vec2f(f32(t), f32(s)) + 0.5) / view.taps;
      let out = (vec2f(f32(j), f32(i)) + offset) / sides - 0.5;
      let at = view.centre + vec2f(dot(view.matrix.xy, out), dot(view.matrix.zw, out));
      sum += bilinear(image, at * extent - 0.5);
    }
  }
  let rgb = colour(view, sum / (view.taps * view.taps));
  var result = vec4f(rgb, 0.0);
  if (params.channels_out == 1u) {
    result = vec4f(dot(rgb, LUMA), 0.0, 0.0, 0.0);
  }
  y[id.y * pixels + id.x] = result;
}
