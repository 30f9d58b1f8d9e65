/** Blocks of each stage of a ResNet (He et al. 2016, table 1). */
export const STAGES = {
  resnet18: [2, 2, 2, 2],
  resnet50: [3, 4, 6, 3],
  resnet101: [3, 4, 23, 3],
} as const;

export type ResnetName = keyof typeof STAGES;
