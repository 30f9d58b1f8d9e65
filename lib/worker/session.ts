/** What both ends of a remote worker's link agree on. */
import type { AdapterInfo, Gpu } from "@/gpu/device.ts";
import type { Claim } from "@/lib/jobs/outcome.ts";

/** Grows when a message changes its meaning: ends of different numbers do not work together. */
export const PROTOCOL = 2;
/** What the paths of a worker begin with: that of its link (`link`), and those of its files. */
export const pathOf = (worker: string) => `/v1/workers/${encodeURIComponent(worker)}/`;
/** An end that hears nothing for so long, ms, takes the link for lost. */
export const LINK_MS = 10_000;
/** The same for a worker that has another server to go to; it becomes more patient where links are lost again and again. */
export const MOVE_MS = 2_500;

/** What a worker said about its GPU; `gpu` is null without an adapter, with a hint. */
export interface Device {
  gpu: AdapterInfo | null;
  hint?: string;
  /** What WebGPU goes through: `vulkan`; undefined where the runtime chose. */
  backend?: string;
  features?: Gpu["features"];
  limits?: Record<string, number>;
}

/** What others are told of it: not what it can do in numbers. */
export function shortOf(device: Device | null | undefined): Record<string, unknown> | null {
  if (!device) return null;
  const { gpu, hint, backend } = device;
  return { gpu, ...(hint && { hint }), ...(backend && { backend }) };
}

/** A worker's first message on every link, and again where a link is to be that of its jobs from now on. */
export interface Hello {
  protocol: number;
  /** Of its program: results depend on it. */
  version: string;
  /** Null while it starts. */
  device: Device | null;
  /** Of the job that it runs. */
  claim: Claim | null;
  /** When nothing is heard for so long, ms, it takes this link for lost, and another for its jobs. */
  patience_ms: number;
  /** What people call it; its name without one. */
  label?: string;
  /** It takes its jobs over another link: over this one it is only asked. */
  side: boolean;
}
