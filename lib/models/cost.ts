/** What an image costs a network. */
import { type ImageSize, sizeOf } from "@/lib/images/image_size.ts";
import { backboneSpec } from "./specs.ts";

/** 10^9 multiply-adds of one image through a network. */
export function multiplyAdds(
  { backbone, width, image_size }: { backbone: string; width: number; image_size: ImageSize },
): number {
  return backboneSpec(backbone).multiplyAdds(width, sizeOf(image_size));
}
