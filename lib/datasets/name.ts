/** Names of data sets and images: for people, never a path, but they stand in URLs. */
import { InvalidInput } from "@/lib/errors.ts";
import { CONTROL } from "@/lib/plain_name.ts";

/**
 * The name as it is kept (NFC); throws InvalidInput.
 * @param of what is named so: models are, too
 */
export function datasetName(name: string, of = "dataset's name"): string {
  const kept = name.normalize("NFC");
  if (
    kept.trim() !== kept || kept === "" || kept.length > 200 || CONTROL.test(kept) ||
    kept.includes("/") || kept === "." || kept === ".."
  ) {
    throw new InvalidInput(
      `Cannot use the ${of}: 1 to 200 characters without slashes, control characters or outer spaces are needed`,
    );
  }
  return kept;
}

/** Likewise for an image, whose name may contain folders. */
export function imageName(name: string): string {
  const kept = name.normalize("NFC");
  const parts = kept.split("/");
  if (
    kept.trim() !== kept || kept.length > 512 || CONTROL.test(kept) ||
    parts.some((part) => part === "" || part === "." || part === "..")
  ) {
    throw new InvalidInput(
      "Cannot use the image's name: up to 512 characters without empty folders or control characters are needed",
    );
  }
  return kept;
}
