// y[i] = x[i]   x, y: [n]
struct Params {
  n: u32,
}

alias X = f32;
alias Y = f32;
@group(0) @binding(0) var<storage, read> x: array<X>;
@group(0) @binding(1) var<storage, read_write> y: array<Y>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(1)
fn stored_as() {
  for (var i = 0u; i < params.n; i++) {
    y[i] = Y(f32(x[i]));
  }
}
