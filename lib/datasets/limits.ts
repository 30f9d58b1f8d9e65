/** How much an archive may hold. */

export interface ArchiveLimits {
  /** Files and folders. */
  entries: number;
  /** Bytes of one file, and of one DICOM file, uncompressed. */
  entryBytes: number;
  dicomBytes: number;
  /** Uncompressed to compressed bytes of one file; files below `ratioFrom` bytes are not measured. */
  ratio: number;
  ratioFrom: number;
  /** Bytes of all files, uncompressed. */
  totalBytes: number;
}

export const defaultLimits: ArchiveLimits = {
  entries: 100_000,
  entryBytes: 64 * 2 ** 20,
  dicomBytes: 512 * 2 ** 20,
  ratio: 200,
  ratioFrom: 2 ** 20,
  totalBytes: 64 * 2 ** 30,
};
