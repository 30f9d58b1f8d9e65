/** What a file looks like that was sent for a ZIP archive and is none, and what to do with it. */
import { sniffImage } from "@/lib/images/sniff.ts";

const signatures: [offset: number, text: string, what: string][] = [
  [0, "PK\x03\x04", "a ZIP archive that is cut off; send it again"],
  [0, "PK\x05\x06", "a ZIP archive that is damaged at its end; make it anew"],
  [0, "\x1f\x8b", "gzip; pack the files as ZIP instead"],
  [0, "7z\xbc\xaf", "a 7z archive; pack the files as ZIP instead"],
  [0, "Rar!", "a RAR archive; pack the files as ZIP instead"],
  [0, "BZh", "bzip2; pack the files as ZIP instead"],
  [0, "\xfd7zXZ", "xz; pack the files as ZIP instead"],
  [0, "(\xb5/\xfd", "zstd; pack the files as ZIP instead"],
  [257, "ustar", "a tar archive; pack the files as ZIP instead"],
  [0, "%PDF", "a PDF"],
  [0, "\x89HDF", "an HDF5 file"],
];

/** @param head the first bytes of the file, 512 where it has as many */
export function describeNoArchive(head: Uint8Array): string {
  if (head.length === 0) return "it is empty";
  const text = String.fromCharCode(...head);
  const found = signatures.find(([offset, signature]) => text.startsWith(signature, offset));
  if (found) return `it looks like ${found[2]}`;
  const picture = sniffImage(head);
  if (picture) {
    return `it looks like a ${picture.toUpperCase()} picture; a single one goes to ` +
      "PUT /v1/datasets/NAME/images/IMAGE";
  }
  // deno-lint-ignore no-control-regex
  if (/[\0-\x08\x0e-\x1f]/.test(text)) {
    return "it is no ZIP archive, and nothing that is known here";
  }
  const start = text.trimStart();
  if (/^--\S+\r?\n/.test(start)) {
    return "it looks like a form; send it with the type multipart/form-data, or the ZIP alone (curl -T)";
  }
  if (/^<(!doctype|html|\?xml)/i.test(start)) return "it looks like a page of HTML or XML";
  if (/^[[{]/.test(start)) return "it looks like JSON";
  return "it looks like text; tables go into the archive, beside images/";
}
