/** A run of consecutive comparands: scanpaths or maps. */
export interface Span {
  from: number;
  count: number;
}

/** All comparands of a set, prepared on the GPU, of which any tile of pairs can be asked for. */
export interface Pairs {
  /** Values per pair. */
  components: number;
  /** Comparands per side of a tile that keep the device busy, but not for long. */
  side: number;
  /**
   * Values of all pairs of two spans, [components, rows, columns], NaN where a comparand is invalid.
   * Two spans are equal or do not overlap. In a long tile `pause` is awaited now and then; it may throw to stop it.
   */
  tile(rows: Span, columns: Span, pause?: () => Promise<void>): Promise<Float32Array>;
  /** Frees the GPU memory. */
  destroy(): void;
}
