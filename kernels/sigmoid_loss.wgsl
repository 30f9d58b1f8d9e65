// y = sum_nk ((1 - t) log(1 + exp x) + p[k] t log(1 + exp -x)) / m over the m pairs with t[n, k] >= 0; 0 where m is 0
// x, t: [N, K], p: [K], y, m: [1]; t is 1, 0, or below 0 where it is not known
struct Params {
  K: u32,
  n: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> t: array<f32>;
@group(0) @binding(2) var<storage, read> p: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<storage, read_write> m: array<f32>;
@group(0) @binding(5) var<uniform> params: Params;

var<workgroup> sums: array<vec2f, 64>;

// log(1 + e) of an e in 0 to 1: 2 atanh(e / (2 + e)), so that the small part is not lost beside the 1.
fn log_one_plus(e: f32) -> f32 {
  let z = e / (2.0 + e);
  let q = z * z;
  let series = 1.0 + q * (1.0 / 3.0 + q * (1.0 / 5.0 + q * (1.0 / 7.0 + q * (1.0 / 9.0 +
    q * (1.0 / 11.0 + q * (1.0 / 13.0 + q / 15.0))))));
  return 2.0 * z * series;
}

@compute @workgroup_size(64)
fn sigmoid_loss(@builtin(local_invocation_index) lane: u32) {
  var sum = vec2f(0.0);
  for (var i = lane; i < params.n; i += 64u) {
    let truth = t[i];
    if (truth >= 0.0) {
      let small = log_one_plus(exp(-abs(x[i])));
      let absent = (1.0 - truth) * (small + max(x[i], 0.0));
      let present = p[i % params.K] * truth * (small + max(-x[i], 0.0));
      sum += vec2f(absent + present, 1.0);
    }
  }
  sums[lane] = sum;
  for (var half = 32u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) {
      sums[lane] += sums[lane + half];
    }
  }
  if (lane == 0u) {
    y[0] = sums[0].x / max(sums[0].y, 1.0);
    m[0] = sums[0].y;
  }
}
