/** What a gaze format is: one object per file format, all behind `parseGaze`. */
import type { GazeOptions, Head } from "./format.ts";
import type { GazeSink } from "./sink.ts";
import type { Text } from "./text.ts";

export interface GazeFormat {
  /** What it is, for people. */
  title: string;
  /** Whether a file looks like this format. */
  detect(head: Head, options: GazeOptions): boolean;
  /** Reads `text` and hands fixations or samples to `sink`. */
  parse(text: Text, sink: GazeSink, options: GazeOptions): Promise<void>;
}
