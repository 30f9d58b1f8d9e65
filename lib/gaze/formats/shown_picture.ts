/** Which picture is shown, by messages that stand among the samples of a recording. */
import type { GazeSink } from "./sink.ts";
import { patternOf, pictureWord } from "./picture_messages.ts";

export class ShownPicture {
  readonly #sink: GazeSink;
  readonly #pattern?: RegExp;
  /** "" before the first message that names one. */
  image = "";

  constructor(sink: GazeSink) {
    this.#sink = sink;
    const { image_pattern } = sink.options;
    if (image_pattern !== undefined) this.#pattern = patternOf(image_pattern);
  }

  /** Takes a message in: by the option's pattern, else a picture's name alone or as the only one among its words. */
  read(message: string): void {
    const text = message.trim();
    const image = this.#pattern
      ? this.#pattern.exec(text)?.[1]
      : this.#sink.isImage(text)
      ? text
      : pictureWord(text);
    if (!image) return;
    this.#sink.use("image_pattern");
    this.image = this.#sink.imageByPath(image);
  }
}
