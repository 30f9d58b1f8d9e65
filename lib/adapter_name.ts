/** The GPU adapter by one name. */
import type { AdapterInfo } from "@/gpu/device.ts";

/** What an adapter is called in lineages and events. */
export const adapterName = ({ description, device, vendor }: AdapterInfo): string =>
  description || device || vendor;
