/** Files that are no gaze as text, by their first bytes: what they are, and what to do with them. */

interface Kind {
  what: string;
  advice: string;
}

const CONVERT = "save the gaze as CSV or TSV and send that";
const ARCHIVE: Kind = {
  what: "an archive",
  advice:
    "unpack it and send the gaze files one by one, or send a ZIP with images/ and gaze/ as a data set",
};

/** Signature, where it stands, and the kind. */
const KINDS: [string, number, Kind][] = [
  ["SR_RESEARCH_COMB_FILE", 0, {
    what: "an EyeLink EDF recording",
    advice: "convert it with SR Research's edf2asc and send the .asc file",
  }],
  ["0       ", 0, { what: "a recording in the European Data Format (EDF)", advice: CONVERT }],
  ["\xffBIOSEMI", 0, { what: "a BioSemi recording (BDF)", advice: CONVERT }],
  ["MATLAB 5.0", 0, {
    what: "a MATLAB file",
    advice:
      "write the gaze with writetable (MATLAB) or scipy.io.loadmat (Python) as CSV and send that",
  }],
  ["MATLAB 7.3", 0, {
    what: "a MATLAB file (HDF5)",
    advice: "write the gaze with writetable (MATLAB) or h5py (Python) as CSV and send that",
  }],
  ["\x89HDF\r\n\x1a\n", 0, {
    what: "an HDF5 file",
    advice:
      "write its gaze table with pandas.read_hdf(...).to_csv(...) or h5py as CSV and send that",
  }],
  ["\xd0\xcf\x11\xe0", 0, {
    what: "an Excel 97 workbook (.xls) or another Office file",
    advice: "save the sheet with the gaze as CSV (UTF-8) and send that",
  }],
  ["RDX2\n", 0, { what: "an R data file", advice: "write the gaze with write.csv and send that" }],
  ["RDX3\n", 0, { what: "an R data file", advice: "write the gaze with write.csv and send that" }],
  ["\x93NUMPY", 0, { what: "a NumPy array", advice: CONVERT }],
  ["\x80\x02", 0, { what: "a Python pickle", advice: CONVERT }],
  ["\x80\x03", 0, { what: "a Python pickle", advice: CONVERT }],
  ["\x80\x04", 0, { what: "a Python pickle", advice: CONVERT }],
  ["\x80\x05", 0, { what: "a Python pickle", advice: CONVERT }],
  ["PAR1", 0, { what: "a Parquet file", advice: CONVERT }],
  ["ARROW1", 0, { what: "an Arrow or Feather file", advice: CONVERT }],
  ["FEA1", 0, { what: "a Feather file", advice: CONVERT }],
  ["SQLite format 3", 0, { what: "an SQLite database", advice: CONVERT }],
  ["%PDF", 0, { what: "a PDF document", advice: CONVERT }],
  ["\x89PNG", 0, { what: "a PNG picture", advice: "heatmaps belong under heatmaps/ of a ZIP" }],
  ["\xff\xd8\xff", 0, {
    what: "a JPEG picture",
    advice: "heatmaps belong under heatmaps/ of a ZIP",
  }],
  ["DICM", 128, { what: "a DICOM file", advice: "images belong under images/ of a ZIP" }],
  ["ftyp", 4, { what: "a video", advice: "send the exported gaze table" }],
  ["7z\xbc\xaf", 0, ARCHIVE],
  ["Rar!", 0, ARCHIVE],
  ["ustar", 257, ARCHIVE],
  ["BZh", 0, ARCHIVE],
  ["\xfd7zXZ", 0, ARCHIVE],
  ["\x28\xb5\x2f\xfd", 0, ARCHIVE],
];

/** What `bytes` begin like, undefined where they may be text. */
export function otherFile(bytes: Uint8Array): Kind | undefined {
  const has = (signature: string, at: number) =>
    [...signature].every((mark, i) => bytes[at + i] === mark.charCodeAt(0));
  if (has("PK\x03\x04", 0)) return zipped(bytes);
  return KINDS.find(([signature, at]) => has(signature, at))?.[2];
}

/** Office files are ZIPs: the first entries tell. */
function zipped(bytes: Uint8Array): Kind {
  const names = new TextDecoder("latin1").decode(bytes.subarray(0, 65536));
  if (/xl\//.test(names)) {
    return {
      what: "an Excel workbook (.xlsx)",
      advice: "save the sheet with the gaze as CSV (UTF-8) and send that",
    };
  }
  if (/opendocument\.spreadsheet/.test(names)) {
    return { what: "an OpenDocument sheet (.ods)", advice: "save it as CSV (UTF-8) and send that" };
  }
  return { ...ARCHIVE, what: "a ZIP archive" };
}
