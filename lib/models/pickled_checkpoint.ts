/** A PyTorch file once it is open, in whichever of its two formats. */
import type { Pickled, PickledStorage } from "./pickle.ts";

export interface PickledCheckpoint {
  root: Pickled;
  /** The bytes of a storage; undefined where the file does not hold them. */
  storage(storage: PickledStorage): Promise<Uint8Array | undefined> | Uint8Array | undefined;
}
