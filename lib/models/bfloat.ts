/** bfloat16: the upper half of an f32. */

export function bfloatToNumber(bits: number): number {
  return new Float32Array(new Uint32Array([bits << 16]).buffer)[0];
}
