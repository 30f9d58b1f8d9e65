/** What an image costs a network. */
import { type ImageSize, sizeOf } from "@/lib/images/image_size.ts";

/** Multiply-adds of one 224 px image through the published network, width 64, in 10^9. */
const MULTIPLY_ADDS: Record<string, number> = { resnet18: 1.82, resnet50: 4.1, resnet101: 7.8 };

/** 10^9 multiply-adds of one image through a network. */
export function multiplyAdds(
  { backbone, width, image_size }: { backbone: string; width: number; image_size: ImageSize },
): number {
  const size = sizeOf(image_size);
  return MULTIPLY_ADDS[backbone] * (width / 64) ** 2 * (size.height * size.width) / 224 ** 2;
}
